"""What an earlier release let into the library unchecked is shown without its figures."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from ui_libraries import CLASS_NAMES, add_version

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.versions.versions_model import VersionsModel, origin_text
from trainer import prompt_set as prompt_sets
from trainer.events import BandScores
from trainer.prompt_set import ClassResult, Evaluation

JUDGED = Evaluation(
    BandScores(0.5, None, 0.25, 0.75),
    [ClassResult(name, 1, 2, 3, 0.5) for name in CLASS_NAMES],
    {"CF1": 0.5},
)

POISONS: dict[str, Any] = {
    "a text as score": lambda body: body["evaluation"]["scores"].update(total="0.5"),
    "a list as score": lambda body: body["evaluation"]["scores"].update(tail=[0.5]),
    "a number that is none": lambda body: body["evaluation"]["scores"].update(tail=float("nan")),
    "an endless number": lambda body: body["evaluation"]["scores"].update(tail=float("inf")),
    "a huge number": lambda body: body["evaluation"]["scores"].update(head=10**300),
    "a text as figure": lambda body: body["evaluation"]["extra"].update(CF1="0.4"),
    "a text as count": lambda body: body["evaluation"]["classes"][0].update(train_present="3"),
    "a number as name": lambda body: body["evaluation"]["classes"][0].update(name=3),
    "no scores": lambda body: body["evaluation"].pop("scores"),
    "another kind": lambda body: body.update(evaluation=[1, 2]),
}


def poison(session: LibrarySession, version: int, act: Any) -> None:
    """Change the stored files of a version, as if it had been imported so."""
    path = session.catalogue.prompt_sets.get(version).folder / prompt_sets.JSON_NAME
    body = json.loads(path.read_text(encoding="utf-8"))
    act(body)
    path.write_text(json.dumps(body), encoding="utf-8")


def every_cell(model: VersionsModel) -> list[Any]:
    roles = [Qt.ItemDataRole(role) for role in (*range(15), Qt.ItemDataRole.UserRole)]
    return [
        model.data(model.index(row, column), role)
        for row in range(model.rowCount())
        for column in range(model.columnCount())
        for role in roles
    ]


@pytest.mark.parametrize("act", POISONS)
def test_a_version_with_damaged_figures_is_listed_without_them(
    session: LibrarySession, qtbot: QtBot, act: str
) -> None:
    version = add_version(session, judged=JUDGED)
    poison(session, version, POISONS[act])
    model = VersionsModel()
    model.set_rows(session.versions.all())
    assert model.rowCount() == 2
    assert model.rows[0].version_id == version
    assert model.rows[0].evaluation is None
    assert every_cell(model)
    for row in model.rows:
        assert origin_text(row)
    session.versions.promote(version)
    assert [item.version_id for item in session.versions.all() if item.active] == [version]


@pytest.mark.parametrize("value", ["", "{", "[" * 100_000, "[1]", '{"annotations": "3"}', "7"])
def test_a_version_with_damaged_columns_is_listed(
    session: LibrarySession, qtbot: QtBot, value: str
) -> None:
    version = add_version(session, judged=JUDGED)
    with sqlite3.connect(session.library_folder / "catalogue.sqlite") as connection:
        connection.execute(
            "UPDATE prompt_sets SET metrics = ?1, data = ?1, class_ids = ?1", (value,)
        )
    connection.close()
    model = VersionsModel()
    model.set_rows(session.versions.all())
    assert model.rows[0].version_id == version
    assert model.rows[0].annotations is None
    assert every_cell(model)
