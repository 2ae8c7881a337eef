"""Print how well features tell an edited photo from another one (docs/likeness.md).

    python tests/benchmarks/likeness.py [--backbone NAME] [--photos 204] [--cache DIR]

Edits the shared photos (``tests/support/photo_edits.py``), encodes them as the app does, those
whose pixels were turned also turned back, and asks ``lmpt_desktop.inference.likeness``.  Encoding
takes minutes; ``--cache`` keeps the features.  With Lite, the features in ``../shared`` of
Flickr8k, Corel5k and others are further libraries.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from lmpt_desktop.inference.likeness import (
    CANDIDATE_LIMIT,
    DATE_SAME,
    LIMIT_TURNED,
    Likeness,
    unit,
)
from lmpt_desktop.inference.search import nearest_neighbours
from trainer.backbone import Backbone, load_backbone
from trainer.photo import read_photo
from trainer.suggested import LITE, WEIGHT_FILES, lite_folder

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from photo_edits import EDITS, HEAVY, TURNS, Edit

SHARED = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
LIBRARIES = {
    "Flickr8k": "lite/flickr8k.safetensors",
    "ImageNet, one a class": "lite/imagenet_sample.safetensors",
    "clothing, 10 garments": "lite/clothing_small.safetensors",
    "Corel5k, series of 100": "bench/corel5k/features.safetensors",
}
SIZES = (5, 20, 50, 200, 1000, 4000)
PAIRS = 20_000
BATCH = 16
LIMITS = (0.7, 0.8, 0.85, 0.9, 0.95)
UNEDITED = "not edited"

Features = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default=LITE)
    parser.add_argument("--photos", type=int, default=204)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    paths = sorted((SHARED / "photos" / "images").glob("*.jpg"))[: given.photos]
    if not paths:
        print(f"{SHARED} has no photos; set LMPT_SHARED to the folder that holds photos/")
        return
    originals, edited = features_of(given.backbone, paths, given.cache)
    libraries = {f"{len(paths)} COCO photos": originals}
    if given.backbone == LITE:
        libraries |= shared_libraries()
    turned = turned_features_of(given.backbone, paths, given.cache)
    print_edits(originals, edited, libraries.get("Flickr8k"))
    print_turned(originals, turned, libraries.get("Flickr8k"))
    print_different(libraries)
    print_candidates(originals, edited, libraries)


# ----------------------------------------------------------------------------- features


def features_of(
    name: str, paths: list[Path], cache: Path | None
) -> tuple[Features, dict[str, Features]]:
    """Of the photos, (n, D), and of every edit of them."""
    kept = cache and cache / f"{name.strip('/').replace('/', '_')}-{len(paths)}.npz"
    if kept and kept.is_file():
        with np.load(kept) as file:
            found = {key: unit(file[key]) for key in file.files}
        return found.pop("original"), found
    backbone = load_backbone(name, "cpu", fast_images=True)
    originals = encoded(backbone, paths)
    edited: dict[str, Features] = {}
    for number, (title, edit) in enumerate((EDITS | HEAVY).items(), 1):
        edited[title] = encoded(backbone, paths, edit)
        print(f"{number}/{len(EDITS | HEAVY)} {title}", file=sys.stderr, flush=True)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        arrays = {key: value.astype(np.float16) for key, value in edited.items()}
        np.savez(kept, original=originals.astype(np.float16), **arrays)  # pyright: ignore
    return originals, edited


def turned_features_of(name: str, paths: list[Path], cache: Path | None) -> dict[str, Features]:
    """Of the photos and of turned ones, each as the encoder turns them: (3, n, D)."""
    kept = cache and cache / f"{name.strip('/').replace('/', '_')}-{len(paths)}-turned.npz"
    if kept and kept.is_file():
        with np.load(kept) as file:
            return {key: file[key].astype(np.float32) for key in file.files}
    backbone = load_backbone(name, "cpu", fast_images=True)
    turned: dict[str, Features] = {}
    edits: dict[str, Edit | None] = {UNEDITED: None, **TURNS}
    for number, (title, edit) in enumerate(edits.items(), 1):
        turned[title] = encoded_turns(backbone, paths, edit, (1, 2, 3))
        print(f"{number}/{len(edits)} {title}", file=sys.stderr, flush=True)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        arrays = {key: value.astype(np.float16) for key, value in turned.items()}
        np.savez(kept, **arrays)  # pyright: ignore
    return turned


def encoded(backbone: Backbone, paths: list[Path], edit: Edit | None = None) -> Features:
    """(n, D) unit norm, rounded to half precision as in the catalogue.

    Args:
        edit: applied to each photo before it is saved and read again; None: photos as they are.
    """
    return encoded_turns(backbone, paths, edit, (0,))[0]


def encoded_turns(
    backbone: Backbone, paths: list[Path], edit: Edit | None, turns: Sequence[int]
) -> Features:
    """(k, n, D) for k numbers of quarter turns of what the model sees, otherwise as above."""
    prepare = backbone.fast_preprocess or backbone.preprocess

    def read(path: Path) -> torch.Tensor:
        if edit is not None:
            saved = Path(folder) / path.name
            edit(read_photo(path)).save(saved, "JPEG", quality=90)
            path = saved
        return prepare(read_photo(path, at_least=backbone.input_side, to_srgb=False))

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        pixels = list(pool.map(read, paths))
    parts = [
        np.stack([backbone.encode_images(torch.rot90(batch, k, (2, 3))) for k in turns])
        for batch in torch.stack(pixels).split(BATCH)
    ]
    features = np.concatenate(parts, axis=1)
    rows = features.reshape(-1, features.shape[-1]).astype(np.float16)
    return unit(rows).reshape(features.shape)


def shared_libraries() -> dict[str, Features]:
    """Lite's features of libraries of which only the pooled features are at hand."""
    weights = load_file(lite_folder() / WEIGHT_FILES[0])
    weight = weights["visual.head.proj.weight"].astype(np.float32)
    bias = weights["visual.head.proj.bias"].astype(np.float32)
    found: dict[str, Features] = {}
    for title, path in LIBRARIES.items():
        if (SHARED / path).is_file():
            (pooled,) = load_file(SHARED / path).values()
            found[title] = unit(pooled.astype(np.float32) @ weight.T + bias)
    return found


