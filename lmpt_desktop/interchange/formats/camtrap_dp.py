"""Camtrap DP 1.0: data packages of camera traps (https://camtrap-dp.tdwg.org).

Read are a folder, a zip or a ``datapackage.json``.  An observation is of one photo (level media),
or of an event, which is a span of time at one camera: the standard does not link it to photos, so
that it is read only if the user wants it, for all photos of its deployment in that time.  A photo
that a person called blank is reviewed; unknown and unclassified say nothing.

Written is a package that validates.  What an export does not know, and the standard requires, is
given so that it says as little as possible, and the description and comments tell so: the place is
0, 0 with an uncertainty of half the Earth's circumference, times are the first second of 1970 with
``timestampIssues``.  Classes are written as scientific names of animals, but ``human``,
``vehicle`` and ``animal`` as types of observations.
"""

from __future__ import annotations

import csv
import json
import mimetypes
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote, unquote

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.cells import from_cell, is_formula, to_cell
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import (
    ExportFacts,
    Format,
    Loss,
    Option,
    OptionChoice,
    Options,
    Target,
)
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_path,
    clean_text,
    name_of,
    score_of,
    unique_specs,
)
from lmpt_desktop.interchange.reading.json_values import list_of, moment_of, object_of
from lmpt_desktop.interchange.reading.packages import (
    Package,
    package_of,
    package_sample,
    short_row,
    table_rows,
)
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _, ngettext
from trainer.photo import PHOTO_SUFFIXES

DATA_PACKAGE = "datapackage.json"
EVENTS = "events"
PROFILE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/"
_MAX_PACKAGE_BYTES = 16 * 1024 * 1024
_MAX_EVENTS_OF_A_PHOTO = 1000
_MAX_BAD_ROWS = 10_000
"""Of observations, which are all read before the photos."""
_TYPES = ("animal", "human", "vehicle")
"""Types of observations that say that something is there."""
_HUMANS = ("human", "humans", "person", "people", "homo sapiens")
_ORIGINS = {"human": Origin.HUMAN, "machine": Origin.MACHINE}

_DEPLOYMENTS: tuple[str, ...] = (
    "deploymentID",
    "locationID",
    "locationName",
    "latitude",
    "longitude",
    "coordinateUncertainty",
    "deploymentStart",
    "deploymentEnd",
    "setupBy",
    "cameraID",
    "cameraModel",
    "cameraDelay",
    "cameraHeight",
    "cameraDepth",
    "cameraTilt",
    "cameraHeading",
    "detectionDistance",
    "timestampIssues",
    "baitUse",
    "featureType",
    "habitat",
    "deploymentGroups",
    "deploymentTags",
    "deploymentComments",
)
_MEDIA: tuple[str, ...] = (
    "mediaID",
    "deploymentID",
    "captureMethod",
    "timestamp",
    "filePath",
    "filePublic",
    "fileName",
    "fileMediatype",
    "exifData",
    "favorite",
    "mediaComments",
)
_OBSERVATIONS: tuple[str, ...] = (
    "observationID",
    "deploymentID",
    "mediaID",
    "eventID",
    "eventStart",
    "eventEnd",
    "observationLevel",
    "observationType",
    "cameraSetupType",
    "scientificName",
    "count",
    "lifeStage",
    "sex",
    "behavior",
    "individualID",
    "individualPositionRadius",
    "individualPositionAngle",
    "individualSpeed",
    "bboxX",
    "bboxY",
    "bboxWidth",
    "bboxHeight",
    "classificationMethod",
    "classifiedBy",
    "classificationTimestamp",
    "classificationProbability",
    "observationTags",
    "observationComments",
)
_NO_TIME = "1970-01-01T00:00:00Z"
_HALF_AROUND_THE_EARTH = "20037508"
"""Metres."""
_PLACEHOLDERS = "Latitude, longitude and all times are placeholders: they were not exported."
_VALID_PATH = re.compile(r"(?![./~])(?!.*\.\.)(?!file:)[^\ud800-\udfff\r\n]+")


# ------------------------------------------------------------------------------------- reading


@dataclass
class _Said:
    """What observations say about one photo, or one event."""

    line: int
    classes: dict[ClassRecord, None] = field(default_factory=dict)
    is_blank: bool = False

    def add(self, other: _Said) -> None:
        self.classes.update(other.classes)
        self.is_blank = self.is_blank or other.is_blank


@dataclass(frozen=True)
class _Event:
    start: datetime
    end: datetime
    said: _Said


@dataclass(frozen=True)
class _Events:
    """The events of one deployment by their start; ``latest``: the latest end up to each."""

    events: list[_Event]
    starts: list[datetime]
    latest: list[datetime]

    def at(self, time: datetime) -> Iterator[_Said]:
        """Those that a time is in, both ends included."""
        place = bisect_right(self.starts, time)
        for step in range(min(place, _MAX_EVENTS_OF_A_PHOTO)):
            event = place - 1 - step
            if self.latest[event] < time:
                return
            if self.events[event].end >= time:
                yield self.events[event].said


