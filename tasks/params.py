"""`params.yaml` as frozen values, one section a step. A key that is not known here is an error."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from tasks.errors import ParamsError
from tasks.schema import TASKS, EventType, Task


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


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


class MappedTable(Section):
    """How the columns of what a shop has become those of a canonical table."""

    timestamp_format: str | None = None
    """As in `strptime`; None: ISO 8601. `unix_s` and `unix_ms` are seconds and milliseconds since 1970."""
    timestamp_zone: ZoneName | None = None
    """Zone of timestamps that carry none; None: the shop's time zone."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Canonical name to the shop's name. A column not named here is taken where its name is canonical already."""
    constants: dict[str, str | int | float] = Field(default_factory=dict)
    """Canonical column to the one value that all rows get."""
    event_types: dict[str, EventType] = Field(default_factory=dict)
    """The shop's event names to canonical ones; rows of other names are refused unless in `ignore_event_types`."""
    ignore_event_types: list[str] = Field(default_factory=list)


class FileTable(MappedTable):
    """One export of the shop."""

    path: str
    """A file, a folder or a glob, relative to the project."""
    format: Literal["csv", "parquet"] | None = None
    """None: told by the file's ending."""
    separator: str = Field(default=",", min_length=1)
    encoding: str = "utf-8"
    decimal: str = Field(default=".", min_length=1, max_length=1)


class SourceTables(Section):
    events: list[FileTable]
    items: FileTable | None = None
    users: FileTable | None = None
    promotions: FileTable | None = None

    @field_validator("events", mode="before")
    @classmethod
    def one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class QueryTable(MappedTable):
    """One query to the shop's database."""

    query: str = Field(min_length=1)
    """One SELECT statement, of which only the columns that the table has use of are read."""


class EventQuery(QueryTable):
    key: tuple[str, ...] = ()
    """Columns of the query that identify an event of one instant, such as its number: of rows that are equal in these
    and in their timestamp, one lands. Empty: of rows that are equal in all columns of the canonical table."""


class QueryTables(Section):
    events: list[EventQuery] = Field(min_length=1)
    items: QueryTable | None = None
    users: QueryTable | None = None
    promotions: QueryTable | None = None

    @field_validator("events", mode="before")
    @classmethod
    def one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class SqlParams(Section):
    """The shop's database. Events up to `source.as_of` are read; other tables are read whole."""

    address_variable: str = "SHOPREC_SOURCE"
    """Name of the environment variable that holds the address, as SQLAlchemy writes it. The address is no param."""
    incremental: bool = True
    """Whether only events since the newest one landed, less `late_days`, are asked for, where the queries of events and
    the database are those of the last landing; False: always all."""
    late_days: float = Field(default=3, ge=0)
    """An event that came into the database up to so many days after newer ones did is still found. Of these days, what
    the database says now replaces what it said before."""
    chunk_rows: int = Field(default=100_000, ge=1)
    """Rows held in memory at once while reading; what lands is the same for any number."""
    tables: QueryTables

    @field_validator("address_variable")
    @classmethod
    def is_a_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError(
                "is no name of an environment variable; put the database's address into the environment, not here, and"
                " name the variable, such as SHOPREC_SOURCE"
            )
        return value


class SourceParams(Section):
    """Where the raw data comes from."""

    adapter: Literal["complete_journey", "files", "sql"]
    as_of: str | None = None
    """ISO 8601 instant at which the data was current; freshness and 'in the future' are judged by it. None: today."""
    tables: SourceTables | None = None
    """Of adapter files."""
    sql: SqlParams | None = None
    """Of adapter sql."""

    @model_validator(mode="after")
    def adapter_has_its_section(self) -> Self:
        if self.adapter == "files" and self.tables is None:
            raise ValueError("source.adapter is 'files', but source.tables is missing: name tables.events.path")
        if self.adapter == "sql" and self.sql is None:
            raise ValueError("source.adapter is 'sql', but source.sql is missing: name sql.tables.events.query")
        return self


