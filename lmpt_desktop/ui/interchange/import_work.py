"""What the import dialog asks for off the window's thread: a file, and what choices lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.interchange.imports import Imports
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.errors import Cancelled, InterchangeError
from lmpt_desktop.interchange.format import Format, Option, Options
from lmpt_desktop.interchange.importing.choices import ImportChoices
from lmpt_desktop.interchange.importing.importer import ImportPreview
from lmpt_desktop.interchange.importing.matching import MatchRule
from lmpt_desktop.interchange.importing.survey import ORIGINS, Survey
from lmpt_desktop.interchange.record import HIERARCHY_SEPARATOR, Origin
from lmpt_desktop.interchange.registry import Detected, named
from lmpt_desktop.translation import _
from trainer.printable import isolated

_MACHINE = ORIGINS.index(Origin.MACHINE)
MAX_LINES = 40
"""Classes of an example photo that are listed."""


@dataclass(frozen=True)
class Request:
    """What to read.

    Attributes:
        path: a file or folder.
        format_name: "" for the likeliest one.
        options: values of the format's options that the user has chosen.
        detected: formats that recognise it, if that is known.
        title: its name in the window and in the undo menu; "" for the file's.
    """

    path: Path
    format_name: str = ""
    options: Options = field(default_factory=dict)
    detected: tuple[Detected, ...] | None = None
    title: str = ""


@dataclass(frozen=True, eq=False)
class OpenedFile:
    """A file, as far as it could be read.

    Attributes:
        request: what was asked for.
        detected: the formats that recognise it, the likeliest first.
        format: the one it was read in; None if none recognises it.
        options: what the format asks.
        survey: what it says; None without a format, or if it cannot be read in it.
        error: why it cannot be read in its format, a sentence.
        machine_cells: how many annotations a machine made.
        scored: whether these have scores.
        has_paths: whether classes are paths.
        states_reviewed: whether it says which photos are reviewed.
    """

    request: Request
    detected: tuple[Detected, ...]
    format: Format | None = None
    options: tuple[Option, ...] = ()
    survey: Survey | None = None
    error: str = ""
    machine_cells: int = 0
    scored: bool = False
    has_paths: bool = False
    states_reviewed: bool = False

    @property
    def reason(self) -> str:
        """Why the file is in its format; "" if the user says so."""
        return next((item.reason for item in self.detected if item.format is self.format), "")


def open_file(
    imports: Imports,
    request: Request,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> OpenedFile:
    """Find out the format and read the file; that it is in another format is no error.

    Raises:
        InterchangeError: with a sentence, if it cannot be opened, or was cancelled.
    """
    detected = request.detected
    if detected is None:
        detected = tuple(imports.formats(request.path))
    if request.format_name:
        format_ = named(request.format_name)
    elif detected:
        format_ = detected[0].format
    else:
        return OpenedFile(request, detected)
    options: tuple[Option, ...] = ()
    try:
        options = format_.options(request.path)
        survey = imports.survey(
            request.path,
            format_.name,
            dict(request.options),
            progress=progress,
            cancelled=cancelled,
        )
    except Cancelled:
        raise
    except InterchangeError as error:
        return OpenedFile(request, detected, format_, options, error=str(error))
    # What our own format has of a machine was imported before.
    machine = (survey.origins == _MACHINE) & (survey.sources < 0)
    return OpenedFile(
        request,
        detected,
        format_,
        options,
        survey,
        machine_cells=int(np.count_nonzero(machine)),
        scored=bool((~np.isnan(survey.scores[machine])).any()),
        has_paths=any(HIERARCHY_SEPARATOR in name for name in survey.class_names),
        states_reviewed=bool((survey.reviewed >= 0).any()),
    )


@dataclass(frozen=True)
class CellLine:
    """What file and library say about a class of a photo."""

    class_name: str
    file: Verdict
    library: Verdict

    @property
    def conflicts(self) -> bool:
        return Verdict.UNKNOWN not in (self.file, self.library) and self.file != self.library


@dataclass(frozen=True)
class Example:
    """A photo that an import changes, or would change."""

    image_id: int
    fingerprint: str
    name: str
    lines: tuple[CellLine, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A preview, and what is shown of it.

    Attributes:
        preview: what the choices lead to.
        classes: the vocabulary.
        counts: images of the file, by how they were found.
        unmatched: (n,) indices of images that were not found or are ambiguous.
        new, conflicting: example photos.
    """

    preview: ImportPreview
    classes: tuple[ClassEntry, ...]
    counts: dict[MatchRule, int]
    unmatched: NDArray[np.int64]
    new: tuple[Example, ...]
    conflicting: tuple[Example, ...]


