"""Captions that an installed captioner writes, and what comes before them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmpt_desktop.domain.records import CaptionSource, ClassSpec, Verdict
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
)
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.engine.training.captioning import CaptionRefusedError, CaptionWriter
from trainer.suggested import CAPTIONERS, WEIGHT_FILES, backbones_dir

Until = Callable[[Callable[[], object]], None]
SUPPORT = Path(__file__).parents[3] / "support"
CAPTIONER = [sys.executable, str(SUPPORT / "fake_captioner.py")]
NAME = next(iter(CAPTIONERS))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FAKE_CAPTIONER_STARTS", str(tmp_path / "starts.txt"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)


def install() -> None:
    folder = backbones_dir() / CAPTIONERS[NAME].replace("/", "--")
    folder.mkdir(parents=True)
    (folder / WEIGHT_FILES[0]).touch()


class Library:
    """A session over photos with these names, all annotated."""

    def __init__(self, session: LibrarySession, folder: Path, until: Until) -> None:
        self.session, self.folder, self.until = session, folder, until
        self.notices: list[Notice] = []
        session.subscribe(self.notices.append)
        self.ids: dict[str, int] = {}

    def fill(self, names: Sequence[str], *, annotated: Sequence[str] | None = None) -> None:
        for number, name in enumerate(names):
            image = Image.new("RGB", (40 + number % 50, 30 + number // 50), (90, number % 255, 20))
            image.save(self.folder / f"{name}.jpg")
        self.session.vocabulary.set_all([ClassSpec("dog")])
        self.session.folders.add(self.folder)
        assert self.session.wait_until_idle(60)
        snapshot = self.session.snapshot()
        stems = [Path(name).stem for name in snapshot.names]
        self.ids = dict(zip(stems, snapshot.image_ids.tolist(), strict=True))
        chosen = [self.ids[name] for name in (names if annotated is None else annotated)]
        self.session.annotations.annotate(
            chosen, [self.session.snapshot().classes[0].id], Verdict.PRESENT
        )

    def caption(self, name: str) -> tuple[str, CaptionSource]:
        found = self.session.catalogue.images.details(self.ids[name])
        return found.caption, found.caption_source

    @property
    def activities(self) -> list[Activity]:
        return [
            item.activity
            for item in self.notices
            if isinstance(item, ActivityChanged) and item.activity.kind is ActivityKind.CAPTION
        ]

    def wait(self) -> Activity:
        """Until the captioner has ended; its last activity."""
        self.until(
            lambda: self.activities and self.activities[-1].state is not ActivityState.RUNNING
        )
        return self.activities[-1]


@pytest.fixture
def library(tmp_path: Path, until: Until, encoder_command: list[str]) -> Iterator[Library]:
    folder = tmp_path / "photos"
    folder.mkdir()
    commands = Commands(encode=encoder_command, caption=CAPTIONER)
    with LibrarySession.open(tmp_path / "library", commands=commands) as session:
        yield Library(session, folder, until)


def test_without_an_installed_captioner_nothing_is_started(
    library: Library, tmp_path: Path
) -> None:
    library.fill(["a"])
    with pytest.raises(CaptionRefusedError, match="not on this computer"):
        library.session.training.write_captions()
    assert not (tmp_path / "starts.txt").exists()
    assert not library.activities


def test_annotated_photos_without_a_caption_get_one(library: Library, tmp_path: Path) -> None:
    install()
    names = [f"photo {number}" for number in range(20)] + ["odd", "unannotated"]
    library.fill(names, annotated=names[:-1])
    assert library.session.training.write_captions() == 21
    last = library.wait()
    assert (last.state, last.done, last.total) == (ActivityState.IDLE, 21, 21)
    for name in names[:-2]:
        assert library.caption(name) == (f"this is {name}", CaptionSource.CAPTIONER)
    assert library.caption("odd") == library.caption("unannotated") == ("", CaptionSource.NONE)
    assert (tmp_path / "starts.txt").read_text().split("\n") == [NAME, ""]
    assert library.session.training.write_captions() == 1  # the odd one is tried again
    library.wait()


def test_captions_of_the_file_its_sidecar_and_the_user_come_first(library: Library) -> None:
    install()
    (library.folder / "told.txt").write_text("from a sidecar", "utf-8")
    library.fill(["told", "mine", "plain"])
    library.session.images.set_caption(library.ids["mine"], "my words")
    assert library.session.training.write_captions() == 1
    library.wait()
    assert library.caption("told") == ("from a sidecar", CaptionSource.SIDECAR)
    assert library.caption("mine") == ("my words", CaptionSource.USER)
    assert library.caption("plain") == ("this is plain", CaptionSource.CAPTIONER)
    # What the captioner wrote gives way to any of them, at any time.
    (library.folder / "plain.txt").write_text("a sidecar, later", "utf-8")
    library.session.folders.rescan()
    library.until(lambda: library.caption("plain")[1] is CaptionSource.SIDECAR)
    assert library.session.catalogue.images.fill_captions({library.ids["plain"]: "again"}) == []


def test_the_job_of_a_retraining_reads_them(library: Library) -> None:
    install()
    library.fill(["dog 1", "dog 2"])
    library.session.training.write_captions()
    library.wait()
    ids = np.array([library.ids["dog 1"], library.ids["dog 2"]])
    captions = library.session.catalogue.images.captions(ids)
    assert sorted(captions.values()) == ["this is dog 1", "this is dog 2"]


def test_a_crash_and_broken_weights_are_reported(
    library: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install()
    library.fill([f"a {number}" for number in range(8)] + ["fatal"])
    library.session.training.write_captions()
    last = library.wait()
    assert last.state is ActivityState.FAILED
    assert "stopped unexpectedly" in last.message
    library.until(lambda: any(isinstance(item, Problem) for item in library.notices))
    (problem,) = [item for item in library.notices if isinstance(item, Problem)]
    assert "a last word" in problem.details
    assert library.caption("a 0")[1] is CaptionSource.CAPTIONER
    weights = tmp_path / "weights.safetensors"
    weights.touch()
    library.notices.clear()
    caplog.clear()
    caplog.set_level(logging.INFO)
    writer = CaptionWriter(library.session.catalogue, library.notices.append, CAPTIONER)
    writer.start([library.ids["fatal"]], f"coca_broken/{weights}", "cpu")
    assert library.wait().message == "These weights are broken."
    library.until(lambda: any(isinstance(item, Problem) for item in library.notices))
    (problem,) = [item for item in library.notices if isinstance(item, Problem)]
    # Foreseen: the sentence says all there is, and the log has it in one line.
    assert (problem.message, problem.details) == ("These weights are broken.", "")
    said = [item for item in caplog.records if "weights are broken" in item.getMessage()]
    assert len(said) == 1
    assert not any(item.exc_info for item in caplog.records)


def test_cancelling_keeps_what_is_written_and_lets_it_be_started_again(library: Library) -> None:
    install()
    library.fill([f"a {number}" for number in range(8)] + ["slow"])
    library.session.training.write_captions()
    library.until(lambda: library.activities[-1].done == 8)
    with pytest.raises(CaptionRefusedError, match="already"):
        library.session.training.write_captions()
    library.session.activities.cancel(ActivityKind.CAPTION)
    assert library.wait().state is ActivityState.IDLE
    assert library.caption("a 7")[1] is CaptionSource.CAPTIONER
    assert library.session.training.write_captions() == 1
    library.session.activities.cancel(ActivityKind.CAPTION)
