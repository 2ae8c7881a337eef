from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from lmpt_desktop.catalogue.images import ImageHashes
from lmpt_desktop.interchange.errors import Cancelled
from lmpt_desktop.interchange.importing.matching import (
    MAX_CANDIDATES,
    LibraryPhotos,
    Matches,
    MatchRule,
    PathChange,
    match_photos,
)
from lmpt_desktop.interchange.importing.photo_index import PhotoIndex
from lmpt_desktop.interchange.importing.survey import ImageReference

FOLDER = "/home/me/Photos"


def library(
    *names: str,
    folders: Mapping[int, str] | None = None,
    folder_ids: Sequence[int] | None = None,
    missing: Iterable[int] = (),
    hashes: Mapping[str, Sequence[int]] | None = None,
    known: Mapping[int, ImageHashes] | None = None,
) -> LibraryPhotos:
    """Photos with the ids 10, 11, 12, ..."""
    gone = set(missing)
    ids = np.arange(len(names), dtype=np.int64) + 10
    return LibraryPhotos(
        ids,
        {key: Path(path) for key, path in (folders or {1: FOLDER}).items()},
        np.array(folder_ids or [1] * len(names), np.int64),
        names,
        np.array([int(image) in gone for image in ids], bool),
        hashes or {},
        known or {},
    )


def refer(*paths: str) -> list[ImageReference]:
    return [ImageReference(path) for path in paths]


def found(matches: Matches) -> list[tuple[str, int]]:
    """Rule and image id (-1 for none) of each reference."""
    return [
        (MatchRule(int(rule)).key, int(image))
        for rule, image in zip(matches.rules, matches.image_ids, strict=True)
    ]


def match(
    photos: LibraryPhotos, *references: str | ImageReference, change: PathChange | None = None
) -> list[tuple[str, int]]:
    items = [ImageReference(item) if isinstance(item, str) else item for item in references]
    return found(match_photos(items, photos, change or PathChange()))


