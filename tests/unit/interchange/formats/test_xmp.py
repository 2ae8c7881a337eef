"""Reading keywords of photos and side files; what of a record reads back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from xmp_samples import SAMPLES

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.errors import Cancelled, InterchangeError
from lmpt_desktop.interchange.formats import xmp
from lmpt_desktop.interchange.reading.source_files import SourceFile, sample_of
from lmpt_desktop.interchange.record import BadRow, ClassRecord, ImageRecord, Origin
from lmpt_desktop.interchange.registry import FORMATS
from lmpt_desktop.interchange.xmp.keywords import Keywords, classes_of, keyword_of
from lmpt_desktop.interchange.xmp.side_files import plan_side_file

REAL = Path(__file__).parents[5] / "shared" / "interchange" / "xmp"
read = xmp.FORMAT.read
assert read is not None


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), (200, 90, 20)).save(path)
    return path


def items(path: Path, **rest: object) -> list[ImageRecord | BadRow]:
    assert read is not None
    return list(read(SourceFile(path, **rest)).items)  # type: ignore[arg-type]


def found(path: Path, **rest: object) -> dict[str, tuple[list[str], list[str]]]:
    """Present and absent classes by file name; hierarchies with ``>``."""
    result = {}
    for item in items(path, **rest):
        assert isinstance(item, ImageRecord)
        names = {
            verdict: [c.name.replace("\x1f", ">") for c in item.classes if c.verdict is verdict]
            for verdict in (Verdict.PRESENT, Verdict.ABSENT)
        }
        result[Path(item.path).name] = (names[Verdict.PRESENT], names[Verdict.ABSENT])
    return result


def test_it_is_a_format() -> None:
    assert xmp.FORMAT in FORMATS
    assert xmp.FORMAT.is_writable
    assert xmp.FORMAT.options(Path("photo.xmp")) == ()


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")
def test_real_files(tmp_path: Path) -> None:
    for path in REAL.iterdir():
        shutil.copy(path, tmp_path)
    assert found(tmp_path) == {
        "immich_2010": ([], []),
        "picasa_embedded.jpg": (["Frost", "Yard"], []),
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_side_files_are_recognised(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.xmp").write_bytes(SAMPLES[name])
    assert xmp.FORMAT.sniff is not None
    assert xmp.FORMAT.sniff(sample_of(tmp_path / "a.xmp"))
    assert xmp.FORMAT.sniff(sample_of(tmp_path))


def test_other_files_are_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.xmp").write_bytes(b"text")
    (tmp_path / "a.xml").write_bytes(SAMPLES["picasa"])
    assert xmp.FORMAT.sniff is not None
    assert not xmp.FORMAT.sniff(sample_of(tmp_path / "a.xmp"))
    assert not xmp.FORMAT.sniff(sample_of(tmp_path / "a.xml"))
    photo(tmp_path / "photos" / "a.jpg")
    assert not xmp.FORMAT.sniff(sample_of(tmp_path / "photos"))


def test_photo_and_side_files_count_together(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    (tmp_path / "a.jpg.xmp").write_bytes(SAMPLES["lightroom"])
    (tmp_path / "a.xmp").write_bytes(SAMPLES["bridge"])
    assert found(tmp_path) == {
        "a.jpg": (["animal>dog", "Frühling", "R&D <lab>", "night"], []),
    }


def test_a_short_name_of_two_photos_belongs_to_none(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "a.png")
    (tmp_path / "a.xmp").write_bytes(SAMPLES["bridge"])
    assert found(tmp_path) == {"a.jpg": ([], []), "a.png": ([], [])}


def test_only_photos_of_the_library_in_the_folder_are_read(tmp_path: Path) -> None:
    first, second = photo(tmp_path / "one" / "a.jpg"), photo(tmp_path / "two" / "b.jpg")
    photo(tmp_path / "one" / "unknown.jpg")
    both = (second, first)
    assert list(found(tmp_path / "one", photos=both)) == ["a.jpg"]
    everything = found(tmp_path / "one", photos=both, options={"photos": "all"})
    assert list(everything) == ["a.jpg", "b.jpg"]


def test_a_single_side_file_is_that_of_its_photo(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    (tmp_path / "a.xmp").write_bytes(SAMPLES["picasa"])
    assert found(tmp_path / "a.xmp") == {"a.jpg": (["Frost", "Yard"], [])}
    (tmp_path / "gone.jpg.xmp").write_bytes(SAMPLES["picasa"])
    assert found(tmp_path / "gone.jpg.xmp") == {"gone.jpg": (["Frost", "Yard"], [])}


def test_what_cannot_be_read_is_a_bad_row_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    (tmp_path / "broken.jpg.xmp").write_bytes(SAMPLES["picasa"])
    photo(tmp_path / "fine.jpg")
    (tmp_path / "fine.jpg.xmp").write_bytes(b"<!DOCTYPE x><x/>")
    rows = items(tmp_path)
    bad = [item for item in rows if isinstance(item, BadRow)]
    assert [item.line for item in bad] == [1, 2]
    assert "broken.jpg" in bad[0].reason
    assert "document type" in bad[1].reason
    assert [len(item.classes) for item in rows if isinstance(item, ImageRecord)] == [2, 0]


def test_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match="cannot be read"):
        items(tmp_path / "none.xmp")


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    with pytest.raises(Cancelled):
        items(tmp_path, cancelled=lambda: True)


exiftool = shutil.which("exiftool")


@pytest.mark.skipif(exiftool is None, reason="exiftool is not installed")
@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp"])
def test_keywords_that_exiftool_writes_into_photos(suffix: str, tmp_path: Path) -> None:
    assert exiftool is not None
    path = photo(tmp_path / f"a{suffix}")
    tags = [
        "-XMP-dc:Subject=grün, wide",
        "-XMP-lr:HierarchicalSubject=nature|bird",
        "-XMP-digiKam:TagsList=Places/Köln",
        "-XMP-microsoft:LastKeywordXMP=Places/Ulm",
    ]
    if suffix in (".jpg", ".tif"):
        tags += ["-codedcharacterset=utf8", "-IPTC:Keywords=größer", "-IPTC:Keywords=bird"]
    subprocess.run([exiftool, "-q", "-overwrite_original", *tags, path], check=True, timeout=60)
    expected = ["nature>bird", "Places>Köln", "Places>Ulm", "grün, wide"]
    if suffix in (".jpg", ".tif"):
        expected.append("größer")
    assert found(tmp_path) == {path.name: (expected, [])}


# ------------------------------------------------------------------------------------ what is held


@given(
    st.lists(
        st.builds(
            ClassRecord,
            st.one_of(
                st.text(max_size=20),
                st.sampled_from(["dog", "Dog", "a/b", "a|b", "a∕b", "\x01", " x  y ", "]]>", "&"]),
            ),
            st.sampled_from([Verdict.PRESENT, Verdict.ABSENT]),
            origin=st.sampled_from(Origin),
        ),
        max_size=8,
    )
)
@example([ClassRecord(name, Verdict.PRESENT) for name in ("a∕b", "a/b")])
@example([ClassRecord(name, Verdict.PRESENT) for name in ("a¦b", "a|b", "A|B")])
@example([ClassRecord(name, Verdict.ABSENT) for name in ("a∕b", "a/b")])
def test_what_is_held_is_what_reads_back(classes: list[ClassRecord]) -> None:
    record = ImageRecord("a.jpg", tuple(classes), folder="/photos")
    held = xmp.FORMAT.held(record, {})
    said = [(keyword_of(c.name), c.verdict) for c in classes if c.origin is not Origin.MACHINE]
    present = [name for name, verdict in said if name and verdict is Verdict.PRESENT]
    absent = [name for name, verdict in said if name and verdict is Verdict.ABSENT]
    made = plan_side_file(None, None, Keywords(), present, absent)
    if held is None:
        assert made.new is None
        return
    read_back = classes_of([made.after])
    assert [c.name for c in held.classes] == [*read_back.present, *read_back.absent]
    assert all(c.origin is not Origin.MACHINE for c in held.classes)
