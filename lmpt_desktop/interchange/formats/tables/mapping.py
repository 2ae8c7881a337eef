"""Which column of a table says what: found in its names and first rows, chosen by the user.

A preset knows the columns of one kind of table; it only sets what could be chosen by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath

from lmpt_desktop.interchange.cells import from_cell
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import Options
from lmpt_desktop.interchange.formats.tables.values import (
    find_separator,
    looks_like_scores,
    looks_like_verdicts,
    usual_verdict,
)
from lmpt_desktop.translation import N_, _
from trainer.file_formats import PHOTO_SUFFIXES

NONE = "-"
"""The value of an option for "no column"."""
_PATH_NAMES = (
    *("path", "filepath", "file_path", "file path", "relative_path", "sourcefile", "image_path"),
    *("imagepath", "img_path", "filename", "file_name", "file name", "image_name", "imagename"),
    *("image_filename", "file", "image", "images", "img", "photo", "picture", "image_file"),
    *("image_id", "imageid", "image id", "img_id", "media", "location", "url", "image_url"),
    *("pfad", "datei", "dateiname", "bild", "foto", "name", "id"),
)
_CLASS_NAMES = (
    *("class", "classes", "class_name", "classname", "label", "labels", "labelname"),
    *("label_name", "tag", "tags", "keyword", "keywords", "category", "categories", "concept"),
    *("concepts", "subject", "subjects", "species", "common_name", "scientificname"),
    *("scientific_name", "term", "terms", "target", "targets", "attribute_ids"),
    *("klasse", "klassen", "stichwort", "stichworte", "stichwörter", "schlagwort"),
    *("schlagworte", "schlagwörter"),
)
_VERDICT_NAMES = ("verdict", "value", "present", "presence", "answer", "urteil", "wert")
_SCORE_NAMES = ("score", "confidence", "probability", "prob", "conf", "cv_confidence")
_SOURCE_NAMES = ("source", "origin", "annotator", "identified_by", "identifiedby", "labeler")
_ACCESSION_NAMES = (
    *("accession number", "accession no", "accession no.", "accession_number", "accession"),
    *("object number", "object_number", "object no", "object no.", "inventory number"),
    *("inventory_number", "inventory no", "inventory no.", "inventarnummer", "inv.-nr."),
)
_CHEXPERT = frozenset(
    name.casefold()
    for name in (
        *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Lesion"),
        *("Lung Opacity", "Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax"),
        *("Pleural Effusion", "Pleural Other", "Fracture", "Support Devices"),
    )
)
_MIN_CHEXPERT = 10
_TAG_COLUMNS = ("path", "class", "score", "band")


_NUMBERED = re.compile(r"#\d+")


class Layout(StrEnum):
    """How a table is laid out."""

    WIDE = "wide"
    """A column per class, a row per photo."""
    LONG = "long"
    """A row per photo and class."""
    SEPARATED = "separated"
    """A row per photo, all its classes in one cell."""


@dataclass(frozen=True)
class Table:
    """The beginning of a table.

    Attributes:
        header: names of the columns as written.
        rows: its first rows; shorter ones are filled up, so that each has a cell per column.
        has_header: whether the first row names the columns; else the names are "#1", "#2"...
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_header: bool = True
    names: tuple[str, ...] = field(init=False)
    """Names by which columns are chosen: without spaces around them, "#3" where there is none or
    another column has the same."""
    keys: tuple[str, ...] = field(init=False)
    """As ``names``, lower case."""

    def __post_init__(self) -> None:
        names: list[str] = []
        seen: set[str] = set()
        for place, cell in enumerate(self.header, 1):
            name = from_cell(cell).strip()
            if not name or name == NONE or name in seen or _NUMBERED.fullmatch(name):
                name = f"#{place}"
            seen.add(name)
            names.append(name)
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "keys", tuple(name.casefold() for name in names))

    def column(self, place: int) -> list[str]:
        """The cells of a column."""
        return [row[place] for row in self.rows]

    def place(self, *keys: str) -> int | None:
        """The column with the first of these names that there is."""
        for key in keys:
            if key in self.keys:
                return self.keys.index(key)
        return None

    def chosen(self, name: str) -> int:
        """The column of that name.

        Raises:
            FileMalformed: if there is none.
        """
        if name in self.names:
            return self.names.index(name)
        if name[:1] == "#" and name[1:].isdecimal() and name.isascii() and len(name) < 8:
            place = int(name[1:]) - 1
            if 0 <= place < len(self.header):
                return place
        raise FileMalformed(_("The table has no column {name}.").format(name=name))


