"""Windows lie beside the features of their photos."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue, features

AddImages = Callable[[int], list[int]]
DIM, EACH = 8, 5


def some_features(ids: Iterable[int], offset: int = 0) -> NDArray[np.float32]:
    """Row i begins with the id and ``offset``."""
    rows = np.zeros((len(list(ids)), DIM), np.float32)
    rows[:, 0], rows[:, 1] = list(ids), offset
    return rows


def some_windows(ids: Iterable[int], offset: int = 0, each: int = EACH) -> NDArray[np.int8]:
    """All values of window w of image i are (7 i + 3 w + offset) % 100 + 1."""
    base = 7 * np.array(list(ids))[:, None] + 3 * np.arange(each) + offset
    return np.repeat((base % 100 + 1)[..., None], DIM, axis=2).astype(np.int8)


def all_windows(
    catalogue: Catalogue, image_ids: list[int] | None = None
) -> dict[int, list[list[int]]]:
    """The windows of each image; that no image comes twice is checked."""
    parts = list(catalogue.features.windows("lite", image_ids))
    ids = [i for part, _windows in parts for i in part.tolist()]
    assert len(ids) == len(set(ids))
    rows = [row.tolist() for _ids, part in parts for row in part]
    return dict(zip(ids, rows, strict=True))


def test_windows_come_back_with_their_photos(catalogue: Catalogue, add_images: AddImages) -> None:
    ids = add_images(6)
    catalogue.features.append("lite", ids[:4], some_features(ids[:4]), some_windows(ids[:4]))
    catalogue.features.append("lite", [ids[5]], some_features([ids[5]]))
    found = all_windows(catalogue)
    assert found == dict(zip(ids[:4], some_windows(ids[:4]).tolist(), strict=True))
    asked = [ids[5], ids[2], ids[0]]
    assert set(all_windows(catalogue, asked)) == {ids[0], ids[2]}
    assert all_windows(catalogue, []) == {}
    assert list(catalogue.features.windows("other")) == []
    assert catalogue.features.with_windows("lite").tolist() == ids[:4]


def test_photos_without_windows_are_told_from_those_without_a_feature(
    catalogue: Catalogue, add_images: AddImages
) -> None:
    ids = add_images(6)
    catalogue.features.append("lite", ids[:2], some_features(ids[:2]), some_windows(ids[:2]))
    catalogue.features.append("lite", ids[2:4], some_features(ids[2:4]))
    nine = some_windows([ids[4]], each=9)
    catalogue.features.append("lite", [ids[4]], some_features([ids[4]]), nine)
    features_of = catalogue.features
    assert features_of.missing("lite").tolist() == [ids[5]]
    assert features_of.without_windows("lite", EACH).tolist() == ids[2:5]
    assert features_of.without_windows("lite", EACH, [ids[3], ids[0]]).tolist() == [ids[3]]
    catalogue.images.mark_missing([ids[3]])
    assert features_of.without_windows("lite", EACH).tolist() == [ids[2], ids[4]]


def test_a_photo_encoded_again_gets_windows_and_can_lose_them(
    catalogue: Catalogue, add_images: AddImages, make_file
) -> None:
    ids = add_images(2)
    catalogue.features.append("lite", ids, some_features(ids))
    catalogue.features.append("lite", ids, some_features(ids, 1), some_windows(ids, 1))
    assert all_windows(catalogue)[ids[1]] == some_windows([ids[1]], 1)[0].tolist()
    assert catalogue.features.load("lite")[1][:, 1].tolist() == [1, 1]
    catalogue.features.append("lite", [ids[0]], some_features([ids[0]], 2))
    changed = make_file("00001.jpg", fingerprint="c" * 32)
    catalogue.images.upsert(catalogue.folders.all()[0].id, [changed])
    assert all_windows(catalogue) == {}


def test_merged_chunks_keep_the_windows_of_the_newest_features(
    catalogue: Catalogue, add_images: AddImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "SMALL_CHUNKS", 6)
    monkeypatch.setattr(features, "MERGED_ROWS", 10)
    ids = add_images(40)
    expected: dict[int, list[list[int]]] = {}
    random = np.random.default_rng(0)
    steps: dict[int, int] = {}
    for step in range(60):
        some = random.choice(ids, size=int(random.integers(1, 14)), replace=False).tolist()
        each = int(random.choice([0, 5, 5, 2]))
        windows = some_windows(some, step, each) if each else None
        catalogue.features.append("lite", some, some_features(some, step), windows)
        for place, image_id in enumerate(some):
            expected.pop(image_id, None)
            if windows is not None:
                expected[image_id] = windows[place].tolist()
        steps |= dict.fromkeys(some, step)
        assert all_windows(catalogue) == expected
        loaded, rows = catalogue.features.load("lite")
        assert dict(zip(loaded.tolist(), rows[:, 1].tolist(), strict=True)) == steps
    with catalogue._store.read() as connection:
        chunks = connection.exec_driver_sql("SELECT count(*) FROM feature_chunks").scalar()
    assert chunks is not None
    assert chunks < 45


def test_chunks_merged_while_windows_are_read_are_read_after_all(
    catalogue: Catalogue, add_images: AddImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add_images(9)
    for image_id in ids[:8]:
        catalogue.features.append(
            "lite", [image_id], some_features([image_id]), some_windows([image_id])
        )
    stream = catalogue.features.windows("lite")
    read = [next(stream) for _ in range(2)]
    monkeypatch.setattr(features, "SMALL_CHUNKS", 3)
    catalogue.features.append("lite", [ids[8]], some_features([ids[8]]), some_windows([ids[8]]))
    read += list(stream)
    found = sorted(i for part, _windows in read for i in part.tolist())
    assert found[:8] == ids[:8]
    assert all(np.array_equal(windows, some_windows(part.tolist())) for part, windows in read)


def test_windows_lie_behind_everything_that_is_read_without_them(catalogue: Catalogue) -> None:
    with catalogue._store.read() as connection:
        columns = connection.exec_driver_sql("PRAGMA table_info(feature_chunks)").fetchall()
    assert [row[1] for row in columns][-2:] == ["features", "windows"]


def test_windows_that_do_not_fit_are_refused(catalogue: Catalogue, add_images: AddImages) -> None:
    ids = add_images(2)
    windows = some_windows(ids)
    other_kind: Any = windows.astype(np.int16)
    for wrong in (windows[:1], windows[..., :4], windows[:, :0], other_kind):
        with pytest.raises(ValueError, match="windows"):
            catalogue.features.append("lite", ids, some_features(ids), wrong)
    catalogue.features.append("lite", ids, some_features(ids), windows)
    catalogue.features.forget("lite")
    assert all_windows(catalogue) == {}


def test_a_process_killed_while_it_appends_leaves_whole_chunks(
    catalogue: Catalogue, library: Path, add_images: AddImages
) -> None:
    ids = add_images(200)
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from lmpt_desktop.catalogue import Catalogue, features\n"
        "from test_windows import some_features, some_windows\n"
        "features.SMALL_CHUNKS = 4\n"
        "with Catalogue.open(Path(sys.argv[1])) as catalogue:\n"
        "    step = 0\n"
        "    while True:\n"
        "        step += 1\n"
        f"        ids = {ids!r}[step % 20 :: 20]\n"
        "        catalogue.features.append(\n"
        "            'lite', ids, some_features(ids, step % 90), some_windows(ids, step % 90))\n"
        "        print(step, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(library), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    for _ in range(40):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    process.wait()
    process.stdout.close()
    found = all_windows(catalogue)
    loaded, rows = catalogue.features.load("lite")
    assert sorted(found) == loaded.tolist() == ids
    for image_id, row in zip(loaded.tolist(), rows, strict=True):
        assert found[image_id] == some_windows([image_id], int(row[1]))[0].tolist()
