"""How the app reads what ``fuzz.py`` changes: a row for each way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


class Refused(Exception):  # noqa: N818 - not an error
    """Refused as it should be, with this sentence."""


@dataclass(frozen=True)
class Reader:
    """``read`` gets a folder with the files and the path of the changed one; ``errors`` are the
    app's own, whose messages are sentences."""

    read: Callable[[Path, Path], object]
    errors: tuple[type[Exception], ...] = ()
    is_sentence: bool = True


# ----------------------------------------------------------------------------------- photos


def _photo(_folder: Path, path: Path) -> None:
    """Scan it, read its keywords, and decode it for the grid, the review page and the encoder."""
    from lmpt_desktop.ingest.reading import read_file
    from lmpt_desktop.interchange.errors import InterchangeError
    from lmpt_desktop.interchange.xmp.embedded import embedded_keywords

    reading = read_file(path, with_sample=True)
    reasons = [reading.reason] if reading.reason else []
    try:
        embedded_keywords(path)
    except InterchangeError as error:
        reasons.append(str(error))
    reasons += _decoded(path)
    for reason in reasons:
        _check_sentence(reason)
    if reasons:
        raise Refused(reasons[0])


def _decoded(path: Path) -> list[str]:
    """Decode as the decode worker is asked to; why not, if not."""
    from trainer import decode_worker
    from trainer.decoding import Wanted

    reasons = []
    for wanted in (
        Wanted("JPEG", at_least=160, size=(160, 160)),
        Wanted("BGRX", size=(1600, 1200)),
        Wanted("RGB", at_least=224, to_srgb=False),
    ):
        request = {**asdict(wanted), "path": str(path).encode().hex()}
        head, data = decode_worker._answer(json.loads(json.dumps(request)))
        if reason := head.get("reason"):
            reasons.append(str(reason))
        elif wanted.form != "JPEG":
            assert len(data) == head["bytes"] == head["width"] * head["height"] * len(wanted.form)
    return reasons


def _check_sentence(text: str) -> None:
    assert text.endswith((".", "?", "!")) and text[:1].isprintable(), f"no sentence: {text!r}"


# ------------------------------------------------------------------------- the trainer's files


def _prompt_set(folder: Path, _path: Path) -> None:
    from trainer import prompt_set

    prompt_set.load_to_predict(folder)
    prompt_set.load(folder)


def _version(folder: Path, path: Path) -> None:
    from lmpt_desktop.engine.versions.version_files import read_version

    read_version(path, folder / "workspace")


def _job(folder: Path, _path: Path) -> None:
    from trainer import job

    job.load_classes(folder)
    job.load_image_ids(folder)
    job.load_targets(folder)
    job.load(folder)


def _events(_folder: Path, path: Path) -> None:
    """Each line by itself, as it comes through the pipe."""
    from trainer.events import ProtocolError, RunEvent, parse_line

    refused = ""
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        try:
            message = parse_line(line)
        except ProtocolError as error:
            refused = str(error)
            continue
        if isinstance(message, RunEvent):
            assert message.text.headline
    if refused:
        raise Refused(refused)


# ------------------------------------------------------------------------------- the app's own


def _library_settings(_folder: Path, path: Path) -> None:
    """Every setting from what a catalogue holds under its key."""
    from lmpt_desktop.settings import ALL, Storage
    from trainer import checked_json

    body = checked_json.parse(path.read_bytes(), checked_json.Limits(unicode=False))
    for setting in ALL:
        if setting.storage is Storage.LIBRARY and isinstance(body, dict):
            setting.read(body.get(setting.key))


def _computer_settings(_folder: Path, path: Path) -> None:
    from lmpt_desktop.ui.shell.settings import ComputerSettings

    settings = ComputerSettings(path)
    settings.read_all()
    for recent in settings.recent():
        assert recent.label
    settings.libraries()


def _catalogue(folder: Path, _path: Path) -> None:
    """Open it, read all of it, verify and repair it, give a verdict and take it back."""
    from lmpt_desktop.catalogue.errors import CatalogueError
    from lmpt_desktop.domain.records import Verdict
    from lmpt_desktop.engine.session import LibrarySession

    with LibrarySession.open(folder, encode=False, begin=False) as session:
        snapshot = session.snapshot()
        session.catalogue.prompt_sets.all()
        session.annotations.history()
        sound = session.catalogue.check_soundness()
        if sound.can_be_repaired:
            session.catalogue.repair(sound)
        if len(snapshot.image_ids) and len(snapshot.class_ids):
            cell = [int(snapshot.image_ids[0])], [int(snapshot.class_ids[0])]
            made = session.annotations.annotate(*cell, Verdict.PRESENT)
            session.annotations.undo(made.id)
        if not sound.sound:
            raise CatalogueError("Verify library says what is damaged.")