# ----------------------------------------------------------------------------- tables


def print_edits(originals: Features, edited: dict[str, Features], more: Features | None) -> None:
    count = len(originals)
    large = originals if more is None else np.concatenate([originals, more])
    small, whole = Likeness(originals), Likeness(large)
    few = [np.arange(start, min(start + 5, count)) for start in range(0, count, 5)]
    same_date = np.full(count, DATE_SAME, np.int8)
    print(f"\nEdits of {count} photos. nearest: the original is nearest among {len(large):,}.")
    print(f"alike: share of edits recognised, in libraries of 5, {count} and {len(large):,}")
    columns = ("cosine min", "1 %", "5 %", "median", "likeness 5 %", "median", "nearest %")
    columns += ("alike, 5", f"alike, {count}", f"alike, {len(large):,}", "same date")
    print(_line("", columns))
    sums: list[list[float]] = []
    for title, after in edited.items():
        cosines = (originals * after).sum(axis=1)
        likeness = small.of_pairs(originals, after)
        nearest = (after @ large.T).argmax(axis=1) == np.arange(count)
        of_five = [
            Likeness(originals[rows]).is_same_photo(originals[rows], after[rows]) for rows in few
        ]
        shares = [
            100 * nearest.mean(),
            100 * np.concatenate(of_five).mean(),
            100 * small.is_same_photo(originals, after).mean(),
            100 * whole.is_same_photo(originals, after).mean(),
            100 * small.is_same_photo(originals, after, same_date).mean(),
        ]
        if title in EDITS:
            sums.append(shares)
        figures = [*np.quantile(cosines, (0, 0.01, 0.05, 0.5)), *np.quantile(likeness, (0.05, 0.5))]
        print(_line(title, [f"{figure:.2f}" for figure in figures] + [f"{s:.1f}" for s in shares]))
    turns = [number for number, title in enumerate(EDITS) if title.startswith("turn by")]
    for title, rows in (
        ("all ordinary edits", sums),
        ("the same without turns", np.delete(sums, turns, axis=0)),
    ):
        means = np.mean(rows, axis=0)
        print(_line(title, [""] * 6 + [f"{mean:.1f}" for mean in means]))


def print_turned(originals: Features, turned: dict[str, Features], more: Features | None) -> None:
    count = len(originals)
    everyone = np.arange(count)
    few = [everyone[start : start + 5] for start in range(0, count, 5)]
    large = Likeness(originals if more is None else np.concatenate([originals, more]))
    print(f"\nPixels turned: likeness of the best of three turns back, limit {LIMIT_TURNED:.0%}.")
    print(_line("in %, at least this like", [f"{limit:.0%}" for limit in LIMITS]))
    for title in TURNS:
        back = turned[title]
        in_few = [best_turn(Likeness(originals[o]), originals[o], back[:, o]) for o in few]
        _print_shares(f"{title}, of 5", np.concatenate(in_few))
        _print_shares(f"{title}, of many", best_turn(large, originals, back))
    rng = np.random.default_rng(2)
    for size in (size for size in SIZES if 2 * size <= count):
        found: list[Features] = []
        while sum(map(len, found)) < PAIRS:
            drawn = rng.permutation(count)[: 2 * size]
            old, new = originals[drawn[:size]], turned[UNEDITED][:, drawn[size:]]
            found.append(best_turn(Likeness(old), old, new))
        _print_shares(f"replaced at random, of {size}", np.concatenate(found))
    if more is not None:
        old, new = _pairs(rng, count)
        both = np.concatenate([[old, new], [new, old]], axis=1)
        found = [best_turn(Likeness(more), originals[both[0]], turned[UNEDITED][:, both[1]])]
        _print_shares(f"replaced, all pairs, of {len(more):,}", found[0])


