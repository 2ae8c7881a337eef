"""From records to a file: what the format cannot hold, and a check of what was written."""

from __future__ import annotations

import hashlib
import json
import operator
import os
import stat
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.interchange.errors import Cancelled, InterchangeError, OutputExists
from lmpt_desktop.interchange.format import ExportFacts, Format, Loss, Options, Target
from lmpt_desktop.interchange.protected_files import is_photo_or_side_file
from lmpt_desktop.interchange.reading.source_files import SourceFile, no_progress
from lmpt_desktop.interchange.record import PREDICTION, BadRow, ClassRecord, ImageRecord, Origin
from lmpt_desktop.translation import _, join_names, ngettext, number
from trainer import temporary_files
from trainer.regular_file import open_regular

CHECK_EVERY = 256
"""Records between two looks at whether the user has cancelled."""
MAX_DIFFERENCES = 100
"""Differences that are listed."""
MARKER = ".lmpt-desktop-export.json"
"""In a folder that an export has written: what it has written there, with sizes and digests."""
MAX_NAMED = 3
"""Files named in a sentence."""

_MAX_MARKER_BYTES = 1024 * 1024 * 1024


# ----------------------------------------------------------------------------------- losses


@dataclass(frozen=True)
class LossCount:
    """So many things that a format cannot hold."""

    loss: Loss
    count: int


@dataclass(frozen=True)
class ExportCounts:
    """What is exported, and what of it the format cannot hold.

    Attributes:
        photos: records.
        present, absent: annotations.
        predictions: classes that are only predicted.
        losses: in the order of :class:`Loss`, those that are not 0.
    """

    photos: int
    present: int
    absent: int
    predictions: int
    losses: tuple[LossCount, ...]