@dataclass
class _Observations:
    """All observations: of photos by their id, of events by deployment."""

    of_media: dict[str, _Said] = field(default_factory=dict)
    of_events: dict[str, _Events] = field(default_factory=dict)
    event_count: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)

    def note(self, row: BadRow) -> None:
        if len(self.bad_rows) < _MAX_BAD_ROWS:
            self.bad_rows.append(row)


def _sniff(sample: Sample) -> str:
    found = package_sample(sample, DATA_PACKAGE)
    if found is not None and b"camtrap-dp" in found[1]:
        return _("Its datapackage.json names Camtrap DP as its profile.")
    return ""


def _options(_path: Path) -> tuple[Option, ...]:
    return (
        Option(
            "level",
            _("Observations"),
            choices=(
                OptionChoice("", _("of photos")),
                OptionChoice(EVENTS, _("of photos and of events")),
            ),
            help=_(
                "An event is seen in some of its photos. If it is read, all photos of its "
                "deployment in its time get its classes."
            ),
        ),
        Option(
            "path",
            _("Name of a photo"),
            choices=(
                OptionChoice("", _("filePath if it is a photo's, else fileName")),
                OptionChoice("filePath", "filePath"),
                OptionChoice("fileName", "fileName"),
            ),
        ),
    )


def _read(source: SourceFile) -> Reading:
    package = package_of(source, DATA_PACKAGE)
    document = _document(package)
    resources = {
        name_of(item.get("name")): name_of(item.get("path"))
        for item in map(object_of, list_of(document.get("resources")))
    }
    observations = _observations(package, resources.get("observations") or "observations.csv")
    notes = (
        _("Unknown and unclassified photos are listed without classes."),
        *(
            (
                ngettext(
                    "{count} observation of an event is not linked to photos; it is read only if "
                    "you choose so.",
                    "{count} observations of events are not linked to photos; they are read only "
                    "if you choose so.",
                    observations.event_count,
                ).format(count=observations.event_count),
            )
            if observations.event_count
            else ()
        ),
    )
    facts = FileFacts(_taxa(document), notes=notes)
    media = resources.get("media") or "media.csv"
    return Reading(facts, _items(package, media, observations))


def _document(package: Package) -> dict[str, Any]:
    data = package.read_bytes(DATA_PACKAGE, limit=_MAX_PACKAGE_BYTES)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileMalformed(
            _("{name} in {path} is not JSON.").format(name=DATA_PACKAGE, path=package.place)
        ) from error
    return object_of(document)


def _taxa(document: dict[str, Any]) -> tuple[ClassSpec, ...]:
    """The scientific names that the package declares, with vernacular names as aliases."""
    specs: list[ClassSpec] = []
    for taxon in map(object_of, list_of(document.get("taxonomic"))):
        names = map(name_of, object_of(taxon.get("vernacularNames")).values())
        aliases = tuple(dict.fromkeys(name for name in names if name))
        specs.append(ClassSpec(name_of(taxon.get("scientificName")), aliases=aliases))
    return unique_specs(specs)


def _dicts(package: Package, name: str) -> Iterator[tuple[int, dict[str, str]] | BadRow]:
    """Rows of a table by the names of its columns."""
    with package.open(name) as file:
        header: list[str] | None = None
        with closing(table_rows(file, package.place / name)) as rows:
            for item in rows:
                if isinstance(item, BadRow):
                    yield item
                elif header is None:
                    header = item[1]
                else:
                    yield item[0], dict(zip(header, item[1], strict=False))


def _observations(package: Package, name: str) -> _Observations:
    found = _Observations()
    events: dict[str, list[_Event]] = defaultdict(list)
    by_event: dict[tuple[str, str, str, str], _Said] = {}
    with_events = package.source.options.get("level") == EVENTS
    same: dict[ClassRecord, ClassRecord] = {}
    for item in _dicts(package, name):
        if isinstance(item, BadRow):
            found.note(item)
            continue
        line, row = item
        media = row.get("mediaID", "")
        if media:
            said = found.of_media.setdefault(media, _Said(line))
        else:
            found.event_count += 1
            if not with_events:
                continue
            key = tuple(
                row.get(k, "") for k in ("deploymentID", "eventID", "eventStart", "eventEnd")
            )
            deployment, event_id, start, end = key
            said = by_event.get((deployment, event_id, start, end))
            if said is None:
                first, last = _moment(start), _moment(end)
                if first is None or last is None:
                    found.note(
                        BadRow(line, _("The event has no times."), clean_text(event_id[:200]))
                    )
                    continue
                said = by_event[deployment, event_id, start, end] = _Said(line)
                events[deployment].append(_Event(first, last, said))
        _note(row, said, same)
    for deployment, listed in events.items():
        listed.sort(key=lambda event: event.start)
        found.of_events[deployment] = _Events(
            listed,
            [event.start for event in listed],
            list(accumulate((event.end for event in listed), max)),
        )
    return found