def _thumbnails(folder: Path, _path: Path) -> None:
    """A cache: a damaged one is replaced."""
    from lmpt_desktop.ingest.thumbnails import ThumbnailStore

    store = ThumbnailStore(folder)
    for number in range(3):
        store.get(f"{number:032x}", 16)
    store.close()


# ----------------------------------------------------------------------------- what is imported


def _import(name: str) -> Callable[[Path, Path], None]:
    def read(folder: Path, path: Path) -> None:
        from lmpt_desktop.interchange import registry
        from lmpt_desktop.interchange.importing.survey import survey

        form = registry.named(name)
        source = folder / path.relative_to(folder).parts[0]
        registry.detect(source)
        options = {item.name: item.default for item in form.options(source) if item.default}
        found = survey(source, name, options, photos=(folder / "photo.jpg",))
        for text in (*found.class_names, *(item.path for item in found.references)):
            text.encode("utf-8", "surrogateescape")

    return read


def _side_file(folder: Path, path: Path) -> None:
    """Import its keywords, write ours to it and take them back."""
    from lmpt_desktop.interchange.errors import InterchangeError
    from lmpt_desktop.interchange.xmp.keywords import Keywords
    from lmpt_desktop.interchange.xmp.side_files import (
        keywords_in,
        plan_side_file,
        read_side_file,
    )

    (folder / "photo.jpg").write_bytes(b"")
    _import("xmp")(folder, path)
    found = read_side_file(path)
    assert found is not None
    keywords_in(found[0])
    ours = plan_side_file(found[0], None, Keywords(), ["dog", "boat"], ["cat"])
    assert ours.new is not None and ours.written is not None
    back = plan_side_file(ours.new, ours.written, Keywords(), [], [])
    if back.new != found[0]:
        raise InterchangeError("What was written was not taken back.")


def _class_list(_folder: Path, path: Path) -> None:
    from lmpt_desktop.interchange.class_lists import read_class_list

    read_class_list(path)


def readers() -> dict[str, Reader]:
    """Every way, by name."""
    from lmpt_desktop.catalogue.errors import CatalogueError
    from lmpt_desktop.engine.versions.version_files import VersionFileError
    from lmpt_desktop.interchange.class_lists import ClassListError
    from lmpt_desktop.interchange.errors import InterchangeError
    from lmpt_desktop.interchange.registry import FORMATS
    from trainer.checked_json import JsonError
    from trainer.job import JobError
    from trainer.prompt_set import PromptSetError

    return {
        "photo": Reader(_photo),
        "prompt set": Reader(_prompt_set, (PromptSetError,), is_sentence=False),
        "version": Reader(_version, (VersionFileError,), is_sentence=False),
        "job": Reader(_job, (JobError,), is_sentence=False),
        "events": Reader(_events),
        "library settings": Reader(_library_settings, (JsonError,), is_sentence=False),
        "computer settings": Reader(_computer_settings),
        "catalogue": Reader(_catalogue, (CatalogueError,)),
        "thumbnails": Reader(_thumbnails),
        "side file": Reader(_side_file, (InterchangeError,)),
        "class list": Reader(_class_list, (ClassListError,)),
        **{f"import {item.name}": Reader(_import(item.name), (InterchangeError,))
           for item in FORMATS if item.read is not None},
    }  # fmt: skip


def outcome(reader: Reader, folder: Path, path: Path) -> tuple[str, str]:
    """ "opened", "refused" or "other", and why."""
    import traceback

    try:
        reader.read(folder, path)
    except Refused as error:
        return "refused", str(error)
    except reader.errors as error:
        said = str(error)
        if reader.is_sentence and not said.rstrip().endswith((".", "?", "!")):
            return "other", f"no sentence: {said!r}"
        return "refused", said
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-4:]
        places = " < ".join(f"{Path(at.filename).name}:{at.lineno}" for at in reversed(last))
        return "other", f"{type(error).__name__}: {error} ({places})"[:600]
    return "opened", ""
