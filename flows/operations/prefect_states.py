"""Types of states of runs, as Prefect's API names them."""

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
AT_WORK = ("PENDING", "RUNNING", "CANCELLING")
"""A process of theirs is there, or should be."""