UNMATCHED = ("unmatched", -1)
AMBIGUOUS = ("ambiguous", -1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # exact paths
        ("/home/me/Photos/2019/dog 1.jpg", ("path", 10)),
        ("/home/me//Photos/./2019/x/../dog 1.jpg", ("path", 10)),
        ("/HOME/me/photos/2019/DOG 1.JPG", ("path", 10)),
        ("file:///home/me/Photos/2019/dog%201.jpg", ("path", 10)),
        ("file:/home/me/Photos/2019/dog%201.jpg", ("path", 10)),
        ("file://localhost/home/me/Photos/2019/dog%201.jpg", ("path", 10)),
        ("file:///home/me/Photos/2019/dog 1.jpg", ("path", 10)),
        # the end of the path
        ("2019/dog 1.jpg", ("suffix", 10)),
        ("./2019/dog 1.jpg", ("suffix", 10)),
        ("../2019/dog 1.jpg", ("suffix", 10)),
        (r"2019\dog 1.jpg", ("suffix", 10)),
        (r"C:\Users\me\2019\dog 1.jpg", ("suffix", 10)),
        (r"\\server\share\2019\dog 1.jpg", ("suffix", 10)),
        ("file:///C:/Users/me/2019/dog%201.jpg", ("suffix", 10)),
        ("file://server/share/2019/dog%201.jpg", ("suffix", 10)),
        ("home/me/Photos/2019/dog 1.jpg", ("suffix", 10)),
        ("2019/dog%201.jpg", ("suffix", 10)),
        ("https://example.org/a/2019/dog%201.jpg?w=200#top", ("suffix", 10)),
        ("HTTP://EXAMPLE.ORG/2019/DOG%201.JPG", ("suffix", 10)),
        ("s3://bucket/2019/dog 1.jpg", ("suffix", 10)),
        ("s3://bucket/2019/dog%201.jpg", ("suffix", 10)),
        ("gs://bucket/2019/dog 1.jpg", ("suffix", 10)),
        ("/data/local-files/?d=2019/dog%201.jpg", ("suffix", 10)),
        ("/data/local-files/?d=2019%2Fdog%201.jpg", ("suffix", 10)),
        ("http://localhost:8080/data/local-files/?d=2019/dog%201.jpg", ("suffix", 10)),
        ("root.jpg", ("suffix", 11)),
        # names
        ("dog 1.jpg", ("name", 10)),
        ("train2017/dog 1.jpg", ("name", 10)),
        ("https://example.org/dog%201.jpg", ("name", 10)),
        ("/data/upload/3/dog%201.jpg", ("name", 10)),
        # stems
        ("dog 1", ("stem", 10)),
        ("dog 1.png", ("stem", 10)),
        ("labels/dog 1.txt", ("stem", 10)),
        ("labels/dog 1.jpg.txt", ("stem", 10)),
        ("2019/dog 1.xml", ("stem", 10)),
        ("mr. smith", ("stem", 12)),
        ("v1.2", ("unmatched", -1)),
        # what other tools add to names
        ("train/dog-1_jpg.rf.0123456789abcdef0123456789abcdef.jpg", ("mangled", 10)),
        ("dog-1_jpg.rf.QXFcHlJMbRWXXhvlTd9M.jpg", ("mangled", 10)),
        ("mr-smith_jpeg.rf.0123456789abcdef0123456789abcdef.jpg", ("mangled", 12)),
        ("root.rf.0123456789abcdef0123456789abcdef.jpg", ("mangled", 11)),
        ("/data/upload/1/0a1b2c3d-dog_1.jpg", ("mangled", 10)),
        ("/data/upload/1/01234567-dog_1.jpg", ("mangled", 10)),
        ("http://localhost:8080/data/upload/12/0a1b2c3d-dog_1.jpg", ("mangled", 10)),
        ("images/0a1b2c3d-root.jpg", ("mangled", 11)),
        ("0a1b2c3d-root", ("mangled", 11)),
        # nothing
        ("", UNMATCHED),
        ("/", UNMATCHED),
        ("cat.jpg", UNMATCHED),
        ("20190501-root.jpg", UNMATCHED),
        ("0a1b2c3d-cat.jpg", UNMATCHED),
        ("data:image/png;base64," + "A" * 5000, UNMATCHED),
        ("https://example.org", UNMATCHED),
        ("http://[::1", UNMATCHED),
        ("%", UNMATCHED),
        ("\udcff.jpg", UNMATCHED),
    ],
)
def test_every_way_to_write_a_path(written: str, expected: tuple[str, int]) -> None:
    photos = library("2019/dog 1.jpg", "root.jpg", "x/mr. smith.jpg", "x/v1.jpg")
    assert match(photos, written) == [expected]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Café/Ü.jpg", unicodedata.normalize("NFD", "café/Ü.jpg")),
        (unicodedata.normalize("NFD", "Café/Ü.jpg"), "CAFÉ/ü.jpg"),
        ("Straße/a.jpg", "STRASSE/A.JPG"),
        ("a\udcff/b.jpg", "a\udcff/b.jpg"),
        ("a\udce9/b.jpg", "https://x.org/a%e9/b.jpg"),
        ("100%/a.jpg", "100%/a.jpg"),
        ("100%25/a.jpg", "x/100%25/a.jpg"),
        ("a#b/c?d.jpg", "a#b/c?d.jpg"),
        ("a#b/c.jpg", "https://x.org/a%23b/c.jpg"),
        (r"a\b/c.jpg", "a/b/c.jpg"),
        ("מפה/א.jpg", "מפה/א.jpg"),
        ("x:y/a.jpg", "x:y/a.jpg"),
    ],
)
def test_spellings_that_mean_the_same(name: str, written: str) -> None:
    assert match(library(name, "other/z.jpg"), written) == [("suffix", 10)]


def test_percent_signs_of_names_are_tried_before_they_are_decoded() -> None:
    photos = library("x/a%20b.jpg", "x/a b.jpg")
    assert match(photos, "x/a%20b.jpg", "x/a b.jpg") == [("suffix", 10), ("suffix", 11)]
    assert match(photos, "s3://b/x/a%20b.jpg") == [("suffix", 10)]
    assert match(photos, "https://h/x/a%20b.jpg") == [("suffix", 11)]


def test_a_library_on_windows() -> None:
    photos = LibraryPhotos(
        np.array([1, 2]),
        {1: Path(r"C:\Photos")},
        np.array([1, 1]),
        ["2019/a.jpg", "2020/a.jpg"],
        np.zeros(2, bool),
        {},
    )
    assert match(
        photos, r"c:\photos\2019\A.jpg", "file:///C:/Photos/2020/a.jpg", r"D:\Photos\2020\a.jpg"
    ) == [("path", 1), ("path", 2), UNMATCHED]


def test_a_folder_beside_a_relative_path() -> None:
    photos = library("a.jpg", "a.jpg", folders={1: "/mnt/one", 2: "/mnt/two"}, folder_ids=[1, 2])
    assert match(photos, ImageReference("a.jpg", folder="/mnt/two")) == [("path", 11)]
    # The library was elsewhere: the name of the folder still tells.
    assert match(photos, ImageReference("a.jpg", folder=r"D:\two")) == [("suffix", 11)]
    assert match(photos, ImageReference("a.jpg", folder="/elsewhere")) == [AMBIGUOUS]
    assert match(photos, ImageReference("/mnt/one/a.jpg", folder="/mnt/two")) == [("path", 10)]


