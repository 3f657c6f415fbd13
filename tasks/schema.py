"""The data contract: names and types of the canonical tables. Ids are integers or strings, as the shop has them."""

from typing import Literal

USER = "user_id"
ITEM = "item_id"
EVENT_TYPE = "event_type"
TIMESTAMP = "timestamp"
SESSION = "session_id"
QUANTITY = "quantity"
VALUE = "value"
TITLE = "title"
BRAND = "brand"
PRICE = "price"
TASK = "task"
RANK = "rank"
"""Place in a list, from 1 (best)."""
SCORE = "score"
VERSION = "version"
"""Of a registered model."""
CATEGORY_PREFIX = "category_"
"""Categories run from the widest, `category_1`, to the narrowest, `category_n`."""

EventType = Literal["impression", "view", "search", "add_to_cart", "purchase", "return", "rating", "support"]

EVENTS = "events"
ITEMS = "items"
USERS = "users"
PROMOTIONS = "promotions"
RECOMMENDATIONS = "recommendations"
TableName = Literal["events", "items", "users", "promotions"]
TABLES: tuple[TableName, ...] = ("events", "items", "users", "promotions")
CheckedName = Literal["events", "items", "users", "promotions", "recommendations"]
"""What an expectation suite may be about: a canonical table, or the lists that are published."""

REQUIRED_COLUMNS: dict[CheckedName, tuple[str, ...]] = {
    "events": (USER, ITEM, EVENT_TYPE, TIMESTAMP, SESSION, QUANTITY, VALUE),
    "items": (ITEM, TITLE),
    "users": (USER,),
    "promotions": (ITEM, "start", "end", "kind", "reach"),
    "recommendations": (TASK, USER, RANK, ITEM, VERSION),
}
"""`reach` is the share of the shop's outlets where the promotion holds, in (0, 1]; 1 where a shop has no outlets."""

OPTIONAL_COLUMNS: dict[CheckedName, tuple[str, ...]] = {
    "events": ("rating", "position", "query", "channel"),
    "items": (BRAND, PRICE, "description", "available_from", "available_to"),
    "users": ("consent",),
    "promotions": (),
    "recommendations": (),
}

OPEN_TABLES: tuple[TableName, ...] = ("items", "users")
"""May have columns that the contract does not name, as attributes; the other tables have none."""

Task = Literal["all", "new"]
TASKS: tuple[Task, ...] = ("all", "new")
"""all: what the shopper will buy in the horizon; new: only of what that shopper never bought before."""


def canonical_columns(table: CheckedName) -> tuple[str, ...]:
    """All that the contract names for the table, but for the categories of items, of which there may be any number."""
    return REQUIRED_COLUMNS[table] + OPTIONAL_COLUMNS[table]


def is_canonical(table: CheckedName, column: str) -> bool:
    return column in canonical_columns(table) or (table == ITEMS and bool(categories([column])))


def categories(columns: list[str]) -> list[str]:
    """The category columns among `columns`, from the widest to the narrowest."""
    found = [c for c in columns if c.startswith(CATEGORY_PREFIX) and c.removeprefix(CATEGORY_PREFIX).isdigit()]
    return sorted(found, key=lambda c: int(c.removeprefix(CATEGORY_PREFIX)))
