"""Merges two classes of a library and undoes it, again and again, until killed."""

from __future__ import annotations

import sys
from pathlib import Path

from paper_library import open_session


def main() -> None:
    with open_session(Path(sys.argv[1])) as session:
        dog, puppy = (entry.id for entry in session.snapshot().classes)
        editor = session.vocabulary
        while True:
            step = editor.merge(editor.plan_merge([puppy], dog))
            print("merged", flush=True)
            editor.undo(step)
            editor.redo(step)
            editor.undo(step)


if __name__ == "__main__":
    main()
