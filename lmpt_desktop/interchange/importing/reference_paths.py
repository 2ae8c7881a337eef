"""How files spell paths of images, made comparable with the photos of a library."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

MAX_PATH_LENGTH = 4096
"""Longer ones are pictures as text (``data:image/...``), or no paths at all."""

_DRIVE = re.compile(r"[A-Za-z]:(?:/|$)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://|(file):(?=/)", re.IGNORECASE)
_WEB = frozenset({"http", "https"})
_LOCAL_FILES = "data/local-files/?d="
_UPLOADED = re.compile(r"(?:^|/)(?:data/)?upload/\d+/[^/]+$")

_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")
_ROBOFLOW = re.compile(r"(.+?)(?:_([A-Za-z]{2,4}[0-9]?))?\.rf\.[0-9A-Za-z_-]{8,64}(\.\w+)?")
_SUFFIX = re.compile(r"(.+)\.[A-Za-z][A-Za-z0-9]{1,4}")
_PUNCTUATION = re.compile(r"[\W_]+")


class WrittenPath(NamedTuple):
    """A path, in one way to read what a file says.

    Attributes:
        spelled: its parts, with host or drive first.
        folded: the same, comparable.
        absolute: whether it says where on this computer it begins.
        nameless: its folders are those of a server and say nothing of the library's.
    """

    spelled: tuple[str, ...]
    folded: tuple[str, ...]
    absolute: bool = False
    nameless: bool = False


def fold(text: str) -> str:
    """Composed (NFC) and without case; equal for names that differ in nothing else."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def parts_of(path: str) -> tuple[str, ...]:
    """The parts of a path with slashes of either kind; "." and ".." are resolved."""
    if "\\" in path:
        path = path.replace("\\", "/")
    parts = path.split("/")
    if "" in parts or "." in parts or ".." in parts:
        kept: list[str] = []
        for part in parts:
            if part == "..":
                del kept[-1:]
            elif part not in ("", "."):
                kept.append(part)
        return tuple(kept)
    return tuple(parts)


def is_absolute(path: str) -> bool:
    """Whether a path begins at a root, a drive or a server; on whatever system."""
    return path[:1] in ("/", "\\") or _DRIVE.match(path.replace("\\", "/")) is not None


def written_paths(path: str, folder: str = "") -> list[WrittenPath]:
    """The ways to read a path, the likeliest first; [] if it is none.

    Args:
        path: as written: a path, a URL or a name.
        folder: the folder that a relative path begins in, as written; "" if unknown.
    """
    if not path or len(path) > MAX_PATH_LENGTH:
        return []
    if "%" not in path and ":" not in path and "?" not in path and "upload" not in path:
        return _one(path, folder)
    scheme = _SCHEME.match(path)
    if scheme is None:
        return _plain(path, folder)
    name = (scheme[1] or scheme[2]).lower()
    rest = path[scheme.end() :]
    if name == "file":
        texts = [_local_file(text) for text in dict.fromkeys((unquote_path(rest), rest))]
        return [form for text in texts for form in _one(text, "")]
    if name in _WEB:
        return _web(rest)
    # Of object stores (s3, gs) addresses are usually not encoded.
    return [
        form._replace(absolute=False)
        for text in dict.fromkeys((rest, unquote_path(rest)))
        for form in _one(text, "")
    ]


def unquote_path(text: str) -> str:
    """Percent-decoded; bytes that are not UTF-8 as surrogate escapes, as in file names."""
    return unquote(text, errors="surrogateescape") if "%" in text else text


def stems_of(name: str) -> tuple[str, ...]:
    """What the stem of a photo may be that a file calls ``name``: the name itself, if it is given
    without a suffix, and the name without its suffix."""
    match = _SUFFIX.fullmatch(name)
    return (name,) if match is None else (name, match[1])


def squashed(stem: str) -> str:
    """A folded stem with every run of other characters than letters and digits as one "-": tools
    replace spaces and brackets in various ways."""
    return _PUNCTUATION.sub("-", stem).strip("-")


def upload_prefix(name: str) -> str:
    """The eight hexadecimal digits that Label Studio puts before uploaded names; "" without."""
    match = _UPLOAD_PREFIX.match(name)
    return match[0][:-1] if match else ""


def without_mangling(name: str, *, upload: bool) -> str:
    """The name before a tool changed it; "" if none did.

    Args:
        name: a file name, spelled as in the file.
        upload: whether eight hexadecimal digits before it are of an upload.
    """
    match = _ROBOFLOW.fullmatch(name)
    if match is not None:
        stem, suffix, last = match.groups()
        return f"{stem}.{suffix}" if suffix else f"{stem}{last or ''}"
    if upload and (prefix := upload_prefix(name)):
        return name[len(prefix) + 1 :]
    return ""


def _one(text: str, folder: str) -> list[WrittenPath]:
    absolute = is_absolute(text)
    if folder and not absolute:
        text = f"{folder}/{text}"
        absolute = is_absolute(folder)
    spelled = parts_of(text)
    if not spelled:
        return []
    return [WrittenPath(spelled, tuple(fold("/".join(spelled)).split("/")), absolute)]


def _plain(path: str, folder: str) -> list[WrittenPath]:
    text = path.replace("\\", "/")
    _before, found, rest = text.partition(_LOCAL_FILES)
    if found:
        return _one(unquote_path(rest.partition("&")[0]), "")
    forms = [
        form
        for variant in dict.fromkeys((text, unquote_path(text)))
        for form in _one(variant, folder)
    ]
    if _UPLOADED.search(text):
        forms = [form._replace(nameless=True) for form in forms]
    return forms


def _web(rest: str) -> list[WrittenPath]:
    text = rest.partition("#")[0]
    _before, found, after = text.partition(_LOCAL_FILES)
    if found:
        return _one(unquote_path(after.partition("&")[0]), "")
    text = text.partition("?")[0]
    nameless = _UPLOADED.search(text) is not None
    forms = _one(unquote_path(text), "")
    return [form._replace(absolute=False, nameless=nameless) for form in forms]


def _local_file(rest: str) -> str:
    """The path in a ``file:`` address, after ``file://``."""
    if rest.startswith("/"):
        inner = rest.lstrip("/")
        return inner if _DRIVE.match(inner) else f"/{inner}"
    host, _slash, path = rest.partition("/")
    if host.lower() in ("", "localhost"):
        return path if _DRIVE.match(path) else f"/{path}"
    return rest if _DRIVE.match(rest) else f"//{rest}"
