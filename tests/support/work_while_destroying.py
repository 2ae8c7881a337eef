"""Does what the app does off the window's thread while the window's thread destroys objects.

Usage: work_while_destroying.py FOLDER [KIND...].  Ends with status 1, and the stacks of all
threads, if they wait for each other (docs/adr/0033).

While Qt destroys an object it holds a mutex that the object shares with every 131st other, by its
address, and asks each sender of its connections for ``disconnectNotify``, for which PySide takes
Python's lock.  Here that takes a millisecond, and enough objects are destroyed to go through all
the mutexes.
"""

from __future__ import annotations

import faulthandler
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QEventLoop, QMetaMethod, QObject, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.thumbnails import decoded
from lmpt_desktop.ui.long_tail import export
from lmpt_desktop.ui.window import single_instance

OBJECTS = 2 * 131
LIMIT_SECONDS = 60


class Sender(QObject):
    changed = Signal()

    def disconnectNotify(self, signal: QMetaMethod) -> None:
        time.sleep(0.001)  # another thread gets Python's lock


def thumbnail() -> Callable[[], object]:
    written = io.BytesIO()
    Image.new("RGB", (8, 8)).save(written, "JPEG")
    return lambda: decoded(written.getvalue(), (4, 4))


def chart() -> Callable[[], object]:
    picture = QImage(8, 8, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(0xFFFFFFFF)
    return lambda: export.png(picture)


def another_window() -> Callable[[], object]:
    single_instance.may_be_held = lambda _lock: True
    library = Path(sys.argv[1], "library")
    return lambda: single_instance.hand_over(library)


def result() -> Callable[[], object]:
    tasks.prepare()
    return lambda: tasks.call_soon(lambda: None)


KINDS = {made.__name__: made for made in (thumbnail, chart, another_window, result)}


def work_while_destroying(work: Callable[[], object]) -> int:
    """Returns how often ``work`` was done meanwhile."""
    ended = threading.Event()
    done = 0

    def loop() -> None:
        nonlocal done
        while not ended.is_set():
            work()
            done += 1

    worker = threading.Thread(target=loop, daemon=True)
    worker.start()
    parent = QObject()
    senders = [Sender() for _ in range(OBJECTS)]
    for sender in senders:
        sender.changed.connect(QObject(parent).deleteLater)
    parent.deleteLater()
    turn = QEventLoop()
    QTimer.singleShot(0, turn.quit)
    turn.exec()  # in Python the object would be destroyed with Python's lock held
    ended.set()
    worker.join()
    return done


def main() -> None:
    _app = QApplication([])
    for kind in sys.argv[2:] or KINDS:
        work = KINDS[kind]()
        work()
        faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
        print(kind, work_while_destroying(work), flush=True)
        faulthandler.cancel_dump_traceback_later()
    os._exit(0)


if __name__ == "__main__":
    main()
