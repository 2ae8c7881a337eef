"""Print how well features tell the frames of a burst from other photos, and what grouping costs
(docs/stacks.md).

    python tests/benchmarks/stacks.py [--backbone NAME] [--photos 204] [--cache FILE]
                                      [--cost 100000]

Each shared photo stands for what is before a camera.  A burst is made of it: the camera shakes,
moves, turns or zooms between the frames, and exposure changes.  Other photos are the other ones of
the set and, with Lite, those of the libraries whose features are in ``../shared``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from likeness import SHARED, Features, encoded, shared_libraries
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from lmpt_desktop.inference.likeness import unit
from lmpt_desktop.inference.queues import Features as FeatureTable
from lmpt_desktop.inference.stacks import ALIKE, Stacks, group, usual_cosine
from trainer.backbone import load_backbone
from trainer.suggested import LITE

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from photo_edits import Edit

VIEW = 0.8
"""A frame shows this share of the photo's sides, so that the camera can move."""
LIKENESSES = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
PAIRS = 200_000


def _frame(across: float, down: float, *, view: float = VIEW, turn: float = 0.0) -> Edit:
    """What a camera sees that has moved by these shares of the frame's sides."""

    def cut(image: Image.Image) -> Image.Image:
        turned = image.rotate(turn, Image.Resampling.BICUBIC) if turn else image
        width, height = image.width * view, image.height * view
        left = (image.width - width) / 2 + across * width
        top = (image.height - height) / 2 + down * height
        box = (round(left), round(top), round(left + width), round(top + height))
        return turned.crop(box)

    return cut


def _exposed(stops: float) -> Edit:
    """The same frame with more or less light; light adds up in linear values."""

    def change(image: Image.Image) -> Image.Image:
        linear = (np.asarray(_frame(0, 0)(image), np.float32) / 255) ** 2.2
        changed = np.clip(linear * 2**stops, 0, 1) ** (1 / 2.2)
        return Image.fromarray((255 * changed).round().astype(np.uint8))

    return change


def _then(first: Edit, second: Edit) -> Edit:
    return lambda image: second(first(image))


def _out_of_focus(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(3))


