"""This program as a wheel, made of its own files (imports no torch).

From a checkout, an installed wheel and an installer's folder alike, so that another computer gets
exactly what runs here, and nothing has to be published or built.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import trainer
from trainer.resources import ResourcesMissingError, resources_dir

DISTRIBUTION = "lmpt-desktop"
PACKAGES = ("lmpt_desktop", "trainer")
RESOURCES = ("icons", "models", "themes", "translations", "vocabularies", "lmpt-desktop.desktop")
"""What a wheel has of the resources."""
INSIDE = "lmpt_desktop/_resources"
"""Where it has them."""
_SCRIPTS = """\
[console_scripts]
lmpt-desktop = lmpt_desktop.__main__:main
lmpt-trainer = trainer.__main__:main
"""
_FORM = "Wheel-Version: 1.0\nGenerator: lmpt-desktop\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_NOT_PACKED = {"__pycache__", "_resources"}
_STORED = {".safetensors", ".png", ".gz", ".jpg"}
"""Files that would not become smaller."""


class NoWheelError(Exception):
    """This program's own files or its description are not there."""


def write(folder: Path) -> Path:
    """Write the wheel into ``folder``.

    Raises:
        NoWheelError: if this program was not installed, as from a bare copy of its files.
        OSError: if it cannot be written.
    """
    try:
        description = distribution(DISTRIBUTION)
        resources = resources_dir()
    except (PackageNotFoundError, ResourcesMissingError) as error:
        raise NoWheelError(str(error)) from error
    metadata = description.read_text("METADATA")
    if not metadata:
        raise NoWheelError(f"{DISTRIBUTION} has no METADATA here")
    name = f"{DISTRIBUTION.replace('-', '_')}-{description.version}"
    path = folder / f"{name}-py3-none-any.whl"
    record: list[str] = []
    with zipfile.ZipFile(path, "x") as archive:

        def add(place: str, data: bytes) -> None:
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f'"{place}",sha256={digest},{len(data)}')
            stored = Path(place).suffix in _STORED
            member = zipfile.ZipInfo(place, (1980, 1, 1, 0, 0, 0))
            member.external_attr = 0o100644 << 16
            archive.writestr(
                member, data, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED, 6
            )

        for place, file in _files(resources):
            add(place, file.read_bytes())
        add(f"{name}.dist-info/METADATA", metadata.encode())
        if licence := description.read_text("licenses/LICENSE"):
            add(f"{name}.dist-info/licenses/LICENSE", licence.encode())
        add(f"{name}.dist-info/WHEEL", _FORM.encode())
        add(f"{name}.dist-info/entry_points.txt", _SCRIPTS.encode())
        record.append(f'"{name}.dist-info/RECORD",,')
        archive.writestr(f"{name}.dist-info/RECORD", "\n".join(record) + "\n")
    return path


def _files(resources: Path) -> Iterator[tuple[str, Path]]:
    """Every file with its place in the wheel."""
    root = Path(trainer.__file__).resolve().parents[1]
    for package in PACKAGES:
        if not (root / package / "__init__.py").is_file():
            raise NoWheelError(f"the source of {package} is not in {root}")
        yield from _below(root / package, package)
    for name in RESOURCES:
        if (resources / name).is_dir():
            yield from _below(resources / name, f"{INSIDE}/{name}")
        elif (resources / name).is_file():
            yield f"{INSIDE}/{name}", resources / name


def _below(folder: Path, place: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.name in _NOT_PACKED:
            continue
        if path.is_dir():
            yield from _below(path, f"{place}/{path.name}")
        elif path.suffix != ".pyc":
            yield f"{place}/{path.name}", path
