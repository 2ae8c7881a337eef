"""Planning side files: every foreign byte stays, and what we added can be taken back exactly."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xmp_samples import SAMPLES

from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.xmp.keywords import (
    BAR,
    SLASH,
    Keywords,
    classes_of,
    key_of,
    keyword_of,
)
from lmpt_desktop.interchange.xmp.packet import OURS, Span
from lmpt_desktop.interchange.xmp.side_files import (
    FolderNames,
    Naming,
    SideFilePlan,
    existing_side_files,
    keywords_from_stored,
    keywords_in,
    photos_of,
    plan_side_file,
    read_side_file,
    side_file_of,
    stored_keywords,
)

NOTHING = Keywords()
HARD_NAMES = [
    "comma, semicolon; quote \" ' `",
    "slash/backslash\\",
    "a|b",
    "x¦y|z",
    "]]>",
    "<b>&amp;</b>",
    "😀 👩‍👩‍👧",
    "עברית ערב",
    "n" * 300,
    "=1+1",
    "e\u0301clair",
    "line\nbreak\tand  spaces",
    "\x01bell\x7f\x85",
]
NAMES = st.lists(
    st.one_of(st.sampled_from(HARD_NAMES), st.text(min_size=1, max_size=30)),
    max_size=5,
    unique_by=lambda name: key_of(keyword_of(name)),
).map(lambda names: [text for name in names if (text := keyword_of(name))])


def removed(made: SideFilePlan) -> bytes | None:
    """What the side file is once nothing of ours is left in it."""
    return plan_side_file(made.new, made.written, NOTHING, [], []).new


@pytest.mark.parametrize("name", SAMPLES)
def test_adding_and_removing_gives_the_original_bytes(name: str) -> None:
    raw = SAMPLES[name]
    made = plan_side_file(raw, None, Keywords(flat=("embedded",)), ["dog", "a/b", "a|b"], ["cat"])
    assert made.new is not None and made.new != raw
    assert made.foreign
    assert {"embedded", "dog", "a/b", "a|b"} <= set(made.after.flat)
    assert made.after.absent == ("cat",)
    assert set(made.before.flat) <= set(made.after.flat)
    assert removed(made) == raw


def test_a_real_file_gets_its_bytes_back(real_files: Path) -> None:
    raw = (real_files / "immich_2010.xmp").read_bytes()
    made = plan_side_file(raw, None, NOTHING, ["dog"], ["cat"])
    assert made.after.flat == made.after.hierarchical == made.after.tags == ("dog",)
    assert removed(made) == raw


@pytest.mark.parametrize("name", SAMPLES)
def test_changes_one_after_another_give_the_original_bytes(name: str) -> None:
    raw = SAMPLES[name]
    first = plan_side_file(raw, None, NOTHING, ["dog"], ["cat"])
    second = plan_side_file(first.new, first.written, NOTHING, ["cat", "kite"], ["dog"])
    assert "cat" in second.after.flat
    assert second.after.absent == ("dog",)
    assert ("dog" in second.after.flat) is ("dog" in keywords_in(raw).flat)
    assert removed(second) == raw


@pytest.mark.parametrize(
    "name",
    sorted(set(SAMPLES) - {"attribute", "empty-bag", "simple-value", "no-description"}),
)
def test_removing_without_the_exact_edits_gives_the_original_bytes_as_well(name: str) -> None:
    """As if another program had written to the file in between."""
    raw = SAMPLES[name]
    made = plan_side_file(raw, None, NOTHING, ["dog", "a/b"], ["cat"])
    assert made.written is not None
    changed = dataclasses.replace(made.written, digest="other", base_digest="another", back=())
    assert plan_side_file(made.new, changed, NOTHING, [], []).new == raw


def test_the_work_grows_no_faster_than_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in comparisons of spans, of which a search for each among all needs millions."""
    compared = 0

    def counted(self: Span, other: object) -> bool:
        nonlocal compared
        compared += 1
        return isinstance(other, Span) and (self.start, self.stop) == (other.start, other.stop)

    made = plan_side_file(
        SAMPLES["bridge"], None, NOTHING, [], [f"class {n}" for n in range(1_500)]
    )
    assert made.written is not None
    monkeypatch.setattr(Span, "__eq__", counted)
    changed = dataclasses.replace(made.written, digest="other", base_digest="another", back=())
    assert plan_side_file(made.new, changed, NOTHING, [], []).new == SAMPLES["bridge"]
    assert compared < 10_000