def test_the_longest_end_decides_and_equal_ends_do_not() -> None:
    photos = library("x/a/1.jpg", "y/a/1.jpg", "1.jpg")
    assert match(photos, "D:/y/a/1.jpg") == [("suffix", 11)]
    assert match(photos, "a/1.jpg") == [AMBIGUOUS]
    assert match(photos, "1.jpg") == [AMBIGUOUS]
    assert match(photos, "b/1.jpg") == [AMBIGUOUS]
    matches = match_photos(refer("a/1.jpg", "1.jpg"), photos, PathChange())
    assert matches.candidates == {0: (10, 11), 1: (10, 11, 12)}
    assert matches.counts() == {MatchRule.AMBIGUOUS: 2}


def test_many_photos_of_one_name() -> None:
    names = [f"{number % 3}/d{number}/image.jpg" for number in range(100)]
    photos = library(*names)
    assert match(photos, *names) == [("suffix", 10 + number) for number in range(100)]
    assert match(photos, "7/d5/image.jpg") == [("suffix", 15)]
    matches = match_photos(refer("x/image.jpg"), photos, PathChange())
    assert len(matches.candidates[0]) == MAX_CANDIDATES


@pytest.mark.parametrize("written", ["IMG", "IMG.png", "x/IMG.txt"])
def test_a_raw_file_beside_its_jpeg_makes_the_stem_ambiguous(written: str) -> None:
    photos = library("x/IMG.jpg", "x/IMG.dng")
    assert match(photos, written) == [AMBIGUOUS]
    assert match(photos, "IMG.dng") == [("name", 11)]


def test_photos_that_differ_in_case_are_told_apart_by_it() -> None:
    photos = library("x/a.jpg", "x/A.jpg", "y/é.jpg", "y/e\u0301.jpg")
    assert match(photos, "x/a.jpg", "x/A.jpg", f"{FOLDER}/x/A.jpg") == [
        ("suffix", 10),
        UNMATCHED,
        ("path", 11),
    ]
    assert match(photos, "A.jpg") == [("name", 11)]
    assert match(photos, "y/é.jpg", "y/e\u0301.jpg") == [("suffix", 12), ("suffix", 13)]
    assert match(photos, "X/a.jpg") == [AMBIGUOUS]
    assert match(photos, "x/A.JPG") == [AMBIGUOUS]
    # In different folders, case is no reason to choose.
    assert match(library("x/a.jpg", "y/A.jpg"), "A.jpg") == [AMBIGUOUS]


def test_a_missing_photo_gives_way() -> None:
    photos = library("x/1.jpg", "y/1.jpg", "x/2.jpg", "x/2.jpg", "z/3.jpg", missing=[10, 12, 14])
    assert match(photos, "1.jpg", "x/2.jpg", "z/3.jpg") == [
        ("name", 11),
        ("suffix", 13),
        ("suffix", 14),
    ]
    # Its own spelling and folder still mean the missing one.
    assert match(photos, "x/1.jpg") == [("suffix", 10)]
    assert match(library("x/a.jpg", "x/A.jpg", missing=[10]), "x/a.jpg") == [("suffix", 10)]


