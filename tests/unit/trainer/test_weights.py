"""Hostile weights files: archives that unpack to more than they are, pickles that lie."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import random
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_backbone import tiny_clip

from trainer import weights
from trainer.backbone import BackboneError, load_backbone
from trainer.weights import WeightsError, read_weights

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


def repacked(source: Path, target: Path, *, compression: int, extra: dict[str, bytes]) -> None:
    """A copy of an archive with further entries."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        prefix = old.namelist()[0].partition("/")[0]
        for name, content in extra.items():
            new.writestr(f"{prefix}/{name}", content)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.pt"
    torch.save({"weight": torch.arange(6.0).reshape(2, 3)}, path)
    return path


@pytest.mark.parametrize("script", [False, True])
def test_an_archive_that_unpacks_to_far_more_is_refused_before_it_is_unpacked(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: bool
) -> None:
    bomb = tmp_path / "bomb.pt"
    extra = {"data/99": bytes(1 << 28)}
    if script:
        extra["constants.pkl"] = b"\x80\x02)."
    repacked(saved, bomb, compression=zipfile.ZIP_DEFLATED, extra=extra)
    assert bomb.stat().st_size < 1 << 20
    monkeypatch.setattr(torch, "load", lambda *_args, **_kwargs: pytest.fail("read"))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_args, **_kwargs: pytest.fail("unpacked"))
    with pytest.raises(WeightsError, match=r"bomb\.pt is not read: .* 0\.3 GB"):
        read_weights(bomb)


def test_entries_that_share_their_bytes_count_each(saved: Path, tmp_path: Path) -> None:
    """A "non-recursive" bomb: many names for one stored block."""
    block = tmp_path / "block.pt"
    repacked(saved, block, compression=zipfile.ZIP_STORED, extra={"data/99": bytes(1 << 22)})
    content = block.read_bytes()
    end = content.rindex(b"PK\5\6")
    size, offset = struct.unpack_from("<II", content, end + 12)
    directory = content[offset : offset + size]
    last = directory[directory.rindex(b"PK\1\2") :]
    copies = b"".join(last.replace(b"data/99", b"data/%02d" % n) for n in range(10, 60))
    count = struct.unpack_from("<H", content, end + 10)[0] + 50
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size + len(copies), offset, 0)
    block.write_bytes(content[:offset] + directory + copies + tail)
    assert len(zipfile.ZipFile(block).namelist()) == count
    with pytest.raises(WeightsError, match="is not read"):
        read_weights(block)


def test_a_folders_weights_are_checked_too(tiny_folder: Path, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    config = (tiny_folder / "open_clip_config.json").read_bytes()
    (folder / "open_clip_config.json").write_bytes(config)
    weights_file = folder / "open_clip_pytorch_model.bin"
    repacked(
        saved, weights_file, compression=zipfile.ZIP_DEFLATED, extra={"data/99": bytes(1 << 27)}
    )
    with pytest.raises(BackboneError, match="is not read") as caught:
        load_backbone(f"local-dir:{folder}", "cpu")
    assert caught.value.kind == "bad-weights"
    for content in MALFORMED:
        weights_file.write_bytes(content)
        with pytest.raises(BackboneError) as caught:
            load_backbone(f"local-dir:{folder}", "cpu")
        assert caught.value.kind == "bad-weights"


def test_a_folder_may_have_pickled_weights(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    config = (tiny_folder / "open_clip_config.json").read_bytes()
    (folder / "open_clip_config.json").write_bytes(config)
    torch.save(dict(tiny_clip().state_dict()), folder / "open_clip_pytorch_model.bin")
    assert load_backbone(f"local-dir:{folder}", "cpu").dim == 32


MALFORMED = [
    b"\x80\x02.",  # nothing on the stack: IndexError
    b"\x80\x02(0.",
    b"\x80\x02a.",
    b"\x80\x02K\x01K\x02a.",
    b"\x80\x02h\xff.",
    b"\x80\x02X\xff\xff\xff\x7f",
    b"\x80\x02\x8c\x05abc",
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
    b"\x80\x02ctorch\nSize\nK\x05\x85R.",
    b"\x80\x02ccollections\nOrderedDict\nK\x05\x85R.",
    b"\x80\x02Q.",
    b"\x80\xff.",
    b"\x80\x02]r\xff\xff\xff\xff.",
]


@pytest.mark.parametrize("content", MALFORMED)
@pytest.mark.parametrize("form", ["plain", "archive", "script"])
def test_a_malformed_pickle_is_one_sentence(
    tmp_path: Path, saved: Path, content: bytes, form: str
) -> None:
    path = tmp_path / "w.pt"
    if form == "plain":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                pickled = name.endswith("/data.pkl")
                new.writestr(name, content if pickled else old.read(name))
            if form == "script":
                new.writestr("saved/constants.pkl", b"\x80\x02).")
    with pytest.raises(WeightsError, match=r"w\.pt|model") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=examples(200))
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 12), cut=st.booleans())
def test_whatever_is_damaged_in_a_file_is_the_weights_error(
    seed: int, flips: int, cut: bool
) -> None:
    generator = random.Random(seed)
    buffer = io.BytesIO()
    legacy = bool(seed % 2)
    content = {"weight": torch.arange(6.0).reshape(2, 3), "more": torch.ones(4)}
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    data = bytearray(buffer.getvalue())
    for _ in range(flips):
        data[generator.randrange(len(data))] = generator.randrange(256)
    if cut:
        del data[generator.randrange(len(data)) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.pt"
        path.write_bytes(data)
        with contextlib.suppress(WeightsError):
            found = read_weights(path)
            assert all(weights._is_stored(value) for value in found.tensors.values())


@pytest.mark.parametrize("kind", ["expanded", "meta", "sparse"])
def test_a_tensor_that_is_larger_than_what_is_stored_is_refused(tmp_path: Path, kind: str) -> None:
    made: dict[str, Any] = {
        "expanded": torch.zeros(1).expand(1 << 20, 1 << 20),
        "meta": torch.empty(1 << 20, 1 << 20, device="meta"),
        "sparse": torch.sparse_coo_tensor(torch.tensor([[0]]), torch.ones(1), (1 << 40,)),
    }
    torch.save({"weight": made[kind]}, tmp_path / "w.pt")
    with pytest.raises(WeightsError):
        read_weights(tmp_path / "w.pt")


def test_a_tensor_that_shares_its_numbers_is_read(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    torch.save({"whole": whole, "part": whole[1:, :2], "turned": whole.T}, tmp_path / "w.pt")
    found = read_weights(tmp_path / "w.pt").tensors
    assert torch.equal(found["part"], whole[1:, :2])
    assert torch.equal(found["turned"], whole.T)


def test_a_tar_archive_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "w.pt", "w") as archive:
        entry = tarfile.TarInfo("storages")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    with pytest.raises(WeightsError, match="tar archive"):
        read_weights(tmp_path / "w.pt")


def test_a_safetensors_header_that_lies_is_refused(tmp_path: Path) -> None:
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 1 << 42]}}
    ).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(path)
    path.write_bytes(struct.pack("<Q", 1 << 60) + header)
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(path)


def test_a_scripts_description_is_bounded(
    tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_MAX_SCRIPT_DATA", 10)
    path = tmp_path / "w.pt"
    repacked(saved, path, compression=zipfile.ZIP_STORED, extra={"constants.pkl": pickle.dumps(())})
    with pytest.raises(WeightsError, match="describes far more"):
        read_weights(path)
