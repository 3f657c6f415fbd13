"""From what the champion gave to what is published: what may not be shown is taken out, k items a list are kept.

All of it a part of the users at a time, so that memory does not grow with their number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.candidates.ranking import place_in_group
from tasks.publication.about import IdKind
from tasks.publication.catalogue import Catalogue
from tasks.schema import ITEM, RANK, TASK, USER, VERSION, Task

ROWS = 250_000
"""About so many rows are a row group of what is published; no list is in two."""
_ARROW: dict[IdKind, pa.DataType] = {"integer": pa.int64(), "text": pa.string()}
_BOTH = (USER, ITEM)


@dataclass
class Cut:
    """What became of the lists of one task, as they are cut."""

    pending: pd.Index
    """Users for whom a list has to be asked for: all at first, then those of whose list less than k is left, though it
    was as long as asked for."""
    items: set[Any] = field(default_factory=set)
    """All that stand in some list."""
    shortest: int | None = None
    _short: list[Any] = field(default_factory=list)

    def begin(self) -> pd.Index:
        """Lists of `pending`, which is returned, are cut from now on."""
        self._short = []
        return self.pending

    def end(self) -> None:
        self.pending = pd.Index(self._short)

    def note(self, short: list[Any], sizes: NDArray[np.intp], items: pd.Series) -> None:
        """Of some lists: users of those that are left out, and what is kept."""
        self._short += short
        self.items.update(items.unique().tolist())
        if len(sizes):
            least = int(sizes.min())
            self.shortest = least if self.shortest is None else min(least, self.shortest)


class ListWriter:
    """Writes `task, user_id, rank, item_id, version` into a Parquet file, in row groups of whole lists."""

    def __init__(self, path: Path, user_ids: IdKind, item_ids: IdKind, version: int) -> None:
        self._version, self._waiting, self._rows = version, [], 0
        self._schema = pa.schema(
            [
                (TASK, pa.string()),
                (USER, _ARROW[user_ids]),
                (RANK, pa.int32()),
                (ITEM, _ARROW[item_ids]),
                (VERSION, pa.int32()),
            ]
        )
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, lists: pd.DataFrame) -> None:
        self._waiting.append(lists.assign(**{VERSION: self._version})[self._schema.names])
        self._rows += len(lists)
        if self._rows >= ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            together = pd.concat(self._waiting, ignore_index=True)
            table = pa.Table.from_pandas(together, self._schema, preserve_index=False)
            self._writer.write_table(table, row_group_size=len(together))
        self._waiting, self._rows = [], 0


def lists_of_task(file: Path, task: Task) -> Iterator[pd.DataFrame]:
    """Of what the champion wrote: `task, user_id, item_id, rank` of one task, whole lists at a time."""
    held = pd.DataFrame()
    with pq.ParquetFile(file) as reader:
        for group in range(reader.num_row_groups):
            frame = reader.read_row_group(group, [TASK, USER, ITEM, RANK]).to_pandas()
            frame = frame[frame[TASK] == task]
            if frame.empty:
                continue
            frame = pd.concat([held, frame], ignore_index=True) if len(held) else frame
            is_last = (frame[USER] == frame[USER].iloc[-1]).to_numpy()  # its list may go on in the next group
            held = frame[is_last]
            if not is_last.all():
                yield frame[~is_last].reset_index(drop=True)
    if len(held):
        yield held.reset_index(drop=True)


def cut_lists(
    frame: pd.DataFrame, catalogue: Catalogue, bought: pd.MultiIndex, k: int, asked: int, cut: Cut
) -> pd.DataFrame:
    """The first k of each list that may be shown, ranked anew; what is short of k and can be longer is left out.

    `bought`: pairs of user and item that may not be shown. `asked`: how long lists were asked for. `cut` gets what came
    of them.
    """
    frame = frame.iloc[np.lexsort((frame[RANK], pd.factorize(frame[USER])[0]))]
    good = catalogue.may_be_published(frame[ITEM])
    if len(bought):
        good &= ~pd.MultiIndex.from_frame(frame[list(_BOTH)]).isin(bought)
    codes, users = pd.factorize(frame[USER])
    given, left = np.bincount(codes, minlength=len(users)), np.bincount(codes[good], minlength=len(users))
    is_short = left < k
    again = is_short & (given >= asked)  # else the champion has no more; whether that is right, the check says
    good &= ~again[codes]
    kept = frame[good]
    place = place_in_group(codes[good])
    first = place < k
    kept = kept[first].assign(**{RANK: (place[first] + 1).astype(np.int32)})
    cut.note(users[again].tolist(), np.minimum(left[~again], k), kept[ITEM])
    return kept
