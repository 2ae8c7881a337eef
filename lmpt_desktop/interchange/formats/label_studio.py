"""Label Studio: exports as JSON and JSON_MIN; written as tasks beside their labelling config.

Read are choices, taxonomies, and the labels of boxes, polygons and other regions.  A task may have
annotations of several people: each says what it says.  What was skipped (cancelled) says nothing,
what a reviewer rejected is for the user to decide, predictions are of a machine.

Written is a folder of ``tasks.json`` and ``config.xml``.  Each task has one annotation with two
controls: ``classes``, with all present classes, and ``lmpt_absent``, with all absent ones: for
Label Studio these are two questions, which it shows, edits and exports apart.  What its tasks have
no place for (path, hashes, reviewed mark, side, caption) is in ``data``, which Label Studio keeps.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import quoteattr

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import (
    ExportFacts,
    Format,
    Loss,
    Option,
    OptionChoice,
    OptionKind,
    Options,
    Target,
)
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_text,
    colour_of,
    name_of,
    path_of,
    pixels_of,
    score_of,
)
from lmpt_desktop.interchange.reading.found_classes import ClassesFound
from lmpt_desktop.interchange.reading.json_stream import stream
from lmpt_desktop.interchange.reading.json_values import (
    json_excerpt,
    json_text,
    list_of,
    moment_of,
    object_of,
    truth_of,
)
from lmpt_desktop.interchange.reading.source_files import (
    HEAD_BYTES,
    MAX_SMALL_FILE_BYTES,
    Sample,
    SourceFile,
)
from lmpt_desktop.interchange.reading.xml_stream import XmlReader
from lmpt_desktop.interchange.record import (
    HIERARCHY_SEPARATOR,
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _
from trainer.photo import PHOTO_SUFFIXES

TASKS = "tasks.json"
CONFIG = "config.xml"
PRESENT_CONTROL = "classes"
ABSENT_CONTROL = "lmpt_absent"
IMAGE_CONTROL = "image"
OWN_KEY = "lmpt"
"""In the data of a task: what Label Studio has no place for."""
ABSENT_VALUE = "absent"
REJECTED_VALUE = "rejected"
LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio addresses files of its own computer (LABEL_STUDIO_LOCAL_FILES_SERVING)."""

_IMAGE_KEYS = ("image", "img", "photo", "picture", "url", "path", "file")
_JSON_MIN_KEYS = ("annotator", "annotation_id", "created_at", "updated_at", "lead_time")
_SUFFIXES = tuple(PHOTO_SUFFIXES)
_MAX_PARTS = 100_000
_CONTROL = re.compile(rb'"from_name"\s*:\s*"([^"\\\x00-\x1f]{1,100})"')
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Told(NamedTuple):
    """What a record says, as a task holds it; names each once, scores beside them."""

    present: list[str]
    absent: list[str]
    found: list[tuple[str, float | None]]
    not_found: list[tuple[str, float | None]]


# ------------------------------------------------------------------------------------- reading


def _sniff(sample: Sample) -> str:
    if sample.is_folder:
        if TASKS in sample.names and CONFIG in sample.names:
            return _("The folder has tasks.json and config.xml, as Label Studio imports them.")
        return ""
    head = sample.head
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"[", b"{"):
        return ""
    if b'"data"' in head and b'"result"' in head:
        if b'"annotations"' in head or b'"completions"' in head or b'"predictions"' in head:
            return _("It is a list of tasks with annotations, as Label Studio exports them.")
    elif b'"annotation_id"' in head and b'"annotator"' in head and b'"lead_time"' in head:
        return _("It has annotators and lead times, as Label Studio exports them as JSON_MIN.")
    return ""


def _options(path: Path) -> tuple[Option, ...]:
    """Which control is read: those that the beginning of the file names."""
    try:
        with SourceFile(path / TASKS if path.is_dir() else path).open() as file:
            head = file.read(HEAD_BYTES)
    except InterchangeError:
        head = b""
    names = dict.fromkeys(
        name.decode("utf-8", "replace")
        for name in _CONTROL.findall(head)
        if name != ABSENT_CONTROL.encode()
    )
    return (
        Option(
            "control",
            _("Control"),
            choices=(
                OptionChoice("", _("All")),
                *(OptionChoice(name, name) for name in names),
            ),
            help=_("The question of the labelling config (from_name) whose answers are read."),
        ),
    )


