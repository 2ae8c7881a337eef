"""Random changes of many images, the same for the same seed; each is told once it is on disk.

As a program: ``random_changes.py LIBRARY SEED`` goes on until it is killed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from paper_library import open_session

from lmpt_desktop.engine.session import LibrarySession

IMAGES = 1500
NAMES = tuple(f"class {i}" for i in range(30))


def changes(session: LibrarySession, seed: int) -> Iterator[int]:
    """Make changes without end; gives the number of each when it is committed."""
    rng = np.random.default_rng(seed)
    ids, class_ids = session.snapshot().image_ids, session.snapshot().class_ids
    number = 0
    while True:
        count = int(rng.integers(1, IMAGES))
        some = rng.choice(ids, count, replace=False)
        history = session.annotations.history()
        done = [item for item in history if item.done]
        undone = [item for item in history if not item.done]
        match rng.integers(6):
            case 0 | 1:
                session.annotations.apply(
                    some,
                    rng.choice(class_ids, count),
                    rng.integers(-1, 2, count).astype(np.int8),
                    label=f"change {number}",
                )
            case 2:
                session.annotations.mark_reviewed(some.tolist(), True)
            case 3:
                session.annotations.mark_reviewed(some.tolist(), False)
            case 4 if done:
                session.annotations.undo(done[-1].id)
            case 5 if undone:
                session.annotations.redo(undone[0].id)
            case _:
                session.annotations.annotate(some.tolist(), [int(class_ids[0])], 1)  # type: ignore[arg-type]
        number += 1
        yield number


def main() -> None:
    with open_session(Path(sys.argv[1])) as session:
        print(0, flush=True)
        for number in changes(session, int(sys.argv[2])):
            print(number, flush=True)


if __name__ == "__main__":
    main()