class TestHashes:
    def reference(
        self, path: str, fingerprint: str = "", file_hash: str = "", picture_hash: str = ""
    ) -> ImageReference:
        return ImageReference(path, "", fingerprint, file_hash, picture_hash)

    def test_a_renamed_photo_is_found_by_any_of_them(self) -> None:
        photos = library("a.jpg", "b.jpg", hashes={"f": [10], "h": [10], "p": [11]})
        assert match(
            photos,
            self.reference("x.jpg", fingerprint="f"),
            self.reference("y.jpg", fingerprint="gone", file_hash="h"),
            self.reference("z.jpg", fingerprint="f", picture_hash="p"),
        ) == [("fingerprint", 10), ("fingerprint", 10), ("fingerprint", 11)]

    def test_they_outweigh_a_path_that_another_picture_has_taken(self) -> None:
        photos = library("a.jpg", "b.jpg", hashes={"A": [11], "B": [10]})
        assert match(
            photos,
            ImageReference("a.jpg", folder=FOLDER, picture_hash="A"),
            ImageReference("b.jpg", folder=FOLDER, picture_hash="B"),
        ) == [("fingerprint", 11), ("fingerprint", 10)]

    def test_a_path_that_agrees_with_one_of_them_is_exact(self) -> None:
        photos = library("a.jpg", "b.jpg", hashes={"A": [10, 11], "old": [11]})
        for item in (
            ImageReference("a.jpg", folder=FOLDER, picture_hash="A"),
            ImageReference("a.jpg", folder=FOLDER, picture_hash="unheard of"),
            ImageReference("a.jpg", folder=FOLDER, file_hash="old", fingerprint="A"),
        ):
            assert match(photos, item) == [("path", 10)]

    def test_of_copies_the_one_whose_path_agrees(self) -> None:
        photos = library("x/a.jpg", "y/a.jpg", "y/b.jpg", hashes={"A": [10, 11, 12]})
        assert match(photos, self.reference("y/a.jpg", file_hash="A")) == [("fingerprint", 11)]
        assert match(photos, self.reference("q/b.jpg", file_hash="A")) == [("fingerprint", 12)]
        assert match(photos, self.reference("q/a.jpg", file_hash="A")) == [AMBIGUOUS]
        assert match(photos, self.reference("", file_hash="A")) == [AMBIGUOUS]

    def test_a_missing_photo_gives_way_to_its_copy(self) -> None:
        photos = library("a.jpg", "b.jpg", missing=[10], hashes={"A": [10, 11]})
        assert match(photos, ImageReference("a.jpg", folder=FOLDER, file_hash="A")) == [
            ("fingerprint", 11)
        ]
        assert match(photos, self.reference("c.jpg", file_hash="A")) == [("fingerprint", 11)]

    def test_raw_files_of_a_photo_are_that_photo_beside_its_own_path(self) -> None:
        photos = replace(
            library("x/a.jpg", hashes={"A": [10]}, known={10: ImageHashes("A")}),
            companions={10: ["A.CR3"]},
        )
        of_hash = self.reference("", file_hash="A")
        by_stem = ("stem", 10)
        assert match(photos, "x/a.jpg", "x/a.cr3") == [("suffix", 10), by_stem]
        assert match(photos, f"{FOLDER}/x/a.cr3", f"{FOLDER}/x/a.jpg") == [by_stem, ("path", 10)]
        assert match(photos, "x/a.jpg", "x/a.nef", "y/a.cr3")[1:] == [UNMATCHED, AMBIGUOUS]
        assert match(photos, of_hash, "x/a.cr3") == [("fingerprint", 10), UNMATCHED]

    def test_ids_that_the_library_does_not_show_are_no_photos(self) -> None:
        photos = library("a.jpg", hashes={"A": [99]})
        assert match(photos, self.reference("a.jpg", file_hash="A")) == [("suffix", 10)]

    @pytest.mark.parametrize(
        "path", ["card/a.jpg", "elsewhere/a.jpg", "a.png", "/data/upload/1/0a1b2c3d-a.jpg"]
    )
    def test_an_unknown_picture_is_not_found_by_a_part_of_its_path(self, path: str) -> None:
        known = {10: ImageHashes("f", "h", "p")}
        photos = library("card/a.jpg", known=known)
        assert match(photos, self.reference(path)) != [UNMATCHED]
        assert match(photos, self.reference(path, picture_hash="other")) == [UNMATCHED]
        assert match(photos, self.reference(path, fingerprint="other")) == [UNMATCHED]
        # A change of metadata changes the file, but not the picture.
        assert match(photos, self.reference(path, file_hash="other")) != [UNMATCHED]
        assert match(photos, self.reference(path, "other", picture_hash="p")) != [UNMATCHED]
        # Where the photo's hash is not known, nothing contradicts.
        photos = library("card/a.jpg", known={10: ImageHashes("sampled")})
        assert match(photos, self.reference(path, "other")) != [UNMATCHED]

    def test_photos_with_another_picture_are_no_candidates(self) -> None:
        known = {10: ImageHashes(picture_hash="p"), 11: ImageHashes(picture_hash="q")}
        photos = library("x/a.jpg", "y/a.jpg", "z/a.jpg", known=known)
        reference = self.reference("a.jpg", picture_hash="other")
        matches = match_photos([reference], photos, PathChange())
        assert found(matches) == [AMBIGUOUS] and matches.candidates == {0: (12,)}

    def test_a_whole_path_with_another_picture_is_found_and_counted(self) -> None:
        known = {10: ImageHashes(picture_hash="p"), 11: ImageHashes(picture_hash="q")}
        photos = library("a.jpg", "b.jpg", known=known)
        references = [
            ImageReference("a.jpg", folder=FOLDER),
            ImageReference("b.jpg", folder=FOLDER, picture_hash="before it was edited"),
            ImageReference("gone.jpg", folder=FOLDER, picture_hash="other"),
        ]
        matches = match_photos(references, photos, PathChange())
        assert found(matches) == [("path", 10), ("path", 11), UNMATCHED]
        assert matches.other_pictures.tolist() == [1]

    def test_several_images_of_a_file_may_be_one_picture(self) -> None:
        photos = library("a.jpg", hashes={"A": [10]})
        assert match(
            photos,
            self.reference("x/1.jpg", file_hash="A"),
            self.reference("x/2.jpg", file_hash="A"),
            self.reference("a.jpg"),
        ) == [("fingerprint", 10), ("fingerprint", 10), UNMATCHED]


