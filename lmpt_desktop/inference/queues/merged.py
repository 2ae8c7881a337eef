"""Questions about conflicts with libraries that were merged into this one."""

from __future__ import annotations

import numpy as np

from lmpt_desktop.domain.conflicts import StoredConflicts
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.inference.queues.questions import Choice, QueueInputs, QueueItem
from lmpt_desktop.translation import join_names, ngettext


def merged_conflicts(inputs: QueueInputs) -> Choice:
    """Conflicts that nobody has decided: those of the class with the fewest examples first, and
    within a class in the library's order."""
    snapshot, conflicts = inputs.snapshot, inputs.conflicts
    names: dict[tuple[int, int], list[str]] = {}
    for row, column, number in _places(inputs, conflicts):
        # A library that was merged twice is named once.
        given = names.setdefault((row, column), [])
        if conflicts.names[number] not in given:
            given.append(conflicts.names[number])
    examples = {
        column: int((snapshot.annotations[:, column] == Verdict.PRESENT).sum())
        for column in {column for _row, column in names}
    }
    order = sorted(names, key=lambda cell: (examples[cell[1]], cell[1], cell[0]))
    items = (
        QueueItem(
            int(snapshot.image_ids[row]),
            snapshot.classes[column].id,
            1.0 / (1 + examples[column]),
            _reason(Verdict(int(snapshot.annotations[row, column])), names[row, column]),
        )
        for row, column in order[: inputs.length]
    )
    return Choice(tuple(items), len(order))


def _places(inputs: QueueInputs, conflicts: StoredConflicts) -> list[tuple[int, int, int]]:
    """Row, column and number of the conflicts that may be asked about and still are ones."""
    snapshot = inputs.snapshot
    rows = snapshot.rows(conflicts.image_ids)
    columns = np.array([snapshot.column_of.get(i, -1) for i in conflicts.class_ids.tolist()], int)
    asked = np.isin(rows, inputs.rows) & np.isin(columns, inputs.columns)
    numbers = np.flatnonzero(asked)
    mine = snapshot.annotations[rows[numbers], columns[numbers]]
    numbers = numbers[(mine >= 0) & (mine != conflicts.verdicts[numbers])]
    return list(
        zip(rows[numbers].tolist(), columns[numbers].tolist(), numbers.tolist(), strict=True)
    )


def _reason(mine: Verdict, names: list[str]) -> str:
    if mine is Verdict.PRESENT:
        text = ngettext(
            "Your library says present, {names} says absent.",
            "Your library says present, {names} say absent.",
            len(names),
        )
    else:
        text = ngettext(
            "Your library says absent, {names} says present.",
            "Your library says absent, {names} say present.",
            len(names),
        )
    return text.format(names=join_names(names, quoted=True))
