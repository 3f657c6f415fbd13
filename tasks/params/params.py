"""`params.yaml` as frozen values, one section a step."""

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import ValidationError, model_validator

from tasks.errors import ParamsError
from tasks.params.candidates import CandidateParams
from tasks.params.evaluation import MEASURED, EvaluationParams
from tasks.params.monitoring import MonitoringParams
from tasks.params.promotion import PromotionParams
from tasks.params.publication import PublicationParams
from tasks.params.ranker import DiversityParams, FeatureParams, FoldParams, RankerParams
from tasks.params.section import Section
from tasks.params.shop import ShopParams
from tasks.params.source import CleanParams, SourceParams


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