class TestSeveralPathsForOnePhoto:
    def test_equal_names_in_two_folders_are_not_guessed(self) -> None:
        assert match(library("IMG_1.jpg"), "a/IMG_1.jpg", "b/IMG_1.jpg") == [AMBIGUOUS] * 2
        assert match(library("c/IMG_1.jpg"), "a/IMG_1.jpg", "b/IMG_1.jpg") == [AMBIGUOUS] * 2

    def test_the_better_one_keeps_it_and_the_other_is_not_in_the_library(self) -> None:
        assert match(library("a/IMG_1.jpg"), "a/IMG_1.jpg", "b/IMG_1.jpg", "IMG_1.png") == [
            ("suffix", 10),
            UNMATCHED,
            UNMATCHED,
        ]
        photos = library("train/cat/1.jpg")
        assert match(photos, "val/cat/1.jpg", "train/cat/1.jpg") == [UNMATCHED, ("suffix", 10)]

    def test_equal_ends_are_not_guessed_either(self) -> None:
        assert match(library("cat/1.jpg"), "train/cat/1.jpg", "val/cat/1.jpg") == [AMBIGUOUS] * 2

    def test_one_path_in_two_spellings_is_one(self) -> None:
        assert (
            match(library("a/1.jpg"), "x/a/1.jpg", r"x\a\1.jpg", "./x//a/1.jpg")
            == [("suffix", 10)] * 3
        )

    def test_case_alone_makes_two_photos_where_both_are_named(self) -> None:
        assert match(library("a/x.jpg"), f"{FOLDER}/a/x.jpg", f"{FOLDER}/a/X.jpg") == [
            ("path", 10),
            UNMATCHED,
        ]
        assert match(library("a/x.jpg"), "a/X.jpg", "A/x.jpg") == [AMBIGUOUS] * 2

    @pytest.mark.parametrize(
        "written",
        [
            ("/data/upload/1/0a1b2c3d-x.jpg", "/data/upload/1/aaaabbbb-x.jpg"),
            ("x_jpg.rf.00000000000000000000.jpg", "x_jpg.rf.00000000000000000001.jpg"),
            ("http://a.org/x.jpg", "http://b.org/x.jpg"),
            ("s3://a/x.jpg", "s3://b/x.jpg"),
        ],
    )
    def test_uploads_and_hosts_are_different_paths(self, written: tuple[str, str]) -> None:
        assert match(library("x.jpg"), *written) == [AMBIGUOUS] * 2
        matches = match_photos(refer(*written), library("x.jpg"), PathChange())
        assert matches.candidates == {0: (10,), 1: (10,)}


class TestFoldersOfTheFile:
    def test_a_name_in_another_folder_counts_if_no_folder_is_known(self) -> None:
        photos = library("a/1.jpg", "b/2.jpg")
        assert match(photos, "images/1.jpg", "images/2.jpg") == [("name", 10), ("name", 11)]

    def test_it_does_not_if_most_photos_were_found_with_their_folder(self) -> None:
        photos = library("2020/1.jpg", "2020/2.jpg", "2020/3.jpg")
        assert match(photos, "2020/1.jpg", "2020/2.jpg", "2019/3.jpg") == [
            ("suffix", 10),
            ("suffix", 11),
            AMBIGUOUS,
        ]
        assert match(photos, "2020/1.jpg", "2020/2.jpg", "3.jpg")[2] == ("name", 12)
        assert (
            match(photos, f"{FOLDER}/2020/1.jpg", f"{FOLDER}/2020/2.jpg", "2019/3.jpg")[2]
            == AMBIGUOUS
        )

    def test_photos_directly_in_a_folder_that_was_moved_are_where_the_others_are(self) -> None:
        photos = library("x/1.jpg", "x/2.jpg", "3.jpg", "4.jpg")
        written = [f"/old/place/{name}" for name in ("x/1.jpg", "x/2.jpg", "3.jpg")]
        assert match(photos, *written, "/old/other/4.jpg") == [
            ("suffix", 10),
            ("suffix", 11),
            ("name", 12),
            AMBIGUOUS,
        ]

    def test_a_server_has_folders_of_its_own(self) -> None:
        # "1" is the number of a project, not the folder.
        photos = library("1/x.jpg", "2/x.jpg", "2/y.jpg")
        assert match(photos, "/data/upload/1/x.jpg", "/data/upload/1/y.jpg") == [
            AMBIGUOUS,
            ("name", 12),
        ]


