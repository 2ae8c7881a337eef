"""A library of three photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from class_ids import class_id
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.session import LibrarySession


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(["a.jpg", "b.jpg", "c.jpg"]):
        Image.new("RGB", (20 + number, 15), (number * 40, 90, 20)).save(folder / name)
    return folder


@pytest.fixture
def session(tmp_path: Path, photos: Path) -> Iterator[LibrarySession]:
    with LibrarySession.open(tmp_path / "library", encode=False) as made:
        made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat"), ClassSpec("black/white")])
        made.folders.add(photos)
        assert made.wait_until_idle(60)
        yield made


@pytest.fixture
def say(session: LibrarySession) -> Callable[[str, str, Verdict], None]:
    def annotate(name: str, klass: str, verdict: Verdict) -> None:
        ids = dict(zip(session.snapshot().names, session.snapshot().image_ids, strict=True))
        session.annotations.annotate([int(ids[name])], [class_id(session, klass)], verdict)

    return annotate
