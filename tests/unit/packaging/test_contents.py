"""What the installers' recipe names is there."""

from __future__ import annotations

import importlib
import importlib.util
import re
import tomllib
from importlib import metadata
from pathlib import Path

import contents
import pytest
from packaging.requirements import Requirement

from lmpt_desktop import sample_photos

PROJECT = tomllib.loads((contents.ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("program", "module"), contents.PROGRAMS.items())
def test_a_program_has_its_main(program: str, module: str) -> None:
    assert callable(importlib.import_module(module).main)
    assert program in PROJECT["project"]["scripts"]


def test_files_of_the_repository_are_there() -> None:
    assert all(Path(source).exists() for source, _target in contents.resource_files())


def test_the_bundle_and_the_wheel_have_the_same_resources() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    folders = {Path(source).name for source in wheel if (contents.ROOT / source).is_dir()}
    assert folders == set(contents.RESOURCES)


def test_every_folder_of_resources_that_the_app_reads_is_bundled() -> None:
    read = set()
    for package in contents.PACKAGES:
        for file in (contents.ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            read.update(re.findall(r'resources_dir\(\)\s*/\s*"([a-z]+)"', text))
    assert read
    assert read <= set(contents.RESOURCES)


def test_source_packages_exist_and_are_needed_as_files() -> None:
    for name in contents.SOURCES:
        assert importlib.util.find_spec(name) is not None


@pytest.mark.parametrize("name", contents.VERSIONS_OF)
def test_a_version_that_is_asked_for_can_be_told(name: str) -> None:
    assert metadata.version(name)


def test_every_version_in_the_about_window_is_bundled() -> None:
    from lmpt_desktop.ui.help import about

    shown = {name for name, _title in about._PACKAGES} | {"lmpt-desktop", "PySide6_Essentials"}
    assert shown <= set(contents.VERSIONS_OF)


def test_nothing_that_the_app_needs_is_left_out() -> None:
    needed = {
        Requirement(text).name.replace("-", "_").lower()
        for text in PROJECT["project"]["dependencies"]
    }
    # The one with an encoder under the GPL alone; pi_heif stands for it.
    assert needed & set(contents.EXCLUDED) == {"pillow_heif"}


def test_sample_photos_are_found_where_their_package_is_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an installer's folder."""
    (tmp_path / "onlyphotos" / "data").mkdir(parents=True)
    (tmp_path / "onlyphotos" / "data" / "cat.png").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    sample = sample_photos.SamplePhoto("onlyphotos", "data/cat.png", "cat.png", "A cat")
    monkeypatch.setattr(sample_photos, "SAMPLES", (sample,))
    assert [path for _sample, path in sample_photos.available()] == [
        tmp_path / "onlyphotos" / "data" / "cat.png"
    ]


def test_sample_photos_go_where_the_app_looks_for_them(tmp_path: Path) -> None:
    files = contents.sample_files({"skimage": tmp_path / "a", "sklearn": tmp_path / "b"})
    assert len(files) == len(sample_photos.SAMPLES)
    assert (str(tmp_path / "b/datasets/images/china.jpg"), "sklearn/datasets/images") in files


def test_what_is_left_out_and_what_belongs_to_the_system() -> None:
    for place in (
        "torchvision/_C.so", "torchvision.libs/libcudart.faf08d9a.so.13", "libcudart.so.13",
        "torch/bin/protoc", "torch/test/x/y", "libstdc++.so.6", "libglib-2.0.so.0",
        "libgtk-3.so.0", "libatspi.so.0", "libXi.so.6", "libOpenCL.so.1",
        "torchvision\\_C.pyd", "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
    ):  # fmt: skip
        assert not contents.is_bundled(place), place
    for place in (
        "torch/bin/torch_shm_manager", "torch/lib/libtorch_cpu.so", "numpy.libs/libgfortran.so",
        "scikit_learn.libs/libgomp.so.1", "libxcb-cursor.so.0", "pillow.libs/libfreetype.so.6",
        "PySide6/Qt/plugins/platforms/libqxcb.so", "lmpt_desktop/_resources/icons/help.svg",
    ):  # fmt: skip
        assert contents.is_bundled(place), place


def test_packages_whose_files_and_modules_are_collected_are_there() -> None:
    for name in (*contents.DATA_OF, *contents.MODULES_OF):
        assert importlib.util.find_spec(name) is not None
    folder = Path(str(importlib.util.find_spec("open_clip").origin)).parent  # type: ignore[union-attr]
    assert list(folder.glob("*.txt.gz"))