class TestWhereTheFileBegins:
    def test_our_own_relative_paths_find_the_same_photos_again(self) -> None:
        names = ["a.jpg", "sub/a.jpg", "b.jpg", "sub/deep/a.jpg"]
        assert match(library(*names), *names) == [("suffix", 10 + n) for n in range(4)]

    def test_a_file_about_one_folder_is_not_taken_for_another(self) -> None:
        photos = library("1.jpg", "trip/1.jpg", "trip/2.jpg")
        assert match(photos, "1.jpg", "2.jpg") == [("suffix", 11), ("name", 12)]

    def test_names_from_several_folders_say_nothing(self) -> None:
        photos = library("1.jpg", "trip/1.jpg", "trip/2.jpg", "3.jpg")
        assert match(photos, "1.jpg", "2.jpg", "3.jpg")[0] == AMBIGUOUS

    def test_few_certain_ones_do_not_decide_many(self) -> None:
        names = [f"{folder}{number}.jpg" for folder in ("", "trip/") for number in range(5)]
        photos = library(*names, "trip/5.jpg")
        written = [f"{number}.jpg" for number in range(6)]
        assert match(photos, *written) == [AMBIGUOUS] * 5 + [("name", 20)]


def test_the_digits_before_a_name_are_a_date_unless_most_are_hexadecimal() -> None:
    photos = library("a.jpg", "b.jpg", "c.jpg")
    assert match(photos, "20190501-a.jpg", "20190502-b.jpg") == [UNMATCHED] * 2
    assert match(photos, "12345678-a.jpg", "1234567b-b.jpg", "deadbeef-c.jpg") == [
        ("mangled", 10),
        ("mangled", 11),
        ("mangled", 12),
    ]


def test_names_that_a_tool_simplified_are_found_if_one_photo_fits() -> None:
    upload = "/data/upload/1/0a1b2c3d-my_photo_1.jpg"
    assert match(library("My photo (1).jpg"), upload) == [("mangled", 10)]
    assert match(library("My photo (1).jpg", "my-photo-1.jpg"), upload) == [AMBIGUOUS]
    assert match(library("my photo 11.jpg"), upload) == [UNMATCHED]


class TestPathChange:
    def test_the_beginning_is_removed_whatever_its_slashes_and_case(self) -> None:
        photos = library("a/1.jpg", "b/1.jpg")
        change = PathChange(strip="d:/Sets/A/", add="b/")
        assert match(photos, r"D:\sets\a\1.jpg", change=change) == [("suffix", 11)]

    def test_other_paths_get_the_prefix_only(self) -> None:
        photos = library("a/1.jpg", "b/1.jpg")
        change = PathChange(strip="x/", add=f"{FOLDER}/a/")
        assert match(photos, "1.jpg", "x/1.jpg", change=change) == [("path", 10)] * 2

    def test_a_prefix_makes_a_path_exact(self) -> None:
        photos = library("1.jpg", "b/1.jpg")
        assert match(photos, "1.jpg") == [AMBIGUOUS]
        change = PathChange(add=f"{FOLDER}/b/")
        assert match(photos, "1.jpg", change=change) == [("path", 11)]


def test_no_references_and_no_photos() -> None:
    assert match(library(), "a.jpg") == [UNMATCHED]
    empty = match_photos([], library("a.jpg"), PathChange())
    assert (empty.image_ids.shape, empty.rules.shape, empty.counts()) == ((0,), (0,), {})


# --------------------------------------------------------------------------------- properties

PARTS = st.sampled_from(["a", "b", "A", "é", "e\u0301"])
NAMES = st.sampled_from(["1.jpg", "1.JPG", "2.jpg", "1.png", "2.dng"])
RELATIVE = st.tuples(st.lists(PARTS, max_size=2), NAMES).map(lambda t: "/".join([*t[0], t[1]]))
FOLDERS = {1: "/p/a", 2: "/q"}
HASHES = st.sampled_from(["", "", "h1", "h2", "h3"])


@st.composite
def libraries(draw: st.DrawFn) -> LibraryPhotos:
    photos = draw(
        st.lists(st.tuples(st.sampled_from([1, 2]), RELATIVE, st.booleans(), HASHES), max_size=7)
    )
    hashes: dict[str, list[int]] = {}
    for number, (*_rest, value) in enumerate(photos):
        if value:
            hashes.setdefault(value, []).append(10 + number)
    return library(
        *[name for _folder, name, *_rest in photos],
        folders=FOLDERS,
        folder_ids=[folder for folder, *_rest in photos],
        missing=[10 + number for number, item in enumerate(photos) if item[2]],
        hashes=hashes,
    )


REFERENCES = st.builds(
    ImageReference,
    st.tuples(st.sampled_from(["", "", "/p/a/", "/p/", "x/", "/q/"]), RELATIVE).map("".join)
    | st.sampled_from(["1", "a/1", "2.txt"]),
    folder=st.sampled_from(["", "", "", "/q", "/z/a"]),
    file_hash=HASHES,
)


