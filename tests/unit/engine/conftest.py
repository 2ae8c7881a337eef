"""Fake trainer processes and a way to wait for what they cause."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from class_ids import class_id
from other_computer_fixtures import other, server  # noqa: F401
from PIL import Image

from lmpt_desktop.catalogue import RunState
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.session import Commands, LibrarySession

NAMES = ["dog_1.jpg", "dog_2.jpg", "cat_1.jpg", "cat_2.jpg", "dog+cat_1.jpg", "kite_1.jpg"]
SUPPORT = Path(__file__).parents[2] / "support"


@pytest.fixture
def encoder_command() -> list[str]:
    return [sys.executable, str(SUPPORT / "fake_encoder.py")]


@pytest.fixture
def fit_command() -> list[str]:
    return [sys.executable, str(SUPPORT / "fake_fit.py")]


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition holds; fails after a generous while."""

    def wait(condition: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not happen"
            time.sleep(0.01)

    return wait


@pytest.fixture
def reviewed_session(
    tmp_path: Path, encoder_command: list[str], fit_command: list[str]
) -> Iterator[LibrarySession]:
    """A library in which every photo is reviewed."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    with LibrarySession.open(
        tmp_path / "library", commands=Commands(encoder_command, fit_command)
    ) as made:
        made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat", "a cat"), ClassSpec("kite")])
        made.folders.add(folder)
        assert made.wait_until_idle(60)
        images = dict(zip(made.snapshot().names, made.snapshot().image_ids.tolist(), strict=True))
        for name, image in images.items():
            for word in name.split("_")[0].split("+"):
                made.annotations.annotate([image], [class_id(made, word)], Verdict.PRESENT)
        made.annotations.mark_reviewed(list(images.values()))
        assert made.wait_until_idle(60)
        yield made


@pytest.fixture
def trained_version(reviewed_session: LibrarySession, until: Callable[..., None]) -> int:
    """Id of a version that was trained and is in use."""
    run = reviewed_session.training.start()

    def ended() -> bool:
        status = reviewed_session.training.current_run()
        return status is not None and status.state is RunState.FINISHED

    until(ended)
    made = next(item.version_id for item in reviewed_session.versions.all() if item.run_id == run)
    reviewed_session.versions.promote(made)
    assert reviewed_session.wait_until_idle(60)
    assert reviewed_session.snapshot().trained.all()
    return made
