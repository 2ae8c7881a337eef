from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Folder, ImageState, ImageTable
from lmpt_desktop.domain.texts import Texts
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.library.folder_tree import FolderCounter, FolderCounts, FolderTree, Look


def child(item: QTreeWidgetItem, index: int) -> QTreeWidgetItem:
    found = item.child(index)
    assert found is not None
    return found


@pytest.fixture
def tree(qtbot: QtBot) -> FolderTree:
    tree = FolderTree()
    qtbot.addWidget(tree)
    return tree


def test_images_count_in_their_folder_and_in_all_above(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    names = ["city/old town/photo.jpg", *snapshot.names[1:]]
    snapshot = replace(snapshot, images=replace(snapshot.images, names=names))
    counts = FolderCounter().count(session.folders.all(), snapshot)
    assert counts.total == 12
    assert counts.counts == {
        (1, ""): 12,
        (1, "city"): 6,
        (1, "city/old town"): 1,
        (1, "beach"): 6,
    }


def test_what_needs_a_look_is_counted_shown_and_chosen_by_pressing_it(
    tree: FolderTree, session: LibrarySession, qtbot: QtBot
) -> None:
    snapshot = session.snapshot()
    states = np.full_like(snapshot.states, ImageState.OK)
    fine = replace(snapshot, images=replace(snapshot.images, states=states.copy()))
    states[:3] = ImageState.MISSING
    states[3] = ImageState.UNREADABLE
    damaged = np.arange(len(states)) >= 2  # a missing and an unreadable one among them
    images = replace(snapshot.images, states=states, damaged=damaged)
    snapshot = replace(snapshot, images=images)
    folders = session.folders.all()
    tree.show_counts(FolderCounter().count(folders, snapshot))
    section = tree.needs_look
    assert tree.indexOfTopLevelItem(section) == tree.topLevelItemCount() - 1
    assert not section.isHidden()
    rows = [child(section, n) for n in range(section.childCount())]
    shown = [(row.text(0), row.text(1)) for row in rows if not row.isHidden()]
    assert shown == [("Missing", "3"), ("Unreadable", "1"), ("Damaged", str(len(states) - 4))]
    folders_heard: list[object] = []
    looks: list[Look] = []
    tree.chosen.connect(lambda folder, _below: folders_heard.append(folder))
    tree.look_chosen.connect(looks.append)
    unreadable = next(row for row in rows if row.text(0) == "Unreadable")
    tree.setCurrentItem(unreadable)
    assert looks == [] and folders_heard == []
    tree.itemActivated.emit(unreadable, 0)
    assert looks == [Look.UNREADABLE]
    tree.show_counts(FolderCounter().count(folders, fine))
    assert section.isHidden() and tree.currentItem() is tree.all_photos
    assert folders_heard == [None], "the photos that were shown are no longer of that kind"


def test_choosing_a_folder_emits_its_id(
    tree: FolderTree, session: LibrarySession, qtbot: QtBot
) -> None:
    tree.show_counts(FolderCounter().count(session.folders.all(), session.snapshot()))
    root = tree.topLevelItem(1)
    assert root is not None
    heard: list[tuple[object, object]] = []
    tree.chosen.connect(lambda folder, below: heard.append((folder, below)))
    tree.setCurrentItem(root)
    tree.setCurrentItem(child(root, 0))
    tree.setCurrentItem(tree.all_photos)
    assert heard == [(1, None), (1, Path("beach")), (None, None)]


def test_a_folder_that_empties_leaves_the_tree_and_the_choice_falls_back(
    tree: FolderTree, tmp_path: Path
) -> None:
    folder = Folder(1, tmp_path)
    tree.show_counts(FolderCounts((folder,), {(1, ""): 2, (1, "a"): 1, (1, "b"): 1}, 2))
    root = tree.topLevelItem(1)
    assert root is not None
    tree.setCurrentItem(child(root, 1))
    tree.show_counts(FolderCounts((folder,), {(1, ""): 1, (1, "a"): 1}, 1))
    assert root.childCount() == 1
    assert tree.currentItem() is tree.topLevelItem(0)


def test_a_folder_that_is_gone_is_marked(tree: FolderTree, tmp_path: Path) -> None:
    folder = Folder(1, tmp_path / "unplugged")
    tree.show_counts(FolderCounts((folder,), {}, 0, missing=frozenset({1})))
    root = tree.topLevelItem(1)
    assert root is not None
    assert "was not found" in root.toolTip(0)


def test_which_folders_are_there_is_found_while_counting(session: LibrarySession) -> None:
    """On a thread of its own: a disk that sleeps or is far away must not hold the window up."""
    [folder] = session.folders.all()
    assert FolderCounter().count([folder], session.snapshot()).missing == frozenset()
    folder.path.rename(folder.path.with_name("unplugged"))
    assert FolderCounter().count([folder], session.snapshot()).missing == {folder.id}


def test_a_folder_that_is_not_watched_is_marked(tree: FolderTree, tmp_path: Path) -> None:
    counts = FolderCounts((Folder(1, tmp_path),), {}, 0, notes={1: "It is not watched."})
    tree.show_counts(counts)
    root = tree.topLevelItem(1)
    assert root is not None
    assert root.toolTip(0) == f"{tmp_path}\nIt is not watched."


def test_hidden_folders_are_not_shown(session: LibrarySession, tmp_path: Path) -> None:
    folders = [Folder(1, tmp_path), Folder(2, tmp_path / "x", hidden=True)]
    assert FolderCounter().count(folders, session.snapshot()).folders == (folders[0],)


NAMES = st.lists(
    st.sampled_from(["a.jpg", "in/b.jpg", "in/c.jpg", "in/deep/d.jpg", "out/e.jpg"]), max_size=8
)


@given(st.lists(NAMES, min_size=2, max_size=4))
def test_an_updated_count_equals_a_fresh_one(tables: list[list[str]]) -> None:
    counter = FolderCounter()
    names: list[str] = []
    for number, found in enumerate(tables):
        # Some photos are added, or else other ones are there.
        names = names + found if number % 2 else found
        snapshot = snapshot_of(names)
        assert counter.count([], snapshot) == FolderCounter().count([], snapshot)


def snapshot_of(names: list[str]) -> Any:
    folder_ids = np.array([1 + ("deep" in name) for name in names], np.int64)
    zeros = np.zeros(len(names), np.int64)
    table = ImageTable(
        ids=np.arange(1, len(names) + 1),
        folder_ids=folder_ids,
        states=zeros.astype(np.int8),
        sizes=zeros,
        mtime=zeros,
        taken=zeros,
        widths=zeros.astype(np.int32),
        heights=zeros.astype(np.int32),
        names=Texts.of(names),
        fingerprints=Texts.of(names),
        edited=zeros.astype(np.bool_),
    )
    return SimpleNamespace(images=table)