def folded(text: str) -> list[str]:
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return [part for part in text.split("/") if part]


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def full_path(reference: ImageReference) -> str:
    if reference.folder and not reference.path.startswith("/"):
        return f"{reference.folder}/{reference.path}"
    return reference.path


@dataclass
class Guess:
    """What the model knows of a reference."""

    rule: str
    rows: list[int] = field(default_factory=list)
    shared: int = 0
    start: tuple[str, ...] = ()

    @property
    def by_path(self) -> bool:
        return self.shared > 0 and self.rule in ("suffix", "name", "stem")


class Model:
    """The rules in the plainest way: every photo is compared with every reference."""

    def __init__(self, photos: LibraryPhotos) -> None:
        self.photos = photos
        self.paths = [
            f"{FOLDERS[int(folder)]}/{name}"
            for folder, name in zip(photos.folder_ids, photos.names, strict=True)
        ]
        self.parts = [folded(path) for path in self.paths]
        self.rows = range(len(self.paths))

    def match(self, references: Sequence[ImageReference]) -> list[tuple[str, list[int]]]:
        guesses = [self.first(reference) for reference in references]
        for guess in guesses:
            if len(guess.rows) > 1:
                guess.rule = "ambiguous"
        self.one_start(guesses)
        self.other_folders(guesses)
        self.shared_photos(guesses, [composed(full_path(item)) for item in references])
        return [(guess.rule, guess.rows if guess.rule != "unmatched" else []) for guess in guesses]

    def first(self, reference: ImageReference) -> Guess:
        path = full_path(reference)
        parts = folded(path)
        same = [
            row
            for row in self.rows
            if int(self.photos.image_ids[row]) in self.photos.by_hash.get(reference.file_hash, ())
        ]
        exact = [row for row in self.rows if path.startswith("/") and self.parts[row] == parts]
        if exact:
            exact = self.preferred(exact, path, len(parts))
            agreeing = [row for row in exact if row in same]
            gone = all(self.photos.missing[row] for row in agreeing)
            copy = any(not self.photos.missing[row] for row in same)
            if not same or (agreeing and not (gone and copy)):
                return Guess("path", agreeing or exact)
        if same:
            same = self.there(same)
            best = max(shared_end(parts, self.parts[row]) for row in same)
            return Guess(
                "fingerprint",
                [row for row in same if shared_end(parts, self.parts[row]) == best],
            )
        lengths = {row: shared_end(parts, self.parts[row]) for row in self.rows}
        best = max(lengths.values(), default=0)
        if best:
            chosen = [row for row in self.rows if lengths[row] == best]
            chosen = self.preferred(chosen, path, best)
            is_root = len(parts) == 1 and "/" not in self.photos.names[chosen[0]]
            rule = "suffix" if best > 1 or is_root else "name"
            return Guess(rule, chosen, best, tuple(parts[:-best]))
        stem = parts[-1].rpartition(".")[0] or parts[-1]
        lengths = {
            row: 1 + shared_end(parts[:-1], self.parts[row][:-1])
            for row in self.rows
            if self.parts[row][-1].rpartition(".")[0] == stem
        }
        if not lengths:
            return Guess("unmatched")
        best = max(lengths.values())
        chosen = [row for row, length in lengths.items() if length == best]
        return Guess("stem", self.there(chosen), best, tuple(parts[:-best]))

    def there(self, rows: list[int]) -> list[int]:
        return [row for row in rows if not self.photos.missing[row]] or rows

    def preferred(self, rows: list[int], path: str, count: int) -> list[int]:
        if len(rows) > 1 and len({tuple(self.parts[row]) for row in rows}) == 1:
            for form in (str, composed):
                end = form(path).split("/")[-count:]
                same = [row for row in rows if form(self.paths[row]).split("/")[-count:] == end]
                if same:
                    return self.there(same)
        return self.there(rows)

    def start_of(self, guess: Guess, row: int) -> tuple[str, ...]:
        return tuple(self.parts[row][: -guess.shared])

    def one_start(self, guesses: list[Guess]) -> None:
        certain = [
            (guess.start, self.start_of(guess, guess.rows[0])) for guess in guesses if guess.by_path
        ]
        open_ones = [guess for guess in guesses if guess.rule == "ambiguous" and guess.shared]
        for start in {guess.start for guess in open_ones}:
            places = [place for other, place in certain if other == start]
            alike = [guess for guess in open_ones if guess.start == start]
            if len(set(places)) == 1 and len(places) >= len(alike):
                for guess in alike:
                    rows = [row for row in guess.rows if self.start_of(guess, row) == places[0]]
                    if len(rows) == 1:
                        guess.rule, guess.rows = "suffix", rows

    def other_folders(self, guesses: list[Guess]) -> None:
        known = [guess for guess in guesses if guess.by_path and guess.shared > 1]
        starts = [(guess.start, self.start_of(guess, guess.rows[0])) for guess in known]
        moved = [
            guess
            for guess in guesses
            if guess.by_path
            and guess.shared == 1
            and guess.start
            and (guess.start, self.start_of(guess, guess.rows[0])) not in starts
        ]
        exact = sum(guess.rule == "path" for guess in guesses)
        if len(known) + exact > len(moved):
            for guess in moved:
                guess.rule = "ambiguous"

    def shared_photos(self, guesses: list[Guess], paths: list[str]) -> None:
        before = [
            (guess.rule, guess.rows, self.rank(guess, path))
            for guess, path in zip(guesses, paths, strict=True)
        ]
        for guess, path, (rule, rows, rank) in zip(guesses, paths, before, strict=True):
            if rule in ("unmatched", "ambiguous"):
                continue
            rivals = [
                (other_rank, other_path)
                for other_path, (other_rule, other_rows, other_rank) in zip(
                    paths, before, strict=True
                )
                if other_rule not in ("unmatched", "ambiguous") and other_rows == rows
            ]
            best = min(other_rank for other_rank, _path in rivals)
            if rank > best:
                guess.rule = "unmatched"
            elif best > (0, 0) and {
                other for other_rank, other in rivals if other_rank == best
            } != {path}:
                guess.rule = "ambiguous"

    def rank(self, guess: Guess, path: str) -> tuple[int, int]:
        if guess.rule == "fingerprint":
            return 0, 0
        if guess.rule == "path":
            return 0, int(composed(self.paths[guess.rows[0]]) != path)
        order = ["suffix", "name", "stem", "unmatched", "ambiguous"]
        return 1 + order.index(guess.rule), -guess.shared