def _read(source: SourceFile) -> Reading:
    classes: tuple[ClassSpec, ...] = ()
    place = None
    if source.path.is_dir():
        place = source.path / TASKS
        config = source.path / CONFIG
        if config.is_file():
            classes = _declared(source.read_bytes(config, limit=MAX_SMALL_FILE_BYTES), config)
    notes = (
        _("Skipped (cancelled) annotations say nothing."),
        _("What a reviewer rejected has the value “rejected”."),
    )
    return Reading(FileFacts(classes, notes=notes), _items(source, place))


def _items(source: SourceFile, place: Path | None) -> Iterator[ImageRecord | BadRow]:
    control = source.options.get("control", "")
    for number, task in enumerate(_tasks(source, place), 1):
        source.check()
        yield _item(task, number, control)


def _tasks(source: SourceFile, place: Path | None) -> Iterator[Any]:
    """The tasks of a list, or the one that is all of the file."""
    whole: dict[str, Any] = {}
    for part in stream(source, place):
        if not part.key:
            if part.number:
                yield part.value
        elif part.number == 0:
            whole[part.key] = part.value
        elif part.number <= _MAX_PARTS:
            whole[part.key].append(part.value)
        else:
            raise FileMalformed(
                _("{path} is no export of Label Studio.").format(path=place or source.path)
            )
    if whole:
        yield whole


def _item(task: object, number: int, control: str) -> ImageRecord | BadRow:
    if not isinstance(task, dict):
        return BadRow(number, _("This is no task."), json_excerpt(task))
    if "task" in task and isinstance(task["task"], dict) and "result" in task:
        # One annotation with its task, as target storages keep them.
        task = {**task["task"], "annotations": [task]}
    data = task.get("data")
    if not isinstance(data, dict):
        return _json_min(task, number, control)
    annotations = task.get("annotations", task.get("completions"))
    classes: list[ClassRecord] = []
    for annotation in list_of(annotations):
        if isinstance(annotation, dict):
            classes += _annotated(annotation, control)
    for prediction in list_of(task.get("predictions")):
        if isinstance(prediction, dict):
            classes += _predicted(prediction, control)
    own = object_of(data.get(OWN_KEY))
    path = path_of(own.get("path")) or _image(data, _sources(task))
    if not path:
        return BadRow(number, _("The task names no photo."), json_excerpt(data))
    return ImageRecord(
        path,
        tuple(classes),
        number,
        folder=path_of(own.get("folder")),
        fingerprint=name_of(own.get("fingerprint")),
        file_hash=name_of(own.get("file_hash")),
        picture_hash=name_of(own.get("picture_hash")),
        reviewed=truth_of(own.get("reviewed")),
        state=name_of(own.get("state")),
        split=name_of(own.get("split")),
        caption=name_of(own.get("caption")),
        width=pixels_of(own.get("width")),
        height=pixels_of(own.get("height")),
    )


def _annotated(annotation: dict[str, Any], control: str) -> Iterator[ClassRecord]:
    """What a person said; nothing if it was skipped."""
    if annotation.get("was_cancelled") or annotation.get("skipped"):
        return
    by = annotation.get("completed_by")
    annotator = name_of(by)
    if isinstance(by, dict):
        annotator = name_of(by.get("email")) or name_of(by.get("id"))
    at = moment_of(annotation.get("updated_at")) or moment_of(annotation.get("created_at"))
    rejected = _is_rejected(annotation)
    told: dict[tuple[str, str], None] = {}
    for result in list_of(annotation.get("result")):
        if isinstance(result, dict):
            value = ABSENT_VALUE if result.get("from_name") == ABSENT_CONTROL else ""
            if control and not value and result.get("from_name") != control:
                continue
            told.update(((name, value), None) for name in _names(result.get("value")))
    for name, value in told:
        verdict = Verdict.ABSENT if value else Verdict.PRESENT
        yield ClassRecord(
            name,
            None if rejected else verdict,
            REJECTED_VALUE if rejected else value,
            Origin.HUMAN,
            annotator=annotator,
            at=at,
        )