@dataclass(frozen=True)
class Mapping:
    """Which column says what; columns are counted from 0.

    Attributes:
        preset: the name of one; "" if none fits.
        layout: how the table is laid out.
        path: the photo.
        class_columns: of a wide table, the classes.
        class_column: of others, the name or names.
        verdict: present, absent or unknown; None: what is listed is present.
        score: of a machine.
        source: who said so.
        separator: between the classes of a cell, a key of ``SEPARATORS``.
        strips: whether spaces around names and values are left out.
    """

    preset: str
    layout: Layout
    path: int
    class_columns: tuple[int, ...] = ()
    class_column: int = -1
    verdict: int | None = None
    score: int | None = None
    source: int | None = None
    separator: str = "semicolon"
    strips: bool = False


@dataclass(frozen=True, eq=False)
class Preset:
    """A kind of table that many people have.

    Attributes:
        name: as an option's value.
        title: as its users know it.
        matches: whether a table is one of these.
        mapping: its columns.
        note: what the user should know about it, a sentence (N_), or "".
    """

    name: str
    title: str
    matches: Callable[[Table], bool]
    mapping: Callable[[Table], Mapping]
    note: str = ""


def is_photo_name(text: str) -> bool:
    """Whether a cell names a photo's file."""
    return PurePath(text.strip()[-12:]).suffix.lower() in PHOTO_SUFFIXES


def find_mapping(table: Table, options: Options) -> Mapping:
    """The mapping of a table: as the options say, else as the preset or its content suggests.

    Raises:
        InterchangeError: if an option names what there is not.
    """
    name = options.get("preset", "")
    if name == NONE:
        mapping = guess(table)
    elif name:
        preset = next(item for item in PRESETS if item.name == name)
        mapping = preset.mapping(table)
    else:
        found = find_preset(table)
        mapping = found.mapping(table) if found else guess(table)
    return _chosen(mapping, table, options)


def find_preset(table: Table) -> Preset | None:
    """The preset that fits, the most specific first."""
    return next((item for item in PRESETS if item.matches(table)), None)


def _chosen(mapping: Mapping, table: Table, options: Options) -> Mapping:
    """The mapping with what the user has chosen."""
    if name := options.get("path", ""):
        mapping = replace(mapping, path=table.chosen(name))
    layout = options.get("layout", "")
    if layout:
        mapping = replace(mapping, layout=Layout(layout))
    if name := options.get("class", ""):
        mapping = replace(mapping, class_column=table.chosen(name))
        if not layout and mapping.layout is Layout.WIDE:
            mapping = replace(mapping, layout=Layout.LONG)
    for key in ("verdict", "score", "source"):
        if name := options.get(key, ""):
            column = None if name == NONE else table.chosen(name)
            mapping = replace(mapping, **{key: column})
    if mapping.layout is Layout.WIDE:
        columns = mapping.class_columns or range(len(table.header))
        return replace(mapping, class_columns=tuple(i for i in columns if i != mapping.path))
    if mapping.class_column < 0:
        mapping = replace(mapping, class_column=_any_class_place(table, mapping.path))
    return replace(mapping, separator=_chosen_separator(mapping, table, options))


def _any_class_place(table: Table, path: int) -> int:
    """A column for classes, whatever it is called."""
    place = _class_place(table, path)
    if place is None:
        place = next((i for i in range(len(table.header)) if i != path), None)
    if place is None:
        raise FileMalformed(_("The table has one column only, none for classes."))
    return place


def _chosen_separator(mapping: Mapping, table: Table, options: Options) -> str:
    separator = options.get("separator", "")
    if not separator and (options.get("layout") or options.get("class")):
        separator = find_separator(table.column(mapping.class_column))
    return separator or mapping.separator


