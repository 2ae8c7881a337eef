"""Opens a library in a process of its own and holds it until it is killed (for the tests of
one window per library): says "open" once it is there, and every folder and photo handed to it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest import CLASSES, FAKES  # pyright: ignore[reportMissingImports]

from lmpt_desktop import app
from lmpt_desktop.ui.window.library_opening import LibraryOpener


def say(*words: object) -> None:
    print(*words, flush=True)


def main(photos: Path) -> None:
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=FAKES, classes=CLASSES))
    window = app.make_window(opener=opener)
    window.show()
    window.context.opened.connect(lambda _page: say("open"))
    window.server.activation_requested.connect(lambda paths: say("asked", *paths))
    app.start(window, argparse.Namespace(folders=[photos], library=None))
    application.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