class CleanParams(Section):
    """What is data, but nothing to recommend."""

    exclude: dict[str, list[str]] = Field(default_factory=dict)
    """Item column to the values whose items are no merchandise."""
    require_catalogue: bool = True
    """Drop events of items that the catalogue lacks, where the shop has a catalogue."""
    max_quantity: float | None = None
    """A line with more than this is taken for a wholesale or mistyped one; None: no bound."""


class FoldParams(Section):
    horizon_days: int = Field(ge=1, le=366)
    train: int = Field(ge=1, le=104)
    """How many folds before the validation fold the ranker learns from."""


class FeatureParams(Section):
    windows_days: tuple[int, ...] = Field(min_length=1)
    """Lengths of the windows that end at the cutoff, ascending."""
    half_lives_days: tuple[int, ...] = Field(min_length=1)
    """Half-lives of decayed counts."""
    promotions: bool = True
    """Whether the ranker reads what is promoted in the horizon, where the source knows it ahead."""

    @field_validator("windows_days", "half_lives_days")
    @classmethod
    def ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)) or value[0] < 1:
            raise ValueError("must be whole days above 0, ascending, each once")
        return value


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


Objective = Literal["lambdarank", "rank_xendcg", "binary"]
"""The first two learn the order within a user, the last one the chance that a candidate is bought."""


class BoosterParams(Section):
    """LightGBM's own names where it has one; see its documentation."""

    objective: Objective = "lambdarank"
    fusion_below: int = Field(default=0, ge=0)
    """With fewer purchases than this among the train folds' candidates, trees learn the chance of a purchase, whatever
    the objective, on top of the retrievers' fused ranks: from so little a ranker alone falls behind its own retrievers.
    0: never."""
    folds: int | None = Field(default=None, ge=1)
    """The ranker learns from so many of the train folds, the newest; None: all."""
    span: int | None = Field(default=None, ge=1)
    """Each booster learns from so many folds that follow each other, and is stopped on the fold after them: one for
    every such span of the folds, which a later retrain uses again as it is. None, or more than there are folds, and
    wherever trees start from the fused ranks: all folds at once."""
    negatives: float = Field(default=1.0, gt=0, le=1)
    """Share of the candidates that were not bought that the ranker learns from, and is stopped on, drawn at random."""
    most_users: int | None = Field(default=None, ge=1)
    """Of a fold it learns from the candidates of so many users with a purchase among theirs, drawn at random from more:
    what is to be learned of how people choose grows slower than the shop. None: from those of all."""
    rounds: int = Field(ge=1)
    """Most trees; early stopping keeps fewer."""
    patience: int = Field(ge=1)
    """Rounds without a better NDCG@`stop_at` on the fold after its own after which a booster stops."""
    stop_at: int = Field(default=10, ge=1)
    learning_rate: float = Field(gt=0)
    num_leaves: int = Field(ge=2)
    min_data_in_leaf: int = Field(ge=1)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    bagging_fraction: float = Field(default=1.0, gt=0, le=1)
    lambda_l2: float = Field(default=0.0, ge=0)
    cat_smooth: float = Field(default=10.0, ge=0)
    truncation_level: int = Field(default=30, ge=1)
    bagging_by_query: bool = False
    """Whether the bagging draws whole lists of users, or single rows; such a booster is fitted on one thread."""
    boosters: int = Field(default=1, ge=1)
    """How many a span, of seeds seed, seed + 1, …: less chance in what is learned from little."""
    seed: NonNegativeInt
    threads: int = Field(default=0, ge=0)
    """Of one booster; 0: all. Boosters are fitted side by side, and the trees are the same on any number."""

    @property
    def sampling(self) -> tuple[float, int, int | None]:
        """Which rows it learns from: share of negatives, seed, most users of a fold."""
        return self.negatives, self.seed, self.most_users


class RankerParams(Section):
    """A booster a task."""

    all: BoosterParams
    new: BoosterParams

    def of(self, task: Task) -> BoosterParams:
        return getattr(self, task)