def guess(table: Table) -> Mapping:
    """The mapping that names of columns and first rows suggest."""
    path = _path_place(table)
    class_place = _class_place(table, path)
    verdict_columns = _verdict_columns(table, path)
    if class_place in verdict_columns and _first(table, _VERDICT_NAMES) is None:
        class_place = None  # a column "label" of zeros and ones
    if class_place is None and not verdict_columns and len(table.header) == 2:
        class_place = 1 - path
    if class_place is None:
        columns = verdict_columns or [i for i in range(len(table.header)) if i != path]
        return Mapping("", Layout.WIDE, path, class_columns=tuple(columns))
    verdict = _first(table, _VERDICT_NAMES, class_place, path)
    score = _first(table, _SCORE_NAMES, class_place, path)
    source = _first(table, _SOURCE_NAMES, class_place, path)
    if score is not None and not looks_like_scores(table.column(score)) and verdict is None:
        values = set(table.column(score))
        if values and all(usual_verdict(value) is not None for value in values):
            verdict, score = score, None  # "confidence", but ones and zeros
    elif verdict is not None and score is None and looks_like_scores(table.column(verdict)):
        verdict, score = None, verdict
    long = Mapping("", Layout.LONG, path, (), class_place, verdict, score, source)
    separator = find_separator(table.column(class_place))
    if verdict is None and score is None and (separator or _is_plural(table.keys[class_place])):
        paths = table.column(path)
        if len(set(paths)) == len(paths):
            return replace(long, layout=Layout.SEPARATED, separator=separator or "semicolon")
    return replace(long, separator=separator or "semicolon")


def says_something(table: Table, mapping: Mapping) -> bool:
    """Whether a guessed mapping rests on more than that some column has to be it."""
    has_paths = table.keys[mapping.path] in _PATH_NAMES or any(
        map(is_photo_name, table.column(mapping.path))
    )
    if mapping.layout is Layout.WIDE:
        columns = _verdict_columns(table, mapping.path)
        # Most tables have a column or two of zeros and ones.
        are_most = 2 * len(columns) >= len(table.header) - 1
        say = any(any(map(str.strip, table.column(i))) for i in columns)
        return has_paths and are_most and say
    named = table.keys[mapping.class_column] in _CLASS_NAMES
    return has_paths and (named or len(table.header) == 2)


def _path_place(table: Table) -> int:
    """The column of photos: one full of names of files, else by its name, else the first."""
    if table.rows:
        shares = [
            sum(map(is_photo_name, table.column(i))) / len(table.rows)
            for i in range(min(len(table.header), 200))
        ]
        full = [i for i, share in enumerate(shares) if share > 0.5]
        if full:
            return min(full, key=lambda i: _rank(table.keys[i]))
    found = _first(table, _PATH_NAMES)
    return 0 if found is None else found


def _rank(key: str) -> int:
    return _PATH_NAMES.index(key) if key in _PATH_NAMES else len(_PATH_NAMES)


def _class_place(table: Table, path: int) -> int | None:
    return _first(table, _CLASS_NAMES, path)


def _verdict_columns(table: Table, path: int) -> list[int]:
    return [
        i
        for i in range(len(table.header))
        if i != path and table.header[i].strip() and looks_like_verdicts(table.column(i))
    ]


def _first(table: Table, keys: Sequence[str], *taken: int) -> int | None:
    for key in keys:
        if key in table.keys and table.keys.index(key) not in taken:
            return table.keys.index(key)
    return None


def _is_plural(key: str) -> bool:
    return key.startswith("stichw") or (key.endswith("s") and key not in ("class", "species"))


def _open_images(table: Table) -> Mapping:
    return Mapping(
        "open-images",
        Layout.LONG,
        table.place("imageid") or 0,
        class_column=_or_first_other(table, table.place("labelname"), table.place("imageid") or 0),
        verdict=table.place("confidence"),
        source=table.place("source"),
    )


