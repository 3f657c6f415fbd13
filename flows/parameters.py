"""Types of parameters that several flows have; Prefect refuses other values before a run begins."""

from typing import Annotated

from pydantic import Field

Reason = Annotated[str, Field(min_length=1, max_length=200)]
WaitMinutes = Annotated[int, Field(ge=0, le=7 * 24 * 60)]
"""How long a flow waits for another one of the project to end; 0: it is refused at once."""