def test_our_list_as_plain_text_is_changed_as_well() -> None:
    """As no program writes it, but as any may."""
    raw = SAMPLES["bridge"].replace(
        b"</rdf:RDF>",
        f'<rdf:Description rdf:about="" xmlns:lmpt="{OURS}"><lmpt:absent>dog</lmpt:absent>'
        "</rdf:Description></rdf:RDF>".encode(),
    )
    made = plan_side_file(raw, None, NOTHING, ["dog"], ["cat"])
    assert made.after.absent == ("cat",)
    assert "dog" in made.after.flat
    assert removed(made) == raw


def test_what_another_program_adds_in_between_stays() -> None:
    made = plan_side_file(SAMPLES["lightroom"], None, NOTHING, ["kite"], ["cat"])
    assert made.new is not None
    edited = made.new.replace(b'xmp:Rating="3"', b'xmp:Rating="5"').replace(
        b"<rdf:li>kite</rdf:li>", b"<rdf:li>theirs</rdf:li><rdf:li>kite</rdf:li>", 1
    )
    back = plan_side_file(edited, made.written, NOTHING, [], [])
    assert back.new == SAMPLES["lightroom"].replace(b'xmp:Rating="3"', b'xmp:Rating="5"').replace(
        "<rdf:li>Frühling</rdf:li>".encode(),
        "<rdf:li>Frühling</rdf:li>\n     <rdf:li>theirs</rdf:li>".encode(),
        1,
    )


def test_a_file_that_we_were_about_to_write_is_known_to_be_without_ours() -> None:
    """The note in the catalogue is older than the file: the process was killed in between."""
    raw = SAMPLES["bridge"]
    made = plan_side_file(raw, None, NOTHING, ["dog"], [])
    assert plan_side_file(raw, made.written, NOTHING, [], []).new == raw


def test_a_new_side_file_holds_the_photos_own_keywords_and_is_deleted_again() -> None:
    embedded = Keywords(flat=("Frost", "Yard"), hierarchical=("Weather|Frost",))
    made = plan_side_file(None, None, embedded, ["dog"], [])
    assert not made.foreign
    assert made.after.flat == ("Frost", "Yard", "dog")
    assert made.after.hierarchical == ("Weather|Frost", "Yard", "dog")
    assert made.after.tags == ("Weather/Frost", "Yard", "dog")
    assert removed(made) is None


def test_nothing_is_written_without_a_class() -> None:
    assert plan_side_file(None, None, Keywords(flat=("Frost",)), [], []).new is None
    assert (
        plan_side_file(SAMPLES["picasa"], None, Keywords(flat=("x",)), [], []).new
        == SAMPLES["picasa"]
    )


def test_a_keyword_of_another_program_stays_and_is_said_to_be_contradicted() -> None:
    made = plan_side_file(SAMPLES["lightroom"], None, NOTHING, [], ["dog", "cat"])
    assert made.contradicted == ("dog",)
    assert "dog" in made.after.flat
    # Absent is what a person said of this very class, so that is what reads back.
    found = classes_of([made.after])
    assert found.present == ("Frühling",)
    assert found.absent == ("dog", "cat")


