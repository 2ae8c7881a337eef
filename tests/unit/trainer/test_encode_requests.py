"""Requests answered by a model, in this process."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_photos import draw
from PIL import Image
from safetensors.numpy import load_file

from trainer.backbone import Backbone, load_backbone
from trainer.box import WHOLE
from trainer.encode import NO_MAP, SHARPNESS, Encoder
from trainer.events import (
    EncodeMap,
    EncodePhotos,
    EncoderFailed,
    EncodeTexts,
    EncodeTurned,
    MapEncoded,
    Message,
    PhotosEncoded,
    TextsEncoded,
    TurnedEncoded,
    parse_line,
)
from trainer.photo import read_photo
from trainer.photo_encoder import Encoded, PhotoEncoder
from trainer.process_io import EventStream, Inbox, PhotoRequest, UrgentRequest
from trainer.suggested import is_downloaded


@pytest.fixture(scope="module")
def backbone(tiny_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_folder}", "cpu")


class Desk:
    """An encoder without a process."""

    def __init__(self, backbone: Backbone, out: Path) -> None:
        self.written = io.StringIO()
        self.encoder = Encoder(backbone, out, EventStream(self.written), threads=2, batch=4)
        self.inbox = Inbox()

    def ask(self, *requests: PhotoRequest | UrgentRequest) -> list[Message]:
        for request in requests:
            self.inbox.put(request)
        self.inbox.end(stop=False)
        self.encoder.work(self.inbox, None)
        self.encoder.close()
        return [parse_line(line) for line in self.written.getvalue().splitlines()]


def test_features_equal_those_of_open_clips_preprocessing(
    backbone: Backbone, tmp_path: Path, shared_photos: list[Path]
) -> None:
    """On real photos, small as they are and enlarged so that JPEGs are decoded at 1/2 to 1/8."""
    paths = list(shared_photos[:12])
    for place, factor in enumerate((2, 4, 6)):
        with Image.open(shared_photos[place]) as image:
            large = image.resize((image.width * factor, image.height * factor))
        path = tmp_path / f"large{factor}.jpg"
        large.save(path, quality=92)
        paths.append(path)
    request = EncodePhotos("r", list(range(len(paths))), [str(path) for path in paths])
    [answer] = Desk(backbone, tmp_path).ask(request)
    assert isinstance(answer, PhotosEncoded)
    got = load_file(answer.file)["features"].astype(np.float32)
    plain = torch.stack([backbone.preprocess(Image.open(path).convert("RGB")) for path in paths])
    expected = backbone.encode_images(plain)
    cosines = (got * expected).sum(1) / np.linalg.norm(got, axis=1)
    assert cosines.min() >= 0.999


def test_answers_name_ids_and_failures(backbone: Backbone, tmp_path: Path) -> None:
    paths = draw(tmp_path, 6)
    paths[2].write_bytes(b"")
    paths[4].unlink()
    ids = [60, 61, 62, 63, 64, 65]
    [answer] = Desk(backbone, tmp_path).ask(EncodePhotos("r/1", ids, [str(p) for p in paths]))
    assert isinstance(answer, PhotosEncoded)
    assert (answer.request, answer.count) == ("r/1", 4)
    assert [(f.id, f.reason) for f in answer.failures] == [
        (62, "The file is empty."),
        (64, "The file is no longer there."),
    ]
    arrays = load_file(answer.file)
    assert arrays["ids"].tolist() == [60, 61, 63, 65]
    assert arrays["ids"].dtype == np.int64
    assert arrays["features"].dtype == np.float16
    assert (arrays["windows"].shape, arrays["windows"].dtype) == ((4, 5, backbone.dim), np.int8)
    norms = np.linalg.norm(arrays["features"].astype(np.float32), axis=1)
    np.testing.assert_allclose(norms, 1, atol=2e-3)
    assert Path(answer.file).parent == tmp_path
    assert not list(tmp_path.glob("*.part"))


def test_a_request_that_fails_entirely_has_no_file(backbone: Backbone, tmp_path: Path) -> None:
    [answer] = Desk(backbone, tmp_path).ask(EncodePhotos("r", [1, 2], ["/no/such", "/nor/this"]))
    assert isinstance(answer, PhotosEncoded)
    assert (answer.file, answer.count, len(answer.failures)) == ("", 0, 2)


def test_texts_are_answered_with_float32_rows(backbone: Backbone, tmp_path: Path) -> None:
    [answer] = Desk(backbone, tmp_path).ask(EncodeTexts("t", ["a dog", "a cat"], ["photo of {}"]))
    assert isinstance(answer, TextsEncoded)
    features = load_file(answer.file)["features"]
    assert features.dtype == np.float32
    np.testing.assert_allclose(
        features, backbone.encode_texts(["a dog", "a cat"], ["photo of {}"]), atol=1e-6
    )


def test_turned_photos_have_the_features_of_photos_saved_turned(
    backbone: Backbone, tmp_path: Path
) -> None:
    [drawn] = draw(tmp_path, 1)
    with Image.open(drawn) as image:
        original = image.convert("RGB").resize((90, 64))
    path = tmp_path / "original.png"
    original.save(path)
    saved = [tmp_path / f"{turns}.png" for turns in (1, 2, 3)]
    ways = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    for file, way in zip(saved, ways, strict=True):
        original.transpose(way).save(file)
    photos, turned = Desk(backbone, tmp_path).ask(
        EncodePhotos("p", [1, 2, 3], [str(file) for file in saved]), EncodeTurned("t", str(path))
    )
    assert isinstance(photos, PhotosEncoded)
    assert isinstance(turned, TurnedEncoded)
    assert (turned.request, turned.reason) == ("t", "")
    assert list(load_file(turned.file)) == ["features"]
    expected, got = (load_file(answer.file)["features"] for answer in (photos, turned))
    assert got.dtype == np.float16
    cosines = got.astype(np.float32) @ expected.astype(np.float32).T
    assert np.diag(cosines).min() > 0.999
    assert (cosines.argmax(axis=1) == np.arange(3)).all()


def test_a_turned_photo_that_cannot_be_read_has_a_reason_and_the_next_is_answered(
    backbone: Backbone, tmp_path: Path
) -> None:
    [path] = draw(tmp_path, 1)
    gone, there = Desk(backbone, tmp_path).ask(
        EncodeTurned("1", "/no/such"), EncodeTurned("2", str(path))
    )
    assert gone == TurnedEncoded("1", "", "The file is no longer there.")
    assert isinstance(there, TurnedEncoded)
    assert load_file(there.file)["features"].shape == (3, backbone.dim)


def test_a_text_does_not_wait_for_a_long_request_of_photos(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(path) for path in draw(tmp_path, 20)]
    desk = Desk(backbone, tmp_path)
    original = PhotoEncoder.encode

    def encode(self: PhotoEncoder, *arguments: Any) -> Encoded:
        desk.inbox.put(EncodeTexts("t", ["now"]))
        return original(self, *arguments)

    monkeypatch.setattr(PhotoEncoder, "encode", encode)
    answers = desk.ask(EncodePhotos("p", list(range(20)), paths))
    assert [type(answer) for answer in answers] == [TextsEncoded, PhotosEncoded]


def test_a_map_does_not_wait_for_a_long_request_of_photos(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(path) for path in draw(tmp_path, 20)]
    desk = Desk(backbone, tmp_path)
    original = PhotoEncoder.encode

    def encode(self: PhotoEncoder, *arguments: Any) -> Encoded:
        desk.inbox.put(EncodeMap("m", paths[7]))
        return original(self, *arguments)

    monkeypatch.setattr(PhotoEncoder, "encode", encode)
    mapped, photos = desk.ask(EncodePhotos("p", list(range(20)), paths))
    assert isinstance(mapped, MapEncoded)
    assert isinstance(photos, PhotosEncoded)
    assert photos.count == 20


def test_a_map_is_that_of_the_upright_photo_and_says_what_it_covers(
    backbone: Backbone, tmp_path: Path
) -> None:
    [drawn] = draw(tmp_path, 1)
    with Image.open(drawn) as image:
        upright = image.convert("RGB").resize((100, 150))
    paths = [tmp_path / "upright.png", tmp_path / "turned.png"]
    upright.save(paths[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(paths[1], exif=exif)
    answers = Desk(backbone, tmp_path).ask(
        EncodeMap("m1", str(tmp_path / "upright.png")),
        EncodeMap("m2", str(tmp_path / "turned.png")),
    )
    maps = []
    for answer in answers:
        assert isinstance(answer, MapEncoded)
        assert answer.reason == ""
        box = answer.box
        assert (box.left, box.right) == (0, 1)
        assert (box.top, box.bottom) == pytest.approx((1 / 6, 5 / 6))
        maps.append(load_file(answer.file)["map"])
        assert (maps[-1].shape, maps[-1].dtype) == ((4, 4, backbone.dim), np.float16)
    np.testing.assert_array_equal(*maps)
    norms = np.linalg.norm(maps[0].astype(np.float32), axis=-1)
    np.testing.assert_allclose(norms, 1, atol=2e-3)


def test_a_map_that_cannot_be_made_has_a_reason(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [gone] = Desk(backbone, tmp_path).ask(EncodeMap("m", "/no/such"))
    assert gone == MapEncoded("m", "", "The file is no longer there.", WHOLE)
    monkeypatch.setitem(backbone.__dict__, "_dense", None)
    [path] = draw(tmp_path, 1)
    mapped, encoded = Desk(backbone, tmp_path).ask(
        EncodeMap("m", str(path)), EncodePhotos("p", [1], [str(path)])
    )
    assert mapped == MapEncoded("m", "", NO_MAP)
    assert isinstance(encoded, PhotosEncoded)
    assert sorted(load_file(encoded.file)) == ["features", "ids"]


def test_a_gentle_encoder_pauses_between_batches(backbone: Backbone, tmp_path: Path) -> None:
    rests: list[float] = []
    written = io.StringIO()
    encoder = Encoder(
        backbone, tmp_path, EventStream(written), threads=1, batch=2, rest=rests.append
    )
    inbox = Inbox()
    inbox.put(EncodePhotos("p", list(range(6)), [str(path) for path in draw(tmp_path, 6)]))
    inbox.end(stop=False)
    encoder.work(inbox, None)
    encoder.close()
    assert len(rests) == 3
    assert min(rests) >= 0


def test_a_full_disk_fails_the_request_and_not_the_process(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = Path.write_bytes

    def write(self: Path, data: bytes) -> int:
        calls.append(1)
        if len(calls) == 1:
            real(self, data[:10])
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    failed, answered = Desk(backbone, tmp_path).ask(
        EncodeTexts("t1", ["a dog"]), EncodeTexts("t2", ["a dog"])
    )
    assert isinstance(failed, EncoderFailed)
    assert (failed.kind, failed.request) == ("disk-full", "t1")
    assert isinstance(answered, TextsEncoded)
    assert len(list(tmp_path.iterdir())) == 1


def test_reduced_decoding_does_not_blur_what_a_trained_model_sees(
    tmp_path: Path, shared_photos: list[Path]
) -> None:
    """Lite, unlike a random model, looks at fine detail."""
    if not is_downloaded("lite"):
        pytest.skip("Lite is not built")
    lite = load_backbone("lite", "cpu", fast_images=True)
    exact = load_backbone("lite", "cpu")
    paths = []
    for place, factor in ((1, 5), (7, 5), (14, 5), (7, 10)):
        with Image.open(shared_photos[place]) as image:
            large = image.convert("RGB").resize((image.width * factor, image.height * factor))
        paths.append(tmp_path / f"{place} {factor}.jpg")
        large.save(paths[-1], quality=92)
        reduced = read_photo(paths[-1], at_least=SHARPNESS * lite.input_side)
        assert reduced.width < large.width
    request = EncodePhotos("r", list(range(len(paths))), [str(path) for path in paths])
    [answer] = Desk(lite, tmp_path).ask(request)
    assert isinstance(answer, PhotosEncoded)
    got = load_file(answer.file)["features"].astype(np.float32)
    plain = torch.stack([exact.preprocess(Image.open(path)) for path in paths])
    assert (got * exact.encode_images(plain)).sum(1).min() >= 0.999
