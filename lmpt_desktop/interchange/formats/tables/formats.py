"""The rows of the table of formats."""

from __future__ import annotations

from lmpt_desktop.interchange.format import Format, Loss, names_only
from lmpt_desktop.interchange.formats.tables import exiftool, reading, writing
from lmpt_desktop.translation import N_

_LOST = (
    Loss.PREDICTION,
    Loss.SOURCE,
    Loss.REVIEWED,
    Loss.PLACE,
    Loss.HASH,
    Loss.SPLIT,
    Loss.CAPTION,
    Loss.STATE,
    Loss.CLASS_DETAILS,
)

CSV_WIDE = Format(
    name="csv-wide",
    title=N_("CSV: a column per class"),
    suffixes=(".csv", ".tsv"),
    sniff=writing.sniff_wide,
    read=writing.read_wide,
    options=writing.own_options,
    write=writing.write_wide,
    write_options=writing.write_options(),
    held=writing.held_wide,
    held_classes=names_only,
    cannot_hold=_LOST,
    summary=N_("For spreadsheets and notebooks: 1 present, 0 absent, empty unknown."),
)
CSV_LONG = Format(
    name="csv-long",
    title=N_("CSV: a row per photo and class"),
    suffixes=(".csv", ".tsv"),
    sniff=writing.sniff_long,
    read=writing.read_long,
    options=writing.own_options,
    write=writing.write_long,
    write_options=writing.write_options(),
    held=writing.held_long,
    cannot_hold=tuple(loss for loss in _LOST if loss not in (Loss.PREDICTION, Loss.SOURCE)),
    summary=N_("For databases and notebooks: path, class, verdict, score and source."),
)
CSV = Format(
    name="csv",
    title="CSV / TSV",
    suffixes=(".csv", ".tsv", ".tab", ".txt"),
    sniff=reading.sniff,
    read=reading.read,
    options=reading.options_of,
    summary=N_("Any table of photos: Open Images, CheXpert, Roboflow, Kaggle, museums."),
)
EXIFTOOL_CSV = Format(
    name="exiftool-csv",
    title="ExifTool CSV",
    suffixes=(".csv",),
    sniff=exiftool.sniff,
    read=exiftool.read,
    options=exiftool.options_of,
    write=exiftool.write,
    held=exiftool.held,
    cannot_hold=(
        Loss.ABSENT,
        Loss.CLASS_NAME,
        *(loss for loss in _LOST if loss is not Loss.PLACE),
    ),
    summary=N_("Keywords that ExifTool writes into the photos, for Lightroom and others."),
)
