from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import Cancelled, FileMalformed, OutputExists
from lmpt_desktop.interchange.exporting import exporter
from lmpt_desktop.interchange.exporting.exporter import (
    MARKER,
    Difference,
    LossCount,
    count_export,
    write_and_check,
)
from lmpt_desktop.interchange.exporting.loss_texts import LOSS_TITLES, loss_sentence
from lmpt_desktop.interchange.format import ExportFacts, Format, Loss, Options, Target
from lmpt_desktop.interchange.formats import own_jsonl
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin, Reading

FACTS = ExportFacts((ClassSpec("dog", "a dog"), ClassSpec("cat"), ClassSpec("kite")))
HUMAN = {"origin": Origin.HUMAN, "source": "user"}
DOG = ClassRecord("dog", Verdict.PRESENT, **HUMAN)
NO_CAT = ClassRecord("cat", Verdict.ABSENT, origin=Origin.HUMAN, source="reviewed")
KITE = ClassRecord("kite", Verdict.PRESENT, origin=Origin.MACHINE, score=0.75, source="prediction")
FULL = ImageRecord(
    "a/b.jpg",
    (DOG, NO_CAT, KITE),
    folder="/photos",
    fingerprint="f",
    file_hash="h",
    picture_hash="p",
    reviewed=True,
    state="missing",
    split="test",
    caption="A dog.",
)
Records = Callable[[], Iterator[ImageRecord]]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def given_anew(*records: ImageRecord) -> Records:
    return lambda: iter(records)


def present_only(record: ImageRecord, _options: Options) -> ImageRecord | None:
    """As a format that lists names of present classes by bare file name."""
    found = tuple(
        ClassRecord(item.name.strip())
        for item in record.classes
        if item.verdict is Verdict.PRESENT and item.origin is not Origin.MACHINE
    )
    return ImageRecord(Path(record.path).name, found) if found else None


PRESENT_ONLY = Format("present", "Present", (".txt",), held=present_only)


def losses(*records: ImageRecord, format_: Format = PRESENT_ONLY) -> dict[Loss, int]:
    return {item.loss: item.count for item in count_export(records, FACTS, format_).losses}


class TestLosses:
    def test_everything_that_is_not_held_is_counted(self) -> None:
        assert losses(FULL) == {
            Loss.ABSENT: 1,
            Loss.REVIEWED: 1,
            Loss.PREDICTION: 1,
            Loss.PLACE: 1,
            Loss.HASH: 1,
            Loss.SPLIT: 1,
            Loss.CAPTION: 1,
            Loss.STATE: 1,
            Loss.CLASS_DETAILS: 1,
        }

    def test_a_photo_that_vanishes_takes_its_verdicts_with_it(self) -> None:
        gone = FULL._replace(classes=(NO_CAT, KITE), caption="", reviewed=False)
        assert losses(gone, gone) == {
            Loss.ABSENT: 2,
            Loss.PREDICTION: 2,
            Loss.EMPTY_IMAGE: 2,
            Loss.CLASS_DETAILS: 1,
        }

    def test_a_changed_name_is_no_lost_verdict(self) -> None:
        odd = ClassRecord(" dog ", Verdict.PRESENT, **HUMAN)
        record = ImageRecord("b.jpg", (odd, DOG))
        found = losses(record)
        assert found[Loss.CLASS_NAME] == 1
        assert Loss.ABSENT not in found

    def test_scores_and_sources_that_are_not_held(self) -> None:
        def held(record: ImageRecord, _options: Options) -> ImageRecord:
            return record._replace(
                classes=tuple(item._replace(score=None, source="") for item in record.classes)
            )

        machine = ClassRecord("dog", Verdict.ABSENT, origin=Origin.MACHINE, source="machine")
        records = (FULL, ImageRecord("c.jpg", (machine,)))
        # That the model said it is kept: only the reviewed one is a source that is lost.
        assert losses(*records, format_=Format("x", "X", (), held=held)) == {
            Loss.SCORE: 1,
            Loss.SOURCE: 1,
            Loss.CLASS_DETAILS: 1,
        }

    def test_what_a_model_said_may_not_be_passed_off_as_a_persons_verdict(self) -> None:
        def held(record: ImageRecord, _options: Options) -> ImageRecord:
            return record._replace(classes=tuple(ClassRecord(i.name) for i in record.classes))

        assert losses(FULL, format_=Format("x", "X", (), held=held))[Loss.PREDICTION] == 1

    def test_classes_that_are_declared_as_they_are_lose_nothing(self) -> None:
        assert losses(FULL, format_=own_jsonl.FORMAT) == {}
        bare = replace(
            own_jsonl.FORMAT,
            held_classes=lambda classes: tuple(ClassSpec(item.name) for item in classes),
        )
        assert losses(FULL, format_=bare) == {Loss.CLASS_DETAILS: 1}

    def test_what_is_exported_is_counted_by_kind(self) -> None:
        found = count_export([FULL, ImageRecord("b.jpg")], FACTS, own_jsonl.FORMAT)
        assert (found.photos, found.present, found.absent, found.predictions) == (2, 1, 1, 1)
        assert found.losses == ()

    def test_counting_can_be_cancelled(self) -> None:
        with pytest.raises(Cancelled):
            count_export([FULL] * 1000, FACTS, PRESENT_ONLY, cancelled=lambda: True)

    @pytest.mark.parametrize("loss", list(Loss))
    def test_every_loss_has_words(self, loss: Loss) -> None:
        assert LOSS_TITLES[loss]
        one, many = loss_sentence(loss, 1), loss_sentence(loss, 3120)
        assert one.endswith(".") and "1 " in one
        assert many.endswith(".") and "3,120 " in many
        assert "s " in many

    def test_the_sentence_of_the_absent(self) -> None:
        count = LossCount(Loss.ABSENT, 312)
        sentence = "312 absent verdicts cannot be held by this format."
        assert loss_sentence(count.loss, count.count) == sentence

    @settings(max_examples=examples(100))
    @given(export_cases())
    def test_of_any_export_our_own_format_loses_nothing(self, case: ExportCase) -> None:
        facts = ExportFacts(case.classes)
        assert count_export(case.records, facts, own_jsonl.FORMAT).losses == ()