def test_a_leaf_of_a_path_is_not_written_as_a_keyword_of_its_own() -> None:
    made = plan_side_file(SAMPLES["lightroom"], None, NOTHING, ["dog"], [])
    assert made.after.hierarchical == ("animal|dog", "Frühling")
    assert made.after.tags == ("animal/dog", "Frühling")
    # But what is around a path is: it would not be said otherwise.
    made = plan_side_file(SAMPLES["lightroom"], None, NOTHING, ["animal"], [])
    assert made.after.hierarchical == ("animal|dog", "Frühling", "animal")


def test_tags_that_a_program_uses_for_itself_are_not_spread() -> None:
    made = plan_side_file(SAMPLES["darktable"], None, NOTHING, ["kite"], [])
    assert made.after.tags == ("nature/bird/heron", "kite")


def test_separators_are_written_as_look_alikes_where_they_separate() -> None:
    made = plan_side_file(None, None, NOTHING, ["black/white", "a|b"], [])
    assert made.after.flat == ("black/white", "a|b")
    assert made.after.hierarchical == ("black/white", f"a{BAR}b")
    assert made.after.tags == (f"black{SLASH}white", "a|b")
    assert classes_of([made.after]).present == ("black/white", "a|b")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<a/>",
        b"text",
        b'<!DOCTYPE a><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>',
    ],
)
def test_what_is_no_xmp_is_not_touched(raw: bytes) -> None:
    with pytest.raises(FileMalformed):
        plan_side_file(raw, None, NOTHING, ["dog"], [])


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([None, *sorted(SAMPLES)]), NAMES, NAMES)
def test_any_names_read_back_and_are_removed(
    sample: str | None, present: list[str], absent: list[str]
) -> None:
    raw = None if sample is None else SAMPLES[sample]
    absent = [name for name in absent if key_of(name) not in set(map(key_of, present))]
    made = plan_side_file(raw, None, NOTHING, present, absent)
    found = classes_of([made.after])
    if raw is None:
        assert found.present == tuple(present)
    # A name that differs in case only is there already, in the other program's spelling.
    leaves = {key_of(name.split("\x1f")[-1]) for name in found.present}
    assert set(map(key_of, present)) <= leaves
    assert set(map(key_of, absent)) <= set(map(key_of, found.absent))
    assert removed(made) == raw
    assert keywords_from_stored(
        stored_keywords(made.written.names if made.written else {})
    ) == dict(made.written.names if made.written else {})


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(
        st.tuples(st.integers(0, 9999), st.binary(max_size=6), st.integers(0, 20)), max_size=3
    ),
)
def test_mutated_side_files_are_planned_and_restored_or_left_alone(
    name: str, changes: list[tuple[int, bytes, int]]
) -> None:
    raw = SAMPLES[name]
    for number, new, count in changes:
        place = number % (len(raw) + 1)
        raw = raw[:place] + new + raw[place + count :]
    try:
        made = plan_side_file(raw, None, NOTHING, ["dog"], ["cat"])
    except InterchangeError as error:
        assert str(error)[-1] == "."
    else:
        assert removed(made) == raw


# ------------------------------------------------------------------------- other programs read it

exiftool = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(exiftool is None, reason="exiftool is not installed")


