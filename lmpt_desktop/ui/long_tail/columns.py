"""The columns of the table of classes, a row per column.

The table, its order, the *Sort by* list, the facts of a class and the CSV export all read
:data:`COLUMNS`.  To add a column, add a row; compute a figure that is new in
:mod:`lmpt_desktop.inference.long_tail`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import Status
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.interchange.tail_figures import write_table
from lmpt_desktop.translation import N_, _, decimal, number
from lmpt_desktop.ui.kit.tables import Column
from lmpt_desktop.ui.kit.texts import DASH, about, band_name, band_term, examples_text
from lmpt_desktop.ui.kit.theme import BAND_SHAPES
from lmpt_desktop.ui.kit.threshold_texts import threshold_reason, threshold_text
from lmpt_desktop.ui.long_tail.figures import unjudged_images
from lmpt_desktop.ui.long_tail.texts import forecast_reason
from trainer.bands import Band
from trainer.printable import isolated


class ClassRow(NamedTuple):
    """A row of the table: one class of ``tail``, by its column in the library's arrays."""

    tail: LongTail
    column: int


@dataclass(frozen=True, kw_only=True)
class TailColumn(Column[ClassRow]):
    """A column of the table of classes.

    Attributes:
        name: identifies the column; its title in CSV.
        sort_keys: (C,) of the classes of a long tail; NaN if unknown.
        highest_first: whether its natural order begins with the highest key.
        exported: the cell in CSV (text, int or float); None: the column is not exported.
        sort_text: the entry in the *Sort by* list; "": not listed there.
        fact: the label among the facts of a class; "": not listed there.
        fact_text: the text among the facts, where it differs from that of the cell.
        note: the tool tip of the cell.
        status: which photos of the class Enter on a cell shows; None: all.
        images: the photos Enter on a cell shows, where no status selects them.
    """

    name: str
    sort_keys: Callable[[LongTail], NDArray[Any]]
    highest_first: bool = False
    exported: Callable[[ClassRow], object] | None = None
    sort_text: str = ""
    fact: str = ""
    fact_text: Callable[[ClassRow], str] | None = None
    note: Callable[[ClassRow], str] | None = None
    status: Status | None = None
    images: Callable[[Snapshot, int], list[int]] | None = None


def _count(
    title: str,
    values: Callable[[LongTail], NDArray[np.int64]],
    **more: Any,
) -> TailColumn:
    """A column of (C,) int64 ``values``."""
    return TailColumn(
        title,
        lambda row: number(values(row.tail)[row.column]),
        numeric=True,
        sort_keys=values,
        highest_first=True,
        exported=lambda row: int(values(row.tail)[row.column]),
        **more,
    )


def _measure(
    title: str,
    values: Callable[[LongTail], NDArray[np.float64]],
    digits: int,
    *,
    scale: float = 1.0,
    **more: Any,
) -> TailColumn:
    """A column of (C,) float64 ``values``, shown times ``scale``; exported as they are."""

    def text(row: ClassRow) -> str:
        value = values(row.tail)[row.column]
        return DASH if np.isnan(value) else decimal(scale * value, digits)

    return TailColumn(
        title,
        text,
        numeric=True,
        highest_first=True,
        sort_keys=values,
        exported=lambda row: float(values(row.tail)[row.column]),
        **more,
    )


def _band_places(tail: LongTail) -> NDArray[np.int64]:
    """(C,) 0 for head, 1 for medium, 2 for tail."""
    places = {band: place for place, band in enumerate(Band)}
    return np.array([places[band] for band in tail.bands.bands], np.int64)


def _band_cell(row: ClassRow) -> str:
    band = row.tail.bands.bands[row.column]
    return f"{BAND_SHAPES[band]} {band_name(band)}"


def number_text(tail: LongTail, column: int) -> str:
    """How many photos have a class: "about 12", or "12" where every photo has a verdict on it."""
    count = int(tail.numbers[column])
    return about(count) if tail.estimated[column] else number(count)