def _is_rejected(annotation: Mapping[str, Any]) -> bool:
    """Whether the last reviewer refused it."""
    action = annotation.get("last_action")
    if isinstance(action, str):
        return action == "rejected"
    reviews = [item for item in list_of(annotation.get("reviews")) if isinstance(item, dict)]
    return bool(reviews) and reviews[-1].get("accepted") is False


def _predicted(prediction: dict[str, Any], control: str) -> Iterator[ClassRecord]:
    """What a model said, with the highest score of each class."""
    by = name_of(prediction.get("model_version"))
    at = moment_of(prediction.get("created_at"))
    found = {"": ClassesFound(), ABSENT_VALUE: ClassesFound()}
    for result in list_of(prediction.get("result")):
        if not isinstance(result, dict):
            continue
        value = ABSENT_VALUE if result.get("from_name") == ABSENT_CONTROL else ""
        if control and not value and result.get("from_name") != control:
            continue
        # Ours has a score for each choice, Label Studio's one for all.
        scores = result.get("scores")
        usual = result.get("score", prediction.get("score"))
        for place, name in enumerate(_names(result.get("value"))):
            score = usual
            if isinstance(scores, list):
                score = scores[place] if place < len(scores) else None
            found[value].add(name, by_machine=True, score=score)
    for value, classes in found.items():
        verdict = Verdict.ABSENT if value else Verdict.PRESENT
        for record in classes.records():
            yield record._replace(verdict=verdict, value=value, annotator=by, at=at)


def _names(value: object) -> list[str]:
    """Classes in the value of a result: choices, the labels of a region, paths of a taxonomy."""
    names: list[str] = []
    for key, items in object_of(value).items():
        if key == "taxonomy":
            names += _paths(items)
        elif key == "choices" or key.endswith("labels"):
            for item in [items] if isinstance(items, str) else list_of(items):
                # A taxonomy may be given as choices, as lists of its parts.
                names += _paths([item]) if isinstance(item, list) else [name_of(item)]
    return [name for name in names if name]


def _paths(items: object) -> list[str]:
    return [
        HIERARCHY_SEPARATOR.join(filter(None, map(name_of, item)))
        for item in list_of(items)
        if isinstance(item, list)
    ]


def _sources(task: Mapping[str, Any]) -> Iterator[str]:
    """Keys of the data that results are about, as far as they say so (``$image``)."""
    for said in (*list_of(task.get("annotations")), *list_of(task.get("predictions"))):
        for result in list_of(object_of(said).get("result")):
            for key in ("source", "to_name"):
                name = object_of(result).get(key)
                if isinstance(name, str) and name.startswith("$"):
                    yield name[1:]


def _image(data: Mapping[str, Any], sources: Iterable[str] = ()) -> str:
    """Where the photo of a task is: what looks like one, what results are about, usual keys."""
    for value in data.values():
        if isinstance(value, str) and _is_image(value):
            return path_of(value)
    for key in (*sources, *_IMAGE_KEYS):
        if isinstance(value := data.get(key), str) and value:
            return path_of(value)
    for value in data.values():
        if isinstance(value, str) and value.startswith(("/data/", "s3:", "gs:", "azure-blob:")):
            return path_of(value)
    return ""


def _is_image(text: str) -> bool:
    """Whether a text ends as the name of a photo does, a query aside."""
    if len(text) > 10_000 or "\n" in text:
        return False
    if text.lower().endswith(_SUFFIXES):
        return True
    try:
        parts = urlsplit(text)
        named = parse_qs(parts.query, max_num_fields=20).get("d", [""])[0]
    except ValueError:
        return False
    return bool(parts.query) and (parts.path + named).lower().endswith(_SUFFIXES)


