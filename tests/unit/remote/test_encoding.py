"""Photos encoded on another computer, behind a real sshd."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from drawn_photos import draw
from flat_model import SIDE, FlatModel
from loopback_ssh import NAME, SUPPORT, FarComputer
from safetensors.numpy import load_file

from trainer import encode
from trainer.encode import SHARPNESS
from trainer.events import (
    EncodeHere,
    EncodePhotos,
    EncoderAway,
    EncoderReady,
    EncodeTexts,
    FarHello,
    PhotosEncoded,
    Place,
    TextsEncoded,
    parse_line,
    to_line,
)
from trainer.photo_encoder import Encoded, PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.process_io import EventStream
from trainer.remote import PROTOCOL, far_photo_encoder, other_computer
from trainer.remote.far_photo_encoder import FarPhotoEncoder, FolderReader, place_there
from trainer.remote.machine import SshMachine
from trainer.remote.other_computer import OtherComputer
from trainer.remote.trouble import Trouble

COUNT = 9


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """One of them cannot be read."""
    folder = tmp_path / "photos"
    folder.mkdir()
    made = draw(folder, COUNT)
    made[4].write_bytes(b"no photo")
    return made


def reader_of(model: FlatModel) -> PhotoReader:
    return PhotoReader(model.preparation, at_least=SHARPNESS * SIDE, threads=1, window=8)


class Here:
    """This computer, and what it was told."""

    def __init__(self, ssh: Sequence[str], folders: dict[str, str] | None = None) -> None:
        self.said: list[EncoderAway] = []
        self.model = FlatModel()
        self.other = OtherComputer(
            SshMachine(NAME, ssh),
            self.model,
            self.said.append,
            folders=folders,
            pauses=(0.02,),
            here_seconds=60,
        )
        self.reader = PhotoReader(
            self.model.preparation, at_least=SHARPNESS * SIDE, threads=1, window=8
        )
        self.photos = FolderReader(self.reader, self.other)
        self.encoder = FarPhotoEncoder(
            PhotoEncoder(self.model),
            self.other,
            lambda path: self.reader.read_now(path, self.model.preparation),
        )
        self.model.encoded = 0

    def encode(self, paths: Sequence[Path], between: Callable[[], None] = lambda: None) -> Encoded:
        self.photos.add(paths)
        return self.encoder.encode(len(paths), self.photos.take, between)

    @property
    def places(self) -> list[Place]:
        return [item.place for item in self.said]


Make = Callable[..., Here]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(far_photo_encoder, "FRAME", 2)
    made: list[Here] = []

    def make(ssh: Sequence[str], folders: dict[str, str] | None = None) -> Here:
        made.append(Here(ssh, folders))
        return made[-1]

    yield make
    for item in made:
        item.other.close()
        item.reader.close()


def flat(other: FarComputer, tmp_path: Path, seed: int = 0) -> Path:
    """Have the other computer encode; returns where it notes which features it has sent."""
    log = tmp_path / "answered"
    other.python(str(SUPPORT / "flat_far_side.py"), str(seed), str(log))
    return log


def expected(paths: Sequence[Path]) -> Encoded:
    model = FlatModel()
    reader = reader_of(model)
    reader.add(paths)
    encoded = PhotoEncoder(model).encode(len(paths), reader.take)
    reader.close()
    return encoded


def check(encoded: Encoded, paths: Sequence[Path]) -> None:
    """They are the features of local encoding, to the last bit."""
    right = expected(paths)
    assert encoded.positions.tolist() == right.positions.tolist()
    assert (encoded.features == right.features).all()
    assert (encoded.windows == right.windows).all()
    assert encoded.failures == right.failures


def test_features_from_there_are_those_of_here(
    other: FarComputer, photos: list[Path], tmp_path: Path, here: Make
) -> None:
    flat(other, tmp_path)
    computer = here(other.ssh)
    check(computer.encode(photos), photos)
    assert computer.model.encoded == 0
    assert computer.places == [Place.CONNECTING, Place.THERE]
    assert computer.said[-1].device == "Cardboard"


def test_a_cut_connection_is_made_again_and_nothing_is_encoded_twice(
    other: FarComputer, photos: list[Path], tmp_path: Path, here: Make
) -> None:
    log = flat(other, tmp_path)
    Path(f"{log}.cut").touch()
    computer = here(other.ssh)
    check(computer.encode(photos), photos)
    assert computer.places == [Place.CONNECTING, Place.THERE, Place.LOST, Place.THERE]
    assert computer.said[2].reason
    sent = "".join(log.read_text().split("\n"))
    probes_and_photos = 2 + COUNT - 1
    assert len(sent) == probes_and_photos * 2 * 2 * computer.model.dim
    assert computer.model.encoded == 0


@pytest.mark.parametrize("old", ["of before it could encode", "of another protocol"])
def test_an_old_version_there_is_refused_and_photos_are_encoded_here(
    other: FarComputer, photos: list[Path], here: Make, old: str
) -> None:
    if old == "of another protocol":
        other.program(f"echo {shlex.quote(to_line(FarHello(PROTOCOL - 1, '1')).strip())}; cat")
    else:
        other.program("echo \"lmpt-trainer: error: invalid choice: 'encode'\" >&2; exit 2")
    computer = here(other.ssh)
    check(computer.encode(photos), photos)
    assert computer.places == [Place.CONNECTING, Place.REFUSED]
    assert computer.said[-1].reason == Trouble.TOO_OLD.sentence


def test_other_weights_there_are_refused_and_nothing_is_mixed(
    other: FarComputer, photos: list[Path], tmp_path: Path, here: Make
) -> None:
    flat(other, tmp_path, seed=1)
    computer = here(other.ssh)
    check(computer.encode(photos), photos)
    assert computer.said[-1].place is Place.REFUSED
    assert computer.said[-1].reason == Trouble.OTHER_BACKBONE.sentence


@pytest.mark.parametrize(
    ("mode", "trouble"),
    [
        ("huge", Trouble.OTHER_BACKBONE),
        ("not-finite", Trouble.BAD_FEATURES),
        ("not-unit", Trouble.BAD_FEATURES),
        ("another-number", Trouble.BAD_FEATURES),
        ("other-photos", Trouble.BAD_FEATURES),
        ("twice", Trouble.BAD_FEATURES),
        ("endless-line", Trouble.FLOOD),
        ("endless-lines", Trouble.FLOOD),
    ],
)
def test_hostile_answers_are_thrown_away(
    photos: list[Path], here: Make, monkeypatch: pytest.MonkeyPatch, mode: str, trouble: Trouble
) -> None:
    monkeypatch.setattr("trainer.remote.machine.MOST_BYTES", 1 << 18)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT.parents[1]), str(SUPPORT)]))
    computer = here((sys.executable, str(SUPPORT / "hostile_far_encoder.py"), mode))
    check(computer.encode(photos), photos)
    assert computer.said[-1].place is Place.REFUSED
    assert computer.said[-1].reason == trouble.sentence
    assert all(item.device.isprintable() for item in computer.said)


def test_a_program_that_ends_at_every_photo_is_given_up(
    other: FarComputer, photos: list[Path], here: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = (
        "from flat_model import SIDE, FlatModel\n"
        "import os, sys\n"
        "from trainer.remote import encode_there\n"
        "class Ends(FlatModel):\n"
        "    def encode_with_windows(self, pixels):\n"
        "        made = super().encode_with_windows(pixels)\n"
        "        return made if self.encoded == 1 else os._exit(7)\n"
        "encode_there.load_encoder = lambda *_, **__: Ends()\n"
        "from trainer.__main__ import main; sys.exit(main())"
    )
    other.python("-c", ends)
    monkeypatch.setattr(other_computer, "MOST_ENDS", 2)
    computer = here(other.ssh)
    check(computer.encode(photos), photos)
    assert computer.said[-1].reason == Trouble.KEEPS_ENDING.sentence


def test_without_a_connection_for_too_long_photos_are_encoded_here(
    other: FarComputer, photos: list[Path], here: Make
) -> None:
    other.program("exit 1")
    computer = here(other.ssh)
    computer.other._here_seconds = 0
    check(computer.encode(photos), photos)
    assert Place.HERE in computer.places


def test_the_user_need_not_wait(other: FarComputer, photos: list[Path], here: Make) -> None:
    other.program("sleep 30")
    computer = here(other.ssh)
    check(computer.encode(photos, between=computer.other.encode_here), photos)
    assert computer.places == [Place.CONNECTING, Place.HERE]
    assert not other.connections()


def test_the_process_answers_texts_while_photos_wait_for_a_connection(
    other: FarComputer, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.program("sleep 30")
    monkeypatch.setenv("PATH", f"{other.path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(encode, "load_encoder", lambda *_arguments, **_options: FlatModel())
    parser = argparse.ArgumentParser()
    encode.add_arguments(parser)
    arguments = ["--backbone", "flat", "--out", str(tmp_path / "out"), "--nice", "0"]
    reading, writing = os.pipe()
    paths = [str(path) for path in photos]
    with os.fdopen(writing, "w") as requests, os.fdopen(reading) as stream:
        told = []

        class Told(io.StringIO):
            """Asks for the next thing when the one before is answered."""

            def write(self, line: str) -> int:
                told.append(message := parse_line(line))
                if isinstance(message, EncoderReady):
                    requests.write(to_line(EncodePhotos("p", list(range(COUNT)), paths)))
                    requests.write(to_line(EncodeTexts("t", ["a dog"])))
                elif isinstance(message, TextsEncoded):
                    requests.write(to_line(EncodeHere()))
                elif isinstance(message, PhotosEncoded):
                    requests.close()
                if not requests.closed:
                    requests.flush()
                return len(line)

        given = parser.parse_args([*arguments, "--machine", NAME])
        assert encode._run(given, stream, EventStream(Told())) == 0
    kinds = [type(item) for item in told]
    assert kinds[:3] == [EncoderReady, EncoderAway, TextsEncoded]
    # That they are encoded here is told by another thread than what came of it.
    assert set(kinds[3:]) == {EncoderAway, PhotosEncoded} and len(kinds) == 5
    [encoded] = [item for item in told if isinstance(item, PhotosEncoded)]
    features = load_file(encoded.file)["features"]
    assert (features == expected(photos).features).all()


def test_files_that_are_there_too_are_not_sent_but_for_those_that_are_not(
    other: FarComputer, photos: list[Path], tmp_path: Path, here: Make
) -> None:
    flat(other, tmp_path)
    there = other.home / "shared"
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(photos[0].parent, there / "of 2026")
    (there / "of 2026" / photos[1].name).unlink()
    (there / "of 2026" / photos[2].name).write_bytes(photos[3].read_bytes())  # another photo
    computer = here(other.ssh, {str(photos[0].parent): f"{there}/of 2026/"})
    sent: list[int] = []
    take = computer.photos.take

    def counted(count: int) -> list[far_photo_encoder.Item]:
        items = take(count)
        sent.extend(isinstance(item, far_photo_encoder.FileThere) for item in items)
        return items

    computer.photos.add(photos)
    check(computer.encoder.encode(COUNT, counted), photos)
    assert sent == [True] * COUNT
    assert computer.model.encoded == 0
    assert computer.said[-1].not_found == 2


def test_folders_that_are_not_there_are_noticed(
    other: FarComputer, photos: list[Path], tmp_path: Path, here: Make
) -> None:
    flat(other, tmp_path)
    computer = here(other.ssh, {str(photos[0].parent): "/nowhere"})
    check(computer.encode(photos), photos)
    assert not computer.other.folders
    assert computer.model.encoded == 0
    assert computer.said[-1].place is Place.THERE


def test_a_place_there_has_that_systems_slashes() -> None:
    folders = {"/home/me/Photos": "/mnt/photos/"}
    assert place_there(Path("/home/me/Photos/a/b.jpg"), folders) == "/mnt/photos/a/b.jpg"
    assert place_there(Path("/home/me/Photos2/b.jpg"), folders) is None
    assert place_there(Path("/home/me/Photos/../b.jpg"), folders) is None


def test_a_backbone_of_this_computer_alone_is_not_asked_for() -> None:
    class Own(FlatModel):
        name = "local-dir:/home/me/mine"

    said: list[EncoderAway] = []
    other = OtherComputer(SshMachine(NAME, ("no-such-ssh",)), Own(), said.append)
    other.close()
    assert [(item.place, item.reason) for item in said] == [
        (Place.REFUSED, Trouble.OWN_WEIGHTS.sentence)
    ]
