"""`candidates`: the retrievers, who is a newcomer, and what is proposed at all."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from tasks.params.section import Section
from tasks.schema import EventType, Task

Similarity = Literal["cosine", "pearson", "tfidf", "bm25"]


class RetrieverParams(Section):
    enabled: bool = True
    depth_all: int = Field(ge=0)
    """Length of the retriever's list that joins the candidates of task all."""
    depth_new: int = Field(ge=0)
    """The same for task new."""


class AlsParams(RetrieverParams):
    factors: int = Field(ge=1)
    regularization: float = Field(ge=0)
    alpha: float = Field(gt=0)
    """Weight of one unit of strength against an unseen pair."""
    iterations: int = Field(ge=1)
    half_life_days: float | None = Field(default=None, gt=0)
    seed: NonNegativeInt
    threads: int = Field(default=0, ge=0)
    """0: all; the factors are the same on any number."""


class ItemNeighbourParams(RetrieverParams):
    similarity: Similarity
    neighbours: int = Field(ge=1)
    half_life_days: float | None = Field(default=None, gt=0)


class UserNeighbourParams(RetrieverParams):
    similarity: Similarity
    neighbours: int = Field(ge=1)
    power: float = Field(default=1.0, gt=0)
    """Similarities are raised to it: above 1, the nearest count for more."""
    half_life_days: float | None = Field(default=None, gt=0)
    pool: int | None = Field(default=None, ge=1)
    """Neighbours are looked for in a sample of the shoppers whose different items add up to no more than this: what a
    shopper is compared with is then as much in a shop of any size, while everybody with everybody takes the square of
    their number. None, also where params do not name it: among all."""


class EaseParams(RetrieverParams):
    head: int = Field(ge=1)
    """The model is of so many items, those that most people buy: memory grows with its square, time with its cube."""
    regularization: float = Field(gt=0)
    half_life_days: float | None = Field(default=None, gt=0)


class OwnHistoryParams(RetrieverParams):
    half_life_days: float | None = Field(default=None, gt=0)


class PopularityParams(RetrieverParams):
    days: float = Field(gt=0)
    """Sales of so many days count; where promotions do, also in what is learned of them."""
    half_life_days: float | None = Field(default=None, gt=0)
    """After so many days a sale counts half; None: all count alike."""
    promotions: bool = False
    """Whether the coming horizon's promotions, where the source knows them ahead, multiply what sells."""


class NewcomerParams(Section):
    """What is shown to those of whom hardly anything is known; tasks/candidates/newcomers.py says how."""

    half_life_days: float = Field(default=21, gt=0)
    """After so many days a sale counts half in what sells."""
    smoothing: float = Field(default=30, gt=0)
    """The chance that an item is bought again is that of its category until more shoppers than this had it."""
    promotions: bool = True
    """Whether the coming horizon's promotions, where the source knows them ahead, multiply what sells."""
    most_share: float = Field(default=0.1, ge=0, le=1)
    """Where more than this share of shoppers are newcomers, the ranker has learned from such, and has them."""


class CandidateParams(Section):
    universe_days: float = Field(gt=0)
    """An item is proposed to people who never had it only if it was bought within so many days before the cutoff …"""
    universe_min_buyers: int = Field(ge=1)
    """… by at least so many people …"""
    universe_max_items: int | None = Field(default=None, ge=1)
    """… and is among the so many that most people bought then: each shopper is compared with them all. What only its
    buyers are interested in stays in their own history. None, also where params do not name it: no bound."""
    event_weights: dict[EventType, float] = Field(default_factory=dict)
    """Strength of event types beside the target event, such as view: 0.1; a type not named is not learned from."""
    als: AlsParams
    item_neighbours: ItemNeighbourParams
    user_neighbours: UserNeighbourParams
    ease: EaseParams = EaseParams(enabled=False, head=2000, regularization=100.0, depth_all=0, depth_new=0)
    """Off where params, such as those of a version made before there was one, do not name it."""
    own_history: OwnHistoryParams
    popularity: PopularityParams
    newcomer_events: int = Field(default=0, ge=0)
    """A user with at most so many target events gets what sells, and on task all what will be bought again of what they
    had: a ranker that learned from people with a history is worse for them. 0, also where params do not name it: nobody
    with an event does."""
    newcomers: NewcomerParams = NewcomerParams()

    def depths(self, task: Task) -> dict[str, int]:
        """Retriever to the length of its list that joins the candidates."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {n: getattr(s, f"depth_{task}") for n, s in sections.items() if isinstance(s, RetrieverParams)}
