"""Walk a folder and find new, changed and unchanged photos (without reading them).

Of files whose names say nothing the first bytes are read (:mod:`.odd_names`).
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lmpt_desktop.domain import ignore_list
from lmpt_desktop.domain.ignore_list import NOMEDIA, IgnoreList
from lmpt_desktop.domain.other_files import kind_of
from lmpt_desktop.domain.records import Folder, KnownFile
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.ingest.file_times import ctime_ns, mtime_ns
from lmpt_desktop.ingest.odd_names import is_oddly_named_photo
from lmpt_desktop.ingest.placeholders import is_placeholder
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.ingest.sidecars import FolderSidecars
from lmpt_desktop.real_paths import canonical, names_in
from lmpt_desktop.translation import _
from trainer.file_formats import is_odd_name
from trainer.photo import PHOTO_SUFFIXES

log = logging.getLogger(__name__)

BATCH_FILES = 1000
"""Photos per batch, at least; a batch ends with a folder or with this many."""

_ODD_ENTRY = (OSError, ValueError, OverflowError)
"""What the system raises on an entry that is gone, damaged or beyond what it can express."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A photo file whose content must be read.

    ``path`` is relative to the folder, with "/" between parts; the content of a ``placeholder``
    is not on this disk (see :mod:`.placeholders`).  ``ctime_ns`` is when anything of the file was
    last changed, and 0 on Windows, which does not say.  Times are within int64.  ``sidecars`` are
    the names of the files beside it that describe it (None: not looked for).  ``only_sidecars``:
    the file itself is as it was, but not what is beside it.
    """

    path: str
    size: int
    mtime_ns: int
    sidecar_mtime_ns: int
    placeholder: bool = False
    ctime_ns: int = 0
    sidecars: tuple[str, ...] | None = None
    only_sidecars: bool = False


@dataclass(frozen=True)
class FolderProblem:
    """A folder that could not be listed, or an entry that could not be looked at.

    ``path`` is relative ("" for the top).  ``gone``: it is a link that leads nowhere, so that the
    photo is not there; otherwise it may be, and so may everything below it.
    """

    path: str
    reason: str
    gone: bool = False


@dataclass(frozen=True)
class ScanBatch:
    """A part of what a scan found.

    Attributes:
        new: files that are not known.
        changed: known files whose size or one of their times differs.
        unchanged: ids of known files that have not changed.
        returned: ids of missing files that are back, and of left out ones that no longer are,
            unchanged.
        problems: folders and entries that could not be read.
        left_out: links to folders that a scan of a part does not follow (relative paths); what
            is known below them stays as it is.
        listed_elsewhere: folders that belong to another folder of the library (relative paths).
            Images that were once found below them are not here any more: they are missing, and
            the scan of the other folder finds their files.
        ignored: folders and photos that the ignore list leaves out (relative paths).
        others: the suffix of each file that is no photo, neither hidden nor a side file; "" if it
            has none.
    """

    new: list[FoundFile] = field(default_factory=list)
    changed: list[FoundFile] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    problems: list[FolderProblem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    listed_elsewhere: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.new) + len(self.changed) + len(self.unchanged) + len(self.returned)


def scan(
    folder: Path,
    known: Mapping[str, KnownFile],
    on_progress: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    scope: Scope = EVERYTHING,
    *,
    elsewhere: Collection[str] = (),
    ignore: IgnoreList = ignore_list.DEFAULT,
) -> Iterator[ScanBatch]:
    """Walk ``folder`` and everything below it, or the part of it in ``scope``.

    Hidden files and folders (a leading dot, or Windows' attribute) are left out.  Links are
    followed; a folder that several paths lead to is visited once, by its own path rather than
    by a link.  A folder that cannot be listed is a problem in a batch, as is any entry that
    cannot be looked at; what vanishes meanwhile is ignored.  A file whose content is kept online
    is not opened: it stays as it was, or is found as a placeholder.

    Args:
        folder: the top.
        known: the files known to the catalogue, by relative path.
        on_progress: called with the number of photos seen, after every batch.
        should_stop: asked between folders and batches; True ends the walk.
        scope: look only here; links to folders are then not followed.
        elsewhere: what :func:`elsewhere_of` says.  What lies in one of these folders is not
            entered, unless ``folder`` lies deeper.  If ``folder`` itself is one, nothing is.
        ignore: what is left out.

    Yields:
        Batches; the last one may be empty.
    """
    walk = _Walk(folder, known, scope, elsewhere, ignore)
    seen = 0
    for batch in walk.batches(should_stop or (lambda: False)):
        seen += len(batch)
        if on_progress:
            on_progress(seen)
        yield batch


def elsewhere_of(folder: Folder, folders: Iterable[Folder]) -> frozenset[str]:
    """The real paths of the other folders that are not hidden, which list their photos themselves.

    Where two are the same folder (libraries of earlier versions may have it twice), the one with
    the lower id lists it.  Reads the disk.
    """
    own = canonical(folder.path)
    others = ((item.id, canonical(item.path)) for item in folders if not item.hidden)
    return frozenset(
        os.fspath(real)
        for other, real in others
        if other != folder.id and (real != own or other < folder.id)
    )


@dataclass(slots=True, eq=False)
class _Folder:
    """A folder to list.

    ``inner`` is its path in the folder that is scanned, ``above`` the folder that it was found in
    as a plain one (None if by a link), ``status`` what the system said when it was listed.
    """

    inner: str
    path: str
    real: str
    above: _Folder | None = None
    status: os.stat_result | None = None

    def child(self, name: str) -> _Folder:
        inner = f"{self.inner}/{name}" if self.inner else name
        return _Folder(inner, _join(self.path, name), _join(self.real, name), self)


class _Walk:
    """One scan in progress.

    Folders are told apart by their real paths.  That of a plain subfolder follows from the folder
    it is in; only links need the disk.
    """

    def __init__(
        self,
        folder: Path,
        known: Mapping[str, KnownFile],
        scope: Scope,
        elsewhere: Collection[str],
        ignore: IgnoreList,
    ) -> None:
        self._ignore = ignore
        self._top = os.fspath(folder)
        self._known = known
        self._scope = scope
        self._names: dict[str, frozenset[str]] = {}
        self._real_top = self._real(self._top)
        self._elsewhere = frozenset(map(os.path.normcase, elsewhere))
        self._visited: set[str] = set()
        self._links: list[str] = []

    def batches(self, should_stop: Callable[[], bool]) -> Iterator[ScanBatch]:
        batch = ScanBatch()
        waiting = self._start(batch)
        while waiting or self._links:
            if should_stop():
                return
            # Links last, so that a folder is known by its own path and not by a link to it.
            here = waiting.pop() if waiting else self._follow(self._links.pop(0), batch)
            if here is None:
                continue
            entries = self._list(here, batch)
            if self._ignore.nomedia and any(map(_is_nomedia, entries)):
                batch.ignored.append(here.inner)
                continue
            sidecars = FolderSidecars((entry.name, entry) for entry in entries)
            folders: list[_Folder] = []
            for entry in entries:
                if entry.name[0] == ".":
                    continue
                self._look(entry, here, sidecars, folders, batch)
                if len(batch) >= BATCH_FILES or len(batch.others) >= BATCH_FILES:
                    yield batch
                    batch = ScanBatch()
                    if should_stop():
                        return
            waiting.extend(reversed(folders))
        yield batch

    def _look(
        self,
        entry: os.DirEntry[str],
        here: _Folder,
        sidecars: FolderSidecars[os.DirEntry[str]],
        folders: list[_Folder],
        batch: ScanBatch,
    ) -> None:
        """Put one entry of a folder where it belongs; plain subfolders into ``folders``."""
        path = f"{here.inner}/{entry.name}" if here.inner else entry.name
        try:
            plain = entry.is_dir(follow_symlinks=False)
            if plain or (entry.is_symlink() and entry.is_dir()):
                if not self._scope.is_deep(here.inner) or (plain and _is_hidden(entry)):
                    return
                if self._ignore.matches(path, folder=True):
                    batch.ignored.append(path)
                elif plain and not _is_junction(entry):
                    folders.append(here.child(entry.name))
                else:
                    self._take_link(path, batch)
            elif self._ignore.matches(path, folder=False):
                if path in self._known or _is_photo_name(entry.name):
                    batch.ignored.append(path)
            elif _is_photo_name(entry.name) or self._is_photo_inside(entry, path):
                self._take(entry, path, sidecars, batch)
            else:
                _count_other(entry, batch)
        except _ODD_ENTRY as error:
            log.debug("left out %r: %s", path, error)
            if problem := _problem(entry, path, error):
                batch.problems.append(problem)

    # ------------------------------------------------------------------------- folders

    def _start(self, batch: ScanBatch) -> list[_Folder]:
        """The folders to start from."""
        waiting: list[_Folder] = []
        for inner in self._scope.roots():
            top = _Folder("", self._top, self._real_top)
            parts = inner.split("/") if inner else []
            paths = [_join(self._top, *parts[: count + 1]) for count in range(len(parts))]
            if self._is_elsewhere(_join(self._real_top, *parts)):
                batch.listed_elsewhere.append(inner)
            elif self._ignore.covers_folder(inner) or self._is_below_nomedia(parts):
                batch.ignored.append(inner)
            elif any(_is_link(path) for path in paths):
                # What a link leads to is no place of its own.
                batch.left_out.append(inner)
            else:
                for name in parts:
                    top = top.child(name)
                waiting.append(top)
        return waiting

    def _is_below_nomedia(self, parts: list[str]) -> bool:
        """Whether a folder around this one asks to be left out."""
        above = [_join(self._top, *parts[:count]) for count in range(len(parts))]
        return self._ignore.nomedia and any(map(asks_to_be_left_out, above))

    def _take_link(self, path: str, batch: ScanBatch) -> None:
        # Its target may be in a part of the folder that is not walked now.
        (self._links if self._scope == EVERYTHING else batch.left_out).append(path)

    def _follow(self, link: str, batch: ScanBatch) -> _Folder | None:
        """Where a link leads; None if that is listed elsewhere."""
        path = _join(self._top, link)
        real = self._real(path)
        if self._is_elsewhere(real):
            batch.listed_elsewhere.append(link)
            return None
        return _Folder(link, path, real)

    def _real(self, path: str) -> str:
        return os.fspath(canonical(Path(path), listing=self._listing))

    def _listing(self, folder: str) -> frozenset[str]:
        """Names in a folder, each folder listed once: it may hold many links."""
        names = self._names.get(folder)
        if names is None:
            names = self._names[folder] = names_in(folder)
        return names

    def _is_elsewhere(self, real: str) -> bool:
        """Whether the innermost of the library's folders around a real path is another one."""
        if not self._elsewhere:
            return False
        top, path = os.path.normcase(self._real_top), os.path.normcase(real)
        below: list[str] = []
        while path not in self._elsewhere:
            above, name = os.path.split(path)
            if path in (top, above):
                return False
            below.append(name)
            path = above
        # What is hidden there is not listed there.
        return not any(name.startswith(".") for name in below)

    def _list(self, here: _Folder, batch: ScanBatch) -> list[os.DirEntry[str]]:
        """The entries of a folder by name; none if it was visited or cannot be listed."""
        key = os.path.normcase(here.real)
        if key in self._visited:
            return []
        # A plain subfolder is in a folder that was entered: only its own path can be elsewhere.
        if here.above is not None and key in self._elsewhere:
            batch.listed_elsewhere.append(here.inner)
            return []
        self._visited.add(key)
        found: list[os.DirEntry[str]] = []
        try:
            here.status = os.stat(here.path)  # noqa: PTH116
            if _leads_back(here):
                return []
            with os.scandir(here.path) as entries:
                # What was read before an error is kept.
                found.extend(entries)
        except (FileNotFoundError, NotADirectoryError) as error:
            if not here.inner:
                batch.problems.append(FolderProblem("", _reason(error)))
        except _ODD_ENTRY as error:
            batch.problems.append(FolderProblem(here.inner, _reason(error)))
        found.sort(key=lambda entry: entry.name)
        return found

    # --------------------------------------------------------------------------- files

    def _is_photo_inside(self, entry: os.DirEntry[str], path: str) -> bool:
        """Whether a file whose name does not say so is a photo; no known one is opened."""
        if not is_odd_name(entry.name):
            return False
        return path in self._known or is_oddly_named_photo(entry.path, entry.name, entry.stat())

    def _take(
        self,
        entry: os.DirEntry[str],
        path: str,
        sidecars: FolderSidecars[os.DirEntry[str]],
        batch: ScanBatch,
    ) -> None:
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode) or _is_hidden(entry):
            return
        beside, names = self._beside(entry.name, path, sidecars, batch) if sidecars else (0, ())
        size, modified, altered = status.st_size, mtime_ns(status), ctime_ns(status)
        placeholder = is_placeholder(status)
        old = self._known.get(path)
        same = (
            old is not None
            and not placeholder
            and (old.size, old.mtime_ns) == (size, modified)
            and (old.ctime_ns == altered or not old.ctime_ns or not altered)
            # If it could not be read, new permissions would show neither in size nor in time.
            and not old.retry
            and bool(old.fingerprint or not size)
        )
        if old is not None and same and old.sidecar_mtime_ns == beside:
            (batch.returned if old.missing or old.left_out else batch.unchanged).append(old.id)
            return
        found = FoundFile(path, size, modified, beside, placeholder, altered, names, same)
        if old is None:
            batch.new.append(found)
        elif placeholder:
            _take_placeholder(found, old, batch)
        else:
            batch.changed.append(found)

    def _beside(
        self,
        name: str,
        path: str,
        sidecars: FolderSidecars[os.DirEntry[str]],
        batch: ScanBatch,
    ) -> tuple[int, tuple[str, ...]]:
        """When the latest of a photo's sidecars was changed, 0 if it has none that can be looked
        at; and their names."""
        latest: int | None = None
        names: list[str] = []
        for entry in sidecars.of(name):
            try:
                status = entry.stat()
            except _ODD_ENTRY as error:
                log.debug("no sidecar %r: %s", entry.name, error)
                problem = _problem(entry, path.removesuffix(name) + entry.name, error)
                if problem and not problem.gone:
                    batch.problems.append(problem)
                continue
            if stat.S_ISREG(status.st_mode):
                time = mtime_ns(status)
                latest = time if latest is None else max(latest, time)
                names.append(entry.name)
        return latest or 0, tuple(names)


