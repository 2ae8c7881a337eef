"""A report of a problem: its parts as texts, and the zip that they make."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sqlite3
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lmpt_desktop.diagnostics.redaction import HIDDEN, Redactor
from lmpt_desktop.private_files import create_private
from lmpt_desktop.settings import ALL, Kind, Settings, Storage
from trainer.temporary_files import sweep, temporary_name

MAX_LOG_BYTES = 300_000
"""Of the newest log; older lines are left out."""
MAX_CRASH_BYTES = 50_000
_SHOWN_AS_THEY_ARE = (Kind.FLAG, Kind.NUMBER, Kind.CHOICE)


@dataclass(frozen=True)
class Part:
    """A file of the report."""

    name: str
    text: str


@dataclass(frozen=True)
class Sources:
    """What a report is made of.

    Attributes:
        versions: names and versions of the program's parts.
        logs: files, the newest first.
        crashes: stacks that were left by crashes, the newest first.
        catalogue: of the open library, if there is one.
        computer, library: settings.
    """

    versions: Sequence[tuple[str, str]]
    logs: Sequence[Path]
    crashes: Sequence[Path]
    catalogue: Path | None
    computer: Settings
    library: Settings | None


def collect(sources: Sources, *, with_names: bool) -> list[Part]:
    """The report's parts; reads files and the catalogue.

    Without ``with_names`` no text holds a name of a file, folder, class or person.
    """
    redact = (lambda text: text) if with_names else Redactor(_known_names(sources.catalogue))
    parts = [
        Part("versions.txt", "".join(f"{name}: {text}\n" for name, text in sources.versions)),
        Part("settings.txt", _settings(sources, with_names=with_names)),
    ]
    if sources.catalogue is not None:
        parts.append(Part("catalogue.txt", catalogue_facts(sources.catalogue)))
    for number, path in enumerate(sources.crashes, 1):
        parts.append(Part(f"crash-{number}.txt", redact(_tail(path, MAX_CRASH_BYTES))))
    room = MAX_LOG_BYTES
    for number, path in enumerate(sources.logs):
        text = _tail(path, room)
        room -= len(text)
        if text:
            parts.append(Part("log.txt" if not number else f"log-{number}.txt", redact(text)))
        if room <= 0:
            break
    return parts


def write_zip(parts: Iterable[Part], path: Path) -> None:
    """Write the parts, exactly as they are, into a zip.

    Raises:
        OSError: if it cannot be written; a previous file is kept then.
    """
    sweep(path.parent)
    made = temporary_name(path)
    try:
        create_private(made)
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
            for part in parts:
                out.writestr(part.name, part.text.encode("utf-8", "backslashreplace"))
        made.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            made.unlink()
        raise


def catalogue_facts(path: Path) -> str:
    """Size, tables with their definitions and numbers of rows; nothing that is in them."""
    try:
        size = path.stat().st_size
        with contextlib.closing(_reading(path)) as connection:
            values = [
                f"{name}: {connection.execute(f'PRAGMA {name}').fetchone()[0]}"
                for name in ("journal_mode", "page_count", "freelist_count", "user_version")
            ]
            tables = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"
            ).fetchall()
            rows = [f"{name}: {_rows(connection, name)}" for name, _sql in tables]
    except (OSError, sqlite3.Error) as error:
        return f"the catalogue cannot be read: {type(error).__name__}\n"
    schema = [str(sql) for _name, sql in tables]
    return "\n".join([f"bytes: {size}", *values, "", "rows", *rows, "", *schema, ""])


def _rows(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    return connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=5.0)


def _settings(sources: Sources, *, with_names: bool) -> str:
    lines = []
    for setting in ALL:
        of_library = setting.storage is Storage.LIBRARY
        settings = sources.library if of_library else sources.computer
        if settings is None:
            continue
        value = settings.get(setting)
        if with_names or setting.kind in _SHOWN_AS_THEY_ARE:
            text = json.dumps(value, default=_plain, ensure_ascii=False)
        else:
            text = "default" if value == setting.default else HIDDEN
        lines.append(f"{setting.storage.value}: {setting.key}: {text}\n")
    return "".join(lines)


def _plain(value: Any) -> str:
    return f"{type(value).__name__}"


def _known_names(catalogue: Path | None) -> list[str]:
    """The user's, this computer's, and those of classes and folders."""
    names = [*Path.home().parts[1:], os.environ.get("USER", ""), os.environ.get("USERNAME", "")]
    names.append(platform.node())
    if catalogue is None:
        return names
    names += catalogue.parent.parts[1:]
    with contextlib.suppress(OSError, sqlite3.Error), contextlib.closing(_reading(catalogue)) as db:
        names += [row[0] for row in db.execute("SELECT name FROM classes")]
        for (folder,) in db.execute("SELECT path FROM folders"):
            names += Path(os.fsdecode(folder)).parts[1:]
    # A part of the system's paths, such as "home", says nothing, and may be a word of the program.
    return [name for name in names if name not in ("home", "root", "tmp", "Users", "users", "mnt")]


def _tail(path: Path, most: int) -> str:
    """The end of a text file, from the beginning of a line; "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            if size > most:
                file.readline()
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
