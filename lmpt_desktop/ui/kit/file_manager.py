"""Show files in the platform's file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices


def reveal(path: Path, *others: Path) -> bool:
    """Open the folder of ``path`` and select the file, if the platform supports that, and
    ``others`` in the same folder, if it can select several.

    Returns whether a folder was opened.
    """
    if sys.platform == "win32":
        return bool(QProcess.startDetached("explorer.exe", ["/select,", str(path)]))
    if sys.platform == "darwin":
        return bool(QProcess.startDetached("open", ["-R", *map(str, (path, *others))]))
    return _by_dbus(path, *others) or open_path(path.parent)


def open_path(path: Path) -> bool:
    """Open a folder in the file manager, or a file in its default application."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def _by_dbus(*paths: Path) -> bool:
    """Use D-Bus (org.freedesktop.FileManager1, which most file managers implement)."""
    try:
        from PySide6.QtDBus import QDBusConnection, QDBusMessage  # noqa: PLC0415
    except ImportError:
        return False
    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return False
    message = QDBusMessage.createMethodCall(
        "org.freedesktop.FileManager1",
        "/org/freedesktop/FileManager1",
        "org.freedesktop.FileManager1",
        "ShowItems",
    )
    message.setArguments([[QUrl.fromLocalFile(str(path)).toString() for path in paths], ""])
    answer = bus.call(message)
    return answer.type() == QDBusMessage.MessageType.ReplyMessage