def gain_text(row: ClassRow) -> str:
    """The forecast of a class: "+6 ± 4"."""
    forecast = row.tail.forecast
    if forecast is None:
        return DASH
    gain = decimal(100 * forecast.gains[row.column], 0)
    # A forecast is never certain, however small.
    spread = decimal(max(100 * forecast.spreads[row.column], 1.0), 0)
    return _("+{gain} ± {spread}").format(gain=gain, spread=spread)


def _gains(tail: LongTail) -> NDArray[np.float64]:
    return np.full(len(tail), np.nan) if tail.forecast is None else tail.forecast.gains


def _gain_fact(row: ClassRow) -> str:
    text, why = gain_text(row), forecast_reason(row.tail, row.column)
    return _("{gain} AP ({reason})").format(gain=text, reason=why) if why else text


def _threshold_note(row: ClassRow) -> str:
    result = row.tail.results.get(row.tail.names[row.column])
    if not (reason := threshold_reason(result)):
        return ""
    return _("Threshold of the version in use: {threshold}. {reason}").format(
        threshold=threshold_text(result), reason=reason
    )


def _present_fact(row: ClassRow) -> str:
    text = number(row.tail.present[row.column])
    if row.tail.bands.needs_examples[row.column]:
        return _("{count} (needs examples)").format(count=text)
    return text


COLUMNS = (
    TailColumn(
        N_("No."),
        lambda row: number(row.column + 1),
        N_("Position in the vocabulary"),
        numeric=True,
        name="place",
        sort_keys=lambda tail: np.arange(len(tail)),
        sort_text=N_("Vocabulary order"),
    ),
    TailColumn(
        N_("Class"),
        lambda row: row.tail.names[row.column],
        name="class",
        sort_keys=lambda tail: tail.name_ranks,
        exported=lambda row: row.tail.names[row.column],
        sort_text=N_("Name"),
    ),
    TailColumn(
        N_("Rarity"),
        _band_cell,
        N_("Rare (tail), fairly common (medium) or common (head) in this library, by about how "
           "many photos have the class"),
        name="band",
        sort_keys=_band_places,
        exported=lambda row: row.tail.bands.bands[row.column].value,
        fact=N_("Rarity"),
        fact_text=lambda row: band_term(row.tail.bands.bands[row.column]),
    ),
    TailColumn(
        N_("Photos"),
        lambda row: number_text(row.tail, row.column),
        N_("About how many photos of this library have the class: those marked present, and as "
           "many of the others as predictions and your verdicts on them suggest"),
        numeric=True,
        name="estimated_photos",
        sort_keys=lambda tail: tail.numbers,
        highest_first=True,
        exported=lambda row: int(row.tail.numbers[row.column]),
        sort_text=N_("Number of photos"),
        fact=N_("Photos"),
    ),
    TailColumn(
        N_("Present"),
        lambda row: examples_text(int(row.tail.present[row.column])),
        N_("Photos marked present: the examples for training. □ needs examples: fewer than five "
           "are too few to learn from"),
        numeric=True,
        name="present",
        sort_keys=lambda tail: tail.present,
        highest_first=True,
        exported=lambda row: int(row.tail.present[row.column]),
        sort_text=N_("Number of examples"),
        fact=N_("Present"),
        fact_text=_present_fact,
        status=Status.PRESENT,
    ),
    _count(
        N_("Absent"),
        lambda tail: tail.absent,
        tip=N_("Photos marked absent"),
        name="absent",
        fact=N_("Absent"),
        status=Status.ABSENT,
    ),
    _count(
        N_("Predicted"),
        lambda tail: tail.predicted,
        tip=N_("Photos whose score reaches the threshold"),
        name="predicted",
        sort_text=N_("Predicted photos"),
        fact=N_("Predicted"),
        status=Status.PREDICTED,
        note=_threshold_note,
    ),
    _count(
        N_("No verdict"),
        lambda tail: tail.unjudged,
        tip=N_("Predicted photos without a verdict"),
        name="not_judged",
        sort_text=N_("Predicted, no verdict"),
        fact=N_("No verdict"),
        images=unjudged_images,
    ),
    _measure(
        N_("AP"),
        lambda tail: tail.average_precision,
        1,
        scale=100,
        tip=N_("Average precision: 100 if the model ranks every photo that has the class above "
               "all that do not. Measured on held-out photos when the version in use was made"),
        name="average_precision",
        sort_text=N_("Average precision"),
        fact=N_("AP, percent"),
    ),
    TailColumn(
        N_("5 more examples"),
        gain_text,
        N_("Forecast: by how many points the AP is expected to rise in a retraining with five more "
           "examples of the class. ±: four of five gains are expected to be no farther away. "
           "Grey: very rough, as the AP is not measurable yet"),
        numeric=True,
        name="forecast_gain",
        sort_keys=_gains,
        highest_first=True,
        exported=lambda row: float(_gains(row.tail)[row.column]),
        sort_text=N_("Gain from five more examples"),
        fact=N_("5 more examples"),
        fact_text=_gain_fact,
        note=lambda row: forecast_reason(row.tail, row.column),
    ),
    _measure(
        N_("Weight"),
        lambda tail: tail.losses.weights,
        2,
        scale=100,
        tip=N_("How much a retraining attends to the class, in percent of all classes: the fewer "
               "examples it has, the more each counts (its share of the embedding loss)"),
        name="embedding_weight",
        fact=N_("Weight, percent"),
    ),
    _measure(
        N_("Margin"),
        lambda tail: tail.losses.margins,
        3,
        tip=N_("How far a retraining pushes photos without the class away from it: farther for "
               "classes with few examples (a cosine distance in the embedding loss)"),
        name="embedding_margin",
        fact=N_("Margin"),
    ),
    _measure(
        N_("Balance"),
        lambda tail: tail.losses.balance,
        2,
        tip=N_("What an example of the class counts for in a retraining, on average, from 0.1 "
               "to 1.1: less where its photo shows rarer classes too (the distribution-balanced "
               "loss)"),
        name="mean_balance_weight",
        fact=N_("Balance"),
    ),
)  # fmt: skip

