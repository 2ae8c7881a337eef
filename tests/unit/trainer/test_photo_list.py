"""Which photos a folder or a list names, whatever is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainer.photo_list import MAX_LINE_BYTES, SourceError, photo_paths

JPEG_HEAD = b"\xff\xd8\xff" + bytes(100)


def names(source: Path) -> list[str]:
    return list(photo_paths(source))


def test_a_folder_is_searched_with_all_below_it(tmp_path: Path) -> None:
    for name in (
        "b.jpg",
        "a/z.PNG",
        "a/notes.txt",
        ".hidden/c.jpg",
        "@eaDir/t.jpg",
        "#recycle/d.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"content")
    (tmp_path / "odd").write_bytes(JPEG_HEAD)
    (tmp_path / "odd2").write_bytes(b"text" * 40)
    assert names(tmp_path) == ["b.jpg", "odd", "a/z.PNG"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no links")
def test_links_that_go_round_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jpg").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    assert sorted(names(tmp_path)) == ["a/x.jpg", "dangling.jpg"]


def test_a_list_names_paths_from_its_own_folder(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    inside = tmp_path / "c d.jpg"
    listed.write_bytes(
        b"\xef\xbb\xbfa/1.jpg\r\n\r\n../2.jpg\n"
        + os.fsencode(inside)
        + b"\n/else/3.jpg\na/1.jpg\n\xff.jpg"
    )
    assert names(listed) == ["a/1.jpg", "../2.jpg", "c d.jpg", "/else/3.jpg", "\udcff.jpg"]


def test_a_line_that_is_too_long_is_one_name_and_no_more(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_bytes(b"x" * (5 * MAX_LINE_BYTES) + b"\nlast.jpg\n")
    first, last = names(listed)
    assert last == "last.jpg"
    assert first.startswith("xxx")
    assert len(first) < 300


@pytest.mark.parametrize("content", [b"\xff\xfea\0.\0j\0p\0g\0", JPEG_HEAD])
def test_what_is_no_text_is_no_list(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="no list of photos"):
        names(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="neither a folder nor a list"):
        names(tmp_path / "pipe")
    (tmp_path / "nothing").unlink(missing_ok=True)
    with pytest.raises(SourceError, match="neither a folder nor a list"):
        names(tmp_path / "nothing")
