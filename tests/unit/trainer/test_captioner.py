"""Captions by a tiny random CoCa: nonsense, but the right nonsense."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_captioner
import torch
from drawn_photos import draw
from PIL import Image

from trainer import captioner as captioners
from trainer import suggested
from trainer.__main__ import main
from trainer.backbone import BackboneError, load_backbone
from trainer.captioner import Captioner, load_captioner
from trainer.encode import failure_event
from trainer.events import CaptionPhotos, EncoderFailed, PhotosCaptioned, parse_line, to_line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coca")


@pytest.fixture(scope="module")
def name(folder: Path) -> str:
    return tiny_captioner.write(folder)


@pytest.fixture(scope="module")
def captioner(name: str) -> Captioner:
    return load_captioner(name, "cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw(tmp_path_factory.mktemp("photos"), 5)


def pixels_of(name: str, photos: list[Path]) -> torch.Tensor:
    preprocess = load_backbone(name, "cpu").preprocess
    return torch.stack([preprocess(Image.open(photo).convert("RGB")) for photo in photos])


def test_every_word_is_the_likeliest_after_those_before_it(
    captioner: Captioner, name: str, photos: list[Path]
) -> None:
    pixels = pixels_of(name, photos)
    tokens = captioner.write(pixels)
    model: Any = load_backbone(name, "cpu").model
    with torch.no_grad():
        logits = model(pixels, tokens, output_labels=False)["logits"]
    logits[..., 49406] = -torch.inf
    logits[:, : captioners.MIN_TOKENS - 1, 49407] = -torch.inf
    # Place i tells what comes at i + 1, whatever stands there: the decoder looks back only.
    expected = logits[:, :-1].argmax(-1)
    ended = (tokens[:, :-1] == 49407).cummax(-1).values
    assert torch.equal(torch.where(ended, 49407, expected), tokens[:, 1:])
    assert len({tuple(row) for row in tokens.tolist()}) > 1


def test_a_caption_ends_where_the_model_ends_it_but_not_at_once(
    captioner: Captioner, name: str, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = captioner._model
    plain = model.forward

    def eager(*given: Any, **named: Any) -> dict[str, torch.Tensor]:
        found = plain(*given, **named)
        found["logits"][..., 49407] = 1e9
        return found

    monkeypatch.setattr(model, "forward", eager)
    tokens = captioner.write(pixels_of(name, photos[:2]))
    assert tokens.shape[1] == captioners.MIN_TOKENS + 1
    assert (tokens[:, -1] == 49407).all()
    assert (tokens[:, 1:-1] != 49407).all()


def test_captions_come_in_order_and_unreadable_photos_say_why(
    captioner: Captioner, photos: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    asked = [photos[0], broken, *photos[1:]]
    made = list(captioner.captions(asked))
    assert [item.photo for item in made] == asked
    assert made[1].text == ""
    assert made[1].problem
    alone = [next(iter(captioner.captions([photo]))) for photo in photos]
    assert [item.text for item in made if not item.problem] == [item.text for item in alone]
    assert all(item.text == " ".join(item.text.split()) for item in alone)
    assert not any("<" in item.text for item in alone)


def test_fewer_photos_at_once_where_memory_runs_out(
    name: str, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = load_captioner(name, "cpu")
    expected = list(captioner.captions(photos))
    plain = captioner.write

    def small(pixels: torch.Tensor, limit: int = 2) -> torch.Tensor:
        if len(pixels) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plain(pixels)

    monkeypatch.setattr(captioner, "write", small)
    assert list(captioner.captions(photos)) == expected
    assert captioner.batch == 2
    monkeypatch.setattr(captioner, "write", lambda pixels: small(pixels, limit=0))
    with pytest.raises(BackboneError, match="not enough memory") as caught:
        list(captioner.captions(photos))
    assert caught.value.kind == "no-memory"


def test_nothing_is_downloaded_automatically(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(captioners, "load_backbone", lambda *_: pytest.fail("it was loaded"))
    wanted = next(iter(suggested.CAPTIONERS))
    with pytest.raises(BackboneError, match="not installed"):
        load_captioner(wanted)
    assert suggested.installed_captioner() is None


def test_the_best_captioner_on_this_computer_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    _, better, plain, *_ = suggested.CAPTIONERS
    for wanted in (plain, better):
        folder = suggested.backbones_dir() / suggested.CAPTIONERS[wanted].replace("/", "--")
        folder.mkdir(parents=True)
        (folder / suggested.WEIGHT_FILES[0]).touch()
        assert suggested.installed_captioner("lite") == wanted
    assert suggested.installed_captioner(name) == name


def test_captioners_are_where_open_clip_keeps_them() -> None:
    import open_clip

    for item, repository in suggested.CAPTIONERS.items():
        model, _, weights = item.partition("/")
        config = open_clip.get_pretrained_cfg(model, weights)
        assert config["hf_hub"].strip("/") == repository


def test_a_backbone_that_cannot_write_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(BackboneError, match="cannot write captions"):
        load_captioner("ViT-B-32/openai")
    with pytest.raises(BackboneError, match="CoCa"):
        Captioner(load_backbone(f"local-dir:{tiny_folder}", "cpu"))


def test_the_command_prints_a_row_per_photo(
    name: str,
    captioner: Captioner,
    photos: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = tmp_path / "gone.jpg"
    code = main(["caption", "--captioner", name, "--device", "cpu", str(photos[0]), str(gone)])
    assert code == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    expected = next(iter(captioner.captions([photos[0]])))
    assert first == {"photo": str(photos[0]), "caption": expected.text}
    assert second["photo"] == str(gone)
    assert second["problem"]


def test_the_command_reports_that_no_captioner_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    assert main(["caption", "photo.jpg"]) == 1
    assert "--download" in capsys.readouterr().err
    assert main(["caption", "--captioner", "lite", "photo.jpg"]) == 1
    assert "cannot write captions" in capsys.readouterr().err


def test_the_process_answers_the_app(
    name: str, folder: Path, captioner: Captioner, photos: list[Path], tmp_path: Path
) -> None:
    gone = str(tmp_path / "gone.jpg")
    requests = [
        CaptionPhotos("a", [7, 9], [str(photos[0]), gone]),
        CaptionPhotos("b", [3], [str(photos[1])]),
    ]
    script = Path(tiny_captioner.__file__)
    command = [sys.executable, str(script), str(folder), "--events", "--device", "cpu"]
    done = subprocess.run(
        [*command, "--captioner", name],
        input="not a message\n" + "".join(map(to_line, requests)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    answers = [parse_line(line) for line in done.stdout.splitlines()]
    assert all(isinstance(item, PhotosCaptioned) for item in answers)
    first, second = answers
    assert isinstance(first, PhotosCaptioned)
    assert isinstance(second, PhotosCaptioned)
    expected = [item.text for item in captioner.captions(photos[:2])]
    assert [(item.id, item.text) for item in first.captions] == [(7, expected[0])]
    assert [item.id for item in first.failures] == [9]
    assert [(item.id, item.text) for item in second.captions] == [(3, expected[1])]


def test_the_process_reports_to_the_app_why_it_failed(folder: Path) -> None:
    script = Path(tiny_captioner.__file__)
    done = subprocess.run(
        [sys.executable, str(script), str(folder), "--events", "--captioner", "coca_no/such.pt"],
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    (answer,) = [parse_line(line) for line in done.stdout.splitlines()]
    assert isinstance(answer, EncoderFailed)
    assert "not installed" in answer.message
    # An expected refusal: the sentence says all there is.
    assert "Traceback" not in done.stderr


def test_a_graphics_card_without_memory_is_no_surprise() -> None:
    event = failure_event(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."))
    assert event.kind == "no-memory"
    assert "memory" in event.message
    assert "CUDA" not in event.message
