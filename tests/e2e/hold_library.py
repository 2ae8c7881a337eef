"""Opens a library and keeps it open until the process is killed (run by test_single_instance).

Prints "open" once the library is shown, and "asked" with every folder and photo handed over.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parent))

from conftest import CLASSES, FAKES  # pyright: ignore[reportMissingImports]

from lmpt_desktop import app
from lmpt_desktop.ui.window.library_opening import LibraryOpener


def report(*words: object) -> None:
    print(*words, flush=True)


def main(photos: Path) -> None:
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=FAKES, classes=CLASSES))
    window = app.make_window(opener=opener)
    window.show()
    window.context.opened.connect(lambda _page: report("open"))
    window.server.activation_requested.connect(lambda paths: report("asked", *paths))
    app.start(window, argparse.Namespace(folders=[photos], library=None))
    application.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