def count_export(
    records: Iterable[ImageRecord],
    facts: ExportFacts,
    format_: Format,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> ExportCounts:
    """Count what writing these records would write, and lose.

    Raises:
        Cancelled: if ``cancelled`` says so.
    """
    counts: Counter[Loss] = Counter()
    verdicts: Counter[Verdict | None] = Counter()
    used: set[str] = set()
    photos = predictions = 0
    for record in _watched(records, lambda _done: None, cancelled):
        photos += 1
        for item in record.classes:
            used.add(item.name)
            if item.source == PREDICTION:
                predictions += 1
            else:
                verdicts[item.verdict] += 1
        held = format_.held(record, facts.options)
        if held is None:
            counts[Loss.EMPTY_IMAGE] += 1
            counts[Loss.REVIEWED] += record.reviewed is True
            _count_lost_classes(record.classes, (), counts, format_)
        elif held is not record:
            _count_lost_facts(record, held, counts)
            if held.classes is not record.classes:
                _count_lost_classes(record.classes, held.classes, counts, format_)
    counts[Loss.CLASS_DETAILS] = _lost_details(facts.classes, used, format_)
    return ExportCounts(
        photos,
        verdicts[Verdict.PRESENT],
        verdicts[Verdict.ABSENT],
        predictions,
        tuple(LossCount(loss, counts[loss]) for loss in Loss if counts[loss]),
    )


def _count_lost_facts(record: ImageRecord, held: ImageRecord, counts: Counter[Loss]) -> None:
    """Adds what ``held`` lacks of ``record``, its classes aside."""
    counts[Loss.REVIEWED] += record.reviewed is True and held.reviewed is not True
    counts[Loss.PLACE] += (held.path, held.folder) != (record.path, record.folder)
    counts[Loss.HASH] += (held.fingerprint, held.file_hash, held.picture_hash) != (
        record.fingerprint,
        record.file_hash,
        record.picture_hash,
    )
    counts[Loss.SPLIT] += held.split != record.split
    counts[Loss.CAPTION] += held.caption != record.caption
    counts[Loss.STATE] += held.state != record.state and record.state not in ("", "ok")


def _count_lost_classes(
    classes: Sequence[ClassRecord],
    held: Sequence[ClassRecord],
    counts: Counter[Loss],
    format_: Format,
) -> None:
    """Adds what ``held`` lacks of ``classes``."""
    kept = {item.name: item for item in held}
    missing: list[ClassRecord] = []
    for item in classes:
        other = kept.pop(item.name, None)
        if other is None or other.verdict is not item.verdict or _is_passed_off(item, other):
            missing.append(item)
            continue
        counts[Loss.SCORE] += item.score is not None and other.score is None
        counts[Loss.SOURCE] += (
            item.source not in ("", Source.USER, PREDICTION)
            and other.source != item.source
            and not (item.origin is Origin.MACHINE and other.origin is Origin.MACHINE)
        )
    # What is left on both sides is there under another name.
    renamed = list(kept.values())
    for item in missing:
        same = next((place for place in renamed if place.verdict is item.verdict), None)
        if same is not None:
            renamed.remove(same)
            counts[Loss.CLASS_NAME] += 1
        else:
            counts[_why_missing(item, format_)] += 1


def _why_missing(item: ClassRecord, format_: Format) -> Loss:
    """What the format cannot hold of a class that it leaves out."""
    reasons = [
        *([Loss.PREDICTION] if item.origin is Origin.MACHINE else []),
        *([Loss.ABSENT] if item.verdict is Verdict.ABSENT else []),
        Loss.CLASS_NAME,
    ]
    return next((loss for loss in reasons if loss in format_.cannot_hold), reasons[0])


def _is_passed_off(item: ClassRecord, held: ClassRecord) -> bool:
    """Whether what a machine said reads back as if a person had."""
    return item.origin is Origin.MACHINE and held.origin is not Origin.MACHINE


def _lost_details(classes: Sequence[ClassSpec], used: set[str], format_: Format) -> int:
    """How many classes are not declared as they are."""
    if format_.held_classes is None:
        return sum(spec.name not in used or spec != ClassSpec(spec.name) for spec in classes)
    held = set(map(_with_plain_colour, format_.held_classes(tuple(classes))))
    return sum(_with_plain_colour(spec) not in held for spec in classes)


def _with_plain_colour(spec: ClassSpec) -> ClassSpec:
    """The class, so that #ABCDEF is the colour #abcdef."""
    return replace(spec, colour=spec.colour.lower())


# ---------------------------------------------------------------------------------- writing


@dataclass(frozen=True)
class Difference:
    """Something that a written file says otherwise than it should; ``text`` is a sentence."""

    path: str
    text: str


def write_and_check(
    records: Callable[[], Iterator[ImageRecord]],
    facts: ExportFacts,
    format_: Format,
    out: Path,
    *,
    replace: bool = False,
    progress: Callable[[int], None] = lambda _done: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Difference]:
    """Write a file or folder, all of it or nothing, and read it back before it takes its place.

    How a file says something (``line``, ``value``) and in which order is not compared.

    Args:
        records: gives the records anew each time it is called.
        out: where; a file of that name is replaced only with ``replace``, a photo or an XMP side
            file never, nor a folder unless it is empty or has only what an export wrote, as it
            was written.
        progress: called with the number of records written and read back, in all.

    Returns:
        How what reads back differs from what the format should hold, the first
        ``MAX_DIFFERENCES``; [] if it does not.

    Raises:
        OutputExists: something is there that is not to be replaced.
        OSError, InterchangeError: then nothing was changed.
    """
    if format_.write is None:
        raise InterchangeError(_("{name} cannot be written.").format(name=format_.title))
    out = out.absolute()
    _refuse_to_overwrite(out, format_.target, replace)
    # Beside the target, so that it can be renamed; with its own name, since readers look at it.
    _give_back(out.parent)
    temporary_files.sweep(out.parent)
    with temporary_files.temporary_folder(out.parent, "export") as temporary:
        made = temporary / out.name
        expected = array("q")
        done = 0

        def report(count: int) -> None:
            progress(done + count)

        format_.write(
            _noted(_watched(records(), report, cancelled), format_, facts.options, expected),
            facts,
            made,
        )
        done = len(expected)
        source = SourceFile(made, facts.options, no_progress, cancelled)
        try:
            differences = _compare(
                records, expected, facts.classes, format_, source, progress=report
            )
        except Cancelled as error:
            raise Cancelled(_("The export was cancelled.")) from error
        if cancelled():
            raise Cancelled(_("The export was cancelled."))
        if format_.target is Target.FOLDER:
            _mark(made)
            _put_folder(made, out, temporary / temporary_files.REPLACED)
        else:
            _put_files(temporary, out, replace)
    return differences


def _watched(
    records: Iterable[ImageRecord], progress: Callable[[int], None], cancelled: Callable[[], bool]
) -> Iterator[ImageRecord]:
    """The records, with progress, until the user cancels."""
    count = 0
    for count, record in enumerate(records, 1):
        if count % CHECK_EVERY == 0:
            if cancelled():
                raise Cancelled(_("The export was cancelled."))
            progress(count)
        yield record
    progress(count)


def _noted(
    records: Iterable[ImageRecord], format_: Format, options: Options, expected: array[int]
) -> Iterator[ImageRecord]:
    """The records; what should read back of each is noted in ``expected``."""
    for record in records:
        held = format_.held(record, options)
        if held is not None:
            expected.append(_digest(held))
        yield record


_facts = operator.itemgetter(
    *(i for i, name in enumerate(ImageRecord._fields) if name not in ("classes", "line"))
)
_said = operator.itemgetter(*(i for i, name in enumerate(ClassRecord._fields) if name != "value"))


def _digest(record: ImageRecord) -> int:
    """A number that says what a record says, the order of its classes aside.

    Eight bytes a record: two of a million records have the same once in 30 million exports.
    """
    classes = record.classes
    return hash((_facts(record), len(classes), frozenset(map(_said, classes))))


def _compare(
    records: Callable[[], Iterator[ImageRecord]],
    expected: array[int],
    classes: tuple[ClassSpec, ...],
    format_: Format,
    source: SourceFile,
    *,
    progress: Callable[[int], None],
) -> list[Difference]:
    """How what reads back differs from what was noted."""
    if format_.read is None:
        return []
    found = array("q")
    reading = format_.read(source)
    differences: list[Difference] = []
    if format_.held_classes is not None and format_.held_classes(classes) != reading.facts.classes:
        differences.append(Difference("", _("The file declares other classes.")))
    for item in reading.items:
        if isinstance(item, BadRow):
            differences.append(Difference("", item.reason))
            continue
        found.append(_digest(item))
        if len(found) % CHECK_EVERY == 0:
            progress(len(found))
    progress(len(found))
    if np.array_equal(np.sort(np.array(expected)), np.sort(np.array(found))):
        return differences[:MAX_DIFFERENCES]
    surplus = Counter(found)
    surplus.subtract(expected)
    lacking = Counter({digest: -n for digest, n in surplus.items() if n < 0})
    surplus = +surplus
    should = [
        held
        for record in records()
        if (held := format_.held(record, source.options)) is not None
        and _taken(lacking, _digest(held))
    ]
    does = [
        item
        for item in format_.read(source).items
        if isinstance(item, ImageRecord) and _taken(surplus, _digest(item))
    ]
    return [*differences, *_differences(should, does)][:MAX_DIFFERENCES]


def _taken(counts: Counter[int], digest: int) -> bool:
    """Whether there is one left; it is not any more then."""
    if counts[digest] <= 0:
        return False
    counts[digest] -= 1
    return True


def _differences(should: Sequence[ImageRecord], does: Sequence[ImageRecord]) -> list[Difference]:
    """What differs, photo by photo."""
    by_path: dict[str, list[ImageRecord]] = {}
    for record in does:
        by_path.setdefault(record.path, []).append(record)
    found: list[Difference] = []
    for record in should:
        others = by_path.get(record.path)
        if others:
            found.append(Difference(record.path, _what_differs(record, others.pop(0))))
        else:
            found.append(Difference(record.path, _("The file lacks this photo.")))
    found += [
        Difference(record.path, _("The file has this photo, which was not exported so."))
        for others in by_path.values()
        for record in others
    ]
    return found


def _what_differs(should: ImageRecord, does: ImageRecord) -> str:
    expected, found = ({item.name: item for item in record.classes} for record in (should, does))
    classes = [
        name
        for name in dict.fromkeys((*expected, *found))
        if name not in expected or name not in found or _said(expected[name]) != _said(found[name])
    ]
    if classes or len(should.classes) != len(does.classes):
        return _("The file says something else about {classes}.").format(
            classes=join_names(classes, 3, quoted=True)
        )
    fields = [
        name
        for name, one, other in zip(ImageRecord._fields, should, does, strict=True)
        if one != other and name not in ("classes", "line")
    ]
    return _("The file says something else in {fields}.").format(fields=", ".join(fields))


# ------------------------------------------------------------------------------------ files


def _refuse_to_overwrite(out: Path, target: Target, replace: bool) -> None:
    """Raises OutputExists if something is at ``out`` that is not to be replaced."""
    try:
        there = out.lstat()
    except FileNotFoundError:
        return
    if target is Target.FOLDER:
        if not stat.S_ISDIR(there.st_mode):
            raise OutputExists(_("{path} is a file, not a folder.").format(path=out))
        if any(out.iterdir()):
            _refuse_to_lose(out, out)
            if not replace:
                raise OutputExists(
                    _("The folder {path} exists already.").format(path=out), replaceable=True
                )
    elif stat.S_ISDIR(there.st_mode):
        raise OutputExists(_("{path} is a folder, not a file.").format(path=out))
    elif not stat.S_ISREG(there.st_mode) and not stat.S_ISLNK(there.st_mode):
        raise OutputExists(_("{path} is not an ordinary file.").format(path=out))
    elif is_photo_or_side_file(out):
        raise OutputExists(
            _("{path} is a photo or its side file, which is never replaced.").format(path=out)
        )
    elif not replace:
        raise OutputExists(_("{path} exists already.").format(path=out), replaceable=True)


def _put_files(temporary: Path, out: Path, replace: bool) -> None:
    """Move what was written into place, ``out`` last."""
    made = sorted(temporary.iterdir(), key=lambda path: path.name == out.name)
    for path in made:
        _sync(path)
        _refuse_to_overwrite(out.parent / path.name, Target.FILE, replace)
    put: list[Path] = []
    for path in made:
        target = out.parent / path.name
        if replace:
            path.replace(target)
            continue
        try:
            _put_new(path, target)
        except OSError as error:
            for earlier in put:
                earlier.unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise OutputExists(
                    _("{path} exists already.").format(path=target), replaceable=True
                ) from error
            raise
        put.append(target)
    _sync(out.parent)


def _give_back(parent: Path) -> None:
    """Put folders back that killed exports had moved away and not yet replaced."""
    with os.scandir(parent) as entries:
        left = [Path(entry.path) for entry in entries if temporary_files.is_left_over(entry.name)]
    for folder in left:
        aside = folder / temporary_files.REPLACED
        if not aside.is_dir():
            continue
        for made in folder.iterdir():
            if made != aside and not os.path.lexists(parent / made.name):
                aside.rename(parent / made.name)
                break


def _put_new(path: Path, target: Path) -> None:
    """Move a file to where nothing is.  Raises FileExistsError if something is, also if it was
    made just now."""
    if os.name == "nt":
        path.rename(target)
        return
    try:
        target.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        path.replace(target)


def _put_folder(made: Path, out: Path, aside: Path) -> None:
    """Move a folder into place; what was there goes to ``aside``."""
    for place, _folders, files in os.walk(made):
        for name in files:
            _sync(Path(place) / name)
        _sync(Path(place))
    if out.exists():
        out.rename(aside)
    try:
        if aside.exists() and any(aside.iterdir()):
            # Looked at again where nobody knows it: it may have changed meanwhile.
            _refuse_to_lose(aside, out)
        made.rename(out)
    except (OSError, OutputExists):
        if aside.exists():
            aside.rename(out)
        raise
    _sync(out.parent)


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    try:
        # Windows syncs only what it may write, and opens no folders.
        handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except OSError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    except OSError:
        # Some shares cannot do that for folders.
        if not path.is_dir():
            raise
    finally:
        os.close(handle)


def _entries(folder: Path) -> dict[str, list[int | str] | None]:
    """What is in a folder by relative path: size and digest of a file; None for a folder, whose
    path ends with "/", and for what is neither."""
    found: dict[str, list[int | str] | None] = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            key = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[key] = [path.stat().st_size, digest]
            else:
                found[f"{key}/" if stat.S_ISDIR(mode) else key] = None
    return found


def _mark(folder: Path) -> None:
    """Note what the export has written."""
    (folder / MARKER).write_text(json.dumps({"entries": _entries(folder)}), encoding="utf-8")


def _refuse_to_lose(folder: Path, out: Path) -> None:
    """Raises OutputExists if something in a folder is not as an export has written it.

    Args:
        folder: where it is now.
        out: how it is called in the sentence.
    """
    marked = _marked(folder)
    entries = _entries(folder)
    entries.pop(MARKER, None)
    if entries.keys() - marked.keys():
        raise OutputExists(
            _(
                "The folder {path} has files that no export has written. Choose a new folder."
            ).format(path=out)
        )
    changed = sorted(key for key, entry in entries.items() if entry != marked[key])
    if changed:
        raise OutputExists(
            ngettext(
                "{count} file in the folder {path} has changed since it was exported: {names}. "
                "Choose a new folder.",
                "{count} files in the folder {path} have changed since they were exported: "
                "{names}. Choose a new folder.",
                len(changed),
            ).format(count=number(len(changed)), path=out, names=join_names(changed, MAX_NAMED))
        )


def _marked(folder: Path) -> dict[str, object]:
    """What an export has written, as it noted it; {} if none has."""
    marker = folder / MARKER
    try:
        with open_regular(marker) as file:
            data = file.read(_MAX_MARKER_BYTES + 1)
        if len(data) > _MAX_MARKER_BYTES:
            return {}
        entries = json.loads(data)["entries"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}
