"""The examples of each past fold, in a folder: kept for the retrains of the weeks after it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.features.frame import category_codes
from tasks.features.relations import described_by
from tasks.folds import Fold
from tasks.kept_folds import KeptFolds, Rows, digest, digest_of_folder
from tasks.params.ranker import RankerParams
from tasks.reranking.inputs import Inputs
from tasks.schema import EVENT_TYPE, ITEM, TASKS, TIMESTAMP, USER, Task
from tasks.stage import processes


def examples_file(examples: Path, fold: str, task: Task) -> Path:
    return examples / fold / f"{task}.parquet"


def make_examples(out: Path, inputs: Inputs, folds: Sequence[Fold], params: RankerParams, code: str) -> None:
    """Fills the folder `out` with a folder a fold."""
    events, items = inputs.valid.events, inputs.valid.items
    lines, described = (
        Rows(events[[USER, ITEM, EVENT_TYPE, TIMESTAMP]]),
        Rows(items[[ITEM, *described_by(items.columns)]]),
    )
    sampled = [params.of(task).sampling for task in TASKS]
    common = (code, inputs.shop.model_dump(mode="json"), sampled, category_codes(items))

    def made_from(fold: Fold) -> str:
        known = events.loc[(events[TIMESTAMP] < fold.cutoff).to_numpy(), ITEM].unique()
        return digest(
            *common,
            lines.digest((events[TIMESTAMP] < fold.end).to_numpy()),
            described.digest(items[ITEM].isin(known).to_numpy()),
            *(fold.cutoff, fold.end),
            *(digest_of_folder(folder / fold.name) for folder in (inputs.features, inputs.candidates)),
        )

    wanted = {fold.name: made_from(fold) for fold in folds}
    with KeptFolds(out, wanted) as kept, ThreadPoolExecutor(processes()) as pool:

        def make(fold: Fold) -> None:
            (kept.scratch / fold.name).mkdir()
            for task in TASKS:
                found = inputs.examples(fold, task, params.of(task))
                found.write(examples_file(kept.scratch, fold.name, task))
            kept.add(fold.name, kept.scratch / fold.name)

        missing = kept.missing()
        list(pool.map(make, [fold for fold in folds if fold.name in missing]))