FIRST: Edit = _frame(0, 0)
FRAMES: dict[str, Edit] = {
    "camera shakes by 2 %": _frame(0.02, -0.015),
    "camera moves by 5 %": _frame(0.05, 0.03),
    "camera moves by 12 %": _frame(-0.12, 0.0),
    "camera turns by 2 degrees": _frame(0.01, 0.01, turn=2),
    "zooms in by 10 %": _frame(0, 0, view=VIEW * 0.9),
    "zooms in by 25 %": _frame(0, 0, view=VIEW * 0.75),
    "1 stop darker": _exposed(-1),
    "1 stop lighter": _exposed(1),
    "2 stops darker": _exposed(-2),
    "2 stops lighter": _exposed(2),
    "shaken and out of focus": _then(
        _frame(0.03, 0.02), lambda i: i.filter(ImageFilter.GaussianBlur(3))
    ),
    "moves by 5 %, 1 stop lighter": _then(_exposed(1), _frame(0.04, 0.03, view=0.92)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default=LITE)
    parser.add_argument("--photos", type=int, default=204)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--cost", type=int, default=100_000)
    given = parser.parse_args()
    print_cost(given.cost)
    print_grid(given.cost)
    paths = sorted((SHARED / "photos" / "images").glob("*.jpg"))[: given.photos]
    if not paths:
        print(f"{SHARED} has no photos; set LMPT_SHARED to the folder that holds photos/")
        return
    first, frames = features_of(given.backbone, paths, given.cache)
    print_frames(first, frames)
    libraries = {f"{len(paths)} COCO photos": first}
    if given.backbone == LITE:
        libraries |= shared_libraries()
    print_others(libraries)


def features_of(
    name: str, paths: list[Path], cache: Path | None
) -> tuple[Features, dict[str, Features]]:
    """Of the first frames, (n, D), and of every other frame."""
    if cache and cache.is_file():
        with np.load(cache) as file:
            found = {key: unit(file[key]) for key in file.files}
        return found.pop("first"), found
    backbone = load_backbone(name, "cpu", fast_images=True)
    first = encoded(backbone, paths, FIRST)
    frames: dict[str, Features] = {}
    for number, (title, edit) in enumerate(FRAMES.items(), 1):
        frames[title] = encoded(backbone, paths, edit)
        print(f"{number}/{len(FRAMES)} {title}", file=sys.stderr, flush=True)
    if cache:
        arrays = {key: value.astype(np.float16) for key, value in frames.items()}
        np.savez(cache, first=first.astype(np.float16), **arrays)  # pyright: ignore
    return first, frames


def print_frames(first: Features, frames: dict[str, Features]) -> None:
    usual = usual_cosine(first)
    print(f"\nFrames of a burst of {len(first)} photos; usual cosine {usual:.2f}.")
    print("alike: share of frames that are as like the first one as this, in %")
    print(_line("", ["cosine 1 %", "5 %", "median", *(f"{limit:.2f}" for limit in LIKENESSES)]))
    for title, after in frames.items():
        print(_row(title, (first * after).sum(axis=1), usual))


def print_others(libraries: dict[str, Features]) -> None:
    print("\nDifferent photos: share of pairs that are as alike as this, in %")
    print(_line("", ["usual", "cosine 99 %", "max", *(f"{limit:.2f}" for limit in LIKENESSES)]))
    random = np.random.default_rng(0)
    for title, features in libraries.items():
        usual = usual_cosine(features)
        one, other = random.integers(0, len(features), (2, PAIRS))
        kept = one != other
        print(_others(title, features, one[kept], other[kept], usual))
        if "series" in title:
            following = np.arange(len(features) - 1)
            print(_others(f"{title}, the next one", features, following, following + 1, usual))


def _others(
    title: str, features: Features, one: NDArray[np.int64], other: NDArray[np.int64], usual: float
) -> str:
    cosines = np.einsum("ij,ij->i", features[one], features[other])
    figures = [f"{usual:.2f}", f"{np.quantile(cosines, 0.99):.2f}", f"{cosines.max():.2f}"]
    shares = [100 * (cosines >= usual + limit * (1 - usual)).mean() for limit in LIKENESSES]
    return _line(title, [*figures, *(f"{share:.3f}" for share in shares)])


def _row(title: str, cosines: NDArray[np.floating], usual: float) -> str:
    figures = [f"{value:.2f}" for value in np.quantile(cosines, (0.01, 0.05, 0.5))]
    shares = [100 * (cosines >= usual + limit * (1 - usual)).mean() for limit in LIKENESSES]
    return _line(title, [*figures, *(f"{share:.1f}" for share in shares)])


def print_cost(count: int) -> None:
    """Processor time of grouping a library in which half the photos are of a burst."""
    random = np.random.default_rng(0)
    ids = np.arange(1, count + 1)
    for title, sizes in (
        ("half in bursts of 2 to 12", random.integers(2, 13, count)),
        ("all in one series, every second", np.array([count])),
        ("one second, all different", None),
    ):
        starts = np.zeros(count, np.bool_)
        if sizes is None:
            taken, scenes = np.full(count, 1_600_000_001), np.arange(count)
        else:
            starts[np.minimum(np.cumsum(sizes), count) - 1] = True
            scenes = np.cumsum(starts)
            single = (scenes % 8 < 4) if len(sizes) > 1 else np.zeros(count, np.bool_)
            scenes = np.where(single, count + np.arange(count), scenes)
            taken = 1_600_000_001 + np.arange(count) + 100 * np.cumsum(starts | single)
        own = random.standard_normal((int(scenes.max()) + 1, 512), np.float32)
        matrix = own[scenes] + 0.3 * random.standard_normal((count, 512), np.float32)
        features = FeatureTable(ids, unit(matrix).astype(np.float16))
        folders = np.zeros(count, np.int64)
        begun, clock = time.process_time(), time.perf_counter()
        found = group(ids, taken, folders, features)
        spent, passed = time.process_time() - begun, time.perf_counter() - clock
        print(
            f"{count:,} photos, {title}: {found.count:,} stacks, {int(found.stacked):,} photos in"
            f" one; {spent:.2f} s of processor time, {passed:.2f} s passed (likeness {ALIKE})"
        )


def print_grid(count: int) -> None:
    """Processor time of the window's thread for a grid without and with stacks, in turns."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication
    from ui_libraries import sample_snapshot

    from lmpt_desktop.ui.grid.model import GridModel
    from lmpt_desktop.ui.grid.stack_layout import lay_out_stacks
    from lmpt_desktop.ui.grid.view import GridView
    from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

    app = QApplication.instance() or QApplication([])
    snapshot = sample_snapshot(count)
    _ = snapshot.bands
    rows, ids = np.arange(count), snapshot.image_ids
    stacks = Stacks(ids[: count // 2], np.arange(count // 2) // 5)
    model = GridModel()
    loader = ThumbnailLoader(lambda *_: b"")
    view = GridView(model, loader)
    view.resize(1200, 800)
    view.show()
    figures: dict[str, list[float]] = {}

    def measure(title: str, act: Callable[[], object], repeats: int = 1) -> None:
        begun = time.thread_time()
        for _repeat in range(repeats):
            act()
        figures.setdefault(title, []).append(1000 * (time.thread_time() - begun) / repeats)

    def frame() -> None:
        bar = view.verticalScrollBar()
        bar.setValue((bar.value() + 400) % max(1, bar.maximum()))
        view.viewport().repaint()

    def round_with(chosen: Stacks | None) -> None:
        layout, title = None, "without"
        if chosen is not None:
            title, opened = "with", frozenset(chosen.image_ids[::10].tolist())
            measure("lay out (another thread)", lambda: lay_out_stacks(ids, chosen, opened))
            layout = lay_out_stacks(ids, chosen, opened)
        model.set_content(snapshot, rows[:0])
        measure(f"show {title}", lambda: model.set_content(snapshot, rows, layout))
        measure(f"a frame, scrolled, {title}", frame, 30)
        view.select_ids(ids[:1])
        app.processEvents()
        measure(f"refresh after a verdict, {title}", lambda: model.refresh(snapshot), 30)
        if layout is not None:
            one, every = view.selected_positions(), np.arange(model.rowCount())
            measure("siblings of one", lambda: layout.with_siblings(one), 10)
            measure("siblings of all", lambda: layout.with_siblings(every))
            measure("cards of one", lambda: layout.cards_of(ids[:1]))

    for _round in range(5):
        round_with(None)
        round_with(stacks)
    loader.close()
    print(f"\nA grid of {count:,} photos, half of them in stacks of 5; milliseconds, medians of 5")
    for title, values in sorted(figures.items()):
        print(f"{title:42}{np.median(values):12.2f}")


def _line(title: str, values: list[str]) -> str:
    return f"{title:42}" + "".join(f"{value:>12}" for value in values)


if __name__ == "__main__":
    main()
