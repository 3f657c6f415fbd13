"""From a registered version to its stage: judged against what serves, told to whoever looks, and moved."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.describing import FOLDER, describe_version
from flows.duel import Duel, duel
from flows.lineage.passport import issue_passport, made_by_retrain
from flows.settings import Settings
from flows.steps import EVALUATION, open_stages, read_json
from tasks.ingestion.storage import replace_file
from tasks.params import Params
from tasks.promotion.first import judge_first
from tasks.promotion.gate import judge_unmeasurable
from tasks.promotion.shoppers import Shopper
from tasks.promotion.verdict import Verdict
from tasks.registry import Stage, Version
from tasks.registry.lines import judged_against
from tasks.registry.passport import sha256
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry
    from tasks.registry.stages import Stages


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    champion: int | None
    """The version that served when it was judged; None: none did."""
    shoppers: tuple[Shopper, ...] = ()
    """With both versions' lists, to look at."""


def judge_version(
    settings: Settings, registry: "Registry", params: Params, version: Version, on_line: OnLine
) -> Judged | None:
    """Judges a version about which nothing was decided yet, also by a run that was killed; else None.

    The verdict is in `reports/gate` and among the artifacts of the version's run then.
    """
    if version.stage != "candidate":
        return None
    champion, stages = registry.holder_of("production"), open_stages(settings, registry)
    if champion is None:
        found = Duel(_judge_without_champion(settings, params, stages))
    else:
        gate = gates_against(stages, champion.number) + 1
        found = duel(settings, registry, champion, version, params, gate, on_line)
    judged = Judged(found.verdict, champion.number if champion else None, found.shoppers)
    against = f"Judged against version {judged.champion}, which serves.\n\n" if judged.champion else ""
    tell_verdict(settings, registry, version, judged.verdict, against)
    return judged


def _judge_without_champion(settings: Settings, params: Params, stages: "Stages") -> Verdict:
    """A shop's first; where one served before, its alias was taken away by hand, and a person has to decide."""
    if times := stages.history():
        why = "nothing has the alias champion any more: roll back, or approve a version"
        return judge_unmeasurable(times[-1].version, why)
    return judge_first(read_json(settings.root / EVALUATION), params.promotion)


def promote(
    settings: Settings, registry: "Registry", params: Params, version: Version, judged: Judged | None, who: str
) -> Version:
    """Moves the version where its verdict and `promotion.mode` send it; mends what an earlier run left half done."""
    stages = open_stages(settings, registry)
    if judged is None:
        stages.mend(who)
        return version
    stage, why = _where_to(judged.verdict, params, waiting_version(registry, stages, judged.champion))
    describe_version(settings, registry, version, judged.verdict, judged.champion, judged.shoppers, stage, why)
    digest, made = digest_of(judged.verdict), made_by_retrain(settings, params)
    evidence = {
        "decision": judged.verdict.decision,
        "judged_against": judged.champion,
        "mode": params.promotion.mode,
        "verdict_sha256": digest,
        "passport_sha256": issue_passport(settings, registry, version, made, judged.verdict, judged.champion, digest),
    }
    return stages.move(version.number, stage, why, who, evidence, expected_champion=judged.champion)


def gates_against(stages: "Stages", champion: int) -> int:
    """How many challengers were judged against this champion's ranker so far."""
    return len(judged_against(stages.changes(), champion))


def waiting_version(registry: "Registry", stages: "Stages", champion: int | None) -> int | None:
    """The version in staging that passed the gate and waits for a person; None where none does.

    One that passed against another champion than today's cannot be approved any more, so it does not wait.
    """
    challenger = registry.holder_of("staging")
    if challenger is None:
        return None
    verdicts = [c for c in judged_against(stages.changes(), champion) if c.version == challenger.number]
    return challenger.number if any(c.evidence.get("decision") == "promote" for c in verdicts) else None


def digest_of(verdict: Verdict) -> str:
    return sha256(_as_json(verdict).encode())


def _where_to(verdict: Verdict, params: Params, waiting: int | None) -> tuple[Stage, str]:
    """A version that was held stands where a person can still approve it, unless one that passed stands there."""
    if verdict.decision == "reject":
        return "rejected", verdict.reason
    if verdict.decision == "promote":
        return "production" if params.promotion.mode == "auto" else "staging", verdict.reason
    if waiting is not None:
        return "archived", f"{verdict.reason}; version {waiting}, which passed the gate, waits for review"
    return "staging", verdict.reason


def tell_verdict(settings: Settings, registry: "Registry", version: Version, verdict: Verdict, against: str) -> None:
    """Leaves it in `reports/gate` and among the artifacts of the version's run; `against`: what it was held against."""
    from tasks.registry.artifacts import attach

    folder = settings.reports / FOLDER
    heading = f"# {version.name} version {version.number}: {verdict.decision}\n\n{verdict.reason}\n\n"
    replace_file(folder / "verdict.json", _as_json(verdict).encode())
    replace_file(folder / "verdict.md", (heading + against + verdict.table() + "\n").encode())
    attach(registry, version.run_id, {FOLDER: sorted(folder.glob("verdict.*"))})


def _as_json(verdict: Verdict) -> str:
    return json.dumps(verdict.as_dict(), indent=1, sort_keys=True, allow_nan=False) + "\n"
