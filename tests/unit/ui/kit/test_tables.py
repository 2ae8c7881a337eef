"""Tables whose columns are declared."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.kit.tables import Column, TableModel

Role = Qt.ItemDataRole


class Animal(NamedTuple):
    name: str
    legs: int


COLUMNS = (
    Column[Animal]("Name", lambda animal: animal.name),
    Column[Animal]("Legs", lambda animal: str(animal.legs), tip="How many", numeric=True),
)
DOG, ANT, SNAIL = Animal("dog", 4), Animal("ant", 6), Animal("snail", 1)


class AnimalModel(TableModel[Animal]):
    """Adds a tool tip to the first column."""

    def cell(self, row: Animal, column: int, role: int) -> Any:
        if role == Role.ToolTipRole and column == 0:
            return f"a {row.name}"
        return super().cell(row, column, role)


@pytest.fixture
def model(qtbot: QtBot) -> AnimalModel:
    return AnimalModel(COLUMNS, [DOG, ANT])


def texts(model: TableModel[Animal]) -> list[list[str]]:
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def test_it_is_a_model_as_qt_wants_it(model: AnimalModel) -> None:
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_rows([SNAIL])
    assert tester.model() is model and model.rowCount() == 1


def test_every_row_is_shown_in_the_declared_columns(model: AnimalModel) -> None:
    assert texts(model) == [["dog", "4"], ["ant", "6"]]


def test_numbers_and_their_title_are_right_aligned(model: AnimalModel) -> None:
    def is_right(alignment: int) -> bool:
        return bool(Qt.AlignmentFlag(alignment) & Qt.AlignmentFlag.AlignRight)

    columns = range(model.columnCount())
    cells = [model.index(0, column).data(Role.TextAlignmentRole) for column in columns]
    titles = [
        model.headerData(column, Qt.Orientation.Horizontal, Role.TextAlignmentRole)
        for column in columns
    ]
    assert [is_right(it) for it in cells] == [is_right(it) for it in titles] == [False, True]


def test_titles_and_their_tips_head_the_columns(model: AnimalModel) -> None:
    def head(section: int, role: Role = Role.DisplayRole) -> Any:
        return model.headerData(section, Qt.Orientation.Horizontal, role)

    assert [head(0), head(1), head(2)] == ["Name", "Legs", None]
    assert [head(0, Role.ToolTipRole), head(1, Role.ToolTipRole)] == [None, "How many"]
    assert model.headerData(0, Qt.Orientation.Vertical, Role.DisplayRole) is None


def test_other_rows_replace_those_shown_and_views_are_notified(
    model: AnimalModel, qtbot: QtBot
) -> None:
    with qtbot.waitSignals([model.modelAboutToBeReset, model.modelReset]):
        model.set_rows([SNAIL])
    assert texts(model) == [["snail", "1"]]


def test_a_subclass_adds_what_is_not_text(model: AnimalModel) -> None:
    assert model.index(1, 0).data(Role.ToolTipRole) == "a ant"
    assert model.index(1, 1).data(Role.ToolTipRole) is None


def test_cells_have_no_children_and_what_is_outside_has_no_data(model: AnimalModel) -> None:
    cell = model.index(0, 0)
    assert model.rowCount(cell) == model.columnCount(cell) == 0
    assert model.data(QModelIndex()) is None
    assert model.data(model.createIndex(9, 0)) is None