def _note(row: dict[str, str], said: _Said, same: dict[ClassRecord, ClassRecord]) -> None:
    """Add an observation to what is said."""
    kind = row.get("observationType", "")
    origin = _ORIGINS.get(row.get("classificationMethod", ""), Origin.UNSTATED)
    if kind == "blank":
        # A machine's "nothing there" does not make a photo reviewed.
        said.is_blank = said.is_blank or origin is not Origin.MACHINE
    elif kind in _TYPES:
        score = _number(row.get("classificationProbability", ""))
        record = ClassRecord(
            clean_text(from_cell(row.get("scientificName", ""))) or kind,
            Verdict.PRESENT,
            kind,
            origin,
            score if origin is Origin.MACHINE else None,
            clean_text(row.get("classifiedBy", "")),
            moment_of(row.get("classificationTimestamp", "")),
        )
        # The same one for all photos of which the same is said.
        said.classes[same.setdefault(record, record)] = None


def _number(text: str) -> float | None:
    try:
        return score_of(float(text[:50]))
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    time = moment_of(text)
    if time is None:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _items(
    package: Package, name: str, observations: _Observations
) -> Iterator[ImageRecord | BadRow]:
    choice = package.source.options.get("path", "")
    yield from observations.bad_rows
    waiting = dict.fromkeys(observations.of_media)
    for item in _dicts(package, name):
        if isinstance(item, BadRow):
            yield item
            continue
        line, row = item
        media = row.get("mediaID", "")
        path = _path(row, choice)
        if not path:
            yield BadRow(line, _("The row names no photo."), short_row(list(row.values())))
            continue
        waiting.pop(media, None)
        said = _Said(line)
        if (of_media := observations.of_media.get(media)) is not None:
            said.add(of_media)
        events = observations.of_events.get(row.get("deploymentID", ""))
        time = _moment(row.get("timestamp", ""))
        if events is not None and time is not None:
            for event in events.at(time):
                said.add(event)
        found = any(record.origin is not Origin.MACHINE for record in said.classes)
        yield ImageRecord(
            path,
            tuple(said.classes),
            line,
            reviewed=True if said.is_blank and not found else None,
        )
    for media in waiting:
        yield BadRow(
            observations.of_media[media].line,
            _("The observation is of a photo that is not listed."),
            clean_text(media[:200]),
        )


def _path(row: dict[str, str], choice: str) -> str:
    place, name = row.get("filePath", ""), row.get("fileName", "")
    if choice == "fileName":
        return clean_path(name or _plain(place))
    plain = _plain(place)
    is_photo = plain[plain.rfind(".") :].lower() in PHOTO_SUFFIXES if "." in plain else False
    if choice == "filePath" or is_photo or not name or place.startswith("file:"):
        return clean_path(plain or name)
    return clean_path(name)


def _plain(place: str) -> str:
    """A path as it is, of a file URL the path that it stands for."""
    if not place.startswith("file:"):
        return place
    path = place.removeprefix("file:")
    if path.startswith("//"):
        path = f"/{path[2:].partition('/')[2]}"
    path = unquote(path, errors="surrogateescape")
    return path[1:] if re.match(r"/[A-Za-z]:/", path) else path


# ------------------------------------------------------------------------------------- writing


def _observed(item: ClassRecord) -> tuple[str, str]:
    """Type and scientific name of the observation of a class."""
    name = clean_text(item.name)
    if name in _TYPES:
        return name, ""
    return ("human" if name.casefold() in _HUMANS else "animal"), name


def _held(record: ImageRecord, _options: Options) -> ImageRecord:
    classes: dict[ClassRecord, None] = {}
    for item in record.classes:
        if item.name and item.verdict is Verdict.PRESENT:
            by_machine = item.origin is Origin.MACHINE
            kind, name = _observed(item)
            classes[
                ClassRecord(
                    name or kind,
                    Verdict.PRESENT,
                    kind,
                    Origin.MACHINE if by_machine else Origin.HUMAN,
                    score_of(item.score) if by_machine else None,
                )
            ] = None
    found = any(item.origin is Origin.HUMAN for item in classes)
    return ImageRecord(
        record.path, tuple(classes), reviewed=True if record.reviewed and not found else None
    )


