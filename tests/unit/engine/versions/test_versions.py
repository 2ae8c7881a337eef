"""Versions through renames and merges; named, noted, compared, exported and imported."""

from __future__ import annotations

import contextlib
import json
import os
import random
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from class_ids import class_id

from lmpt_desktop.engine.class_weights import LEARNED_NAME, learned_texts
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.versions import versions as versions_module
from lmpt_desktop.engine.versions.version_files import VersionFileError, read_version
from trainer import prompt_set as prompt_sets

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def session(reviewed_session: LibrarySession) -> LibrarySession:
    return reviewed_session


@pytest.fixture
def version(trained_version: int) -> int:
    return trained_version


def trained(session: LibrarySession) -> dict[str, bool]:
    assert session.wait_until_idle(60)
    snapshot = session.snapshot()
    return {
        entry.name: bool(value)
        for entry, value in zip(snapshot.classes, snapshot.trained, strict=True)
    }


def test_a_renamed_class_keeps_what_was_learned(session: LibrarySession, version: int) -> None:
    before = session.snapshot().scores.copy()
    dog = class_id(session, "dog")
    session.vocabulary.rename(dog, "hound")
    assert trained(session) == {"hound": True, "cat": True, "kite": True}
    np.testing.assert_array_equal(session.snapshot().scores, before)
    # The old name on another class does not get what was learned under it.
    session.vocabulary.add("dog")
    assert trained(session)["dog"] is False
    assert trained(session)["hound"] is True


def test_versions_from_before_classes_were_kept_survive_a_rename(
    session: LibrarySession, version: int
) -> None:
    session.catalogue.prompt_sets.bind_classes(version, {})
    session.vocabulary.rename(class_id(session, "dog"), "hound")
    session.vocabulary.rename(class_id(session, "kite"), "dog")
    assert trained(session) == {"hound": True, "cat": True, "dog": True}
    ids = session.catalogue.prompt_sets.get(version).class_ids
    assert ids == {
        "dog": class_id(session, "hound"),
        "cat": class_id(session, "cat"),
        "kite": class_id(session, "dog"),
    }


def test_another_description_makes_a_class_zero_shot_and_back(
    session: LibrarySession, version: int
) -> None:
    step = session.vocabulary.describe(class_id(session, "dog"), "a hairy dog")
    assert trained(session)["dog"] is False
    session.vocabulary.undo(step)
    assert trained(session)["dog"] is True
    session.vocabulary.describe(class_id(session, "cat"), "")
    assert trained(session)["cat"] is False


def test_several_descriptions_are_averaged_until_they_are_learned(
    session: LibrarySession, until: Until
) -> None:
    def score_of(name: str) -> np.ndarray:
        assert session.wait_until_idle(60)
        snapshot = session.snapshot()
        return snapshot.scores[:, snapshot.column_of[class_id(session, name)]]

    dog = class_id(session, "dog")
    by_name = score_of("dog").copy()
    session.vocabulary.describe(dog, "dog;")
    np.testing.assert_array_equal(score_of("dog"), by_name)
    session.vocabulary.describe(dog, "dog; hound")
    averaged = score_of("dog").copy()
    assert not np.allclose(averaged, by_name, atol=1e-3)
    session.vocabulary.describe(dog, "hound; dog")
    np.testing.assert_allclose(score_of("dog"), averaged, atol=1e-6)
    run = session.training.start()
    until(lambda: any(item.run_id == run for item in session.versions.all()))
    made = next(item.version_id for item in session.versions.all() if item.run_id == run)
    session.versions.promote(made)
    assert trained(session) == {"dog": True, "cat": True, "kite": True}
    record = session.catalogue.prompt_sets.get(made)
    assert learned_texts(record.folder)["dog"] == "hound; dog"
    session.vocabulary.describe(dog, "hound")
    assert trained(session)["dog"] is False


def test_a_merge_keeps_what_was_learned_for_the_class_that_stays(
    session: LibrarySession, version: int
) -> None:
    plan = session.vocabulary.plan_merge([class_id(session, "kite")], class_id(session, "dog"))
    assert "stays in use" in plan.sentences[-1]
    step = session.vocabulary.merge(plan)
    assert trained(session) == {"dog": True, "cat": True}
    session.vocabulary.undo(step)
    assert trained(session) == {"dog": True, "cat": True, "kite": True}


def test_a_version_says_what_it_was_learned_from_and_carries_words(
    session: LibrarySession, version: int
) -> None:
    info = session.versions.all()[0]
    assert (info.images, info.annotations, info.present) == (6, 18, 7)
    session.versions.rename(version, "  first  try")
    session.versions.set_note(version, "with the new photos\n")
    info = session.versions.all()[0]
    assert (info.name, info.note) == ("first try", "with the new photos")
    with pytest.raises(KeyError):
        session.versions.rename(99, "none")


