"""What MLflow shows of a version's run, held against its passport: files, params and metrics."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flows import describing
from flows.lineage import recipe
from flows.lineage.checked import Checked, differences, differences_of_values, judged
from tasks.registry.flat import flat_metrics, flat_params
from tasks.registry.passport import Passport

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

VERDICT = f"{describing.FOLDER}/verdict.json"
"""Among the artifacts of a run."""
_OLDER = "an older shoprec sealed its passport, which says nothing of them"


def checks_of_run(registry: "Registry", run_id: str, passport: Passport) -> list[Checked]:
    """Of the run that the version names now, be it the passport's or another."""
    from tasks.registry.passports import run_digests

    files = run_digests(registry, run_id)
    logged = {path: digest for path, digest in files.items() if path in passport.recipe}
    verdict = {path: digest for path, digest in files.items() if path == VERDICT}
    return [
        judged("recipe", differences(passport.recipe, logged), f"all {len(logged)} files"),
        judged("verdict", differences({VERDICT: passport.verdict.sha256}, verdict), passport.verdict.decision),
        *_what_people_read(registry, run_id, passport, reports_among(files)),
    ]


def reports_among(files: Mapping[str, str]) -> dict[str, str]:
    """Of all files of a run, what a passport has as `reports`: recipe and verdict have places of their own in it."""
    from tasks.registry.passports import FILE

    others = (FILE, VERDICT)
    return {p: digest for p, digest in files.items() if p not in others and not p.startswith(f"{recipe.FOLDER}/")}


def _what_people_read(registry: "Registry", run_id: str, passport: Passport, files: Mapping[str, str]) -> list[Checked]:
    from tasks.registry.passports import logged_values

    if passport.reports is None:
        return [Checked(name, "not possible", _OLDER) for name in ("reports", "params", "metrics")]
    params, metrics = logged_values(registry, run_id)
    of_run = passport.newest if passport.kind == "refresh" else flat_metrics(passport.metrics)
    return [
        judged("reports", differences(passport.reports, files), f"all {len(files)} files, and no other"),
        judged("params", differences_of_values(flat_params(passport.params), params), f"all {len(params)}"),
        judged("metrics", differences_of_values(of_run, metrics), f"all {len(metrics)}, to the last digit"),
    ]