def compare(
    imports: Imports,
    snapshot: Callable[[], Snapshot],
    survey: Survey,
    choices: ImportChoices,
    previous: ImportPreview | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Comparison:
    """What choices lead to, with all that the dialog shows of it.

    ``previous``: a preview of the same survey, whose matches are used again where they can be.
    """
    preview = imports.preview(survey, choices, previous, cancelled=cancelled)
    now = snapshot()
    matches = preview.matches
    unmatched = np.flatnonzero(matches.image_ids < 0)
    return Comparison(
        preview,
        now.classes,
        matches.counts(),
        unmatched,
        examples(preview, now, preview.new_examples),
        examples(preview, now, preview.conflicting_examples),
    )


def examples(
    preview: ImportPreview, snapshot: Snapshot, image_ids: Sequence[int]
) -> tuple[Example, ...]:
    """What file and library say about photos; conflicts come first, classes without news are
    left out."""
    survey, ids = preview.survey, [i for i in image_ids if i in snapshot.row_of]
    if not ids:
        return ()
    names = [row.vocabulary_name for row in preview.classes]
    verdicts = [row.verdict for row in preview.values]
    # Survey cells of these photos; a photo may be several images of the file.
    of_cells = preview.matches.image_ids[survey.cell_images]
    places = np.flatnonzero(np.isin(of_cells, ids))
    said: dict[int, dict[str, Verdict]] = {image_id: {} for image_id in ids}
    for place in places.tolist():
        name = names[survey.cell_classes[place]]
        verdict = verdicts[survey.cell_values[place]]
        if name and verdict is not None and verdict is not Verdict.UNKNOWN:
            said[int(of_cells[place])][name] = verdict
    if (declared := preview.plan.declared) is not None:
        for place in np.flatnonzero(np.isin(declared.image_ids, ids)).tolist():
            image_id = int(declared.image_ids[place])
            for column in np.flatnonzero(declared.cells[place]).tolist():
                name = preview.plan.classes[declared.classes[column]].name
                said[image_id].setdefault(name, Verdict.ABSENT)
    columns = {entry.name: column for column, entry in enumerate(snapshot.classes)}
    found = []
    for image_id in ids:
        row = snapshot.row_of[image_id]
        lines = [
            CellLine(
                name,
                verdict,
                Verdict(int(snapshot.annotations[row, columns[name]]))
                if name in columns
                else Verdict.UNKNOWN,
            )
            for name, verdict in said[image_id].items()
        ]
        news = sorted(
            (line for line in lines if line.file != line.library),
            key=lambda line: not line.conflicts,
        )
        images = snapshot.images
        found.append(
            Example(
                image_id,
                images.fingerprints[row],
                PurePath(images.names[row]).name,
                tuple(news[:MAX_LINES]),
            )
        )
    return tuple(found)


# --------------------------------------------------------------------------- photos not found


@dataclass(frozen=True)
class LeftOut:
    """An image of a file without a photo: how the file names it, and why."""

    path: str
    line: int
    candidates: tuple[str, ...] = ()
    """Photos of the library that fit equally well."""

    @property
    def reason(self) -> str:
        if not self.candidates:
            return _("Not found")
        return _("Several photos fit: {names}").format(
            names=", ".join(map(isolated, self.candidates))
        )


def left_out(comparison: Comparison, snapshot: Snapshot, index: int) -> LeftOut:
    """The image of the file with this index."""
    preview = comparison.preview
    reference = preview.survey.references[index]
    names = snapshot.images.names
    candidates = tuple(
        names[snapshot.row_of[image_id]]
        for image_id in preview.matches.candidates.get(index, ())
        if image_id in snapshot.row_of
    )
    return LeftOut(reference.path, reference.line, candidates)


def save_left_out(comparison: Comparison, snapshot: Snapshot, path: Path) -> int:
    """Write a line for each image without a photo: its path and, after a tab, why; returns their
    number.

    Raises:
        OSError: if the file cannot be written.
    """
    with atomic_write(path) as file:
        for index in comparison.unmatched.tolist():
            item = left_out(comparison, snapshot, index)
            file.write(f"{plain_line(item.path)}\t{plain_line(item.reason)}\n")
    return len(comparison.unmatched)


def plain_line(text: str) -> str:
    """``text`` on one line, as UTF-8 can hold it."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return " ".join(shown.replace("\t", " ").splitlines())