def test_any_two_versions_are_compared_on_the_same_images(
    session: LibrarySession, version: int
) -> None:
    found = session.versions.compare(0, version)
    assert (found.run_id, found.old_version_id, found.version_id) == (None, 0, version)
    assert found.changed_count > 0
    assert found.measurement is not None
    assert [item.name for item in found.measurement.classes] == ["dog", "cat", "kite"]
    assert [item.train_present for item in found.measurement.classes] == [3, 3, 1]
    back = session.versions.compare(version, 0)
    assert (back.gained, back.lost) == (found.lost, found.gained)
    assert back.measurement is not None
    assert [item.train_present for item in back.measurement.classes] == [0, 0, 0]
    same = session.versions.compare(version, version)
    assert same.changed_count == 0
    with pytest.raises(KeyError):
        session.versions.compare(0, 99)


@pytest.mark.parametrize("target", ["my version.zip", "a folder"])
def test_a_version_goes_out_and_comes_back(
    session: LibrarySession, version: int, tmp_path: Path, target: str
) -> None:
    session.versions.rename(version, "mine")
    session.versions.set_note(version, "a note")
    session.vocabulary.rename(class_id(session, "dog"), "hound")
    session.vocabulary.set_aliases(class_id(session, "hound"), ["dog"])
    session.vocabulary.archive([class_id(session, "kite")])
    assert session.wait_until_idle(60)  # the new name is read
    before = session.versions.compare(0, version)
    session.versions.export(version, tmp_path / target)
    taken = session.versions.import_from(tmp_path / target)
    assert taken.unknown == ()
    info = taken.version
    assert (info.name, info.note, info.images, info.annotations) == ("mine", "a note", 6, 18)
    assert not info.active and info.run_id is None
    assert session.versions.all()[0].version_id == info.version_id
    assert session.versions.compare(version, info.version_id).changed_count == 0
    assert session.versions.compare(0, info.version_id).changed_count == before.changed_count
    # What it holds of another library's images means nothing here.
    assert session.versions.prompt_set(info.version_id).held_out == []
    record = session.catalogue.prompt_sets.get(info.version_id)
    assert record.folder.parent == session.library_folder / "prompt_sets"
    assert not list((session.library_folder / "prompt_sets").glob(".*"))
    session.versions.discard(info.version_id)
    assert not record.folder.exists()


