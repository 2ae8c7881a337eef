"""The authors' lists are read whole, quirks included; a line that is not understood is named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from trainer.bands import Band, BandLimits
from trainer.benchmarks.benchmark import COCO_LT, KINDS, VOC_LT
from trainer.benchmarks.images import locate
from trainer.benchmarks.lists import (
    ListError,
    read_captions,
    read_images,
    read_labels,
    read_lists,
    without_caption,
)


def written(folder: Path, text: str | bytes, name: str = "list.txt") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


# ----------------------------------------------------------------------- the authors' lists


@pytest.mark.parametrize(
    ("name", "train", "test", "classes", "head", "medium", "tail"),
    [("voc-lt", 1142, 4952, 20, 6, 6, 8), ("coco-lt", 1909, 5000, 80, 22, 33, 25)],
)
def test_the_authors_lists_have_the_papers_images_classes_and_bands(
    authors_lists: Path,
    *,
    name: str,
    train: int,
    test: int,
    classes: int,
    head: int,
    medium: int,
    tail: int,
) -> None:
    lists = read_lists(authors_lists, KINDS[name])
    assert (len(lists.train.paths), len(lists.test.paths)) == (train, test)
    assert len(lists.classes) == classes
    bands = Counter(BandLimits().bands(lists.train.counts))
    assert bands == {Band.HEAD: head, Band.MEDIUM: medium, Band.TAIL: tail}
    assert without_caption(lists.captions) == 0
    assert lists.train.repeated == lists.test.repeated == 0
    assert lists.digest == KINDS[name].digest


def test_the_authors_coco_labels_keep_spaces_and_lose_line_ends(authors_lists: Path) -> None:
    names = read_labels(authors_lists / COCO_LT.labels)
    assert (names[9], names[79]) == ("traffic light", "toothbrush")
    assert all(name == name.strip() for name in names)


def test_the_last_line_counts_though_no_newline_ends_it(authors_lists: Path) -> None:
    lists = read_lists(authors_lists, VOC_LT)
    assert lists.train.paths[-1].endswith("2010_002287.jpg")
    assert np.flatnonzero(lists.train.targets[-1]).tolist() == [8, 11]
    assert lists.captions[-1] == "a small dog laying on a cha"


def test_cocos_test_images_without_a_class_are_kept(authors_lists: Path) -> None:
    lists = read_lists(authors_lists, COCO_LT)
    assert int((lists.test.targets.sum(1) == 0).sum()) == 48


# ---------------------------------------------------------------------------------- quirks


def test_line_ends_blanks_and_spaces_do_not_matter(tmp_path: Path) -> None:
    plain = read_images(written(tmp_path, "a/1.jpg 0 2\na/2.jpg 1\n", "plain.txt"), 3)
    odd = b"\xef\xbb\xbfa/1.jpg  0\t2 \r\n\r\n   \na/2.jpg 1"
    strange = read_images(written(tmp_path, odd, "odd.txt"), 3)
    assert strange.paths == plain.paths == ("a/1.jpg", "a/2.jpg")
    assert strange.targets.tolist() == plain.targets.tolist() == [[1, 0, 1], [0, 1, 0]]


def test_counts_are_images_per_class(tmp_path: Path) -> None:
    read = read_images(written(tmp_path, "1.jpg 0 0 2\n2.jpg 2\n3.jpg\n"), 4)
    assert read.counts.tolist() == [1, 0, 2, 0]


def test_an_image_repeated_exactly_counts_once_and_is_counted_as_repeated(tmp_path: Path) -> None:
    read = read_images(written(tmp_path, "1.jpg 0 1\n2.jpg 1\n1.jpg 1 0\n"), 2)
    assert read.paths == ("1.jpg", "2.jpg")
    assert read.repeated == 1
    assert read.counts.tolist() == [1, 2]


def test_captions_keep_everything_after_the_path(tmp_path: Path) -> None:
    text = "a/1.jpg two dogs, 3 cats.  And\u2028a kite \na/2.jpg one\na/1.jpg a second look\n"
    captions = read_captions(written(tmp_path, text))
    assert captions["a/1.jpg"] == "two dogs, 3 cats. And a kite a second look"
    assert captions["a/2.jpg"] == "one"


def test_labels_may_come_in_any_order(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, "traffic light 1\r\ncar 0 ")) == ("car", "traffic light")


# --------------------------------------------------------------------------------- bad lines


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("1.jpg 0\n2.jpg zero\n", 2, "“zero” where a class number belongs"),
        ("1.jpg 0\n\n3.jpg 7\n", 3, "has class 7, but the last class is 1"),
        ("1.jpg -1\n", 1, "“-1” where a class number belongs"),
        ("0 1\n", 1, "does not begin with the path of an image"),
        ("my photo.jpg 0\n", 1, "does not begin with the path of an image"),
        ("../1.jpg 0\n", 1, "leads out of the images folder"),
        ("/etc/1.jpg 0\n", 1, "leads out of the images folder"),
        ("1.jpg 0\n1.jpg 1\n", 2, "other classes than line 1"),
        (b"1.jpg 0\n\xff\xfe.jpg 0\n", 2, "not text in UTF-8"),
    ],
)
def test_a_bad_line_of_images_is_named(
    tmp_path: Path, text: str | bytes, line: int, says: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ListError) as caught:
        read_images(file, 2)
    assert f"{file}, line {line}:" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cat 0\ndog\n", "line 2: the line is not a class name followed by its number"),
        ("cat 0\ndog 0\n", "line 2: the line gives number 0 a second time"),
        ("cat 0\ncat 1\n", "line 2: the line names a class a second time"),
        ("cat 0\ndog 2\n", "no class has number 1"),
        ("\n", "it names no class"),
    ],
)
def test_bad_labels_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ListError, match=says):
        read_labels(written(tmp_path, text))


def test_a_caption_without_words_is_named(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="line 2: the line has a path but no caption"):
        read_captions(written(tmp_path, "1.jpg a dog\n2.jpg \n"))


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="lists no image"):
        read_images(written(tmp_path, "\n \n"), 2)


def test_missing_list_files_are_named_all_at_once(tmp_path: Path) -> None:
    written(tmp_path, "cat 0", VOC_LT.labels)
    with pytest.raises(ListError) as caught:
        read_lists(tmp_path, VOC_LT)
    assert f"lacks {VOC_LT.train}, {VOC_LT.test}, {VOC_LT.captions}" in str(caught.value)


def test_an_image_in_both_lists_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, "cat 0", VOC_LT.labels)
    written(tmp_path, "1.jpg 0\n2.jpg 0", VOC_LT.train)
    written(tmp_path, "2.jpg 0\n3.jpg 0", VOC_LT.test)
    written(tmp_path, "1.jpg a cat", VOC_LT.captions)
    with pytest.raises(ListError, match=r"1 images are in both .* for example 2\.jpg"):
        read_lists(tmp_path, VOC_LT)


def test_other_lists_of_the_same_names_have_another_digest(tmp_path: Path) -> None:
    def digest(train: str) -> str:
        written(tmp_path, "cat 0\ndog 1", VOC_LT.labels)
        written(tmp_path, train, VOC_LT.train)
        written(tmp_path, "9.jpg 0", VOC_LT.test)
        written(tmp_path, "1.jpg a cat", VOC_LT.captions)
        return read_lists(tmp_path, VOC_LT).digest

    assert digest("1.jpg 0\r\n2.jpg 1 ") == digest("1.jpg 0\n2.jpg 1\n")
    assert digest("1.jpg 0\n2.jpg 1") != digest("1.jpg 0\n2.jpg 0")


# ---------------------------------------------------------------------------- where photos are


@pytest.mark.parametrize(
    ("kind", "listed", "lies", "given"),
    [
        (VOC_LT, "VOCdevkit/VOC2012/JPEGImages/1.jpg", "VOCdevkit/VOC2012/JPEGImages/1.jpg", ""),
        (
            VOC_LT,
            "VOCdevkit/VOC2012/JPEGImages/1.jpg",
            "VOCdevkit/VOC2012/JPEGImages/1.jpg",
            "VOCdevkit",
        ),
        (COCO_LT, "train2017/1.jpg", "train2017/1.jpg", ""),
        (COCO_LT, "val2017/1.jpg", "images/val2017/1.jpg", ""),
    ],
)
def test_photos_are_found_in_folders_as_downloaded(
    tmp_path: Path, kind: object, listed: str, lies: str, given: str
) -> None:
    file = tmp_path / lies
    file.parent.mkdir(parents=True)
    file.write_bytes(b"12345")
    located = locate([listed, f"{listed}.jpg"], tmp_path / given, kind)  # type: ignore[arg-type]
    assert located.files[0] is not None
    assert (located.files[0].path, located.files[0].size) == (file, 5)
    assert located.missing == [f"{listed}.jpg"]