def _count_other(entry: os.DirEntry[str], batch: ScanBatch) -> None:
    """Count a file that is no photo, if it is one that the user might expect to see."""
    kind = kind_of(entry.name)
    if kind is not None and entry.is_file() and not _is_hidden(entry):
        batch.others.append(kind)


def _take_placeholder(found: FoundFile, old: KnownFile, batch: ScanBatch) -> None:
    """A file whose content is not on this disk: a known one stays as it is."""
    if not (old.missing or old.left_out):
        batch.unchanged.append(old.id)
    elif (old.size, old.mtime_ns) == (found.size, found.mtime_ns):
        batch.returned.append(old.id)
    else:
        batch.changed.append(found)


def _leads_back(here: _Folder) -> bool:
    """Whether a folder found as a plain one is one that it lies in: a server may follow links of
    its own and show loops without end.

    Equal inode numbers only raise the suspicion, since some file systems give all files the same.
    """
    above = here.above
    while above is not None:
        if _is_suspect(here.status, above.status) and _have_same_entries(here, above):
            return True
        above = above.above
    return False


def _is_suspect(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    if one is None or other is None or not one.st_ino:
        return False
    return (one.st_ino, one.st_dev, one.st_mtime_ns, one.st_ctime_ns) == (
        other.st_ino,
        other.st_dev,
        other.st_mtime_ns,
        other.st_ctime_ns,
    )


def _have_same_entries(one: _Folder, other: _Folder) -> bool:
    """Whether two folders hold the same entries by name and number, on a file system that has a
    number for each."""
    listings: list[dict[str, int]] = []
    for folder in (one, other):
        with os.scandir(folder.path) as entries:
            found = list(entries)
        listings.append({entry.name: entry.inode() for entry in found})
        own = folder.status.st_ino if folder.status else 0
        # A folder may lead back into itself, a file may not.
        files = [entry.inode() for entry in found if not entry.is_dir(follow_symlinks=False)]
        if 0 in listings[-1].values() or own in files or {own} >= set(listings[-1].values()):
            return False
    return listings[0] == listings[1]


if os.name == "nt":

    def _is_hidden(entry: os.DirEntry[str]) -> bool:
        attributes = entry.stat(follow_symlinks=False).st_file_attributes
        return bool(attributes & stat.FILE_ATTRIBUTE_HIDDEN)

    def _is_junction(entry: os.DirEntry[str]) -> bool:
        return _is_link(entry.path)

    def _is_link(path: str) -> bool:
        try:
            tag = os.lstat(path).st_reparse_tag
        except _ODD_ENTRY:
            return False
        return tag in (stat.IO_REPARSE_TAG_SYMLINK, stat.IO_REPARSE_TAG_MOUNT_POINT)

else:

    def _is_hidden(entry: os.DirEntry[str]) -> bool:
        return entry.name[0] == "."

    def _is_junction(entry: os.DirEntry[str]) -> bool:
        del entry  # only Windows has them
        return False

    def _is_link(path: str) -> bool:
        return os.path.islink(path)  # noqa: PTH114


_join = os.path.join
"""Paths are texts here: a :class:`Path` for each of 100,000 entries takes longer than the walk."""


def _is_photo_name(name: str) -> bool:
    return name[name.rfind(".") :].lower() in PHOTO_SUFFIXES


def asks_to_be_left_out(folder: str) -> bool:
    """Whether there is a :data:`NOMEDIA` file in a folder."""
    return os.path.lexists(_join(folder, NOMEDIA))


def _is_nomedia(entry: os.DirEntry[str]) -> bool:
    return entry.name == NOMEDIA


def _problem(entry: os.DirEntry[str], path: str, error: Exception) -> FolderProblem | None:
    """What to say of an entry that could not be looked at; None if there is nothing to say."""
    number = error.errno if isinstance(error, OSError) else None
    try:
        link = entry.is_symlink()
    except _ODD_ENTRY:
        link = False
    if number == errno.ELOOP or isinstance(error, FileNotFoundError | NotADirectoryError):
        # A file deleted in the meantime is ignored; a broken link is reported.
        if not (link and _is_photo_name(entry.name)):
            return None
        if number == errno.ELOOP:
            return FolderProblem(path, _("This is a link that leads back to itself."), gone=True)
        return FolderProblem(path, _("This is a link to a file that does not exist."), gone=True)
    if isinstance(error, PermissionError):
        return FolderProblem(path, _("You do not have permission to open this."))
    text = _("This could not be read: {reason}.").format(reason=reason_of(error))
    return FolderProblem(path, text)


def _reason(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return _("You do not have permission to open this folder.")
    if isinstance(error, FileNotFoundError):
        return _("The folder was not found: it may have been moved, or its disk is not connected.")
    if isinstance(error, NotADirectoryError):
        return _("This is not a folder.")
    return _("The folder could not be read: {reason}.").format(reason=reason_of(error))
