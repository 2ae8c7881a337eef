"""An exception in a method that Qt calls never ends the process.

Qt calls overrides (``data``, ``paint``, ``mousePressEvent``) in the middle of its own work and
cannot handle a Python exception there: nothing is returned where it needs a value, and a painter
that the traceback keeps alive stays active on its widget, which ends the process at the next click.

So each override is wrapped when its class is made, which no class can forget:
:func:`guard_overrides` is called when the package of the window is imported, before any class in
it.  An exception goes to ``sys.excepthook`` (in the app the log and a message, in tests a failure),
and Qt gets a placeholder of the type it needs from :data:`PLACEHOLDERS`.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import traceback
from collections.abc import Callable
from types import FunctionType
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPalette, QPixmap, QRegion
from PySide6.QtWidgets import QAbstractScrollArea, QStyleOptionViewItem, QWidget

from lmpt_desktop.ui.kit.shown_texts import as_shown

log = logging.getLogger(__name__)

GUARDED_PACKAGES = ("lmpt_desktop.", "pyqtgraph.")
UNREADABLE = "–"
"""Shown in a cell whose text could not be found out."""


def _nothing(*_: object) -> None:
    """For what Qt calls without wanting an answer."""


def _no(*_: object) -> bool:
    return False


def _yes(*_: object) -> bool:
    return True


def _zero(*_: object) -> int:
    return 0


def _unknown_length(*_: object) -> int:
    return -1


def _no_text(*args: object, role: int | None = None) -> str | None:
    """Of ``data(index, role)`` and ``headerData(section, orientation, role)``."""
    wanted = role if role is not None else args[-1]
    is_role = isinstance(wanted, int) and len(args) + (role is not None) > 2
    shown = not is_role or wanted == Qt.ItemDataRole.DisplayRole
    return UNREADABLE if shown else None


def _paint_widget(widget: object, *_: object) -> None:
    """A plain area instead of a widget that cannot paint itself."""
    target = widget.viewport() if isinstance(widget, QAbstractScrollArea) else widget
    if isinstance(target, QWidget):
        painter = QPainter(target)
        painter.fillRect(target.rect(), target.palette().color(QPalette.ColorRole.Mid))
        painter.end()


def _paint_item(_item: object, painter: object = None, option: object = None, *_: object) -> None:
    """A plain cell instead of one that a delegate cannot paint; nothing for other items."""
    if isinstance(painter, QPainter) and isinstance(option, QStyleOptionViewItem):
        # What the delegate had set would move or hide the cells that follow.
        painter.resetTransform()
        painter.setClipping(False)
        painter.setOpacity(1)
        painter.fillRect(_rectangle(option), _palette(option).color(QPalette.ColorRole.Mid))


def _rectangle(option: QStyleOptionViewItem) -> QRect:
    return option.rect  # pyright: ignore[reportAttributeAccessIssue]


def _palette(option: QStyleOptionViewItem) -> QPalette:
    return option.palette  # pyright: ignore[reportAttributeAccessIssue]


PLACEHOLDERS: dict[str, Callable[..., object]] = {
    # events: what failed was meant for this widget, so no other should act on it
    "event": _yes,
    "viewportEvent": _yes,
    "eventFilter": _no,
    "editorEvent": _no,
    "helpEvent": _no,
    "focusNextPrevChild": _no,
    # painting
    "paintEvent": _paint_widget,
    "paint": _paint_item,
    "initStyleOption": _nothing,
    "boundingRect": lambda *_: QRectF(),
    "itemChange": lambda *args: args[-1],
    "shape": lambda *_: QPainterPath(),
    # sizes: none, so that layouts and views take their own
    "sizeHint": lambda *_: QSize(),
    "minimumSizeHint": lambda *_: QSize(),
    "minimumSize": lambda *_: QSize(),
    "viewportSizeHint": lambda *_: QSize(),
    "hasHeightForWidth": _no,
    "heightForWidth": _unknown_length,
    "sizeHintForRow": _unknown_length,
    "sizeHintForColumn": _unknown_length,
    # models
    "data": _no_text,
    "headerData": _no_text,
    "flags": lambda *_: Qt.ItemFlag.NoItemFlags,
    "rowCount": _zero,
    "columnCount": _zero,
    "index": lambda *_: QModelIndex(),
    "parent": lambda *_: QModelIndex(),
    "hasChildren": _no,
    "canFetchMore": _no,
    "fetchMore": _nothing,
    "setData": _no,
    "setHeaderData": _no,
    "sort": _nothing,
    "mimeData": _nothing,
    "mimeTypes": lambda *_: [],
    "canDropMimeData": _no,
    "dropMimeData": _no,
    "supportedDropActions": lambda *_: Qt.DropAction.IgnoreAction,
    # proxy models: show too much rather than too little
    "filterAcceptsRow": _yes,
    "filterAcceptsColumn": _yes,
    "lessThan": _no,
    "mapToSource": lambda *_: QModelIndex(),
    "mapFromSource": lambda *_: QModelIndex(),
    # delegates and views
    "createEditor": _nothing,
    "setEditorData": _nothing,
    "setModelData": _nothing,
    "updateEditorGeometry": _nothing,
    "displayText": lambda *_: UNREADABLE,
    "currentChanged": _nothing,
    "selectionChanged": _nothing,
    "dataChanged": _nothing,
    "rowsInserted": _nothing,
    "rowsAboutToBeRemoved": _nothing,
    "reset": _nothing,
    "doItemsLayout": _nothing,
    "updateGeometries": _nothing,
    "scrollContentsBy": _nothing,
    "scrollTo": _nothing,
    "setSelection": _nothing,
    "selectAll": _nothing,
    "clearSelection": _nothing,
    "startDrag": _nothing,
    "indexAt": lambda *_: QModelIndex(),
    "moveCursor": lambda *_: QModelIndex(),
    "visualRect": lambda *_: QRect(),
    "visualRegionForSelection": lambda *_: QRegion(),
    "isIndexHidden": _no,
    "horizontalOffset": _zero,
    "verticalOffset": _zero,
    # layouts
    "addItem": _nothing,
    "count": _zero,
    "itemAt": _nothing,
    "takeAt": _nothing,
    "setGeometry": _nothing,
    "expandingDirections": lambda *_: Qt.Orientation(0),
    # icons
    "actualSize": lambda *_: QSize(),
    "pixmap": lambda *_: QPixmap(),
    "clone": _nothing,
    # the rest
    "accept": _nothing,
    "reject": _nothing,
    "done": _nothing,
    "undo": _nothing,
    "redo": _nothing,
    "run": _nothing,
    "setVisible": _nothing,
}
"""What Qt gets from an override that failed, by the override's name; called with its arguments.
Handlers of events (``...Event``) that are not listed answer nothing."""


ROLES = {"data": 2, "headerData": 3}
"""Overrides that answer what is shown, and where in their arguments the role is."""


def placeholder_of(name: str) -> Callable[..., object] | None:
    """The placeholder of an override, or None if Qt calls no method of this name."""
    return PLACEHOLDERS.get(name) or (_nothing if name.endswith("Event") else None)


def guarded(method: FunctionType, placeholder: Callable[..., object]) -> Callable[..., Any]:
    """``method``, of which no exception gets out."""
    call: Any
    if method.__name__ in ROLES:
        place = ROLES[method.__name__]

        @functools.wraps(method)
        def call_text(*args: Any, **named: Any) -> object:
            try:
                answer = method(*args, **named)
            except Exception as error:  # whatever it is, Qt could not handle it
                return _failed(error, placeholder, *args, **named)
            if isinstance(answer, str):
                return as_shown(answer, args[place] if len(args) > place else _role(named))
            return answer

        call = call_text
    elif method.__code__.co_argcount == 1 and not method.__code__.co_flags & inspect.CO_VARARGS:
        # PySide counts the arguments of what a signal is connected to.
        @functools.wraps(method)
        def call_alone(self: object) -> object:
            try:
                return method(self)
            except Exception as error:  # whatever it is, Qt could not handle it
                return _failed(error, placeholder, self)

        call = call_alone
    else:

        @functools.wraps(method)
        def call_with(*args: object, **named: object) -> object:
            try:
                return method(*args, **named)
            except Exception as error:  # whatever it is, Qt could not handle it
                return _failed(error, placeholder, *args, **named)

        call = call_with
    call.is_guarded = True
    return call


def _role(named: dict[str, Any]) -> int:
    return named.get("role", Qt.ItemDataRole.DisplayRole)


def is_guarded(method: object) -> bool:
    """Whether ``method`` was made by :func:`guarded`."""
    return getattr(method, "is_guarded", False)


def _failed(error: Exception, placeholder: Callable[..., object], *args: Any, **named: Any) -> Any:
    """Report an error and give Qt its placeholder."""
    try:
        sys.excepthook(type(error), error, error.__traceback__)
        _release_painters(error)
        return placeholder(*args, **named)
    except Exception:  # out of memory, say: there is no one left to tell
        log.exception("no placeholder")
        return None


def _release_painters(error: BaseException) -> None:
    """Free the variables of the frames that failed: a painter among them would stay active."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__


def guard_class(cls: type) -> None:
    """Wrap the overrides of a new class, its own and those of plain classes mixed into it."""
    qt = next((base for base in cls.__mro__ if base.__module__.startswith("PySide6")), None)
    if qt is None:
        return
    for base in cls.__mro__[: cls.__mro__.index(qt)]:
        if base is not cls and isinstance(base, type(qt)):
            continue  # wrapped when it was made
        for name, method in list(vars(base).items()):
            placeholder = placeholder_of(name)
            if placeholder is None or not isinstance(method, FunctionType):
                continue
            if hasattr(qt, name) and getattr(cls, name) is method:  # no other class comes before
                setattr(cls, name, guarded(method, placeholder))


def guard_overrides() -> None:
    """Wrap the overrides of all classes of this app and of pyqtgraph that are made from now on."""
    root: Any = next(base for base in QObject.__mro__ if base.__module__ == "Shiboken")
    if "__init_subclass__" in vars(root):
        return

    def guard(cls: type, **named: Any) -> None:
        super(root, cls).__init_subclass__(**named)
        if cls.__module__.startswith(GUARDED_PACKAGES):
            guard_class(cls)

    root.__init_subclass__ = classmethod(guard)
