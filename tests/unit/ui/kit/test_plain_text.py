"""Names are shown as they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

import lmpt_desktop.ui
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.overrides import guard_class
from lmpt_desktop.ui.kit.plain_text import Html, literal, might_be_html
from trainer.printable import shown

WINDOW = Path(lmpt_desktop.ui.__file__).parent
PIECES = [*"<>&;/=\"' \nab", "<b>", "<img src=x>", "&lt;", "\u202e"]
HOSTILE = st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize(
    "name", ["<img src=x>", "<b>x</b>", "a <a href='file:///x'>y</a>", "&lt;b&gt;", "<b>one\ntwo"]
)
def test_a_name_like_html_is_shown_as_it_is(qapp: QApplication, name: str) -> None:
    assert might_be_html(name)
    tip = literal(name)
    document = QTextDocument()
    document.setHtml(tip)
    assert document.toPlainText() == name
    assert isinstance(tip, Html) and literal(tip) == tip


@pytest.mark.parametrize("name", ["dog", "salt & pepper", "a < b", "&amp;", "Straße", "שלום", ""])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert literal(name) == name


@given(HOSTILE)
def test_nothing_hostile_is_taken_for_html(text: str) -> None:
    tip = literal(text)
    if isinstance(tip, Html):
        document = QTextDocument()
        document.setHtml(tip)
        assert document.toPlainText().split() == shown(text).split()
    else:
        assert tip == shown(text) and not might_be_html(tip)


def test_a_label_is_plain_unless_it_says_otherwise(qapp: QApplication) -> None:
    label = Label("<b>x</b>")
    assert label.textFormat() == Qt.TextFormat.PlainText and label.text() == "<b>x</b>"
    assert QLabel("<b>x</b>").textFormat() == Qt.TextFormat.AutoText


def test_the_tool_tips_of_a_model_are_shown_as_they_are(qapp: QApplication) -> None:
    class Model(QAbstractTableModel):
        def rowCount(self, parent: object = None) -> int:
            return 1

        def columnCount(self, parent: object = None) -> int:
            return 1

        def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
            return "<b>x"

        def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
            return Html("<b>ours</b>")

    guard_class(Model)
    model, tip = Model(), Qt.ItemDataRole.ToolTipRole
    cell = QModelIndex(model.index(0, 0))
    assert model.data(cell) == "<b>x"
    assert model.data(cell, tip) == "<span>&lt;b&gt;x</span>"
    assert model.headerData(0, Qt.Orientation.Horizontal, tip) == "<b>ours</b>"


# ------------------------------------------------------------------ nothing in the window forgets


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(WINDOW.rglob("*.py")):
        yield path.relative_to(WINDOW).as_posix(), ast.parse(path.read_text("utf-8"))


def test_every_label_is_plain_and_every_message_box_too() -> None:
    found: list[str] = []
    for where, tree in sources():
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                 for alias in node.names}  # fmt: skip
        if "QLabel" in names and where not in ("kit/label.py", "kit/shown_texts.py"):
            found.append(f"{where} uses QLabel: use Label")
        for function in ast.walk(tree):
            text = ast.unparse(function) if isinstance(function, ast.FunctionDef) else ""
            if "QMessageBox(" in text and "setTextFormat(Qt.TextFormat.PlainText)" not in text:
                found.append(f"{where} asks in HTML: set the text format of the message box")
    assert not found


def test_a_message_box_that_is_plain_is_so_in_all_its_parts(qapp: QApplication) -> None:
    box = QMessageBox()
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText("<b>x")
    box.setInformativeText("<b>y")
    formats = {label.textFormat() for label in box.findChildren(QLabel) if label.text()}
    assert formats == {Qt.TextFormat.PlainText}