class StrengthParams(Section):
    """What is worth a loss of relevance in the first places of a list, in shares of the mean chance of a purchase that
    the ranker sees there. 0: nothing."""

    novelty: float = Field(default=0.0, ge=0)
    """For every bit of self-information: for an item against one that twice as many people bought."""
    variety: float = Field(default=0.0, ge=0)
    """For an item that shares no category with the others, against one that shares all of them with one."""


class DiversityParams(Section):
    """Re-ranks the first places of lists; tasks/recommender/diversity.py says how, docs/diversity.md what it costs."""

    all: StrengthParams = StrengthParams()
    new: StrengthParams = StrengthParams()
    places: PositiveInt = 10
    """How many first places are chosen together; those after them are as the ranker has them."""
    head: PositiveInt = 100
    """From so many candidates, the ranker's best."""

    @model_validator(mode="after")
    def head_fills_the_places(self) -> Self:
        if self.head < self.places:
            raise ValueError(f"head is {self.head}, but {self.places} places are filled from it: raise head")
        return self

    def of(self, task: Task) -> StrengthParams:
        return getattr(self, task)


MEASURED = ("recall", "precision", "f1", "ndcg", "map", "mrr", "hit_rate")
"""The metrics of how right a list is."""


class EvaluationParams(Section):
    """How lists are judged; none of this changes what is recommended."""

    list_lengths: tuple[PositiveInt, ...] = (5, 10, 20, 100)
    """The k of every metric@k; lists are scored down to the longest."""
    judged_by: str = "ndcg@10"
    """The metric that decides which retriever is the best single one and whether re-ranking beats it."""
    beside: str = "recall@20"
    """The metric shown beside it."""
    draws: int = Field(default=2000, ge=100)
    """Bootstrap draws of users behind every 95 % interval."""
    seed: NonNegativeInt = 7
    activity_groups: int = Field(default=4, ge=1)
    """Users are sliced into this many equal groups by number of events, and by tenure."""
    cold_events: int = Field(default=3, ge=1)
    """A user with at most this many events before the cutoff is cold."""
    item_age_days: tuple[PositiveInt, ...] = (30, 90, 180)
    """Edges between the slices of relevant items by days since their first sale."""
    item_buyers: tuple[PositiveInt, ...] = (10, 50, 200)
    """Edges between the slices of relevant items by number of buyers."""
    most_attribute_values: int = Field(default=12, ge=2)
    """A user attribute of more distinct values is grouped by quantile where numeric, else not sliced."""
    most_users: PositiveInt | None = None
    """Shoppers of the test fold who are asked and judged, drawn where more have a label; None: all of them."""

    @field_validator("list_lengths", "item_age_days", "item_buyers")
    @classmethod
    def ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or list(value) != sorted(set(value)):
            raise ValueError("name at least one number, in ascending order, each once")
        return value

    @model_validator(mode="after")
    def judged_by_what_is_measured(self) -> Self:
        known = [f"{metric}@{k}" for metric in MEASURED for k in self.list_lengths]
        for name, value in (("judged_by", self.judged_by), ("beside", self.beside)):
            if value not in known:
                raise ValueError(f"{name} is '{value}', but what is measured is {', '.join(known)}")
        return self


class Shares(Section):
    """A share a task of the champion's mean over all users of that task; so much may be lost at most."""

    all: float = Field(ge=0)
    new: float = Field(ge=0)

    def of(self, task: Task) -> float:
        return getattr(self, task)


class Counts(Section):
    """A number of users a task."""

    all: int = Field(ge=2)
    new: int = Field(ge=2)

    def of(self, task: Task) -> int:
        return getattr(self, task)


class GuardedMetric(Shares):
    metric: str
    """Its name in the evaluation."""


class MarginParams(Section):
    judged: Shares
    """Of the judged metric, on the task that did not gain."""
    recall: GuardedMetric
    novelty: GuardedMetric
    coverage: GuardedMetric


