"""The tables that a shop reads recommendations from, and those that say what was published when, by whom and why."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    event,
    text,
)

from tasks.publication.about import IdKind
from tasks.schema import ITEM, RANK, TASK, USER, VERSION

ABOUT = MetaData()
PUBLICATIONS = Table(
    "publications",
    ABOUT,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column(VERSION, Integer, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("k", Integer, nullable=False),
    Column("users", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),
)
_IS_CURRENT = text("state = 'current'")
Index(
    "publications_one_is_current",
    PUBLICATIONS.c.state,
    unique=True,
    sqlite_where=_IS_CURRENT,
    postgresql_where=_IS_CURRENT,
)
CHANGES = Table(
    "publication_changes",
    ABOUT,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("publication_id", Integer, nullable=False),
    Column("replaced", Integer),
    Column("why", Text, nullable=False),
)
RECOMMENDATIONS, COLD = "recommendations", "cold_recommendations"
VIEWS = {
    f"current_{RECOMMENDATIONS}": (RECOMMENDATIONS, (TASK, USER, RANK, ITEM)),
    f"current_{COLD}": (COLD, (TASK, RANK, ITEM)),
}
"""What readers ask: view to its table, and the columns that it has besides version and published_at."""


def lists_of_kind(user_ids: IdKind, item_ids: IdKind) -> MetaData:
    """The tables of lists for ids as the shop has them, with their views.

    Rows lie in the order of their keys, which is the order in which they are written.
    """
    kinds = {"integer": BigInteger, "text": Text}
    lists = MetaData()
    for name, of_users in ((RECOMMENDATIONS, [Column(USER, kinds[user_ids], primary_key=True)]), (COLD, [])):
        Table(
            name,
            lists,
            Column("publication_id", Integer, primary_key=True, autoincrement=False),
            Column(TASK, Text, primary_key=True),
            *of_users,
            Column(RANK, SmallInteger, primary_key=True, autoincrement=False),
            Column(ITEM, kinds[item_ids], nullable=False),
            sqlite_with_rowid=False,
        )
    for view, (table, columns) in VIEWS.items():
        shown = ", ".join(f"r.{column}" for column in columns)
        statement = (
            f"CREATE VIEW {view} AS SELECT {shown}, p.{VERSION}, p.published_at FROM {table} r"
            " JOIN publications p ON p.id = r.publication_id WHERE p.state = 'current'"
        )
        event.listen(lists.tables[table], "after_create", DDL(statement))
    return lists
