"""`monitoring`: when fresh data, or what the champion does with it, is an alarm."""

from pydantic import Field, PositiveInt

from tasks.params.evaluation import Shares
from tasks.params.section import Section


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
