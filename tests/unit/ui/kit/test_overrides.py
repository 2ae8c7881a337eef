"""What Qt calls in our classes may fail, and the process lives on."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QLabel, QStyledItemDelegate, QTableView, QWidget
from pytestqt.qtbot import QtBot

import lmpt_desktop.ui
from lmpt_desktop.ui.kit.overrides import guard_class, is_guarded, placeholder_of
from lmpt_desktop.ui.kit.shown_texts import is_edge

CHILD = Path(__file__).parents[3] / "support" / "failing_overrides.py"

NOT_VIRTUAL = {(name, "setText") for name in ("ElidedLabel", "ZoomSign", "_Link")}
"""Methods that hide one of Qt's, which Qt itself never calls."""


def classes_of_the_window() -> Iterator[type]:
    for module in pkgutil.walk_packages(lmpt_desktop.ui.__path__, "lmpt_desktop.ui."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__ == module.name:
                yield value


def test_every_override_of_every_class_of_the_window_is_guarded() -> None:
    forgotten: list[str] = []
    guarded = 0
    for cls in set(classes_of_the_window()):
        qt = next((base for base in cls.__mro__ if base.__module__.startswith("PySide6")), None)
        for name in dir(cls) if qt is not None else ():
            method = getattr(cls, name)
            if (
                not isinstance(method, FunctionType)
                or not method.__module__.startswith("lmpt_desktop.")
                or name.startswith("__")
                or not hasattr(qt, name)
                or (cls.__name__, name) in NOT_VIRTUAL
                or is_edge(method)  # Qt's own
            ):
                continue
            if not is_guarded(method):
                forgotten.append(f"{cls.__module__}.{cls.__name__}.{name}")
            guarded += 1
    assert not forgotten, "give these a placeholder in kit/overrides.py, or list them above"
    assert guarded > 300


def test_pyqtgraph_is_guarded_too() -> None:
    import pyqtgraph

    assert is_guarded(pyqtgraph.AxisItem.paint) and is_guarded(pyqtgraph.AxisItem.boundingRect)


def guard(cls: type) -> type:
    """As a class of the app would be."""
    guard_class(cls)
    return cls


class _FailingModel(QAbstractTableModel):
    def rowCount(self, parent: object = None) -> int:
        return 3

    def columnCount(self, parent: object = None) -> int:
        return 2

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        raise ValueError("no data")

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        raise ValueError("no header")

    def flags(self, index: Any) -> Qt.ItemFlag:
        raise ValueError("no flags")


class _FailingDelegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: Any, index: Any) -> None:
        painter.save()
        painter.setClipRect(0, 0, 1, 1)
        painter.translate(500, 500)
        raise ValueError("no paint")

    def sizeHint(self, option: Any, index: Any) -> QSize:
        raise ValueError("no size")


class _FailingWidget(QWidget):
    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.drawPoint(0, 0)
        raise ValueError("no paint")


for _cls in (_FailingModel, _FailingDelegate, _FailingWidget):
    guard(_cls)


def test_a_model_that_fails_shows_placeholders_and_its_errors_are_seen(qtbot: QtBot) -> None:
    view = QTableView()
    qtbot.addWidget(view)
    model = _FailingModel()
    with qtbot.capture_exceptions() as caught:
        view.setModel(model)
        view.show()
        qtbot.waitExposed(view)
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton)
        view.grab()
        cell = model.index(0, 0)
        assert model.data(cell) == "–" and model.data(cell, role=Qt.ItemDataRole.EditRole) is None
        assert model.data(cell, Qt.ItemDataRole.ToolTipRole) is None
        assert model.headerData(0, Qt.Orientation.Horizontal) == "–"
        assert model.flags(cell) == Qt.ItemFlag.NoItemFlags
        view.setModel(None)  # closing it must not fail, outside of this block
    assert {str(error[1]) for error in caught} >= {"no data", "no header", "no flags"}


def test_a_cell_that_cannot_be_painted_is_grey_and_the_others_keep_their_place(
    qtbot: QtBot,
) -> None:
    view = QTableView()
    qtbot.addWidget(view)

    class Model(_FailingModel):
        def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
            return "text" if role == Qt.ItemDataRole.DisplayRole else None

        def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
            return None

        def flags(self, index: Any) -> Qt.ItemFlag:
            return Qt.ItemFlag.ItemIsEnabled

    view.setModel(model := Model())
    delegate = _FailingDelegate()
    view.setItemDelegate(delegate)
    view.resize(400, 200)
    with qtbot.capture_exceptions() as caught:
        image = view.viewport().grab().toImage()
        middles = [view.visualRect(model.index(row, 1)).center() for row in range(3)]
        view.setModel(None)
    grey = view.palette().mid().color().rgb()
    assert [image.pixel(middle) for middle in middles] == [grey] * 3
    assert {str(error[1]) for error in caught} >= {"no paint"}


def test_a_painter_that_failed_does_not_stay_active(qtbot: QtBot) -> None:
    widget = _FailingWidget()
    qtbot.addWidget(widget)
    widget.resize(50, 50)
    with qtbot.capture_exceptions() as caught:
        image = widget.grab().toImage()
        assert not widget.paintingActive()
    assert image.pixel(25, 25) == widget.palette().mid().color().rgb()
    assert [error[0] for error in caught] == [ValueError]


def test_a_method_mixed_in_is_guarded_in_its_new_class_only(qtbot: QtBot) -> None:
    class Mixed:
        def sizeHint(self) -> QSize:
            raise ValueError("mixed in")

        def own(self) -> None:
            raise KeyError

    class Widget(Mixed, QLabel):
        pass

    class Below(QLabel):
        def sizeHint(self) -> QSize:
            return QSize(1, 1)

    class Both(Below, Mixed):
        pass

    for cls in (Widget, Below, Both):
        guard(cls)
    assert is_guarded(Widget.sizeHint) and not is_guarded(Widget.own)
    assert not is_guarded(Mixed.sizeHint)
    qtbot.addWidget(widget := Widget())
    qtbot.addWidget(both := Both())
    with qtbot.capture_exceptions() as caught:
        assert widget.sizeHint() == QSize() and both.sizeHint() == QSize(1, 1)
    assert [str(error[1]) for error in caught] == ["mixed in"]


def test_a_guarded_slot_gets_as_many_arguments_as_it_takes(qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QPushButton

    class View(QTableView):
        def selectAll(self) -> None:
            heard.append("all")

    guard(View)
    heard: list[str] = []
    qtbot.addWidget(view := View())
    qtbot.addWidget(button := QPushButton())
    button.clicked.connect(view.selectAll)
    button.click()
    assert heard == ["all"]


def test_a_hook_that_fails_itself_is_survived(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hook(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(sys, "excepthook", hook)
    assert _FailingModel().data(QModelIndex()) is None


def test_only_what_qt_calls_has_a_placeholder() -> None:
    assert placeholder_of("mousePressEvent") is not None
    assert placeholder_of("setText") is None


@pytest.mark.parametrize("part", ["data", "paint", "paintEvent", "event", "slot", "all"])
def test_a_process_whose_overrides_fail_under_mouse_clicks_lives_on(part: str) -> None:
    done = subprocess.run(
        [sys.executable, str(CHILD), part], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "lived on" in done.stdout
    assert "active painter" not in done.stderr


def test_plain_objects_and_images_are_left_alone() -> None:
    class Plain:
        def data(self) -> None:
            raise KeyError

    guard(Plain)
    with pytest.raises(KeyError):
        Plain().data()
    assert QObject.__init_subclass__ is not None and QImage().isNull()
