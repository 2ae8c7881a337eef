"""Files that move while they are scanned.  LMPT_IDENTITY_FILES and LMPT_IDENTITY_ROUNDS make it
longer: 400 files and 12 rounds were tried."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from annotated_library import AnnotatedLibrary
from photo_bytes import picture, written

from lmpt_desktop.ingest.scope import Scope

FILES = int(os.environ.get("LMPT_IDENTITY_FILES", "60"))
ROUNDS = int(os.environ.get("LMPT_IDENTITY_ROUNDS", "8"))
FOLDERS = ("a", "b", "c", "c/d")


class Mover(threading.Thread):
    """Renames files between folders until it is stopped; ``places`` says where each is."""

    def __init__(self, top: Path, places: dict[str, Path], seed: int, *, over_names: bool) -> None:
        super().__init__(daemon=True)
        self._places = places
        self._top = top
        self._random = random.Random(seed)
        self._over_names = over_names
        self._stopped = threading.Event()
        self.renamed = 0

    def run(self) -> None:
        while not self._stopped.is_set():
            own = self._random.choice(sorted(self._places))
            folder = self._top / self._random.choice(FOLDERS)
            name = f"n{self._random.randrange(FILES)}.jpg" if self._over_names else own
            target = folder / name
            if target.exists():
                self._swap(own, target)
            else:
                self._places[own].rename(target)
                self._places[own] = target
            self.renamed += 1
            self._stopped.wait(0.0005)

    def _swap(self, own: str, target: Path) -> None:
        other = next(name for name, path in self._places.items() if path == target)
        mine = self._places[own]
        if other == own:
            return
        kept = mine.with_suffix(".kept")
        mine.rename(kept)
        target.rename(mine)
        kept.rename(target)
        self._places[own], self._places[other] = target, mine

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@pytest.mark.parametrize("over_names", [False, True], ids=["keeping names", "swapping names"])
def test_every_verdict_is_in_view_after_the_last_scan(
    photos: Path, open_library: Callable[..., AnnotatedLibrary], over_names: bool
) -> None:
    places = {}
    for number in range(FILES):
        path = photos / FOLDERS[number % len(FOLDERS)] / f"p{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(picture(number), ".jpg"))
        places[path.name] = path
    library = open_library()
    library.begin()
    for round_number in range(ROUNDS):
        mover = Mover(photos, places, round_number, over_names=over_names)
        mover.start()
        try:
            library.scan()
            library.scan(scope=Scope(flat=frozenset(FOLDERS[:2]), deep=frozenset({"c"})))
        finally:
            mover.stop()
        assert mover.renamed
        if round_number % 3 == 2:
            library.look()
    library.settle()
    library.assert_in_view({path: own for own, path in places.items()})
    library.assert_waiting()