BY_NAME = {column.name: column for column in COLUMNS}
NAME, BAND, PRESENT = BY_NAME["class"], BY_NAME["band"], BY_NAME["present"]
PHOTOS, GAIN = BY_NAME["estimated_photos"], BY_NAME["forecast_gain"]


def ordered(
    tail: LongTail,
    order: TailColumn,
    *,
    reverse: bool = False,
    among: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Classes by the keys of ``order``: (k,) int64, columns of the library's arrays.

    Ties stay in the vocabulary's order; unknown keys come last.

    Args:
        reverse: reverse the column's natural order (unknown keys still last).
        among: (k,) the classes to order; None for all.
    """
    classes = np.arange(len(tail)) if among is None else np.sort(among)
    keys = order.sort_keys(tail)[classes].astype(np.float64)
    descending = order.highest_first != reverse
    return classes[np.argsort(-keys if descending else keys, kind="stable")]


def class_facts(tail: LongTail, column: int) -> list[tuple[str, str]]:
    """Label and text of everything known about a class."""
    row = ClassRow(tail, column)
    return [(_(item.fact), (item.fact_text or item.text)(row)) for item in COLUMNS if item.fact]


def class_sentence(tail: LongTail, column: int) -> str:
    """What is known of a class on one line, for the page and for a screen reader."""
    known = [(label, text) for label, text in class_facts(tail, column) if text != DASH]
    facts = "  ·  ".join(f"{label} {text}" for label, text in known)
    return f"{isolated(tail.names[column])}:  {facts}"


def write_class_figures(tail: LongTail, order: NDArray[np.int64], file: TextIO) -> int:
    """Write a CSV row per class of ``order`` (k,), titled by the columns' names; returns k."""
    exported = [(column.name, column.exported) for column in COLUMNS if column.exported is not None]
    rows = (ClassRow(tail, column) for column in order.tolist())
    cells = ([value(row) for _name, value in exported] for row in rows)
    return write_table([name for name, _value in exported], cells, file)
