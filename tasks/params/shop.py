"""`shop`: what holds for the whole shop."""

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator

from tasks.params.section import Section
from tasks.schema import EventType


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"'{value}' is no time zone of the IANA database, such as Europe/Berlin or UTC")
    return value


ZoneName = Annotated[str, AfterValidator(_known_zone)]


class ShopParams(Section):
    """What holds for the whole shop."""

    time_zone: ZoneName
    """Zone in which the shop's day begins at midnight; folds are cut there, and calendar features read it."""
    target_event: EventType = "purchase"
    """The event that a recommendation should lead to."""