def best_turn(library: Likeness, old: Features, turned: Features) -> Features:
    """Likeness of each photo (m, D) to the best of (3, m, D), 0 where another photo is nearer."""
    best = np.zeros(len(old), np.float32)
    for new in turned:
        likeness, nearest = library._compare(old, new)
        best = np.maximum(best, np.where(nearest, likeness, 0))
    return best


def _print_shares(title: str, likeness: Features) -> None:
    shares = [100 * (likeness >= limit).mean() for limit in LIMITS]
    print(_line(title, [*(f"{share:.3f}" for share in shares), f"max {likeness.max():.2f}"]))


def print_different(libraries: dict[str, Features]) -> None:
    print("\nDifferent photos: all pairs, or drawn ones.")
    columns = ("cosine 50 %", "99 %", "99.9 %", "max", "likeness 99 %", "99.9 %", "max")
    print(_line("", columns))
    rng = np.random.default_rng(1)
    for title, features in libraries.items():
        old, new = _pairs(rng, len(features))
        cosines = (features[old] * features[new]).sum(axis=1)
        likeness = Likeness(features).of_pairs(features[old], features[new])
        figures = [
            *np.quantile(cosines, (0.5, 0.99, 0.999, 1)), *np.quantile(likeness, (0.99, 0.999, 1)),
        ]  # fmt: skip
        print(_line(title, [f"{figure:.2f}" for figure in figures]))
    print(
        "\nReplaced by another photo of the same source, taken for an edit, in %; by library size."
    )
    print("next: replaced by the next one of the source, in the whole of it (Corel: of a series)")
    print(_line("", [*(f"{size:,}" for size in SIZES), "next"]))
    for title, features in libraries.items():
        shares = [replaced(rng, features, size) for size in SIZES if 2 * size <= len(features)]
        shares += [np.nan] * (len(SIZES) - len(shares))
        # The photo that is placed is not in the library yet.
        library = Likeness(features[::2])
        last = len(features) // 2 * 2
        shares.append(100 * library.is_same_photo(features[0:last:2], features[1:last:2]).mean())
        print(_line(title, [f"{share:.3f}" for share in shares]))


def replaced(rng: np.random.Generator, features: Features, size: int) -> float:
    """Share of random replacements in libraries of ``size`` taken for edits, in %."""
    alike = done = 0
    while done < PAIRS:
        drawn = rng.permutation(len(features))[: 2 * size]
        old, new = features[drawn[:size]], features[drawn[size:]]
        alike += int(Likeness(old).is_same_photo(old, new).sum())
        done += size
    return 100 * alike / done


def print_candidates(
    originals: Features, edited: dict[str, Features], libraries: dict[str, Features]
) -> None:
    print(f"\nCandidates of missing photos (default limit {CANDIDATE_LIMIT:.0%}), in %.")
    print(_line("best candidate at least this like", [f"{limit:.0%}" for limit in LIMITS]))
    for title, features in libraries.items():
        # Every second photo is missing and truly gone; the best of the rest is always wrong.
        library, gone = features[::2], features[1::2][:2000]
        best = library[_nearest(gone, library)]
        likeness = Likeness(library).of_pairs(gone, best)[:, None]
        shares = [100 * (likeness >= limit).mean() for limit in LIMITS]
        print(_line(f"wrong, gone from {title}", [f"{share:.2f}" for share in shares]))
    right = {limit: [] for limit in LIMITS}
    wrong = {limit: [] for limit in LIMITS}
    for title in EDITS:
        best = _nearest(originals, edited[title])
        likeness = Likeness(edited[title]).of_pairs(originals, edited[title][best])[:, None]
        found = best == np.arange(len(originals))
        for limit in LIMITS:
            above = likeness[:, 0] >= limit
            right[limit].append(100 * (found & above).mean())
            wrong[limit].append(100 * (~found & above).mean())
    print(_line("right, all ordinary edits", [f"{np.mean(right[each]):.1f}" for each in LIMITS]))
    print(_line("wrong, all ordinary edits", [f"{np.mean(wrong[each]):.2f}" for each in LIMITS]))


def _nearest(photos: Features, candidates: Features) -> NDArray[np.int64]:
    """The candidate most like each photo, as the page of missing photos finds it."""
    both = np.concatenate([photos, candidates])
    others = np.arange(len(photos), len(both))
    return nearest_neighbours(both, np.arange(len(photos)), others, 1)[:, 0]


def _pairs(rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if count * (count - 1) // 2 <= 2 * PAIRS:
        old, new = np.triu_indices(count, 1)
        return old, new
    old = rng.integers(0, count, 2 * PAIRS)
    return old, (old + rng.integers(1, count, 2 * PAIRS)) % count


def _line(title: str, cells: list[str] | tuple[str, ...]) -> str:
    return f"{title:<52}" + "".join(f"{cell:>13}" for cell in cells)


if __name__ == "__main__":
    main()
