"""What lives as long as a library is open is bounded, or it is said here by what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from lmpt_desktop.domain.bounded_dict import BoundedDict

ROOT = Path(__file__).parents[2]
COLLECTIONS = {"dict", "set", "list", "deque", "OrderedDict", "Counter", "defaultdict"}

CACHES = {
    "lmpt_desktop/ui/kit/theme.py: _drawn": "icons in the colours of two themes",
    "lmpt_desktop/inference/vocabularies.py: built_in_vocabulary": "files of the installation",
}
"""Functions with arguments whose every answer is kept."""

PHOTOS = "at most one for each photo of the library"
FOLDERS = "at most one for each folder of the library"
CLASSES = "at most one for each class and description"
REQUESTS = "one for each request that is not answered yet"
GROWING = {
    "activities.py: _latest": "one for each kind of background work",
    "encoding/backbone_change.py: _tried": PHOTOS,
    "encoding/backbone_change.py: _tried_texts": CLASSES,
    "encoding/photo_queue.py: _again": PHOTOS,
    "encoding/photo_queue.py: _condemned": PHOTOS,
    "encoding/photo_queue.py: _crashes": PHOTOS,
    "encoding/photo_queue.py: _in_flight": REQUESTS,
    "encoding/photo_queue.py: _suspects": PHOTOS,
    "encoding/photo_queue.py: _waiting": PHOTOS,
    "encoding/photo_queue.py: _waiting_again": PHOTOS,
    "encoding/requests.py: _in_flight": REQUESTS,
    "encoding/requests.py: _waiting": REQUESTS,
    "feature_tags.py: _shards": "a few; those used longest ago are dropped",
    "files/missing.py: _moves": FOLDERS,
    "files/turned_photos.py: _asked": PHOTOS,
    "instant.py: _changed": PHOTOS,
    "interchange/side_file_updates.py: _waiting": PHOTOS,
    "interchange/side_files.py: _known": "as long as one preview",
    "interchange/side_files.py: _written_at": "of the last seconds; older ones are dropped",
    "kept_matrix.py: _buffers": "as many as versions are in use, and two",
    "kept_matrix.py: _free": "of those buffers",
    "kept_matrix.py: indices": "1,000; with more, all is copied",
    "left_out.py: _ignored": FOLDERS,
    "left_out.py: _known": "as long as one question",
    "left_out.py: _news": FOLDERS,
    "model_service.py: _refusals": "one for each other computer and reason",
    "model_service.py: _requested": CLASSES,
    "model_service.py: _sent": PHOTOS,
    "notices.py: _listeners": "the parts of the window",
    "regions.py: _maps": "eight; older ones are dropped",
    "scanner.py: _queue": FOLDERS,
    "scanner.py: _unread": FOLDERS,
    "search.py: _asked": REQUESTS,
    "search.py: _read": "64; older ones are dropped",
    "tasks.py: _ended": "one for each kind of task",
    "tasks.py: _tasks": "one for each kind of task",
    "training/captioning.py: _asked": REQUESTS,
    "training/captioning.py: _waiting": PHOTOS,
    "training/retrain.py: _events": "of one run",
    "vocabulary/class_preview.py: _asked": REQUESTS,
}
"""Collections that objects of the engine begin empty."""


STATED = "a stated number; older ones are dropped"
SHOWN = "of the photos on screen"
PARTS = "the parts of the window"
OF_WINDOW = {
    "catalogue/another_library.py: _sets": "as long as one reading",
    "catalogue/changed_images.py: _ids": "at most one for each photo; a poll takes them",
    "catalogue/known_files.py: _near": "a few folders, as long as one scan",
    "catalogue/known_files.py: _packed": "as long as one scan",
    "catalogue/store.py: _changing": "of one transaction",
    "catalogue/transfers.py: _ids": "as long as one question",
    "domain/bounded_dict.py: _entries": STATED,
    "ingest/scan.py: _names": "of one scan",
    "ingest/scan.py: _visited": "of one scan",
    "ingest/sidecars.py: _present": "of one scan",
    "ingest/sync.py: _claimed": "of one scan",
    "ingest/sync.py: _copied": "of one scan",
    "ingest/sync.py: _here": "of one scan",
    "ingest/sync.py: _taken_first": "of one scan",
    "ingest/thumbnails.py: _used": STATED,
    "ingest/vacated.py: _all": "of one scan",
    "ingest/vacated.py: _many": "of one scan",
    "ingest/vacated.py: _taken": "of one scan",
    "ingest/vacated.py: of_hash": "of one scan",
    "ingest/watch.py: _notes": FOLDERS,
    "ingest/watch.py: _pending": FOLDERS,
    "ingest/watch.py: _requested": FOLDERS,
    "ingest/watch.py: _watched": FOLDERS,
    "ingest/xmp.py: found": "of one photo",
    "settings.py: _listeners": PARTS,
    "settings.py: _values": "one for each setting",
    "ui/commands/registry.py: _actions": "one for each command",
    "ui/commands/registry.py: _shorts": "one for each command",
    "ui/commands/registry.py: _tips": "one for each command",
    "ui/grid/card_pictures.py: _kept": SHOWN,
    "ui/grid/delegate.py: _thumbnail_sizes": "one for each ratio of a screen",
    "ui/grid/delegate.py: _widths": STATED,
    "ui/grid/model.py: _cells": STATED,
    "ui/inspector/class_model.py: _open": "one for each section",
    "ui/inspector/photo_view.py: _cache": STATED,
    "ui/kit/bridge.py: _handlers": PARTS,
    "ui/kit/bridge.py: _waiting": "one for each kind of notice",
    "ui/kit/class_picker.py: _names": CLASSES,
    "ui/kit/class_picker.py: picks": CLASSES,
    "ui/kit/photo_pool.py: _kept": STATED,
    "ui/kit/photo_pool.py: _tasks": REQUESTS,
    "ui/kit/theme.py: _pictures": "one for each size and colour in which an icon is shown",
    "ui/kit/thumbnails.py: _ahead": "two screens",
    "ui/kit/thumbnails.py: _asked": SHOWN,
    "ui/kit/thumbnails.py: _early": REQUESTS,
    "ui/kit/thumbnails.py: _failures": PHOTOS,
    "ui/kit/thumbnails.py: _newest": STATED,
    "ui/kit/thumbnails.py: _pixmaps": STATED,
    "ui/kit/thumbnails.py: _running": REQUESTS,
    "ui/library/folder_tree.py: _direct": FOLDERS,
    "ui/library/folder_tree.py: _items": FOLDERS,
    "ui/library/folder_tree.py: _looks": "one for each look",
    "ui/library/folder_tree.py: _missing": FOLDERS,
    "ui/library/page.py: _captions": "one for each caption that is not written yet",
    "ui/library/strictness_popover.py: _names": CLASSES,
    "ui/review/page.py: _answered_with_stack": "photos and classes of stacks answered at once",
    "ui/review/verdict_controller.py: _waiting": STATED,
    "ui/shell/open_dialogs.py: _dialogs": "one for each kind of dialog",
    "ui/shell/page_stack.py: _makers": "one for each page",
    "ui/shell/status_bar.py: _activities": "one for each kind of background work",
    "ui/shell/tool_bar.py: buttons": "one for each command",
    "ui/shell/uncaught.py: _logged": "one for each line of the program",
    "ui/shell/uncaught.py: _unlogged": "one for each line of the program",
    "ui/sweep/page_model.py: _chosen": "of one page of photos",
    "ui/window/single_instance.py: _connections": REQUESTS,
}
"""Dictionaries, sets and queues that begin empty in the rest of what an open library uses."""
LASTING = (
    "lmpt_desktop/catalogue",
    "lmpt_desktop/domain",
    "lmpt_desktop/inference",
    "lmpt_desktop/ingest",
    "lmpt_desktop/settings.py",
    *(
        f"lmpt_desktop/ui/{name}"
        for name in (
            "annotations", "commands", "compare", "grid", "inspector", "kit", "library",
            "long_tail", "review", "shell", "sweep", "window",
        )
    ),
)  # fmt: skip


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        place = ROOT / folder
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_no_function_keeps_every_answer() -> None:
    found = set()
    for name, module in sources("lmpt_desktop", "trainer"):
        for node in ast.walk(module):
            if not isinstance(node, ast.FunctionDef) or not node.args.args:
                continue
            for decorator in node.decorator_list:
                text = ast.unparse(decorator)
                if text in ("cache", "functools.cache") or "maxsize=None" in text:
                    found.add(f"{name}: {node.name}")
    assert found == set(CACHES)


def begun_empty(module: ast.Module, kinds: set[str] = COLLECTIONS) -> Iterator[str]:
    """Attributes that are an empty collection at first."""
    for node in ast.walk(module):
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            continue
        kind = ast.unparse(node.annotation).partition("[")[0]
        # With an argument, it is a copy, or a deque of a stated length.
        empty = ast.unparse(node.value) in ("{}", "[]", "set()", f"{kind}()", "defaultdict(list)")
        if isinstance(node.target, ast.Attribute) and kind in kinds and empty:
            yield node.target.attr


def test_every_collection_of_an_open_library_says_what_bounds_it() -> None:
    found = {
        f"{name.removeprefix('lmpt_desktop/engine/')}: {attribute}"
        for name, module in sources("lmpt_desktop/engine")
        for attribute in begun_empty(module)
    }
    assert found == set(GROWING), "say what bounds it, or keep it in a BoundedDict"


def test_every_collection_of_the_window_says_what_bounds_it() -> None:
    found = {
        f"{name.removeprefix('lmpt_desktop/')}: {attribute}"
        for name, module in sources(*LASTING)
        for attribute in begun_empty(module, COLLECTIONS - {"list"})
    }
    assert found == set(OF_WINDOW), "say what bounds it, or keep it in a BoundedDict"


def test_what_was_used_longest_ago_is_forgotten() -> None:
    kept = BoundedDict[str, str](3)
    for name in "abc":
        assert kept.put(name, name) == name
    assert kept.get("a") == "a"
    kept.put("d", "d")
    assert kept.known() == ["c", "a", "d"]
    kept.forget("c")
    kept.forget("never kept")
    assert kept.get("c") is None
    kept.put("e", "e")
    assert len(kept) == 3


def test_what_is_heavy_pushes_more_out_and_is_kept_itself() -> None:
    kept = BoundedDict[int, str](10, len)
    for number in range(5):
        kept.put(number, "aa")
    kept.put(0, "aaaa")  # again, and heavier: 12 in all without the oldest
    assert kept.known() == [2, 3, 4, 0]
    kept.put(9, "a" * 100)
    assert kept.known() == [9]
    kept.put(1, "a")
    assert kept.known() == [1]
