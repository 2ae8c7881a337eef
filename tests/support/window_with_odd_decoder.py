"""The whole program with decoders that hang; its window closes as soon as they do.

Usage: ``window_with_odd_decoder.py LIBRARY FOLDER``.  Prints the processes of the decoders.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from pathlib import Path

import odd_decoder
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from lmpt_desktop import app
from lmpt_desktop.ui.window.main_window import MainWindow
from trainer import decoding

decoding.__dict__["DecodingPool"] = functools.partial(
    decoding.DecodingPool, command=odd_decoder.COMMAND, seconds=600
)


def close_once_busy() -> None:
    """Close the window as soon as both decoders work on a photo."""
    workers = list(decoding.shared_pool()._busy)
    if len(workers) < decoding.WORKERS or not all(worker._ready for worker in workers):
        return
    timer.stop()
    print(json.dumps([worker._process.pid for worker in workers]), flush=True)
    began.append(time.monotonic())
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, MainWindow):
            widget.close()


began: list[float] = []
application = app.make_application()
timer = QTimer()
timer.timeout.connect(close_once_busy)
timer.start(50)
code = app.run(argparse.Namespace(library=Path(sys.argv[1]), folders=[Path(sys.argv[2])]))
print(json.dumps([code, time.monotonic() - began[0]]), flush=True)