def _json_min(task: dict[str, Any], number: int, control: str) -> ImageRecord | BadRow:
    """A row of JSON_MIN: data, id, answers by control, annotator and times, in this order."""
    keys = list(task)
    answers = {key for key, value in task.items() if isinstance(value, dict | list)}
    if "id" in task and "annotator" in task:
        # A single choice is a mere text, told from the data by its place only.
        answers.update(keys[keys.index("id") + 1 : keys.index("annotator")])
    data = {key: task[key] for key in keys if key not in (*answers, *_JSON_MIN_KEYS)}
    path = _image(data)
    if not path:
        return BadRow(number, _("The task names no photo."), json_excerpt(task))
    told: dict[tuple[str, str], None] = {}
    for key in keys:
        if key not in answers or (control and key not in (control, ABSENT_CONTROL)):
            continue
        value = ABSENT_VALUE if key == ABSENT_CONTROL else ""
        told.update(((name, value), None) for name in _min_names(task[key]))
    at = moment_of(task.get("updated_at")) or moment_of(task.get("created_at"))
    annotator = name_of(task.get("annotator"))
    classes = tuple(
        ClassRecord(
            name,
            Verdict.ABSENT if value else Verdict.PRESENT,
            value,
            Origin.HUMAN,
            annotator=annotator,
            at=at,
        )
        for name, value in told
    )
    return ImageRecord(path, classes, number)


def _min_names(answer: object) -> list[str]:
    if isinstance(answer, str):
        return [name_of(answer)] if answer else []
    if isinstance(answer, dict):
        return _names(answer)
    names: list[str] = []
    for item in list_of(answer):
        names += _names(item) if isinstance(item, dict) else _paths([item])
    return [name for name in names if name]


def _declared(data: bytes, path: Path) -> tuple[ClassSpec, ...]:
    """Choices of a labelling config, in order, each once; those of ``lmpt_absent`` aside.

    Raises:
        FileMalformed: if it is not XML, or has a document type.
    """
    found: dict[str, ClassSpec] = {}
    controls: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        controls.append(attributes.get("name", "") or (controls[-1] if controls else ""))
        if tag in ("Choice", "Label") and controls[-1] != ABSENT_CONTROL:
            name = attributes.get("alias") or attributes.get("value", "")
            if name and name not in found:
                colour = colour_of(attributes.get("background", ""))
                found[name] = ClassSpec(name, attributes.get("hint", ""), (), colour)

    def end(_tag: str) -> None:
        controls.pop()

    XmlReader(path, start, end).parse_all(io.BytesIO(data))
    return tuple(found.values())


# ------------------------------------------------------------------------------------- writing


def _told(record: ImageRecord) -> _Told:
    """What is written of a record; of a class that it names twice, the first."""
    said: dict[tuple[bool, str], ClassRecord] = {}
    for item in record.classes:
        if item.verdict in (Verdict.PRESENT, Verdict.ABSENT) and item.name:
            said.setdefault((item.origin is Origin.MACHINE, item.name), item)
    told = _Told([], [], [], [])
    for (by_machine, name), item in said.items():
        present = item.verdict is Verdict.PRESENT
        if by_machine:
            (told.found if present else told.not_found).append((name, score_of(item.score)))
        else:
            (told.present if present else told.absent).append(name)
    return told


def _held(record: ImageRecord, _options: Options) -> ImageRecord:
    told = _told(record)
    by_human = ClassRecord("", origin=Origin.HUMAN)
    by_machine = ClassRecord("", origin=Origin.MACHINE, annotator=_MODEL)
    absent = {"verdict": Verdict.ABSENT, "value": ABSENT_VALUE}
    classes = (
        *(by_human._replace(name=name) for name in told.present),
        *(by_human._replace(name=name, **absent) for name in told.absent),
        *(by_machine._replace(name=name, score=score) for name, score in told.found),
        *(by_machine._replace(name=name, score=score, **absent) for name, score in told.not_found),
    )
    return record._replace(classes=classes)


_MODEL = "LMPT Desktop"


def _held_classes(classes: tuple[ClassSpec, ...]) -> tuple[ClassSpec, ...]:
    held = {}
    for item in classes:
        if name := _xml(item.name):
            held.setdefault(name, ClassSpec(name, _xml(item.description), (), item.colour))
    return tuple(held.values())


def _xml(text: str) -> str:
    """Without characters that XML cannot hold."""
    return _NO_XML.sub("\ufffd", clean_text(text))


