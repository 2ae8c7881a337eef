from __future__ import annotations

from pathlib import Path

import pytest

from lmpt_desktop import sample_photos


def test_copies_are_whole_photos_with_captions(tmp_path: Path) -> None:
    if reason := sample_photos.unavailable_reason():
        pytest.skip(reason)
    folder = sample_photos.copy_samples(tmp_path / "samples")
    found = sample_photos.available()
    for sample, source in found:
        copy = folder / sample.name
        assert copy.read_bytes() == source.read_bytes()
        assert copy.with_suffix(".txt").read_text(encoding="utf-8").strip() == sample.caption
    assert list(folder.glob("*.part")) == []
    assert {"astronaut.png", "cat.png", "coffee.png", "flower.jpg"} <= {s.name for s, _p in found}


def test_copying_again_leaves_the_files_alone(tmp_path: Path) -> None:
    if reason := sample_photos.unavailable_reason():
        pytest.skip(reason)
    folder = sample_photos.copy_samples(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    sample_photos.copy_samples(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_without_the_packages_the_reason_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_photos, "_package_folder", lambda _package: None)
    assert "lmpt-desktop[samples]" in sample_photos.unavailable_reason()
    with pytest.raises(sample_photos.SamplesMissingError, match="not installed"):
        sample_photos.copy_samples(tmp_path)


def test_two_photos_of_scikit_learn_alone_are_too_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sample_photos._package_folder
    monkeypatch.setattr(
        sample_photos, "_package_folder", lambda name: real(name) if name == "sklearn" else None
    )
    assert sample_photos.unavailable_reason()