def test_an_export_never_overwrites_a_folder_with_something_in_it(
    session: LibrarySession, version: int, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("keep me")
    with pytest.raises(VersionFileError, match="is not empty"):
        session.versions.export(version, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_a_version_of_classes_nobody_has_is_refused(
    session: LibrarySession, version: int, tmp_path: Path
) -> None:
    session.versions.export(version, tmp_path / "v.zip")
    for name in ("dog", "cat", "kite"):
        session.vocabulary.rename(class_id(session, name), f"other {name}")
    with pytest.raises(VersionFileError, match=r"dog, cat and kite.*Add those"):
        session.versions.import_from(tmp_path / "v.zip")
    assert len(session.versions.all()) == 2


def test_a_version_of_another_backbone_or_dimension_is_refused(
    session: LibrarySession, version: int, tmp_path: Path
) -> None:
    made = session.versions.prompt_set(version)
    prompt_sets.save(replace(made, backbone="ViT-B-16/openai"), tmp_path / "other")
    with pytest.raises(VersionFileError, match=r"backbone ViT-B-16/openai.*uses lite"):
        session.versions.import_from(tmp_path / "other")
    small = made.class_embeddings[:, :8] / np.linalg.norm(
        made.class_embeddings[:, :8], axis=1, keepdims=True
    )
    prompt_sets.save(replace(made, class_embeddings=small), tmp_path / "small")
    with pytest.raises(VersionFileError, match="8 numbers per class instead of 64"):
        session.versions.import_from(tmp_path / "small")
    assert len(session.versions.all()) == 2


def spoilt(folder: Path, act: str) -> None:
    """Make an exported folder one that must not be taken in."""
    path = folder / prompt_sets.JSON_NAME
    body = json.loads(path.read_text())
    match act:
        case "twice":
            body["classes"][1] = body["classes"][0].upper()
        case "control":
            body["classes"][1] = "dog\u202ecat"
        case "number":
            body["scale"] = 1e9
        case "score":
            body["evaluation"]["scores"]["total"] = 7
        case "kind":
            body["classes"] = [1, 2, 3]
        case "newer":
            body["schema"] = 99
        case "deep":
            path.write_text("[" * 100_000)
            return
        case "not json":
            path.write_text("}{")
            return
        case "no arrays":
            (folder / prompt_sets.ARRAYS_NAME).unlink()
        case "arrays":
            (folder / prompt_sets.ARRAYS_NAME).write_bytes(b"\x10" * 200)
    path.write_text(json.dumps(body))


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_windows_of_a_version_from_elsewhere_are_kept_or_refused(
    session: LibrarySession, version: int, tmp_path: Path, factor: float
) -> None:
    folder = tmp_path / "v"
    session.versions.export(version, folder)
    made = prompt_sets.load(folder)
    windows = (made.class_embeddings * np.float32(factor)).astype(np.float32)
    prompt_sets.save(replace(made, window_embeddings=windows, window_offset=0.03), folder)
    if factor > 1:
        with pytest.raises(VersionFileError, match="version"):
            session.versions.import_from(folder)
        return
    imported = session.versions.import_from(folder)
    (found,) = [
        item
        for item in session.catalogue.prompt_sets.all()
        if prompt_sets.load(item.folder).window_embeddings is not None
    ]
    kept = prompt_sets.load(found.folder)
    assert imported
    assert np.array_equal(kept.window_embeddings, windows)  # type: ignore[arg-type]
    assert kept.window_offset == 0.03


@pytest.mark.parametrize(
    "act",
    [
        "twice",
        "control",
        "number",
        "score",
        "kind",
        "newer",
        "deep",
        "not json",
        "no arrays",
        "arrays",
    ],
)
def test_a_made_up_version_is_refused_with_a_sentence(
    session: LibrarySession, version: int, tmp_path: Path, act: str
) -> None:
    folder = tmp_path / "v"
    session.versions.export(version, folder)
    spoilt(folder, act)
    before = sorted(session.library_folder.rglob("*"))
    with pytest.raises(VersionFileError, match="version"):
        session.versions.import_from(folder)
    assert [p for p in sorted(session.library_folder.rglob("*")) if "sqlite" not in p.name] == [
        p for p in before if "sqlite" not in p.name
    ]
    assert len(session.versions.all()) == 2


@pytest.mark.parametrize(
    "name", ["../../evil.txt", "/etc/evil", "a/../../b/prompt_set.json", "C:\\evil", "..\\evil"]
)
def test_a_zip_that_leads_outside_is_refused_and_writes_nothing(
    session: LibrarySession, version: int, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "in" / "v.zip"
    path.parent.mkdir()
    session.versions.export(version, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "evil")
    outside = {p for p in tmp_path.rglob("*") if session.library_folder not in p.parents}
    with pytest.raises(VersionFileError, match="outside"):
        session.versions.import_from(path)
    assert {p for p in tmp_path.rglob("*") if session.library_folder not in p.parents} == outside


def test_a_zip_bomb_is_not_unpacked(
    session: LibrarySession, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmpt_desktop.engine.versions import version_files

    path = tmp_path / "v.zip"
    session.versions.export(version, path)
    monkeypatch.setitem(version_files._LIMITS, prompt_sets.ARRAYS_NAME, 500)
    with pytest.raises(VersionFileError, match="too large for a version"):
        session.versions.import_from(path)
    assert not list((session.library_folder / "prompt_sets").glob(".*"))


def test_links_in_a_zip_are_not_followed(
    session: LibrarySession, version: int, tmp_path: Path
) -> None:
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo(prompt_sets.JSON_NAME)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(tmp_path / "secret"))
        archive.writestr(prompt_sets.ARRAYS_NAME, b"")
    (tmp_path / "secret").write_text("{}")
    with pytest.raises(VersionFileError, match="damaged"):
        session.versions.import_from(path)


OF_ANOTHER_KIND: dict[str, Callable[[dict[str, Any]], object]] = {
    "a score": lambda body: body["evaluation"]["scores"].update(total="0.5"),
    "a figure": lambda body: body["evaluation"]["extra"].update(CF1="0.5"),
    "no number": lambda body: body["baseline"]["extra"].update(CF1=float("nan")),
    "a count": lambda body: body["evaluation"]["classes"][0].update(train_present="3"),
    "a scale": lambda body: body.update(scale="14"),
    "a setting": lambda body: body.update(settings=[1]),
}
ABOUTS = {
    "about.json": ['{"name": "a \\ud800"}', '{"name": 3}', '{"data": {"images": "3"}}', "[" * 900],
    LEARNED_NAME: ['{"dog": 3}', "[]", '{"dog": "a", "dog": "b"}', '{"dog": "\\udfff"}'],
}


def test_a_version_with_something_of_another_kind_is_refused(
    session: LibrarySession, version: int, tmp_path: Path
) -> None:
    session.versions.export(version, tmp_path / "v")
    path = tmp_path / "v" / prompt_sets.JSON_NAME
    whole = path.read_text(encoding="utf-8")
    for act in OF_ANOTHER_KIND.values():
        body = json.loads(whole)
        act(body)
        path.write_text(json.dumps(body), encoding="utf-8")
        with pytest.raises(VersionFileError, match="damaged"):
            session.versions.import_from(tmp_path / "v")
    path.write_text(whole, encoding="utf-8")
    for name, texts in ABOUTS.items():
        for text in texts:
            (tmp_path / "v" / name).write_text(text, encoding="utf-8")
            with pytest.raises(VersionFileError, match="damaged"):
                session.versions.import_from(tmp_path / "v")
        (tmp_path / "v" / name).unlink()
    assert len(session.versions.all()) == 2
    assert session.versions.import_from(tmp_path / "v")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting(
    session: LibrarySession, version: int, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(VersionFileError, match="version"):
        session.versions.import_from(tmp_path / "pipe.zip")
    for name in (prompt_sets.JSON_NAME, prompt_sets.ARRAYS_NAME):
        folder = tmp_path / name
        session.versions.export(version, folder)
        (folder / name).unlink()
        os.mkfifo(folder / name)
        with pytest.raises(VersionFileError, match="version"):
            session.versions.import_from(folder)


def test_what_is_no_zip_is_refused_with_a_sentence(session: LibrarySession, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(os.urandom(100))
    with pytest.raises(VersionFileError, match="cannot be read as a version"):
        session.versions.import_from(tmp_path / "x.zip")
    with pytest.raises(VersionFileError, match="cannot be read as a version"):
        session.versions.import_from(tmp_path / "none.zip")


def test_a_zip_with_bytes_gone_wrong_is_a_version_or_refused_with_a_sentence(
    session: LibrarySession, version: int, tmp_path: Path
) -> None:
    session.versions.export(version, tmp_path / "v.zip")
    whole = (tmp_path / "v.zip").read_bytes()
    (tmp_path / "workspace").mkdir()
    dice = random.Random(1)
    for _ in range(300):
        bytes_ = bytearray(whole)
        for _ in range(dice.randint(1, 5)):
            bytes_[dice.randrange(len(bytes_))] = dice.randrange(256)
        (tmp_path / "wrong.zip").write_bytes(bytes_)
        with contextlib.suppress(VersionFileError):
            read_version(tmp_path / "wrong.zip", tmp_path / "workspace")
    assert list((tmp_path / "workspace").iterdir()) == []


def test_a_merged_class_keeps_the_predictions_of_both_until_it_is_learned_again(
    session: LibrarySession, version: int
) -> None:
    before = session.snapshot()
    dog, kite = class_id(session, "dog"), class_id(session, "kite")
    found = [before.scores[:, before.column_of[item]] for item in (dog, kite)]
    limits = [before.thresholds[before.column_of[item]] for item in (dog, kite)]
    either = (found[0] >= limits[0]) | (found[1] >= limits[1])
    assert ((found[1] >= limits[1]) & (found[0] < limits[0])).any(), "the kite finds more"
    plan = session.vocabulary.plan_merge([kite], dog)
    assert plan.found_too == ("kite",)
    step = session.vocabulary.merge(plan)
    assert session.wait_until_idle(60)
    after = session.snapshot()
    column = after.column_of[dog]
    np.testing.assert_array_equal(after.scores[:, column] >= after.thresholds[column], either)
    session.vocabulary.undo(step)
    assert session.wait_until_idle(60)
    np.testing.assert_array_equal(session.snapshot().scores, before.scores)


def test_a_version_that_learned_the_merged_class_needs_the_other_no_more(
    session: LibrarySession, version: int
) -> None:
    dog, kite = class_id(session, "dog"), class_id(session, "kite")
    session.vocabulary.merge(session.vocabulary.plan_merge([kite], dog))
    # As if it had been learned after the merge: it knows the dog and no kite.
    ids = session.catalogue.prompt_sets.get(version).class_ids
    session.catalogue.prompt_sets.bind_classes(version, ids | {"kite": 999})
    session.model.forget_version(version)
    session.model.refresh()
    assert session.wait_until_idle(60)
    weights = session.model.weights_with(session.catalogue.prompt_sets.get(version))
    assert weights is not None and not len(weights.more_columns)


def test_versions_that_were_read_are_kept_within_a_bound(
    session: LibrarySession, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions_module, "KEPT_BYTES", 20_000)
    session.versions.export(version, tmp_path / "version.zip")
    for _ in range(12):
        session.versions.import_from(tmp_path / "version.zip")
    versions = versions_module.Versions(
        session.catalogue, session._state, session.model, lambda _notice: None
    )
    assert len(versions.all()) == 14
    kept = versions._loaded
    sizes = [versions_module._bytes(item) for key in kept.known() if (item := kept.get(key))]
    assert 1 <= len(sizes) < 13
    assert sum(sizes) <= 20_000
    assert versions.prompt_set(version).classes == session.versions.prompt_set(version).classes
