"""Versions as files to exchange: a folder or zip of safetensors and JSON (Qt-free).

Files from outside are not trusted: only known names are read, sizes are limited while reading (a
zip may lie about them), every number and name is checked, and the library keeps files written
from the checked values, not copies.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.engine.class_weights import (
    LEARNED_NAME,
    learned_texts,
    read_learned_texts,
    write_learned_texts,
)
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.translation import _
from trainer import checked_json, temporary_files
from trainer import prompt_set as prompt_sets
from trainer.checked_json import Count, Limits
from trainer.printable import one_line
from trainer.prompt_set import ARRAYS_NAME, JSON_NAME, Evaluation, PromptSet, PromptSetError
from trainer.regular_file import open_regular

ABOUT_NAME = "about.json"
"""Name, note and origin, in an exported version."""
MAX_JSON_BYTES = 32 * 1024**2
MAX_ARRAYS_BYTES = 512 * 1024**2
_LIMITS = {
    JSON_NAME: MAX_JSON_BYTES,
    ARRAYS_NAME: MAX_ARRAYS_BYTES,
    LEARNED_NAME: MAX_JSON_BYTES,
    ABOUT_NAME: MAX_JSON_BYTES,
}
LIMITS = Limits(bytes=MAX_JSON_BYTES, text=100_000)
MAX_ENTRIES = 1000
MAX_CLASSES = 20_000
MAX_NAME = 300
MAX_NOTE = 20_000
MAX_SCALE = 10_000.0


class VersionFileError(RefusedError):
    """A version cannot be exported or imported; the message is a sentence for the user."""


@dataclass(frozen=True, eq=False)
class IncomingVersion:
    """A checked version from outside.  ``held_out`` of its prompt set is empty, since those ids
    belong to another library."""

    prompt_set: PromptSet
    learned: dict[str, str]
    name: str = ""
    note: str = ""
    data: dict[str, int] = field(default_factory=dict)


# ---------------------------------------------------------------------------------- writing


def write_version(record: PromptSetRecord, target: Path) -> None:
    """Export a version: a zip where ``target`` ends in ``.zip``, else a new folder.

    The target appears only once it is complete.

    Raises:
        VersionFileError: if it cannot be written, or ``target`` is a folder that is not empty.
        trainer.prompt_set.PromptSetError: if the version cannot be read.
    """
    prompt_set = replace(prompt_sets.load_to_predict(record.folder), held_out=[])
    about = {"name": record.name, "note": record.note, "data": record.data}
    try:
        if target.suffix.lower() != ".zip" and target.exists() and any(target.iterdir()):
            raise VersionFileError(
                _("{folder} is not empty. Choose an empty or new folder.").format(folder=target)
            )
        temporary_files.sweep(target.parent)
        with temporary_files.temporary_folder(target.parent, "version") as temporary:
            folder = temporary / "version"
            prompt_sets.save(prompt_set, folder)
            write_learned_texts(folder, learned_texts(record.folder))
            _write_json(folder / ABOUT_NAME, about)
            if target.suffix.lower() == ".zip":
                packed = temporary / "version.zip"
                with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                    for path in sorted(folder.iterdir()):
                        archive.write(path, path.name)
                packed.replace(target)
            else:
                if target.exists():
                    target.rmdir()
                folder.rename(target)
    except OSError as error:
        reason = reason_of(error)
        raise VersionFileError(
            _("The version cannot be written to {path}: {reason}.").format(
                path=target, reason=reason
            )
        ) from error


def _write_json(path: Path, body: Any) -> None:
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1), encoding="utf-8")


# ---------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class _Counts:
    annotations: Count | None = None
    images: Count | None = None


@dataclass(frozen=True)
class _About:
    """What :data:`ABOUT_NAME` holds."""

    name: str = ""
    note: str = ""
    data: _Counts = field(default_factory=_Counts)


def read_version(source: Path, workspace: Path) -> IncomingVersion:
    """Read and check a version from a zip or folder.

    Args:
        source: the zip or folder.
        workspace: an existing folder in which to unpack; nothing is left in it.

    Raises:
        VersionFileError: with the reason, in a sentence.
    """
    try:
        temporary_files.sweep(workspace)
        with temporary_files.temporary_folder(workspace, "import") as folder:
            if source.is_dir():
                _copy_folder(source, folder)
            else:
                _unpack_zip(source, folder)
            return _checked(folder)
    # Encrypted zips raise RuntimeError, undecodable names ValueError.
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        reason = reason_of(error)
        raise VersionFileError(
            _("{path} cannot be read as a version: {reason}.").format(path=source, reason=reason)
        ) from error


def _copy_folder(source: Path, folder: Path) -> None:
    for name, limit in _LIMITS.items():
        path = source / name
        if path.is_file():
            with open_regular(path) as file:
                _copy_limited(file, folder / name, limit)


def _unpack_zip(source: Path, folder: Path) -> None:
    with open_regular(source) as opened, zipfile.ZipFile(opened) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise VersionFileError(_("This zip contains too many files to be a version."))
        found: dict[str, list[zipfile.ZipInfo]] = {}
        for entry in entries:
            _refuse_outside(entry.filename)
            path = PurePosixPath(entry.filename)
            if path.name in _LIMITS and not entry.is_dir() and "__MACOSX" not in path.parts:
                found.setdefault(path.name, []).append(entry)
        if any(len(items) > 1 for items in found.values()):
            raise VersionFileError(
                _("This zip contains more than one version. Unpack it and choose a folder.")
            )
        for name, (entry,) in found.items():
            with archive.open(entry) as file:
                _copy_limited(file, folder / name, _LIMITS[name])  # type: ignore[arg-type]


def _refuse_outside(name: str) -> None:
    """Refuse a name that would be written outside the folder it is unpacked in: the zip was made to
    do harm, even though it is never unpacked by its own names."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise VersionFileError(
            _(
                "This zip was not imported: it contains “{name}”, which lies outside its own "
                "folder."
            ).format(name=name[:100])
        )


