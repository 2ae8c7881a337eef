"""Arguments of ``lmpt-desktop import``, and the choices that they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.command_line import (
    LIBRARY_NAME,
    CommandFailure,
    ExitCode,
    option_pair,
    threshold_or_none,
)
from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    Conflicts,
    Hierarchy,
    ImportChoices,
    ReviewedMarks,
)
from lmpt_desktop.interchange.importing.class_matching import PATH_SEPARATOR, parts_of_name
from lmpt_desktop.interchange.importing.matching import PathChange
from lmpt_desktop.interchange.importing.survey import Survey
from lmpt_desktop.interchange.record import NotListed
from lmpt_desktop.translation import join_names

PARTS = "|"
"""Between the parts of a class that is a path, as shown and as written after ``--class``."""
MAX_NAMED = 20
"""Classes and values named in an error."""
VERDICTS = {
    "present": Verdict.PRESENT,
    "absent": Verdict.ABSENT,
    "unknown": Verdict.UNKNOWN,
}

EPILOG = """\
All files are read and checked before anything is written.  Then each file is imported in one step,
which the window can undo.  Photos stay untouched.  The library may be open in a window meanwhile,
unless classes are added.

photos:
  Only photos that the library knows are found; it is not scanned.  They are matched by the first
  of these that finds any: path (the exact path), fingerprint (our own hashes), suffix (the longest
  end of the path), name, stem (the name without its suffix), mangled (the name before Roboflow or
  Label Studio changed it).  If several photos fit, the image is ambiguous and not imported.

formats (default: the one that recognises the file):
{formats}

output:
  With --json one object on standard output; its counts are of all files together:
  files        each file: name, format, counts, and how many annotations changed
  photos       images found by each rule, ambiguous and unmatched; ambiguous_paths and
               unmatched_paths list them
  classes      what becomes of each class of the files, and why
  values       each value as written, how often it occurs, and its verdict (null: none)
  new, same, conflicting, contradictory, machine_left_out, held_out
               a photo and a class each: not in the library yet; as in the library; other than in
               the library; about which a file contradicts itself; said by a machine, below the
               threshold; new or changed, on photos that are kept for testing
  bad_rows     what could not be read: reason, line, and the beginning of its text or its file
  applied      whether the files were imported;  error: why not, a sentence, or null

exit codes:
  0    all that the files say of photos was imported, was there before, or was left out as asked
  1    some images were not found or are ambiguous, or some rows could not be read (listed on
       stderr); the others were imported
  2    wrong usage: an unknown option or format, a file that cannot be read, a class that the
       library lacks (--add-classes, --class), a value without a verdict (--map); nothing was
       imported
  3    none of the images was found in the library
  5    the library does not exist, could not be opened or written, or is open in a window and
       would get new classes
  130  interrupted

With --dry-run the exit codes are the same, and nothing is written.

