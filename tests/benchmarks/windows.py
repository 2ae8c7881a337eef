"""What windows are worth on labelled photos, zero-shot, and what they cost.

    python tests/benchmarks/windows.py [--photos FOLDER] [--tiles] [--larger SIDE] [--features FILE]
        [--rounds 0]

mAP by whole photos, and by the mean of the cosine with the whole photo and the largest cosine with
a window, for several layouts; the difference to whole photos with the 95 % interval of a bootstrap
over photos, which draws the same photos for both.  Tiles are the five boxes cut out and encoded by
themselves, at six times the work.  Larger: the photo is given to the tower with SIDE pixels along a
side instead of its own.  Labels choose nothing here.  With ``--rounds``, the time of the
image tower with and without windows, alternating.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from trainer.backbone import Backbone, load_backbone
from trainer.box import Box
from trainer.computer import cores
from trainer.encode import SHARPNESS
from trainer.lite.evaluate import (
    VOC_TO_COCO,
    VOC_WITH_SPACES,
    average_precisions,
    read_photos,
)
from trainer.lite.texts import COCO_NAMES, VOC_NAMES
from trainer.photo import read_photo
from trainer.photo_encoder import CPU_BATCH, stacked
from trainer.windows import BOXES, cells_along, joint_cosines, largest_cosines, quantise


@dataclass(frozen=True)
class Encoded:
    """whole: (n, D); cells: (n, g, g, D), not normalised; tiles: (n, 5, D).

    larger_whole, larger_cells: the same of the photo with more pixels.
    """

    whole: np.ndarray
    cells: np.ndarray
    tiles: np.ndarray | None = None
    larger_whole: np.ndarray | None = None
    larger_cells: np.ndarray | None = None


def encode(backbone: Backbone, paths: list[Path], *, tiles: bool, larger: int) -> Encoded:
    """Every photo as the encoder decodes it."""
    tower, preprocess = backbone._dense, backbone.fast_preprocess
    if tower is None or preprocess is None:
        raise SystemExit(f"{backbone.name} makes no windows")
    whole, cells, parts, larger_whole, larger_cells = [], [], [], [], []
    for path in paths:
        photo = read_photo(path, at_least=SHARPNESS * backbone.input_side, to_srgb=False)
        images = [photo]
        if tiles:
            width, height = photo.size
            seen = backbone.seen(width, height)
            across, down = seen.right - seen.left, seen.bottom - seen.top
            images += [
                photo.crop(
                    (
                        round(width * (seen.left + across * box.left)),
                        round(height * (seen.top + down * box.top)),
                        round(width * (seen.left + across * box.right)),
                        round(height * (seen.top + down * box.bottom)),
                    )
                )
                for box in BOXES
            ]
        with torch.inference_mode():
            pixels = backbone._prepared(stacked([preprocess(image) for image in images]))
            features, raw = tower.forward(pixels)
            dense = tower.map(raw[:1])
        whole.append(features[0].float().cpu().numpy())
        parts.append(features[1:].float().cpu().numpy())
        cells.append(dense[0].float().cpu().numpy())
        if larger:
            sized = replace(preprocess, side=larger)
            with torch.inference_mode():
                features, raw = tower.forward(sized.normalise(sized(photo)[None]))
                dense = tower.map(raw)
            larger_whole.append(features[0].float().cpu().numpy())
            larger_cells.append(dense[0].float().cpu().numpy())
    return Encoded(
        np.array(whole),
        np.array(cells),
        np.array(parts) if tiles else None,
        np.array(larger_whole) if larger else None,
        np.array(larger_cells) if larger else None,
    )


def kept(file: Path | None, make: Callable[[], Encoded]) -> Encoded:
    """From ``file``, or made and written to it."""
    if file is not None and file.is_file():
        with np.load(file) as arrays:
            return Encoded(**{name: arrays[name] for name in arrays.files})
    made = make()
    if file is not None:
        arrays = {name: array for name, array in vars(made).items() if array is not None}
        np.savez(file, allow_pickle=False, **arrays)
    return made


def squares(side: int, each: int, along: int) -> list[Box]:
    """``along`` x ``along`` squares of ``each`` cells, evenly over ``side`` cells."""
    starts = [round(start) for start in np.linspace(0, side - each, along)]
    return [
        Box(left / side, top / side, (left + each) / side, (top + each) / side)
        for top in starts
        for left in starts
    ]


def windows(cells: np.ndarray, boxes: list[Box]) -> np.ndarray:
    """(n, W, D), unit norm: means of cells."""
    side = cells.shape[1]
    parts = [
        cells[:, cells_along(box.top, box.bottom, side), cells_along(box.left, box.right, side)]
        for box in boxes
    ]
    return unit(np.stack([part.mean(axis=(1, 2)) for part in parts], axis=1))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def rows(encoded: Encoded, classes: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Ways to score, each with (n, C) scores; whole photos first."""
    whole = unit(encoded.whole) @ classes.T
    side = encoded.cells.shape[1]
    yield "whole photo", whole

    def best(parts: np.ndarray) -> np.ndarray:
        return (parts @ classes.T).max(axis=1)

    def joint(largest: np.ndarray) -> np.ndarray:
        return joint_cosines(whole, largest, float((largest - whole).mean()))

    five = windows(encoded.cells, list(BOXES))
    yield "five windows, as the app (int8)", joint(largest_cosines(quantise(five), classes))
    yield "five, not rounded", joint(best(five))
    yield "five, largest window alone", best(five)
    offset = (best(five) - whole).mean()
    yield "five, largest of whole and windows", np.maximum(whole, best(five) - offset)
    yield "four corners", joint(best(five[:, :4]))
    third = round(side / 3)
    yield "3 x 3 of a third", joint(best(windows(encoded.cells, squares(side, third, 3))))
    yield "5 x 5 of a third", joint(best(windows(encoded.cells, squares(side, third, 5))))
    yield "2 x 2 of a half", joint(best(windows(encoded.cells, squares(side, side // 2, 2))))
    yield "every cell", joint(best(windows(encoded.cells, squares(side, 1, side))))
    if encoded.larger_whole is not None and encoded.larger_cells is not None:
        larger = unit(encoded.larger_whole) @ classes.T
        most = best(windows(encoded.larger_cells, list(BOXES)))
        yield "larger: whole photo", larger
        yield "larger: five windows and its whole photo", larger + most
        yield "larger: five windows, whole photo as before", joint(most)
    if encoded.tiles is not None:
        yield "five tiles, encoded by themselves", joint(best(unit(encoded.tiles)))


def mean_ap(scores: np.ndarray, labels: np.ndarray) -> float:
    """mAP in per cent over the classes with a photo."""
    return 100 * float(np.nanmean(average_precisions(scores, labels)))


def compare(
    title: str, encoded: Encoded, classes: np.ndarray, labels: np.ndarray, resamples: int
) -> None:
    draws = np.random.default_rng(0).integers(len(labels), size=(resamples, len(labels)))
    print(f"\n| {title} | mAP | difference | 95 % |\n|---|---|---|---|")
    reference: np.ndarray | None = None
    base = 0.0
    for name, scores in rows(encoded, classes):
        value = mean_ap(scores, labels)
        drawn = np.array([mean_ap(scores[draw], labels[draw]) for draw in draws])
        if reference is None:
            reference, base = drawn, value
            print(f"| {name} | {value:.1f} | | |", flush=True)
            continue
        low, high = np.quantile(drawn - reference, [0.025, 0.975])
        print(
            f"| {name} | {value:.1f} | {value - base:+.1f} | {low:+.1f} to {high:+.1f} |",
            flush=True,
        )


def cost(backbone: Backbone, rounds: int) -> None:
    """Processor time of a batch with windows / without, both orders in turn."""
    side = backbone.input_side
    pixels = torch.randn(CPU_BATCH, 3, side, side)
    ways = (backbone.encode_images, backbone.encode_with_windows)
    for way in ways:
        way(pixels)
    ratios, plain = [], []
    for turn in range(rounds):
        seconds = {}
        for way in ways if turn % 2 else reversed(ways):
            begun = time.process_time()
            way(pixels)
            seconds[way] = time.process_time() - begun
        without, with_windows = (seconds[way] for way in ways)
        plain.append(1000 * without / CPU_BATCH)
        ratios.append(with_windows / without)
    quarters = np.quantile(ratios, [0.25, 0.5, 0.75])
    print(
        f"\n{backbone.name}, {rounds} pairs of batches of {CPU_BATCH}, "
        f"load {os.getloadavg()[0]:.1f}: {statistics.median(plain):.1f} ms CPU per photo without "
        "windows; with windows "
        f"{quarters[1]:.3f} x (quartiles {quarters[0]:.3f} to {quarters[2]:.3f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="lite")
    default = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    parser.add_argument("--photos", type=Path, default=default / "photos")
    parser.add_argument("--tiles", action="store_true")
    parser.add_argument("--larger", type=int, default=0, help="pixels along a side, such as 390")
    parser.add_argument("--features", type=Path, help="keep features in this file (.npz)")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(cores())
    backbone = load_backbone(given.backbone, fast_images=True)
    photos = read_photos(given.photos)
    encoded = kept(
        given.features,
        lambda: encode(backbone, photos.paths, tiles=given.tiles, larger=given.larger),
    )
    coco = list(COCO_NAMES)
    classes = backbone.encode_texts(coco, backbone.templates)
    compare("COCO, 80 classes", encoded, classes, photos.labels(coco), given.resamples)
    names = [VOC_WITH_SPACES.get(name, name) for name in VOC_NAMES]
    classes = backbone.encode_texts(names, backbone.templates)
    labels = photos.labels([VOC_TO_COCO.get(name, name) for name in VOC_NAMES])
    compare("VOC, 20 classes", encoded, classes, labels, given.resamples)
    if given.rounds:
        cost(backbone, given.rounds)


if __name__ == "__main__":
    main()