def _copy_limited(file: BinaryIO, target: Path, limit: int) -> None:
    """Copy at most ``limit`` bytes, whatever the header says."""
    with target.open("wb") as out:
        left = limit
        while block := file.read(min(1024 * 1024, left + 1)):
            left -= len(block)
            if left < 0:
                raise VersionFileError(
                    _("{name} in it is too large for a version (at most {limit} MB).").format(
                        name=target.name, limit=limit // 1024**2
                    )
                )
            out.write(block)


def _checked(folder: Path) -> IncomingVersion:
    if not (folder / JSON_NAME).is_file() or not (folder / ARRAYS_NAME).is_file():
        raise VersionFileError(
            _("This is not a version: {json} or {arrays} is missing.").format(
                json=JSON_NAME, arrays=ARRAYS_NAME
            )
        )
    with _damage_as_error():
        prompt_set = prompt_sets.load(folder, LIMITS)
        _check_names(prompt_set)
        _check_numbers(prompt_set)
        for evaluation in (prompt_set.evaluation, prompt_set.baseline):
            _check_evaluation(evaluation)
        if prompt_set.created:
            datetime.fromisoformat(prompt_set.created)
        learned = read_learned_texts(folder)
        about = _about(folder / ABOUT_NAME)
        counts = {"annotations": about.data.annotations, "images": about.data.images}
        return IncomingVersion(
            replace(prompt_set, held_out=[]),
            {name: text for name, text in learned.items() if name in set(prompt_set.classes)},
            " ".join(about.name.split())[:MAX_NAME],
            about.note[:MAX_NOTE],
            {key: value for key, value in counts.items() if value is not None},
        )


@contextmanager
def _damage_as_error() -> Iterator[None]:
    """Turn whatever reading a damaged or forged version raises into one sentence."""
    try:
        yield
    except VersionFileError:
        raise
    except (
        PromptSetError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        OverflowError,
        MemoryError,
    ) as error:
        raise VersionFileError(
            _("This version is damaged or was not made by LMPT Desktop: {reason}").format(
                reason=error
            )
        ) from error


def _about(path: Path) -> _About:
    if not path.is_file():
        return _About()
    return checked_json.to_type(checked_json.read(path, LIMITS), _About)


def _check_names(prompt_set: PromptSet) -> None:
    names = prompt_set.classes
    if not 0 < len(names) <= MAX_CLASSES:
        raise ValueError(f"{len(names)} classes")
    for name in (*names, prompt_set.backbone):
        if not name.strip() or len(name) > MAX_NAME:
            raise ValueError(f"{name[:50]!r} is no name")
        if one_line(name) != name:
            raise ValueError("a name with characters that cannot be shown")
    if len({name_key(name) for name in names}) != len(names):
        raise ValueError("a class is listed twice")
    if len(prompt_set.method) > MAX_NAME:
        raise ValueError("a method that is none")


def _check_numbers(prompt_set: PromptSet) -> None:
    embeddings = [prompt_set.class_embeddings]
    if prompt_set.window_embeddings is not None:
        embeddings.append(prompt_set.window_embeddings)
    lengths = np.linalg.norm(np.stack(embeddings), axis=-1)
    sound = (
        0 < prompt_set.scale <= MAX_SCALE
        and (lengths > 0).all()
        and (lengths < 1.01).all()
        and (np.abs(prompt_set.biases) <= MAX_SCALE).all()
        and abs(prompt_set.window_offset) <= 2
        and (prompt_set.thresholds >= 0).all()
        and (prompt_set.thresholds <= 1).all()
        and (prompt_set.train_present >= 0).all()
        and (prompt_set.contexts is None or len(prompt_set.contexts) == len(prompt_set.classes))
    )
    if not sound:
        raise ValueError("a number is out of its range")


def _check_evaluation(evaluation: Evaluation | None) -> None:
    if evaluation is None:
        return
    scores = evaluation.scores
    shares = [scores.total, scores.head, scores.medium, scores.tail]
    for item in evaluation.classes:
        shares += [item.average_precision, item.threshold, item.threshold_low, item.threshold_high]
    for share in shares:
        if share is not None and not 0 <= share <= 1:
            raise ValueError("a score is out of its range")
