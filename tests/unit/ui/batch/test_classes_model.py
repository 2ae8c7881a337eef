"""The classes of the dialog that sets them on the selected photos."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from snapshots import make_snapshot

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.inference.verdict_changes import VerdictCounts, count_verdicts
from lmpt_desktop.ui.batch.classes_model import SelectionClassesModel

CLASSES = (
    ClassEntry(1, "hot dog"),
    ClassEntry(2, "dog"),
    ClassEntry(3, "kite", "a toy that flies"),
)


def found() -> VerdictCounts:
    verdicts = [[1, -1, 0], [1, 0, 0]]
    snapshot = make_snapshot(verdicts, image_ids=[5, 6], class_ids=[1, 2, 3])
    return count_verdicts(snapshot, np.array([5, 6]))


@pytest.fixture
def model() -> SelectionClassesModel:
    model = SelectionClassesModel()
    model.set_content(CLASSES, found())
    return model


def names(model: SelectionClassesModel) -> list[str]:
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_it_is_a_proper_model(model: SelectionClassesModel, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(model)


def test_each_row_sums_up_the_verdicts_on_the_images(model: SelectionClassesModel) -> None:
    assert [model.index(row, 1).data() for row in range(3)] == [
        "present in all", "mixed: ✕ 1  ? 1", "absent in all",
    ]  # fmt: skip
    assert (
        model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
        == "dog: absent in 1, unknown in 1; stays as it is"
    )


def test_classes_that_begin_with_the_text_come_first(model: SelectionClassesModel) -> None:
    model.find("dog")
    assert names(model) == ["dog", "hot dog"]
    model.find("toy flies")
    assert names(model) == ["kite"], "descriptions are looked through as well"


def test_what_is_chosen_outlives_another_search_and_new_counts(
    model: SelectionClassesModel,
) -> None:
    model.find("kite")
    model.set_requested([0], Verdict.PRESENT)
    model.find("")
    model.set_requested([1], Verdict.ABSENT)
    assert model.requested == {3: Verdict.PRESENT, 2: Verdict.ABSENT}
    assert model.changing == 3
    model.set_content(CLASSES[:2], found())
    assert model.requested == {2: Verdict.ABSENT}, "a class that is gone is no longer changed"
    model.set_requested([1], None)
    assert model.changing == 0
