"""A process of its own: views whose overrides raise are shown and clicked, and a line says that it
lived on.  ``python failing_overrides.py PART`` with data, paint, paintEvent, event, slot or all;
``--bare`` leaves the guard out, to see what it is for."""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QAbstractTableModel, QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QStyledItemDelegate, QTableView

from lmpt_desktop.ui.kit.overrides import guard_class

PART = sys.argv[1]
ROUNDS = 5


def fail_in(part: str) -> None:
    if PART in (part, "all"):
        raise ValueError(part)


class Model(QAbstractTableModel):
    def rowCount(self, parent: object = None) -> int:
        return 5

    def columnCount(self, parent: object = None) -> int:
        return 2

    def data(self, index: Any, role: int = 0) -> Any:
        fail_in("data")
        return "text" if role == Qt.ItemDataRole.DisplayRole else None


class Delegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: Any, index: Any) -> None:
        painter.save()
        fail_in("paint")
        super().paint(painter, option, index)
        painter.restore()


class View(QTableView):
    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self.viewport())
        fail_in("paintEvent")
        painter.end()
        super().paintEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() not in (QEvent.Type.Show, QEvent.Type.Polish):
            fail_in("event")
        return super().event(event)

    def mousePressEvent(self, event: Any) -> None:
        fail_in("event")
        super().mousePressEvent(event)


def main() -> None:
    if "--bare" not in sys.argv:
        for cls in (Model, Delegate, View):
            guard_class(cls)
    app = QApplication([])
    view, model, delegate = View(), Model(), Delegate()
    view.setModel(model)
    view.setItemDelegate(delegate)
    view.resize(300, 300)
    view.show()
    button = QPushButton("raise", view)
    button.clicked.connect(lambda: fail_in("slot"))
    rounds = iter(range(ROUNDS))

    def act() -> None:
        if next(rounds, None) is None:
            app.quit()
            return
        QTimer.singleShot(20, act)
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
        button.click()
        view.viewport().repaint()
        view.grab()

    QTimer.singleShot(20, act)
    app.exec()
    view.close()
    print("lived on")


if __name__ == "__main__":
    main()
