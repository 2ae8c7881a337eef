"""Annotations follow photos that were edited or turned, and wait where another photo came."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from class_ids import class_id
from fake_encoder import look, look_vector
from numpy.typing import NDArray
from photo_bytes import picture
from PIL import Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ClassSpec, ImageState, ScannedFile, Verdict
from lmpt_desktop.engine.encoding.encoder_sink import EncoderError
from lmpt_desktop.engine.files.turned_photos import TurnedPhotos
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.session import Commands, LibrarySession
from trainer.suggested import is_downloaded

WAYS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
Open = Callable[..., LibrarySession]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Thirty pictures, none like another."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(30):
        picture(number).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def open_session(
    tmp_path: Path,
    encoder_command: list[str],
    fit_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Open]:
    """Opens the library; features are of what photos look like."""
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"looks": True}))
    sessions: list[LibrarySession] = []

    def make(*, encode: bool = True, commands: Commands | None = None) -> LibrarySession:
        session = LibrarySession.open(
            tmp_path / "library",
            encode=encode,
            commands=commands or Commands(encoder_command, fit_command),
        )
        sessions.append(session)
        assert session.wait_until_idle(60)
        return session

    yield make
    for session in sessions:
        session.close()


def annotated(session: LibrarySession, photos: Path) -> None:
    """Every photo of the folder, encoded and with a verdict."""
    session.vocabulary.set_all([ClassSpec("seen")])
    session.folders.add(photos)
    assert session.wait_until_idle(60)
    ids = session.snapshot().image_ids.tolist()
    session.annotations.annotate(ids, [class_id(session, "seen")], Verdict.PRESENT)


def rescan(session: LibrarySession) -> None:
    session.folders.rescan()
    assert session.wait_until_idle(60)


def seen(session: LibrarySession) -> set[str]:
    """Names of the photos in view that have the verdict."""
    table = session.catalogue.images.table()
    verdicts = session.catalogue.annotations.matrix(table.ids, [class_id(session, "seen")])
    paths = session.catalogue.images.paths(table.ids)
    there = (table.states != ImageState.MISSING) & (verdicts[:, 0] == Verdict.PRESENT)
    return {path.name for path, shown in zip(paths, there.tolist(), strict=True) if shown}


def edited(session: LibrarySession) -> set[str]:
    table = session.catalogue.images.table()
    paths = session.catalogue.images.paths(table.ids)
    return {path.name for path, is_edited in zip(paths, table.edited, strict=True) if is_edited}


def turned_requests(library: Path) -> list[str]:
    file = library / "encode" / "turned.txt"
    return [Path(line).name for line in file.read_text().splitlines()] if file.exists() else []


def test_annotations_follow_photos_whose_pixels_were_turned_and_no_others(
    open_session: Open, photos: Path, tmp_path: Path
) -> None:
    session = open_session()
    annotated(session, photos)
    for number, way in enumerate(WAYS):
        picture(number).transpose(way).save(photos / f"{number}.png")
    picture(3, variant=1).save(photos / "3.png")
    for number in range(4, 10):
        picture(100 + number).save(photos / f"{number}.png")
    rescan(session)
    replaced = {f"{number}.png" for number in range(4, 10)}
    assert seen(session) == {f"{number}.png" for number in range(30)} - replaced
    assert edited(session) == {"0.png", "1.png", "2.png", "3.png"}
    assert session.catalogue.transfers.displaced() == []
    requests = turned_requests(tmp_path / "library")
    assert sorted(requests) == sorted({"0.png", "1.png", "2.png"} | replaced)
    rescan(session)
    assert turned_requests(tmp_path / "library") == requests


def test_without_an_encoder_pairs_are_decided_at_once(open_session: Open, photos: Path) -> None:
    session = open_session()
    annotated(session, photos)
    session.close()
    session = open_session(encode=False)
    picture(0).transpose(WAYS[0]).save(photos / "0.png")
    rescan(session)
    [pair] = session.catalogue.transfers.displaced()
    # As another process does.
    feature = look_vector(look(photos / "0.png")).astype(np.float16)
    session.catalogue.features.append("lite", [pair.successor_id], feature[None])
    session.model.reload_features()
    assert session.wait_until_idle(60)
    assert session.catalogue.transfers.displaced() == []
    assert "0.png" not in seen(session)


def test_a_turned_photo_that_waits_while_paused_is_decided_after_a_restart(
    open_session: Open, photos: Path, until: Callable[..., None]
) -> None:
    session = open_session()
    annotated(session, photos)
    session.model.pause()
    picture(0).transpose(WAYS[0]).save(photos / "0.png")
    session.folders.rescan()
    until(session.catalogue.transfers.displaced)
    assert "0.png" not in seen(session)
    session.close()
    session = open_session()
    assert "0.png" in seen(session)
    assert edited(session) == {"0.png"}


# ------------------------------------------------------------------------ what was asked for


class Client:
    backbone = "lite"


class Model:
    """A model service whose answers the test gives."""

    starts_encoder = True

    def __init__(self) -> None:
        self.client = Client()
        self.asked: list[Path] = []
        self.futures: list[Future[NDArray[np.float32]]] = []

    def encode_turned(self, backbone: str, path: Path) -> tuple[Client, Future] | None:
        if backbone != self.client.backbone:
            return None
        self.asked.append(path)
        self.futures.append(Future())
        return self.client, self.futures[-1]

    def uses(self, client: Client) -> bool:
        return client is self.client


class Asking:
    """One image, and what is known of it turned."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "a.png"
        picture(1).save(self.path)
        status = self.path.stat()
        added = catalogue.folders.add(folder)
        file = ScannedFile("a.png", status.st_size, status.st_mtime_ns, fingerprint="f")
        [self.image] = catalogue.images.upsert(added.id, [file])
        self.model = Model()
        self.arrived: list[int] = []
        self.turned = TurnedPhotos(
            catalogue, cast("ModelService", self.model), lambda: self.arrived.append(1)
        )
        self.feature = np.full(4, 0.5, np.float16)
        self.answer = np.eye(3, 4, dtype=np.float32)

    def features(self, feature: NDArray[np.float16] | None = None) -> NDArray[np.float32] | None:
        return self.turned.features(
            "lite", self.image, self.feature if feature is None else feature
        )


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with Catalogue.open(tmp_path / "library") as catalogue:
        yield Asking(catalogue, tmp_path / "photos")


