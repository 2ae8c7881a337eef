"""What ``lmpt-desktop import`` says of its files: sentences on stderr, an object for ``--json``."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console

from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.command_line import CommandFailure, say
from lmpt_desktop.engine.interchange.imports import ImportResult
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.headless.import_annotations.arguments import VERDICTS, shown
from lmpt_desktop.interchange.importing.choices import Conflicts, ImportChoices
from lmpt_desktop.interchange.importing.importer import ImportPreview
from lmpt_desktop.interchange.importing.matching import MatchRule
from lmpt_desktop.interchange.importing.survey import Survey
from lmpt_desktop.interchange.record import NotListed

MAX_LISTED = 10
"""Photos and rows named on stderr; ``--json`` has them all."""
MAX_LINE = 300
"""Characters of a path or reason on stderr."""
DONE_ABOUT_CONFLICTS = {
    Conflicts.MINE: "kept",
    Conflicts.FILL: "kept",
    Conflicts.THEIRS: "replaced",
    Conflicts.CLEAR: "removed",
}
FOUND_BY = tuple(
    rule for rule in MatchRule if rule not in (MatchRule.UNMATCHED, MatchRule.AMBIGUOUS)
)


@dataclass
class ImportedFile:
    """One file of the command line, and what became of it."""

    survey: Survey
    choices: ImportChoices
    preview: ImportPreview
    result: ImportResult | None = None

    @property
    def name(self) -> str:
        return str(self.survey.path)

    def count(self, rule: MatchRule) -> int:
        return self.preview.matches.counts().get(rule, 0)

    @property
    def found(self) -> int:
        return sum(self.count(rule) for rule in FOUND_BY)

    @property
    def other_pictures(self) -> int:
        """How many were found by path though their picture is not that of the file."""
        return len(self.preview.matches.other_pictures)

    @property
    def added(self) -> list[str]:
        """Names of the classes that it adds."""
        return [spec.name for spec in self.preview.plan.new_classes]

    @property
    def is_partial(self) -> bool:
        """Whether something of it has no place in the library, or could not be read."""
        return self.found < len(self.survey.references) or self.survey.bad_row_count > 0


def describe(item: ImportedFile, session: LibrarySession, console: Console) -> None:
    survey, preview = item.survey, item.preview
    for note in survey.facts.notes:
        say(console, f"{item.name}: {note}")
    by_rule = [f"{item.count(rule):,} by {rule.key}" for rule in FOUND_BY if item.count(rule)]
    say(
        console,
        f"{item.name}: {item.found:,} of {len(survey.references):,} images found"
        + (f" ({', '.join(by_rule)})." if by_rule else "."),
    )
    if item.other_pictures:
        say(
            console,
            f"{item.name}: {count(item.other_pictures, 'image')} found by path, though the picture "
            "there is not that of the file (it was edited, or another one is in its place).",
        )
    _list(item, MatchRule.AMBIGUOUS, "several photos fit", console)
    _list(item, MatchRule.UNMATCHED, "not in the library", console)
    if item.count(MatchRule.UNMATCHED):
        for folder in session.imports.addable_folders(preview)[:MAX_LISTED]:
            say(
                console,
                f"{folder.path} has photos of the file and does not belong to the library.",
            )
    for row in survey.bad_rows[:MAX_LISTED]:
        where = f"{item.name}, line {row.line}" if row.line else item.name
        text = f" ({row.text})" if row.text else ""
        say(console, f"{where}: {_one_line(row.reason + text)}")
    if survey.bad_row_count > MAX_LISTED:
        say(console, f"... and {count(survey.bad_row_count - MAX_LISTED, 'more row')}.")
    counts = {
        "new": preview.new,
        "as in the library": preview.same,
        "of a machine and confirmed": preview.confirmed,
        f"other than in the library ({DONE_ABOUT_CONFLICTS[item.choices.conflicts]})": (
            preview.conflicting
        ),
        "contradicted by the file itself": preview.contradictory,
        "of a machine and left out": preview.machine_left_out,
        "on photos kept for testing": preview.held_out,
    }
    told = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count)
    say(console, f"{item.name}: annotations: {told or 'none'}.")
    if preview.partly_read:
        say(
            console,
            f"{item.name}: {count(preview.partly_read, 'photo')} could be read in part only: no "
            "class is absent there for not being listed.",
        )
    hint = survey.facts.not_listed
    if hint is not NotListed.UNKNOWN and item.choices.not_listed is NotListed.UNKNOWN:
        say(
            console,
            f"{item.name}: in this format a class that is not listed is usually absent. If all "
            f"photos were looked at for all classes: --not-listed {hint.value}.",
        )


def _list(item: ImportedFile, rule: MatchRule, words: str, console: Console) -> None:
    numbers = _numbers(item, rule)
    for number in numbers[:MAX_LISTED]:
        say(console, f"{_one_line(item.survey.references[number].path)}: {words}")
    if len(numbers) > MAX_LISTED:
        say(console, f"... and {len(numbers) - MAX_LISTED:,} more: {words}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_LINE]


def _numbers(item: ImportedFile, rule: MatchRule) -> list[int]:
    return np.flatnonzero(item.preview.matches.rules == rule).tolist()


@dataclass
class Report:
    """The object that ``--json`` prints."""

    parsed: argparse.Namespace
    files: list[ImportedFile] = field(default_factory=list)
    error: str | None = field(default=None, init=False)

    @contextlib.contextmanager
    def printed(self) -> Iterator[None]:
        """Print it at the end, whatever ends the import."""
        try:
            yield
        except (CommandFailure, CatalogueError) as error:
            self.error = str(error)
            raise
        finally:
            if self.parsed.json:
                # In one piece, which is encoded in C: a file may have a million photos.
                sys.stdout.write(f"{json.dumps(self._body())}\n")
                sys.stdout.flush()

    def _body(self) -> dict[str, Any]:
        totals = {
            name: sum(getattr(item.preview, name) for item in self.files)
            for name in (
                "new",
                "same",
                "confirmed",
                "conflicting",
                "contradictory",
                "machine_left_out",
                "partly_read",
                "held_out",
            )
        }
        return {
            "files": [_file_body(item) for item in self.files],
            "photos": _photo_counts(self.files)
            | {
                "ambiguous_paths": list(self._ambiguous()),
                "unmatched_paths": list(self._unmatched()),
            },
            "classes": [body for item in self.files for body in _class_bodies(item)],
            "values": [body for item in self.files for body in _value_bodies(item)],
            **totals,
            "bad_rows": [
                {"file": item.name, "line": row.line, "reason": row.reason, "text": row.text}
                for item in self.files
                for row in item.survey.bad_rows
            ],
            "bad_row_count": sum(item.survey.bad_row_count for item in self.files),
            "applied": bool(self.files) and all(item.result is not None for item in self.files),
            "dry_run": self.parsed.dry_run,
            "error": self.error,
        }

    def _unmatched(self) -> Iterator[Mapping[str, Any]]:
        for item in self.files:
            for number in _numbers(item, MatchRule.UNMATCHED):
                yield _reference_body(item, number)

    def _ambiguous(self) -> Iterator[Mapping[str, Any]]:
        for item in self.files:
            photos = item.preview.photos
            for number in _numbers(item, MatchRule.AMBIGUOUS):
                rows = photos.index.rows_of(item.preview.matches.candidates[number])
                yield _reference_body(item, number) | {
                    "candidates": [
                        str(photos.folders[int(photos.folder_ids[row])] / photos.names[row])
                        for row in rows
                    ]
                }


def _photo_counts(files: Sequence[ImportedFile]) -> dict[str, Any]:
    return {
        "total": sum(len(item.survey.references) for item in files),
        "matched": {rule.key: sum(item.count(rule) for item in files) for rule in FOUND_BY},
        "other_picture": sum(item.other_pictures for item in files),
        "ambiguous": sum(item.count(MatchRule.AMBIGUOUS) for item in files),
        "unmatched": sum(item.count(MatchRule.UNMATCHED) for item in files),
    }


def _file_body(item: ImportedFile) -> dict[str, Any]:
    result = item.result
    return {
        "file": item.name,
        "format": item.survey.format_name,
        "photos": _photo_counts([item]),
        "new": item.preview.new,
        "same": item.preview.same,
        "conflicting": item.preview.conflicting,
        "bad_row_count": item.survey.bad_row_count,
        "applied": result is not None,
        "annotations": result.annotations if result else 0,
        "annotated_photos": result.photos if result else 0,
        "added_classes": item.added if result else [],
    }


def _class_bodies(item: ImportedFile) -> Iterator[dict[str, Any]]:
    for row in item.preview.classes:
        yield {
            "file": item.name,
            "name": shown(row.name),
            "action": row.choice.action.value,
            "reason": row.reason.value,
            "class": row.vocabulary_name,
            "images": row.images,
        }


def _value_bodies(item: ImportedFile) -> Iterator[dict[str, Any]]:
    names = {verdict: name for name, verdict in VERDICTS.items()}
    for row in item.preview.values:
        yield {
            "file": item.name,
            "value": row.value,
            "count": row.count,
            "verdict": None if row.verdict is None else names[row.verdict],
        }


def _reference_body(item: ImportedFile, number: int) -> dict[str, Any]:
    reference = item.survey.references[number]
    return {"file": item.name, "path": reference.path, "line": reference.line}


def count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