def _write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    path.mkdir(exist_ok=True)
    deployments: dict[str, str] = {}
    taxa: dict[str, None] = {}
    with (
        (path / "media.csv").open("w", encoding="utf-8", newline="") as media_file,
        (path / "observations.csv").open("w", encoding="utf-8", newline="") as observations_file,
    ):
        media = csv.DictWriter(media_file, _MEDIA)
        observations = csv.DictWriter(observations_file, _OBSERVATIONS)
        media.writeheader()
        observations.writeheader()
        for number, record in enumerate(records, 1):
            deployment = deployments.setdefault(record.folder, str(len(deployments) + 1))
            media.writerow(_medium(record, deployment, str(number)))
            held = _held(record, facts.options)
            for row in _rows(held, deployment, str(number)):
                observations.writerow(row)
            taxa.update((name, None) for item in held.classes if (name := _observed(item)[1]))
    if not deployments:
        deployments[""] = "1"
    with (path / "deployments.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, _DEPLOYMENTS)
        table.writeheader()
        for folder, deployment in deployments.items():
            table.writerow(
                {
                    "deploymentID": deployment,
                    "locationName": to_cell(clean_text(PurePath(folder).name)),
                    "latitude": "0",
                    "longitude": "0",
                    "coordinateUncertainty": _HALF_AROUND_THE_EARTH,
                    "deploymentStart": _NO_TIME,
                    "deploymentEnd": _NO_TIME,
                    "timestampIssues": "true",
                    "deploymentComments": _PLACEHOLDERS,
                }
            )
    document = _package(facts.name, list(taxa))
    text = json.dumps(document, ensure_ascii=False, indent=2)
    (path / DATA_PACKAGE).write_text(f"{text}\n", encoding="utf-8", newline="")


def _medium(record: ImageRecord, deployment: str, number: str) -> dict[str, str]:
    place = record.path
    if not _VALID_PATH.fullmatch(place) or is_formula(place):
        # The standard has no place for it; a file URL says the same.
        place = "file:" + quote(place, errors="surrogateescape").replace("..", "%2E%2E")
    kind = mimetypes.guess_type(PurePath(record.path).name)[0] or ""
    return {
        "mediaID": number,
        "deploymentID": deployment,
        "timestamp": _NO_TIME,
        "filePath": place,
        "filePublic": "false",
        "fileMediatype": kind if kind.startswith("image/") else "image/jpeg",
    }


def _rows(held: ImageRecord, deployment: str, number: str) -> Iterator[dict[str, str]]:
    common = {
        "deploymentID": deployment,
        "mediaID": number,
        "eventStart": _NO_TIME,
        "eventEnd": _NO_TIME,
        "observationLevel": "media",
    }
    if held.reviewed:
        yield common | {
            "observationID": f"{number}_0",
            "observationType": "blank",
            "classificationMethod": "human",
        }
    for place, item in enumerate(held.classes, 1):
        kind, name = _observed(item)
        yield common | {
            "observationID": f"{number}_{place}",
            "observationType": kind,
            "scientificName": to_cell(name),
            "classificationMethod": item.origin.value,
            "classificationProbability": "" if item.score is None else repr(item.score),
        }


def _package(name: str, taxa: list[str]) -> dict[str, Any]:
    title = clean_text(name) or "LMPT Desktop"
    tables = ("deployments", "media", "observations")
    return {
        "resources": [
            {
                "name": table,
                "path": f"{table}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": f"{PROFILE}{table}-table-schema.json",
            }
            for table in tables
        ],
        "profile": f"{PROFILE}camtrap-dp-profile.json",
        "name": re.sub("[^a-z0-9._-]+", "-", title.lower()).strip("-") or "lmpt-desktop",
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "title": title,
        "contributors": [{"title": "Unknown"}],
        "description": _PLACEHOLDERS,
        "project": {
            "title": title,
            "samplingDesign": "opportunistic",
            "captureMethod": ["activityDetection"],
            "individualAnimals": False,
            "observationLevel": ["media"],
        },
        "spatial": {
            "type": "Polygon",
            "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
        },
        "temporal": {"start": _NO_TIME[:10], "end": _NO_TIME[:10]},
        "taxonomic": [{"scientificName": taxon} for taxon in taxa],
    }


FORMAT = Format(
    "camtrap-dp",
    "Camtrap DP",
    (".zip", ".json"),
    sniff=_sniff,
    read=_read,
    options=_options,
    write=_write,
    target=Target.FOLDER,
    held=_held,
    cannot_hold=(
        Loss.ABSENT,
        Loss.REVIEWED,
        Loss.SOURCE,
        Loss.PLACE,
        Loss.HASH,
        Loss.SPLIT,
        Loss.CAPTION,
        Loss.STATE,
        Loss.CLASS_DETAILS,
    ),
    summary=N_("Data packages of camera traps, as Agouti, TRAPPER and GBIF exchange them."),
)