class GroupParams(Section):
    """Which groups of users are judged one by one, and how much one of them may lose of the judged metric."""

    min_users: Counts
    """A smaller group is not judged: what it would have to lose to be told from chance is more than the margin."""
    margin: Shares


class LatencyParams(Section):
    """The 95th percentile of single requests may be `times` the champion's, and is free below `free_ms`."""

    times: float = Field(ge=1)
    free_ms: float = Field(ge=0)


class SizeParams(Section):
    """The bundle may have `times` the champion's size and `plus_mib` more."""

    times: float = Field(ge=1)
    plus_mib: float = Field(ge=0)


class RefreshParams(Section):
    """When the champion's ranker with newer state may serve; see tasks/promotion/refreshed.py."""

    band: Shares
    """How far the judged metric on the newest horizon may lie from what it was when the ranker was learned: it may be
    1 + band times as much, and 1 / (1 + band)."""
    users: int = Field(default=500, ge=1)
    """Of those who came back in it so many are asked at most on each task, drawn by `promotion.seed`. With 500, chance
    alone moves NDCG@10 on The Complete Journey by 4 % on all purchases and by 15 % on new items (standard errors)."""


class PromotionParams(Section):
    """What a challenger must show to replace the champion; see tasks/promotion/gate.py for the rules."""

    mode: Literal["auto", "review"] = "auto"
    """auto: what passes the gate serves; review: a person says so."""
    alpha: float = Field(gt=0, lt=1)
    """Chance that, within `gates` gates against one champion, any challenger that is no better passes."""
    gates: PositiveInt
    metric: str
    """The metric that is judged."""
    min_lift: float = Field(ge=0)
    """The whole interval of the gain must be above it; absolute, not a share."""
    min_users: int = Field(ge=2)
    """A gain needs so many users whom the two serve differently well."""
    draws: int = Field(ge=100)
    """Bootstrap draws of users behind every interval of the gate."""
    seed: NonNegativeInt
    margins: MarginParams
    slices: GroupParams
    cold: GroupParams
    """The same for users with hardly a history."""
    latency: LatencyParams
    size: SizeParams
    refresh: RefreshParams = RefreshParams(band=Shares(all=0.3, new=1.0))

    @model_validator(mode="after")
    def draws_reach_the_ends(self) -> Self:
        tail = (1 - (1 - self.alpha) ** (1 / self.gates)) / len(TASKS)
        needed = math.ceil(_DRAWS_BEYOND_AN_END / tail)
        if self.draws < needed:
            raise ValueError(
                f"draws is {self.draws:,}, but an interval that errs once in {1 / tail:,.0f} gates needs {needed:,}"
                f" (alpha {self.alpha:g} in {self.gates} gates of two tasks): raise draws or alpha, or lower gates"
            )
        return self


_DRAWS_BEYOND_AN_END = 10
"""Fewer draws beyond an interval's end tell too little about where it is."""