def shared_end(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    while count < min(len(first), len(second)) and first[-1 - count] == second[-1 - count]:
        count += 1
    return count


@settings(max_examples=examples(300))
@given(libraries(), st.lists(REFERENCES, max_size=8))
def test_as_in_a_plain_model(photos: LibraryPhotos, references: list[ImageReference]) -> None:
    matches = match_photos(references, photos, PathChange())
    expected = Model(photos).match(references)
    ids = photos.image_ids
    for number, (rule, rows) in enumerate(expected):
        assert MatchRule(int(matches.rules[number])).key == rule
        if rule == "ambiguous":
            assert matches.candidates[number] == tuple(ids[rows].tolist())
            assert matches.image_ids[number] == -1
        else:
            assert matches.image_ids[number] == (ids[rows[0]] if rows else -1)


@settings(max_examples=examples(200))
@given(libraries(), st.lists(REFERENCES, max_size=8, unique=True), st.randoms())
def test_neither_order_decides(
    photos: LibraryPhotos, references: list[ImageReference], random: Random
) -> None:
    before = dict(zip(references, match(photos, *references), strict=True))
    random.shuffle(references)
    order = list(range(len(photos.names)))
    random.shuffle(order)
    shuffled = LibraryPhotos(
        photos.image_ids[order],
        photos.folders,
        photos.folder_ids[order],
        [photos.names[row] for row in order],
        photos.missing[order],
        photos.by_hash,
    )
    assert dict(zip(references, match(shuffled, *references), strict=True)) == before


@given(st.lists(st.text(max_size=40), max_size=5), st.text(max_size=10), st.text(max_size=10))
def test_any_text_is_a_path_or_none(texts: list[str], strip: str, add: str) -> None:
    matches = match_photos(
        [ImageReference(text, folder=text[::-1]) for text in texts],
        library("a/1.jpg", "b.jpg"),
        PathChange(strip, add),
    )
    assert len(matches.rules) == len(texts)


def test_equal_pictures_are_not_compared_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 3000
    names = [f"{number}/a.jpg" for number in range(count)]
    photos = library(*names, hashes={"h": range(10, 10 + count)})
    compared = 0
    folded = PhotoIndex.folded

    def counted(index: PhotoIndex, row: int) -> tuple[str, ...]:
        nonlocal compared
        compared += 1
        return folded(index, row)

    monkeypatch.setattr(PhotoIndex, "folded", counted)
    references = [ImageReference(name, file_hash="h") for name in names]
    matches = match_photos(references, photos, PathChange())
    assert matches.image_ids.tolist() == photos.image_ids.tolist()
    assert compared < 30 * count


def test_it_tells_how_far_it_is_and_can_be_cancelled() -> None:
    references = refer(*(f"{number}.jpg" for number in range(3000)))
    told: list[tuple[int, int]] = []
    match_photos(references, library(), PathChange(), progress=lambda *done: told.append(done))
    assert told == [(0, 3000), (1024, 3000), (2048, 3000)]
    answers = iter([False, True])
    with pytest.raises(Cancelled):
        match_photos(references, library(), PathChange(), cancelled=lambda: next(answers))