def by_exiftool(path: Path) -> dict[str, list[str]]:
    assert exiftool is not None
    fields = ["-XMP-dc:Subject", "-XMP-lr:HierarchicalSubject", "-XMP-digiKam:TagsList"]
    done = subprocess.run(
        [exiftool, "-json", "-charset", "filename=utf8", *fields, str(path)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    [found] = json.loads(done.stdout)
    return {
        field: [str(item) for item in value] if isinstance(value, list) else [str(value)]
        for field, value in found.items()
        if field != "SourceFile"
    }


# Exiftool reads no RDF in a default namespace, and takes Latin-1 for UTF-8.
@needs_exiftool
@pytest.mark.parametrize("name", [None, *sorted(set(SAMPLES) - {"other-prefix", "latin1"})])
def test_exiftool_reads_exactly_the_union(name: str | None, tmp_path: Path) -> None:
    present = [keyword_of(item) for item in HARD_NAMES]
    made = plan_side_file(
        SAMPLES[name] if name else None, None, Keywords(flat=("own",)), present, ["cat"]
    )
    assert made.new is not None
    path = tmp_path / "photo.jpg.xmp"
    path.write_bytes(made.new)
    assert by_exiftool(path) == {
        "Subject": list(made.after.flat),
        "HierarchicalSubject": list(made.after.hierarchical),
        "TagsList": list(made.after.tags),
    }


# ----------------------------------------------------------------------------------------- naming


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_names_of_side_files(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.c.PNG")
    names = FolderNames()
    assert side_file_of(tmp_path / "a.jpg", Naming.WITH_SUFFIX, names).name == "a.jpg.xmp"
    assert side_file_of(tmp_path / "a.jpg", Naming.WITHOUT_SUFFIX, names).name == "a.xmp"
    assert side_file_of(tmp_path / "b.c.PNG", Naming.WITHOUT_SUFFIX, names).name == "b.c.xmp"


@pytest.mark.parametrize("other", ["a.png", "A.CR2", "a.mov"])
def test_photos_with_the_same_stem_cannot_both_have_a_short_name(
    tmp_path: Path, other: str
) -> None:
    touch(tmp_path, "a.jpg", "a.txt", other, "a.xmp", "a.jpg.xmp")
    names = FolderNames()
    with pytest.raises(InterchangeError, match=f"a.xmp would belong to {other} as well"):
        side_file_of(tmp_path / "a.jpg", Naming.WITHOUT_SUFFIX, names)
    assert existing_side_files(tmp_path / "a.jpg", names) == [tmp_path / "a.jpg.xmp"]


def test_a_short_name_that_is_the_long_name_of_another_photo(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.jpg.png")
    names = FolderNames()
    with pytest.raises(InterchangeError, match=r"a.jpg.xmp would belong to a.jpg as well"):
        side_file_of(tmp_path / "a.jpg.png", Naming.WITHOUT_SUFFIX, names)
    assert side_file_of(tmp_path / "a.jpg", Naming.WITH_SUFFIX, names).name == "a.jpg.xmp"


def test_case_alone_makes_no_second_side_file(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.jpg.XMP", "B.jpg", "b.jpg", "B.jpg.xmp")
    if len(list(tmp_path.iterdir())) < 5:
        pytest.skip("this disk does not tell case apart")
    names = FolderNames()
    assert side_file_of(tmp_path / "a.jpg", Naming.WITH_SUFFIX, names).name == "a.jpg.XMP"
    assert side_file_of(tmp_path / "b.jpg", Naming.WITH_SUFFIX, names).name == "b.jpg.xmp"
    touch(tmp_path, "a.jpg.Xmp")
    with pytest.raises(InterchangeError, match="differ only in case"):
        side_file_of(tmp_path / "a.jpg", Naming.WITH_SUFFIX, FolderNames())


def test_the_photo_of_a_side_file(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.png", "b.jpg")
    names = FolderNames()
    assert photos_of(tmp_path / "a.jpg.xmp", names) == ["a.jpg"]
    assert photos_of(tmp_path / "b.xmp", names) == ["b.jpg"]
    assert sorted(photos_of(tmp_path / "a.xmp", names)) == ["a.jpg", "a.png"]


def test_links_and_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "real.xmp").write_bytes(SAMPLES["picasa"])
    (tmp_path / "link.xmp").symlink_to(tmp_path / "real.xmp")
    (tmp_path / "folder.xmp").mkdir()
    with pytest.raises(InterchangeError, match="is a link"):
        read_side_file(tmp_path / "link.xmp")
    with pytest.raises(InterchangeError, match="cannot be read"):
        read_side_file(tmp_path / "folder.xmp")
    assert read_side_file(tmp_path / "none.xmp") is None
    found = read_side_file(tmp_path / "real.xmp")
    assert found is not None and found[0] == SAMPLES["picasa"]
