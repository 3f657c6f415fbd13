"""The two places of a publication, and what is current there.

The database is the one that says which publication is current; the link in the folder follows it. So what was cut
short between the two is brought to its end by the next publication.
"""

from flows.settings import Settings
from tasks.params import Params
from tasks.publication.about import About
from tasks.publication.database import PublicationDatabase, Published
from tasks.publication.folder import PublicationFolder


def places(settings: Settings, params: Params) -> tuple[PublicationDatabase, PublicationFolder]:
    return PublicationDatabase(settings.publications), PublicationFolder(settings.root / params.publication.folder)


def mend(database: PublicationDatabase, into: PublicationFolder) -> None:
    """Brings to its end what was cut short: nothing half written stays, and the folder shows what the database does."""
    into.clear()
    known, shown = database.publications(), into.current()
    begun_last = max([shown or 0, *(one.id for one in known)])
    into.drop([number for number in into.numbers() if number > begun_last])
    current = next((one for one in known if one.state == "current"), None)
    if current is not None and current.id != shown and has(into, current):
        into.point_at(current.id)


def has(into: PublicationFolder, one: Published) -> bool:
    """Whether the folder holds all files of that very publication, and not those of another with its number."""
    return into.is_whole(one.id) and one.is_told_by(About.read(into.of(one.id)))