class PublicationParams(Section):
    """What `shoprec publish` makes of the champion: lists for all active users, see docs/publication.md."""

    k: PositiveInt = 10
    """Items a list."""
    tasks: tuple[Task, ...] = TASKS
    active_days: float | None = Field(default=91, gt=0)
    """Users with an event within so many days before the cutoff of the champion's state get lists; None: all."""
    keep: int = Field(default=4, ge=2)
    """Publications that are kept, the current one among them: as far as one can go back."""
    forbidden: dict[str, list[str]] = Field(default_factory=dict)
    """Item column to the values whose items are never published."""
    forbidden_items: list[str | int] = Field(default_factory=list)
    """Ids of items that are never published."""
    folder: str = "published"
    """Where the Parquet files go, relative to the project; below it `current` is what readers read."""

    @field_validator("tasks")
    @classmethod
    def each_once(cls, value: tuple[Task, ...]) -> tuple[Task, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("name at least one task, each once")
        return value


class FloorParams(Section):
    """The smallest difference from the weeks before that is worth an alarm, however quiet the past was."""

    mix: float = Field(default=0.05, ge=0, le=1)
    """Of shares, such as those of categories: Jensen-Shannon distance, from 0 (the same) to 1 (nothing in common)."""
    shape: float = Field(default=0.05, ge=0, le=1)
    """Of values, such as what a line costs: Kolmogorov-Smirnov distance, from 0 to 1."""
    share: float = Field(default=0.02, ge=0, le=1)
    """Of one share, such as that of new users: the difference."""
    number: float = Field(default=0.2, ge=0)
    """Of a number, such as that of active users: 0.2 is a fifth more, or a sixth less."""


class PredictionParams(Section):
    """Most that the champion's lists of the newest horizon may differ from those that it was measured on."""

    categories: float = Field(default=0.15, ge=0, le=1)
    """Jensen-Shannon distance of the widest categories."""
    popularity: float = Field(default=0.15, ge=0, le=1)
    """Kolmogorov-Smirnov distance of how many people bought what is recommended."""


class MonitoringParams(Section):
    """When fresh data, or what the champion does with it, is an alarm; see tasks/monitoring/ and docs/monitoring.md."""

    reference: PositiveInt = 4
    """Horizons that a horizon is compared with: the last ones that the champion was made from."""
    past: PositiveInt = 26
    """Most past horizons that are compared so too, to learn how much horizons of this shop differ anyway."""
    least_past: int = Field(default=6, ge=2)
    """With fewer of them, a measure is shown and raises no alarm."""
    times: float = Field(default=4.0, gt=0)
    """An alarm needs more than any past horizon had, and more than their median and so many times their spread."""
    chance: float = Field(default=0.001, gt=0, lt=1)
    """And, where there is a test, chance must explain it in no more than this share of cases: for small shops."""
    head: PositiveInt = 500
    """So many items have their popularity compared one by one, the most bought; all others count as one."""
    feature_past: PositiveInt = 8
    """Most pairs of past feature tables; they take long to make."""
    floors: FloorParams = FloorParams()
    predictions: PredictionParams = PredictionParams()
    quality: Shares = Shares(all=0.2, new=0.5)
    """Shares of what was promised that the metric may lose: an alarm needs the whole interval to lie below what is
    left."""


class Params(Section):
    shop: ShopParams
    source: SourceParams
    clean: CleanParams
    folds: FoldParams
    features: FeatureParams
    candidates: CandidateParams
    ranker: RankerParams
    diversity: DiversityParams = DiversityParams()
    """Off where params, such as those of a version made before there was one, do not name it."""
    evaluation: EvaluationParams
    promotion: PromotionParams
    publication: PublicationParams = PublicationParams()
    monitoring: MonitoringParams = MonitoringParams()

    @model_validator(mode="after")
    def promoted_by_what_is_measured(self) -> Self:
        margins, lengths = self.promotion.margins, self.evaluation.list_lengths
        accuracy = [f"{metric}@{k}" for metric in MEASURED for k in lengths]
        asked = [
            ("metric", self.promotion.metric, accuracy),
            ("margins.recall.metric", margins.recall.metric, accuracy),
            ("margins.novelty.metric", margins.novelty.metric, [f"novelty@{k}" for k in lengths]),
            ("margins.coverage.metric", margins.coverage.metric, [f"coverage@{k}" for k in lengths]),
        ]
        for name, value, known in asked:
            if value not in known:
                raise ValueError(f"promotion.{name} is '{value}', but what is measured is {', '.join(known)}")
        return self


def load_params(path: Path) -> Params:
    """Raises ParamsError with every key at fault."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(f"{path} does not exist; run in the project's folder") from error
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is no YAML: {error}") from error
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        faults = [f"  {'.'.join(map(str, e['loc'])) or '(top)'}: {e['msg']}{_received(e)}" for e in error.errors()]
        raise ParamsError(f"{path} has {len(faults)} fault(s):\n" + "\n".join(faults)) from error


def _received(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return " (an unknown key: mistyped?)"
    if "://" in repr(error["input"]):
        return " (received an address, which is not shown: it may hold a password)"
    return "" if error["type"] == "missing" else f" (received {error['input']!r})"
