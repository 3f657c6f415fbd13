"""The catalogue of all that the ranker reads: `python -m tasks.features.catalogue --out docs/features.md`."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tasks.features.ahead import calendar_group, promotion_group
from tasks.features.feature import Feature
from tasks.features.frame import category_codes, cross_features
from tasks.features.group import Group
from tasks.features.groups import affinity_group, item_group, pair_group, user_group
from tasks.features.relations import groupings
from tasks.params import load_params
from tasks.params.candidates import CandidateParams, RetrieverParams
from tasks.params.ranker import FeatureParams
from tasks.schema import BRAND, ITEM, RANK, SCORE, USER

SHOP_COLUMNS = ("category_1", "category_2", "category_3", BRAND)
"""What the items of the default source have; the catalogue describes such a shop, with promotions."""
_SUBJECTS = {(USER,): "user", (ITEM,): "item", (USER, ITEM): "user and item"}


@dataclass(frozen=True)
class Chapter:
    title: str
    about: str
    features: tuple[tuple[str, str], ...]
    """Name and definition of each."""


def chapters(features: FeatureParams, candidates: CandidateParams) -> list[Chapter]:
    """Every column of the ranker's frame stands in exactly one."""
    found = [user_group(features), item_group(features), pair_group(features)]
    found += [affinity_group(features, column) for column in groupings(SHOP_COLUMNS)]
    found += [calendar_group(), promotion_group()]
    names = {feature.name for group in found for feature in group.features}
    return [
        *(Chapter(group.name, _one_each(group), _told(group.features)) for group in found),
        Chapter("cross", "Made of several groups, one value for each candidate.", _told(cross_features(names))),
        Chapter("category", "Native categories of LightGBM, one value for each item.", _codes()),
        Chapter("candidate", "What the retrievers say, one value for each candidate.", _retrievers(candidates)),
    ]


def render(found: list[Chapter]) -> str:
    """Markdown."""
    total = sum(len(chapter.features) for chapter in found)
    lines = [
        "# Features",
        "",
        f"The {total} columns that the ranker reads, for a shop with three levels of categories, a brand and",
        "promotions; a shop that has less has fewer of them. All are as of a fold's cutoff: they see what was bought",
        "strictly before it, and promotions, which are known ahead. What is not known is missing, not 0. A visit is a",
        "session with the target event. Windows and half-lives are those of `features` in `params.yaml`.",
        "",
        "Generated: `python -m tasks.features.catalogue --out docs/features.md` writes this page from the definitions.",
    ]
    for chapter in found:
        lines += ["", f"## {chapter.title}", "", chapter.about, "", "| name | definition |", "|---|---|"]
        lines += [f"| `{name}` | {definition} |" for name, definition in chapter.features]
    return "\n".join(lines) + "\n"


def _one_each(group: Group) -> str:
    named = _SUBJECTS.get(group.keys) or " and ".join(key.removesuffix("_id") for key in group.keys)
    return f"One value for each {named}."


def _told(features: Iterable[Feature]) -> tuple[tuple[str, str], ...]:
    return tuple((feature.name, feature.definition) for feature in features)


def _codes() -> tuple[tuple[str, str], ...]:
    coded = category_codes(pd.DataFrame(columns=list(SHOP_COLUMNS)))
    return tuple((f"{column}_code", f"The item's {column}, as a code.") for column in coded)


def _retrievers(params: CandidateParams) -> tuple[tuple[str, str], ...]:
    told: list[tuple[str, str]] = []
    for name in type(params).model_fields:
        section = getattr(params, name)
        if isinstance(section, RetrieverParams) and section.enabled:
            told.append((f"{name}_{SCORE}", f"Score of the retriever {name}; not above 0 where it would not propose."))
            told.append((f"{name}_{RANK}", "Rank of that score among the user's candidates, from 1; else missing."))
    return tuple(told)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tasks.features.catalogue", description=__doc__)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--out", type=Path, help="file to write; left out, the page goes to standard output")
    given = parser.parse_args()
    params = load_params(given.params)
    page = render(chapters(params.features, params.candidates))
    if given.out is None:
        sys.stdout.write(page)
    else:
        given.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