def _chexpert(table: Table) -> Mapping:
    path = table.place("path", "image", "filename")
    columns = tuple(i for i, key in enumerate(table.keys) if key in _CHEXPERT)
    return Mapping("chexpert", Layout.WIDE, path or 0, class_columns=columns)


def _roboflow(table: Table) -> Mapping:
    columns = tuple(range(1, len(table.header)))
    return Mapping("roboflow", Layout.WIDE, 0, class_columns=columns, strips=True)


def _is_roboflow(table: Table) -> bool:
    return (
        table.keys[0] == "filename"
        and len(table.header) > 1
        and all(cell.startswith(" ") for cell in table.header[1:])
    )


def _kaggle(table: Table) -> Mapping:
    path = _first(table, _KAGGLE_PATHS)
    path = 0 if path is None else path
    column = _or_first_other(table, _first(table, _KAGGLE_CLASSES, path), path)
    return Mapping("kaggle", Layout.SEPARATED, path, class_column=column, separator="space")


_KAGGLE_PATHS = ("image_name", "image_id", "image", "id")
_KAGGLE_CLASSES = ("tags", "labels", "attribute_ids", "target")


def _is_kaggle(table: Table) -> bool:
    if sorted(table.keys) not in [
        sorted((path, name)) for path in _KAGGLE_PATHS for name in _KAGGLE_CLASSES
    ]:
        return False
    cells = table.column(_kaggle(table).class_column)
    return not find_separator(cells) and any(" " in cell.strip() for cell in cells)


def _wildlife_insights(table: Table) -> Mapping:
    path = table.place("filename", "location")
    path = 0 if path is None else path
    return Mapping(
        "wildlife-insights",
        Layout.LONG,
        path,
        class_column=_or_first_other(table, table.place("common_name"), path),
        score=table.place("cv_confidence"),
        source=table.place("identified_by"),
    )


def _museum(table: Table) -> Mapping:
    path = _first(table, _ACCESSION_NAMES)
    path = _path_place(table) if path is None else path
    column = _or_first_other(table, _class_place(table, path), path)
    separator = find_separator(table.column(column)) or "semicolon"
    return Mapping("museum", Layout.SEPARATED, path, class_column=column, separator=separator)


def _is_museum(table: Table) -> bool:
    path = _first(table, _ACCESSION_NAMES)
    return path is not None and _class_place(table, path) is not None


def _tags(table: Table) -> Mapping:
    return Mapping(
        "lmpt-tags",
        Layout.LONG,
        table.place("path") or 0,
        class_column=_or_first_other(table, table.place("class"), table.place("path") or 0),
        score=table.place("score"),
        source=table.place("source"),
    )


def _or_first_other(table: Table, place: int | None, taken: int) -> int:
    """A column; where a preset was chosen for a table without it, one that is not taken."""
    if place is not None:
        return place
    return next((i for i in range(len(table.header)) if i != taken), 0)


PRESETS = (
    Preset(
        "lmpt-tags",
        "LMPT Desktop (tag)",
        lambda table: table.keys in (_TAG_COLUMNS, (*_TAG_COLUMNS, "source")),
        _tags,
    ),
    Preset(
        "open-images",
        "Open Images",
        lambda table: {"imageid", "labelname", "confidence"} <= set(table.keys),
        _open_images,
        N_("Classes are codes such as /m/01g317; the class descriptions turn them into names."),
    ),
    Preset(
        "wildlife-insights",
        "Wildlife Insights",
        lambda table: {"is_blank", "common_name", "identified_by"} <= set(table.keys),
        _wildlife_insights,
        N_("A blank photo is listed without a class."),
    ),
    Preset(
        "chexpert",
        "CheXpert",
        lambda table: len(_CHEXPERT & set(table.keys)) >= _MIN_CHEXPERT,
        _chexpert,
        N_("-1 is uncertain and blank is not mentioned: neither says present or absent."),
    ),
    Preset("roboflow", "Roboflow (_classes.csv)", _is_roboflow, _roboflow),
    Preset("kaggle", N_("Kaggle (multi-label)"), _is_kaggle, _kaggle),
    Preset("museum", N_("Museum (accession number and keywords)"), _is_museum, _museum),
)