A folder of features, made by lmpt-trainer encode-folder, is imported too:
lmpt-desktop import FEATURES [--library PATH] [--photos FOLDER]
"""


def import_parser() -> argparse.ArgumentParser:
    """Arguments of ``import``."""
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop import",
        description="Take annotations of other programs into a library.",
        epilog=EPILOG.format(
            formats="\n".join(f"  {item.name:<14}{item.title}" for item in registry.readable())
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("files", metavar="FILE", nargs="+", type=Path, help="files, or folders of some formats")
    add(
        "--library",
        metavar="PATH",
        type=Path,
        help=f'library folder (default: the library "{LIBRARY_NAME}"); it must exist',
    )
    add("--format", metavar="NAME", help="one of those below, for all files")
    add(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=option_pair,
        help="of the format; may be repeated",
    )
    add(
        "--map",
        metavar="VALUE=present|absent|unknown",
        action="append",
        default=[],
        type=_verdict_of_value,
        help="what a value of the files means; may be repeated",
    )
    add(
        "--class",
        metavar="NAME=CLASS",
        dest="classes",
        action="append",
        default=[],
        type=_with_equals,
        help="which class of the library a class of the files is, NAME= to ignore it; of a "
        f"hierarchy NAME is a{PARTS}b; may be repeated",
    )
    add("--add-classes", action="store_true", help="add the classes that the library lacks")
    add(
        "--hierarchy",
        choices=[item.value for item in Hierarchy],
        default=Hierarchy.LEAF.value,
        help=f"name of classes that are paths (a{PARTS}b): b (default), or a{PATH_SEPARATOR}b",
    )
    add(
        "--not-listed",
        choices=[item.value for item in NotListed],
        default=NotListed.UNKNOWN.value,
        help="what it means that a photo of a file does not list a class: unknown (default), "
        "absent for the classes that the file has anywhere, absent for all imported classes",
    )
    add(
        "--conflicts",
        choices=[item.value for item in Conflicts],
        default=Conflicts.MINE.value,
        help="where a file contradicts the library: keep the library's (default), take theirs, "
        "fill what is unknown and leave reviewed photos alone, or clear both",
    )
    add(
        "--machine",
        metavar="none|THRESHOLD",
        type=threshold_or_none,
        default=None,
        help="leave out what a machine said (default), or take it from this score on, 0 to 1",
    )
    add(
        "--reviewed",
        choices=[item.value for item in ReviewedMarks],
        default=ReviewedMarks.AS_IN_FILE.value,
        help="mark as reviewed: none, those that the file calls so (default), all found photos",
    )
    add("--strip-prefix", metavar="P", default="", help="remove this from the paths of the files")
    add("--add-prefix", metavar="P", default="", help="then put this before them")
    add("--dry-run", action="store_true", help="only say what would happen")
    add("--json", action="store_true", help="a report as one JSON object on standard output")
    add("--verbose", action="store_true", help="log everything to stderr")
    return parser


def joined(words: Sequence[str]) -> list[str]:
    """``--map -1=absent`` as one word: argparse would take -1=absent for an option."""
    taking = ("--map", "--class", "--option", "--strip-prefix", "--add-prefix")
    result: list[str] = []
    rest = iter(words)
    for word in rest:
        following = next(rest, None) if word in taking else None
        result.append(word if following is None else f"{word}={following}")
    return result


def _verdict_of_value(text: str) -> tuple[str, Verdict]:
    value, equals, verdict = text.rpartition("=")
    if not equals or verdict not in VERDICTS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not VALUE=present, VALUE=absent or VALUE=unknown"
        )
    return value, VERDICTS[verdict]


def _with_equals(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=CLASS or NAME=")
    return text


def choices_of(
    parsed: argparse.Namespace, surveys: Sequence[Survey], entries: Sequence[ClassEntry]
) -> list[ImportChoices]:
    """The choices for each file.

    Raises:
        CommandFailure: if ``--map`` or ``--class`` names nothing that the files have.
    """
    common = ImportChoices(
        paths=PathChange(parsed.strip_prefix, parsed.add_prefix),
        add_classes=parsed.add_classes,
        hierarchy=Hierarchy(parsed.hierarchy),
        values=_mapped(parsed.map, {value for survey in surveys for value in survey.values}),
        not_listed=NotListed(parsed.not_listed),
        machine_threshold=parsed.machine,
        conflicts=Conflicts(parsed.conflicts),
        reviewed=ReviewedMarks(parsed.reviewed),
    )
    classes: list[dict[str, ClassChoice]] = [{} for _survey in surveys]
    for text in parsed.classes:
        found = [_chosen(text, survey.class_names, entries, parsed) for survey in surveys]
        if not any(found):
            name = text.rpartition("=")[0]
            raise CommandFailure(ExitCode.USAGE, f"No file has the class “{name}” (--class).")
        for chosen, more in zip(classes, found, strict=True):
            chosen.update(more)
    return [replace(common, classes=chosen) for chosen in classes]


def _mapped(
    requested: Iterable[tuple[str, Verdict]], values: Collection[str]
) -> dict[str, Verdict]:
    """The verdicts of ``--map`` by value as the files have it: -1 stands for -1.0 as well, unless
    the files have both."""
    result: dict[str, Verdict] = {}
    for text, verdict in requested:
        found = [text] if text in values else [v for v in values if _same_value(text, v)]
        if not found:
            raise CommandFailure(
                ExitCode.USAGE,
                f"No file has the value “{text}” (--map). There are: "
                f"{join_names(sorted(values), MAX_NAMED, quoted=True) or 'none'}.",
            )
        result.update(dict.fromkeys(found, verdict))
    return result


def _same_value(first: str, second: str) -> bool:
    if first.strip().casefold() == second.strip().casefold():
        return True
    try:
        return float(first) == float(second)
    except ValueError:
        return False


def _chosen(
    text: str, names: Iterable[str], entries: Sequence[ClassEntry], parsed: argparse.Namespace
) -> dict[str, ClassChoice]:
    """What ``NAME=CLASS`` says of the classes of a file; the longest name that it has counts."""
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(name_key(shown(name)), []).append(name)
    place = len(text)
    while (place := text.rfind("=", 0, place)) >= 0:
        written = PARTS.join(part.strip() for part in text[:place].split(PARTS))
        found = by_key.get(name_key(written))
        exact = [name for name in found or () if shown(name) == written]
        if found:
            choice = _class_choice(text[place + 1 :], entries, parsed)
            return dict.fromkeys(exact or found, choice)
    return {}


def _class_choice(
    name: str, entries: Sequence[ClassEntry], parsed: argparse.Namespace
) -> ClassChoice:
    clean = " ".join(name.split())
    if not clean:
        return ClassChoice(ClassAction.IGNORE)
    for names in (lambda entry: [entry.name], lambda entry: entry.aliases):
        for entry in entries:
            if name_key(clean) in map(name_key, names(entry)):
                return ClassChoice(ClassAction.MAP, entry.id)
    if parsed.add_classes:
        return ClassChoice(ClassAction.ADD, name=clean)
    raise CommandFailure(
        ExitCode.USAGE,
        f"The library has no class “{clean}” (--class). With --add-classes it is added.",
    )


def shown(name: str) -> str:
    """A class of a file as it is shown and as ``--class`` takes it."""
    return PARTS.join(parts_of_name(name))