def _write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    prefix = facts.options.get("prefix", LOCAL_FILES)
    path.mkdir(exist_ok=True)
    names: dict[str, None] = dict.fromkeys(item.name for item in facts.classes)
    with (path / TASKS).open("w", encoding="utf-8", newline="") as file:
        file.write("[")
        for number, record in enumerate(records, 1):
            told = _told(record)
            file.write("\n" if number == 1 else ",\n")
            file.write(json_text(_task(record, told, number, prefix)))
            names.update(dict.fromkeys((*told.present, *told.absent)))
            names.update((name, None) for name, _score in (*told.found, *told.not_found))
        file.write("\n]\n")
    known = {item.name: item for item in facts.classes}
    config = _config([known.get(name) or ClassSpec(name) for name in names])
    (path / CONFIG).write_text(config, encoding="utf-8", newline="")


def _task(record: ImageRecord, told: _Told, number: int, prefix: str) -> dict[str, Any]:
    own = {
        key: value
        for key, value in (
            ("path", record.path),
            ("folder", record.folder),
            ("fingerprint", record.fingerprint),
            ("file_hash", record.file_hash),
            ("picture_hash", record.picture_hash),
            ("reviewed", record.reviewed),
            ("state", record.state),
            ("split", record.split),
            ("caption", record.caption),
            ("width", record.width),
            ("height", record.height),
        )
        if value or value is False
    }
    image = prefix + quote(record.path, errors="surrogateescape")
    task: dict[str, Any] = {"id": number, "data": {"image": image, OWN_KEY: own}}
    if told.present or told.absent or record.reviewed:
        results = _results(told.present, told.absent)
        task["annotations"] = [{"result": results, "was_cancelled": False}]
    if told.found or told.not_found:
        results = _results(
            [name for name, _score in told.found],
            [name for name, _score in told.not_found],
            [[score for _name, score in part] for part in (told.found, told.not_found)],
        )
        prediction: dict[str, Any] = {"model_version": _MODEL, "result": results}
        scores = [score for _name, score in told.found if score is not None]
        if scores:
            # By which Label Studio sorts tasks.
            prediction["score"] = sum(scores) / len(scores)
        task["predictions"] = [prediction]
    return task


def _results(
    present: list[str], absent: list[str], scores: list[list[float | None]] | None = None
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for place, (control, names) in enumerate(
        ((PRESENT_CONTROL, present), (ABSENT_CONTROL, absent))
    ):
        if names:
            result: dict[str, Any] = {
                "id": control,
                "from_name": control,
                "to_name": IMAGE_CONTROL,
                "type": "choices",
                "value": {"choices": names},
            }
            if scores is not None:
                result["scores"] = scores[place]
            results.append(result)
    return results


def _config(classes: list[ClassSpec]) -> str:
    """The labelling config: the photo, the classes it has, the classes it has not."""
    lines = ["<View>", f'  <Image name="{IMAGE_CONTROL}" value="$image"/>']
    for control, title in ((PRESENT_CONTROL, "Present"), (ABSENT_CONTROL, "Absent")):
        lines.append(f"  <Header value={quoteattr(title)}/>")
        lines.append(f'  <Choices name="{control}" toName="{IMAGE_CONTROL}" choice="multiple">')
        for item in _held_classes(tuple(classes)):
            hint = f" hint={quoteattr(item.description)}" if item.description else ""
            colour = f" background={quoteattr(item.colour)}" if item.colour else ""
            lines.append(f"    <Choice value={quoteattr(item.name)}{hint}{colour}/>")
        lines.append("  </Choices>")
    return "\n".join((*lines, "</View>", ""))


FORMAT = Format(
    "label-studio",
    "Label Studio",
    (".json",),
    sniff=_sniff,
    read=_read,
    options=_options,
    write=_write,
    write_options=(
        Option(
            "prefix",
            N_("Address of photos"),
            OptionKind.TEXT,
            LOCAL_FILES,
            help=N_("What is put before each path, so that Label Studio finds the photo."),
        ),
    ),
    target=Target.FOLDER,
    held=_held,
    held_classes=_held_classes,
    cannot_hold=(Loss.SOURCE, Loss.CLASS_DETAILS),
    summary=N_("For annotating on in Label Studio, and for what comes back from there."),
)
