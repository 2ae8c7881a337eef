from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.records import ImageState, Source, Verdict
from lmpt_desktop.engine.interchange.exports import ExportChoices, ExportPreview
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.errors import Cancelled, InterchangeError, OutputExists
from lmpt_desktop.interchange.exporting.library_records import records_of

ODD = os.fsdecode(b"odd \xe4.jpg")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two folders, three classes, annotations of every source, a caption, a missing photo."""
    folder = tmp_path / "library"
    with Catalogue.open(folder) as catalogue:
        second = catalogue.folders.add(tmp_path / "photos b")
        first = catalogue.folders.add(tmp_path / "photos a")
        a, b, _c, d = catalogue.images.upsert(
            first.id,
            [
                photo_file("b.jpg", fingerprint="fb", file_hash="hb", picture_hash="pb"),
                photo_file("a/a.jpg"),
                photo_file(ODD),
                photo_file("gone.jpg"),
            ],
        )
        (other,) = catalogue.images.upsert(second.id, [photo_file("a.jpg")])
        dog, cat, kite = (catalogue.classes.add(name) for name in ("dog", "cat", "kite"))
        catalogue.classes.set_aliases(dog.id, ["hound"])
        catalogue.classes.archive(catalogue.classes.add("old").id)
        said = catalogue.annotations
        said.apply([Change(a, dog.id, Verdict.PRESENT), Change(b, cat.id, Verdict.ABSENT)])
        said.apply([Change(a, kite.id, Verdict.PRESENT)], Source.IMPORT)
        said.apply([Change(b, kite.id, Verdict.ABSENT)], Source.MACHINE)
        said.apply([Change(other, dog.id, Verdict.PRESENT)])
        said.set_reviewed([a], reviewed=True)
        catalogue.images.set_caption(a, "Two lines\nof text")
        catalogue.images.mark_missing([d])
    return folder


@pytest.fixture
def session(library: Path) -> Iterator[LibrarySession]:
    with LibrarySession.open(library, encode=False, folders=[], begin=False) as opened:
        yield opened


def export(session: LibrarySession, out: Path, **choices: object) -> list[dict]:
    """The lines of a JSONL file that is written with these choices."""
    given = ExportChoices("jsonl", **choices)  # type: ignore[arg-type]
    result = session.exports.write(given, out, replace=True)
    assert result.differences == ()
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert result.photos == len(lines)
    return lines


def test_photos_come_by_folder_and_path_with_all_that_is_known(
    session: LibrarySession, tmp_path: Path
) -> None:
    lines = export(session, tmp_path / "out.jsonl")
    library = lines[0].pop("library")
    assert [item["name"] for item in library["classes"]] == ["dog", "cat", "kite"]
    assert library["classes"][0]["aliases"] == ["hound"]
    assert [(Path(line["folder"]).name, line["path"]) for line in lines] == [
        ("photos a", "a/a.jpg"),
        ("photos a", "b.jpg"),
        ("photos a", "gone.jpg"),
        ("photos a", ODD),
        ("photos b", "a.jpg"),
    ]
    assert lines[1] == {
        "path": "b.jpg",
        "folder": str(tmp_path / "photos a"),
        "present": ["dog", "kite"],
        "absent": ["cat"],
        "reviewed": True,
        "state": "ok",
        "sources": {"cat": "reviewed", "kite": "import"},
        "caption": "Two lines\nof text",
        "width": 640,
        "height": 480,
        "fingerprint": "fb",
        "file_hash": "hb",
        "picture_hash": "pb",
    }
    assert lines[0]["absent"] == ["cat", "kite"]
    assert lines[0]["sources"] == {"kite": "machine"}
    assert lines[2]["state"] == "missing"


def test_the_preview_counts_without_writing(session: LibrarySession) -> None:
    preview = session.exports.preview(ExportChoices("jsonl"))
    counts = preview.counts
    assert (counts.photos, counts.present, counts.absent, counts.predictions) == (5, 3, 3, 0)
    assert preview.sentences == []


def test_scope_classes_and_paths_are_as_chosen(session: LibrarySession, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert [line["path"] for line in export(session, out, reviewed_only=True)] == ["b.jpg"]
    snapshot = session.snapshot()
    chosen = snapshot.image_ids[[1, 4]]
    lines = export(
        session,
        out,
        image_ids=np.array([*chosen, *chosen, 999]),
        class_ids=snapshot.class_ids[[2, 0]],
        absolute_paths=True,
    )
    assert [line["path"] for line in lines] == [
        str(tmp_path / "photos a" / "a" / "a.jpg"),
        str(tmp_path / "photos b" / "a.jpg"),
    ]
    assert [item["name"] for item in lines[0]["library"]["classes"]] == ["dog", "kite"]
    assert (lines[0]["present"], lines[0]["absent"]) == ([], ["kite"])


def test_held_out_photos_are_the_test_side_and_only_then_is_there_a_side(
    session: LibrarySession, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    assert not any("split" in line for line in export(session, out))
    session.catalogue.runs.add_held_out([int(session.snapshot().image_ids[0])])
    found = {line["path"]: line["split"] for line in export(session, out)}
    assert found.pop("b.jpg") == "test"
    assert set(found.values()) == {"train"}


def test_predictions_are_exported_only_on_request_and_as_such(
    session: LibrarySession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = session.snapshot()
    scores = np.full(snapshot.annotations.shape, np.nan, np.float32)
    scores[0] = 0.9
    scores[1] = (0.123456, 0.9, 0.4)
    scored = replace(snapshot, scores=scores, thresholds=np.array([0.1, 0.5, 0.5], np.float32))
    monkeypatch.setattr(LibraryState, "snapshot", property(lambda _state: scored))
    out = tmp_path / "out.jsonl"
    assert not any("predicted" in line for line in export(session, out))
    lines = export(session, out, predictions=0.1)
    # Everything about b.jpg is annotated; of a/a.jpg only "dog" is not.
    assert [line.get("predicted") for line in lines] == [["dog"], None, None, None, None]
    assert lines[0]["scores"] == {"dog": 0.1235}
    assert "dog" not in lines[0]["present"]
    assert not any("predicted" in line for line in export(session, out, predictions=0.2))
    assert export(session, out, predictions="own")[0]["predicted"] == ["dog"]
    preview: ExportPreview = session.exports.preview(ExportChoices("jsonl", predictions=0.1))
    assert preview.counts.predictions == 1
    assert preview.without_scores == 3


def test_blocks_change_nothing(
    session: LibrarySession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export(session, tmp_path / "whole.jsonl")
    monkeypatch.setattr("lmpt_desktop.interchange.exporting.library_records.BLOCK_ROWS", 2)
    assert export(session, tmp_path / "parts.jsonl") == whole


def test_a_library_without_classes_or_photos(tmp_path: Path) -> None:
    with LibrarySession.open(tmp_path / "l", encode=False, folders=[], begin=False) as session:
        assert session.exports.preview(ExportChoices("jsonl")).counts.photos == 0
        assert session.exports.write(ExportChoices("jsonl"), tmp_path / "o.jsonl").photos == 0


def test_unknown_formats_and_options_are_refused(session: LibrarySession, tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match="There is no format nope"):
        session.exports.preview(ExportChoices("nope"))
    with pytest.raises(InterchangeError, match="There is no option colour"):
        session.exports.preview(ExportChoices("jsonl", options={"colour": "red"}))


def test_writing_refuses_and_can_be_cancelled(session: LibrarySession, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(Cancelled):
        session.exports.write(ExportChoices("jsonl"), out, cancelled=lambda: True)
    assert not out.exists()
    steps: list[tuple[int, int]] = []
    session.exports.write(
        ExportChoices("jsonl"), out, progress=lambda done, total: steps.append((done, total))
    )
    assert steps[-1] == (10, 10)
    with pytest.raises(OutputExists):
        session.exports.write(ExportChoices("jsonl"), out)


def test_an_annotation_made_meanwhile_is_not_mixed_in(session: LibrarySession) -> None:
    """The snapshot decides what is annotated, whatever the catalogue says a moment later."""
    content, _facts, _format = session.exports._prepared(ExportChoices("jsonl"))
    snapshot = session.snapshot()
    image, dog = int(snapshot.image_ids[0]), int(snapshot.class_ids[0])
    session.catalogue.annotations.apply([Change(image, dog, Verdict.UNKNOWN)])
    [record] = [item for item in records_of(content) if item.path == "b.jpg"]
    assert (record.classes[0].name, record.classes[0].source) == ("dog", "user")
    assert snapshot.states[3] == ImageState.MISSING