def write_folder(records: Iterable[ImageRecord], _facts: ExportFacts, path: Path) -> None:
    (path / "inside").mkdir(parents=True)
    for number, record in enumerate(records):
        (path / "inside" / f"{number}.txt").write_text(record.path)


def read_folder(source: SourceFile) -> Reading:
    files = sorted((source.path / "inside").iterdir())
    items = [ImageRecord(path.read_text()) for path in files]
    return Reading(own_jsonl.FileFacts(), iter(items))


FOLDER = Format(
    "folder",
    "Folder",
    (),
    read=read_folder,
    write=write_folder,
    target=Target.FOLDER,
    held=lambda record, _options: ImageRecord(record.path),
)
JSONL = own_jsonl.FORMAT


class TestWriting:
    def test_the_file_is_the_only_thing_that_is_left(self, tmp_path: Path) -> None:
        out = tmp_path / "out.jsonl"
        steps: list[int] = []
        records = [FULL._replace(path=f"{i:04}.jpg") for i in range(600)]
        found = write_and_check(given_anew(*records), FACTS, JSONL, out, progress=steps.append)
        assert found == []
        assert names_in(tmp_path) == ["out.jsonl"]
        assert len(out.read_text().splitlines()) == 600
        assert steps == sorted(steps)
        assert steps[-1] == 1200

    def test_it_is_as_readable_as_any_new_file(self, tmp_path: Path) -> None:
        (tmp_path / "new").touch()
        write_and_check(given_anew(FULL), FACTS, JSONL, tmp_path / "out.jsonl")
        usual = stat.S_IMODE((tmp_path / "new").stat().st_mode)
        assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == usual

    def test_a_name_as_long_as_names_may_be(self, tmp_path: Path) -> None:
        out = tmp_path / ("x" * 249 + ".jsonl")
        assert write_and_check(given_anew(FULL), FACTS, JSONL, out) == []
        assert out.exists()

    def test_nothing_is_overwritten_without_being_asked(self, tmp_path: Path) -> None:
        out = tmp_path / "out.jsonl"
        out.write_text("mine")
        with pytest.raises(OutputExists, match="exists already") as found:
            write_and_check(given_anew(FULL), FACTS, JSONL, out)
        assert found.value.replaceable
        assert out.read_text() == "mine"
        assert write_and_check(given_anew(FULL), FACTS, JSONL, out, replace=True) == []
        assert out.read_text() != "mine"
        assert names_in(tmp_path) == ["out.jsonl"]

    def test_folders_and_pipes_are_never_replaced_by_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        for name, reason in (("folder", "is a folder"), ("pipe", "not an ordinary file")):
            with pytest.raises(OutputExists, match=reason) as found:
                write_and_check(given_anew(FULL), FACTS, JSONL, tmp_path / name, replace=True)
            assert not found.value.replaceable

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_an_interrupted_export_leaves_what_was_there(
        self, tmp_path: Path, error: BaseException
    ) -> None:
        out = tmp_path / "out.jsonl"
        out.write_text("mine")

        def records() -> Iterator[ImageRecord]:
            yield FULL
            raise error

        with pytest.raises(type(error)):
            write_and_check(records, FACTS, JSONL, out, replace=True)
        assert out.read_text() == "mine"
        assert names_in(tmp_path) == ["out.jsonl"]

    @pytest.mark.parametrize("when", [0, 0.5, 1])
    def test_cancelling_leaves_what_was_there(self, tmp_path: Path, when: float) -> None:
        """While it is written, while it is read back, at the end."""
        asked = 0
        records = given_anew(*(FULL._replace(path=f"{i:04}.jpg") for i in range(600)))

        def cancelled(at: float) -> bool:
            nonlocal asked
            asked += 1
            return asked > at

        write_and_check(
            records, FACTS, JSONL, tmp_path / "first.jsonl", cancelled=lambda: cancelled(1e9)
        )
        last, asked = asked - 1, 0
        with pytest.raises(Cancelled, match="The export was cancelled"):
            write_and_check(
                records,
                FACTS,
                JSONL,
                tmp_path / "out.jsonl",
                cancelled=lambda: cancelled(when * last),
            )
        assert names_in(tmp_path) == ["first.jsonl"]

    def test_a_file_that_its_own_reader_refuses_is_not_left(self, tmp_path: Path) -> None:
        def refuse(_source: SourceFile) -> Reading:
            raise FileMalformed("It is damaged.")

        broken = replace(JSONL, read=refuse)
        with pytest.raises(FileMalformed):
            write_and_check(given_anew(FULL), FACTS, broken, tmp_path / "out.jsonl")
        assert names_in(tmp_path) == []

    def test_a_format_may_write_files_beside_its_own(self, tmp_path: Path) -> None:
        def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
            assert JSONL.write is not None
            JSONL.write(records, facts, path)
            path.with_suffix(".config").write_text("beside")

        pair = replace(JSONL, write=write)
        (tmp_path / "out.config").write_text("mine")
        with pytest.raises(OutputExists, match=r"out\.config exists already"):
            write_and_check(given_anew(FULL), FACTS, pair, tmp_path / "out.jsonl")
        assert names_in(tmp_path) == ["out.config"]
        write_and_check(given_anew(FULL), FACTS, pair, tmp_path / "out.jsonl", replace=True)
        assert (tmp_path / "out.config").read_text() == "beside"

    def test_a_folder_is_made_anew(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        assert write_and_check(given_anew(FULL), FACTS, FOLDER, out) == []
        assert names_in(out) == [MARKER, "inside"]
        with pytest.raises(OutputExists, match="exists already") as found:
            write_and_check(given_anew(FULL), FACTS, FOLDER, out)
        assert found.value.replaceable
        other = FULL._replace(path="other.jpg")
        write_and_check(given_anew(other), FACTS, FOLDER, out, replace=True)
        assert (out / "inside" / "0.txt").read_text() == "other.jpg"
        assert names_in(tmp_path) == ["out"]

    def test_an_empty_folder_may_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        assert write_and_check(given_anew(FULL), FACTS, FOLDER, tmp_path / "out") == []
        assert (tmp_path / "out" / MARKER).exists()

    @pytest.mark.parametrize(
        "marker", ["", "[]", '{"entries": 3}', '{"entries": {}}', "[" * 99_999]
    )
    def test_a_folder_with_files_of_the_users_is_never_replaced(
        self, tmp_path: Path, marker: str
    ) -> None:
        out = tmp_path / "out"
        out.mkdir()
        (out / "mine.txt").write_text("mine")
        if marker:
            (out / MARKER).write_text(marker)
        with pytest.raises(OutputExists, match="that no export has written") as found:
            write_and_check(given_anew(FULL), FACTS, FOLDER, out, replace=True)
        assert not found.value.replaceable
        assert (out / "mine.txt").read_text() == "mine"

    def test_a_file_added_to_an_exported_folder_keeps_it(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        write_and_check(given_anew(FULL), FACTS, FOLDER, out)
        (out / "inside" / "mine.txt").write_text("mine")
        with pytest.raises(OutputExists, match="that no export has written"):
            write_and_check(given_anew(FULL), FACTS, FOLDER, out, replace=True)
        body = json.loads((out / MARKER).read_text())
        size = len(FULL.path.encode())
        digest = hashlib.sha256(FULL.path.encode()).hexdigest()
        assert body == {"entries": {"inside/": None, "inside/0.txt": [size, digest]}}

    def test_work_done_in_an_exported_folder_keeps_it(self, tmp_path: Path) -> None:
        """Also if the size stays, or it is done while the new folder is written."""
        out = tmp_path / "out"
        write_and_check(given_anew(FULL), FACTS, FOLDER, out)
        text = out / "inside" / "0.txt"
        for new in ("mine", "x" * text.stat().st_size):
            text.write_text(new)
            with pytest.raises(OutputExists, match=r"1 file .* has changed .*: inside/0\.txt"):
                write_and_check(given_anew(FULL), FACTS, FOLDER, out, replace=True)
            assert text.read_text() == new
        text.write_text(FULL.path)

        def records() -> Iterator[ImageRecord]:
            text.write_text("late")
            yield FULL

        with pytest.raises(OutputExists, match="has changed"):
            write_and_check(records, FACTS, FOLDER, out, replace=True)
        assert text.read_text() == "late"
        assert names_in(tmp_path) == ["out"]

    def test_links_and_empty_folders_of_the_users_keep_a_folder(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        write_and_check(given_anew(FULL), FACTS, FOLDER, out)
        (tmp_path / "photos").mkdir()
        link = out / "inside" / "link"
        link.symlink_to(tmp_path / "photos")
        with pytest.raises(OutputExists, match="that no export has written"):
            write_and_check(given_anew(FULL), FACTS, FOLDER, out, replace=True)
        link.unlink()
        (out / "empty").mkdir()
        with pytest.raises(OutputExists, match="that no export has written"):
            write_and_check(given_anew(FULL), FACTS, FOLDER, out, replace=True)
        (out / "empty").rmdir()
        assert write_and_check(given_anew(FULL), FACTS, FOLDER, out, replace=True) == []

    @pytest.mark.parametrize("has_links", [True, False])
    def test_a_file_made_at_the_last_moment_is_not_overwritten(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
    ) -> None:
        out = tmp_path / "out.jsonl"
        look = exporter._refuse_to_overwrite

        def look_and_lose(path: Path, target: Target, replace: bool) -> None:
            look(path, target, replace)
            if any(name.startswith(".export.") for name in names_in(tmp_path)):
                out.write_text("mine")

        def no_links(_self: Path, _target: Path) -> None:
            raise OSError(1, "Operation not permitted")

        if not has_links:
            monkeypatch.setattr(Path, "hardlink_to", no_links)
            write_and_check(given_anew(FULL), FACTS, JSONL, tmp_path / "other.jsonl")
            assert names_in(tmp_path) == ["other.jsonl"]
        monkeypatch.setattr(exporter, "_refuse_to_overwrite", look_and_lose)
        with pytest.raises(OutputExists, match="exists already"):
            write_and_check(given_anew(FULL), FACTS, JSONL, out)
        assert out.read_text() == "mine"


class TestReadingBack:
    def check(self, tmp_path: Path, changed: Callable[[ImageRecord], list[ImageRecord]]) -> list:
        """Differences of a file whose records were ``changed`` while they were written."""

        def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
            assert JSONL.write is not None
            JSONL.write((item for record in records for item in changed(record)), facts, path)

        records = given_anew(FULL, FULL._replace(path="other.jpg"))
        broken = replace(JSONL, write=write)
        return write_and_check(records, FACTS, broken, tmp_path / "out.jsonl")

    def test_order_does_not_matter(self, tmp_path: Path) -> None:
        kept: list[ImageRecord] = []

        def swapped(record: ImageRecord) -> list[ImageRecord]:
            kept.insert(0, record._replace(classes=record.classes[::-1]))
            return kept if len(kept) == 2 else []

        assert self.check(tmp_path, swapped) == []

    def test_a_lost_photo_is_named(self, tmp_path: Path) -> None:
        found = self.check(tmp_path, lambda r: [r] if r.path == "other.jpg" else [])
        assert found == [Difference("a/b.jpg", "The file lacks this photo.")]

    def test_a_photo_too_many_is_named(self, tmp_path: Path) -> None:
        found = self.check(tmp_path, lambda record: [record, record])
        text = "The file has this photo, which was not exported so."
        assert found == [Difference("a/b.jpg", text), Difference("other.jpg", text)]

    def test_a_changed_verdict_is_named(self, tmp_path: Path) -> None:
        dog = DOG._replace(verdict=Verdict.ABSENT)
        found = self.check(tmp_path, lambda r: [r._replace(classes=(dog, *r.classes[1:]))])
        text = "The file says something else about “dog”."
        assert found == [Difference("a/b.jpg", text), Difference("other.jpg", text)]

    def test_a_changed_fact_is_named(self, tmp_path: Path) -> None:
        found = self.check(
            tmp_path, lambda r: [r._replace(caption="") if r.path == "other.jpg" else r]
        )
        assert found == [Difference("other.jpg", "The file says something else in caption.")]

    def test_rows_that_cannot_be_read_are_named(self, tmp_path: Path) -> None:
        found = self.check(tmp_path, lambda r: [r._replace(state="lost")])
        assert found[0] == Difference("", "What is under “state” cannot be read.")

    def test_other_classes_are_named(self, tmp_path: Path) -> None:
        def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
            assert JSONL.write is not None
            JSONL.write(records, replace(facts, classes=facts.classes[1:]), path)

        broken = replace(JSONL, write=write)
        found = write_and_check(given_anew(FULL), FACTS, broken, tmp_path / "out.jsonl")
        assert found[0] == Difference("", "The file declares other classes.")
