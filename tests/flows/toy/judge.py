"""A whole recommender in one stage: everyone gets what they bought most often, judged against what sells most."""

import json
import os
import time
from pathlib import Path

import pandas as pd

from tasks.evaluation.evidence import Evidence
from tasks.evaluation.judgement import evaluate
from tasks.folds import labels, make_folds
from tasks.params import load_params


def ranked(frame: pd.DataFrame, system: str) -> pd.DataFrame:
    """`frame`: `user_id, item_id, strength`."""
    frame = frame.sort_values(["user_id", "strength", "item_id"], ascending=[True, False, True])
    frame = frame.assign(system=system, task="all", rank=frame.groupby("user_id").cumcount() + 1)
    return frame[["system", "task", "user_id", "item_id", "rank"]]


def main() -> None:
    params = load_params(Path("params.yaml"))
    events = pd.read_parquet("data/valid/events.parquet")
    fold = next(f for f in make_folds(events, params.folds, params.shop) if f.kind == "test")
    past = events[events["timestamp"] < fold.cutoff]
    relevant = labels(events, fold, params.shop, "all").assign(task="all")
    own = past.groupby(["user_id", "item_id"]).size().rename("strength").reset_index()
    sales = past.groupby("item_id").size().rename("strength").reset_index()
    lists = pd.concat(
        [ranked(own, "shoprec"), ranked(own[["user_id"]].drop_duplicates().merge(sales, "cross"), "popularity")]
    )
    popular = lists[lists["system"] == "popularity"]
    days = (fold.cutoff - past.groupby("user_id")["timestamp"].min()).dt.days
    evidence = Evidence(
        fold=fold,
        lists=lists,
        labels=relevant,
        candidates=popular.rename(columns={"rank": "popularity_rank"}).drop(columns="system"),
        items=past.groupby("item_id")["user_id"].nunique().rename("buyers").reset_index().assign(age_days=80.0),
        users=past.groupby("user_id").size().rename("events").reset_index().assign(tenure_days=days.to_numpy()),
        scores=pd.DataFrame({"task": ["all"] * 4, "score": [0.1, 0.2, 0.3, 0.4], "label": [0, 0, 1, 1]}),
        importance=pd.DataFrame({"task": ["all"], "feature": ["count"], "gain": [1.0]}),
    )
    evaluate(evidence, params.evaluation).save(Path("reports"))
    for folder in ("models/ranker", "data/features/serve", "data/candidates/serve"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "most_sold.json").write_text(json.dumps(sales["item_id"].tolist()))
    mine = lists[lists["user_id"] == relevant["user_id"].iloc[0]].head(10)
    bought = set(relevant.loc[relevant["user_id"] == relevant["user_id"].iloc[0], "item_id"])
    example = {
        "task": "all",
        "user_id": relevant["user_id"].iloc[0],
        "recent": [],
        "bought": sorted(bought, key=lambda item: (item not in set(mine["item_id"]), item)),
        "hits": len(bought & set(mine["item_id"])),
        "recommended": [
            {"rank": int(r), "title": i, "category": "", "bought": i in bought}
            for r, i in zip(mine["rank"], mine["item_id"], strict=True)
        ],
    }
    Path("reports/examples.json").write_text(json.dumps([example]))


if __name__ == "__main__":
    if Path("hang").exists():
        Path("models/ranker").mkdir(parents=True)
        Path("hanging").write_text(str(os.getpid()))
        while Path("hang").exists():
            time.sleep(0.1)
    main()