def test_a_picture_is_asked_for_once(asking: Asking) -> None:
    assert asking.features() is None
    assert asking.features() is None
    assert asking.model.asked == [asking.path]
    asking.model.futures[0].set_result(asking.answer)
    assert asking.arrived
    np.testing.assert_array_equal(asking.features(), asking.answer)
    assert len(asking.model.asked) == 1


def test_another_picture_of_the_image_is_asked_for_again(asking: Asking) -> None:
    asking.features()
    other = -asking.feature
    assert asking.features(other) is None
    asking.model.futures[0].set_result(asking.answer)
    assert asking.features(other) is None
    asking.model.futures[1].set_result(asking.answer * 2)
    np.testing.assert_array_equal(asking.features(other), asking.answer * 2)


def test_a_file_that_changed_meanwhile_is_not_decided_on(asking: Asking) -> None:
    asking.features()
    asking.model.futures[0].set_result(asking.answer)
    status = asking.path.stat()
    os.utime(asking.path, ns=(1, 1))
    assert asking.features() is None
    os.utime(asking.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert asking.features() is not None
    asking.path.unlink()
    assert asking.features() is None
    assert len(asking.model.asked) == 1


def test_an_unreadable_photo_has_no_turned_features(asking: Asking) -> None:
    asking.features()
    asking.model.futures[0].set_exception(EncoderError("unreadable", "Damaged."))
    found = asking.features()
    assert found is not None
    assert found.shape == (0, 4)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_failure_of_the_encoder_leaves_the_pair_open(asking: Asking, *, replaced: bool) -> None:
    asking.features()
    if replaced:
        asking.model.client = Client()
    asking.model.futures[0].set_exception(EncoderError("cancelled", "Another device."))
    # Another encoder is asked soon; the same one when there is something else to compare.
    assert bool(asking.arrived) == replaced
    assert asking.features() is None
    assert len(asking.model.futures) == 2


def test_answers_that_are_no_longer_wanted_are_forgotten(asking: Asking) -> None:
    asking.features()
    asking.turned.keep_only([])
    asking.model.futures[0].set_result(asking.answer)
    assert asking.features() is None
    assert len(asking.model.asked) == 2


# ------------------------------------------------------------------------------- real photos


def test_lite_recognises_a_real_photo_that_was_turned(
    open_session: Open, tmp_path: Path, fit_command: list[str]
) -> None:
    root = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[5] / "shared"))
    found = sorted((root / "photos" / "images").glob("*.jpg"))
    if not found:
        pytest.skip(f"no shared photos in {root}")
    real, another = found[:6], found[6]
    if not is_downloaded("lite"):
        pytest.skip("Lite is not built")
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in real:
        (photos / path.name).write_bytes(path.read_bytes())
    session = open_session(commands=Commands(fit=fit_command))
    annotated(session, photos)
    for path, way in zip(real, WAYS, strict=False):
        with Image.open(path) as image:
            image.convert("RGB").transpose(way).save(photos / path.name, quality=90)
    (photos / real[3].name).write_bytes(another.read_bytes())
    session.folders.rescan()
    assert session.wait_until_idle(300)
    assert seen(session) == {path.name for path in real} - {real[3].name}
    assert edited(session) == {path.name for path in real[:3]}
