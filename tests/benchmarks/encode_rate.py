"""How close the encoder comes to the backbone's bare forward rate (DESIGN section 6: >= 90 %).

    python tests/benchmarks/encode_rate.py [--backbone lite] [--photos FOLDER] [--rounds 5]

Bare: pixels already in memory, same batches.  open_clip: the same without our folding and
memory layout.  Encoder: files to feature files, decoding and
preprocessing overlapped.  Rounds alternate, so that a busy machine slows both; CPU seconds per
photo, which other programs disturb less, are printed beside the rates.  Without ``--backbone``:
ViT-B-32 with random weights, and Lite where it is built.

    python tests/benchmarks/encode_rate.py --suggested [--limit 8] [--rounds 3] [--backbone lite+]

Instead: what every suggested backbone (or those named) costs, with random weights, as a Markdown
table; each round also encodes the photos with Lite, so that the ratio holds on a busy machine.

    python tests/benchmarks/encode_rate.py --runtimes [--limit 64] [--rounds 5] [--backbone lite+]

Instead: a bundled backbone in torch and in OpenVINO, in the same rounds: bare, and from files.

    python tests/benchmarks/encode_rate.py --kinds [--limit 8] [--rounds 3] [--backbone lite]

Instead: large JPEG, JPEG XL and raw files beside JPEG of 640 x 480, made from the first photo, in
the same rounds.  Decoding is what it costs until the pixels are there, in threads and in the
process that decodes apart, without resizing them for the model.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the encoder process

import numpy as np
import open_clip
import psutil
import torch
from parts.large_photos import write_kinds
from safetensors.torch import save_file

from trainer.allocation import keep_memory
from trainer.backbone import Backbone, load_backbone, random_backbone
from trainer.computer import cores
from trainer.device import device_label
from trainer.encode import SHARPNESS, Encoder, default_threads
from trainer.encode_rate import measure
from trainer.events import EncodePhotos, PhotosEncoded, parse_line
from trainer.photo_encoder import PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.process_io import EventStream, Inbox
from trainer.suggested import LITE, SUGGESTED, is_downloaded

REQUEST = 64


@dataclass(frozen=True)
class Cost:
    """Of one round."""

    photos: int
    seconds: float
    cpu_seconds: float


def measured(work: Callable[[], int]) -> Cost:
    started, cpu = time.perf_counter(), _cpu_seconds()
    photos = work()
    return Cost(photos, time.perf_counter() - started, _cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    """Of this process and of those that it has started and that live."""
    seconds = time.process_time()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            seconds += times.user + times.system
    return seconds


def whole_random_backbone(model_name: str, folder: Path, device: str) -> Backbone:
    model = open_clip.create_model(model_name)
    save_file(dict(model.state_dict()), folder / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip.get_model_config(model_name), "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return load_backbone(f"local-dir:{folder}", device, fast_images=True)


def bare(backbone: Backbone, pixels: torch.Tensor, batch: int, count: int) -> int:
    for start in range(0, count, batch):
        backbone.encode_images(pixels[: min(batch, count - start)])
    return count


def encode(encoder: Encoder, events: io.StringIO, paths: Sequence[Path]) -> int:
    inbox = Inbox()
    for start in range(0, len(paths), REQUEST):
        part = [str(path) for path in paths[start : start + REQUEST]]
        inbox.put(EncodePhotos(str(start), list(range(len(part))), part))
    inbox.end(stop=False)
    events.seek(0)
    events.truncate()
    encoder.work(inbox, None)
    answers = [parse_line(line) for line in events.getvalue().splitlines()]
    count = 0
    for answer in answers:
        if isinstance(answer, PhotosEncoded):
            count += answer.count
            Path(answer.file).unlink()
    return count


def report(
    backbone: Backbone, plain: Backbone, paths: Sequence[Path], rounds: int, threads: int
) -> tuple[float, float]:
    """Print a comparison; encoder / bare by the clock and by CPU time."""
    keep_memory()  # as the encoder process; bare and open_clip gain by it as well
    batch = PhotoEncoder(backbone).batch
    side = backbone.input_side
    pixels = torch.randn(batch, 3, side, side)
    events = io.StringIO()
    with tempfile.TemporaryDirectory() as out:
        encoder = Encoder(backbone, Path(out), EventStream(events), threads=threads)
        bare(backbone, pixels, batch, 2 * batch)
        encode(encoder, events, paths[:batch])
        rounds_ = [
            (
                measured(lambda: bare(backbone, pixels, batch, len(paths))),
                measured(lambda: encode(encoder, events, paths)),
                measured(lambda: bare(plain, pixels, batch, len(paths))),
            )
            for _ in range(rounds)
        ]
        encoder.close()
    ratio = statistics.median(
        (b.photos / b.seconds) / (a.photos / a.seconds) for a, b, _ in rounds_
    )
    cpu_ratio = statistics.median(
        (a.cpu_seconds / a.photos) / (b.cpu_seconds / b.photos) for a, b, _ in rounds_
    )
    print(
        f"{backbone.name} on {device_label(backbone.device)}, {cores()} cores, batch {batch}, "
        f"{threads} decoding threads, {len(paths)} photos, {rounds} rounds, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for title, costs in zip(
        ("bare", "encoder", "open_clip"), zip(*rounds_, strict=True), strict=True
    ):
        rate = statistics.median(c.photos / c.seconds for c in costs)
        cpu = statistics.median(1000 * c.cpu_seconds / c.photos for c in costs)
        print(f"  {title:9} {rate:8.1f} photos/s   {cpu:7.1f} ms CPU per photo")
    print(
        f"  encoder / bare: {100 * ratio:.0f} % by the clock, {100 * cpu_ratio:.0f} % by CPU time"
    )
    return ratio, cpu_ratio


def report_suggested(
    paths: Sequence[Path], device: str, rounds: int, threads: int, names: Sequence[str] = ()
) -> None:
    """Print a Markdown table of all suggested backbones, or of those in ``names``; they are loaded
    one at a time."""
    keep_memory()
    lite = load_backbone(LITE, device, fast_images=True)
    print(
        f"{device_label(lite.device)}, {torch.get_num_threads()} threads, {len(paths)} photos, "
        f"{rounds} rounds, load {os.getloadavg()[0]:.1f}\n"
    )
    print(
        "| Backbone | licence | download | ImageNet, zero-shot (published) | photos/s "
        "| CPU per photo | photos/s, Lite in the same rounds | CPU, times Lite's "
        "(median of the rounds, quartiles) |\n|---|---|---|---|---|---|---|---|"
    )
    for item in SUGGESTED:
        if names and item.name not in names:
            continue
        backbone = lite if item.name == LITE else random_backbone(item.name, device)
        costs = [
            (
                measured(lambda backbone=backbone: measure(backbone, paths, threads)[0]),
                measured(lambda: measure(lite, paths, threads)[0]),
            )
            for _ in range(rounds)
        ]
        rate, lites = (
            statistics.median(cost.photos / cost.seconds for cost in each)
            for each in zip(*costs, strict=True)
        )
        cpu = statistics.median(1000 * cost.cpu_seconds / cost.photos for cost, _ in costs)
        ratios = [own.cpu_seconds / other.cpu_seconds for own, other in costs]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        size = f"{item.download_bytes / 1e6:,.0f} MB" if item.download_bytes else "bundled"
        known = f"{item.imagenet:.1f} %" if item.imagenet else "-"
        print(
            f"| `{item.name}` | {item.licence} | {size} | {known} "
            f"| {rate:.2f} | {cpu:.0f} ms | {lites:.2f} "
            f"| {middle:.2f} ({low:.2f} to {high:.2f}) |",
            flush=True,
        )
        del backbone


def report_kinds(backbone: Backbone, source: Path, count: int, rounds: int, threads: int) -> None:
    """Print a Markdown table: kinds of photos, what encoding costs and how much of it decoding."""
    keep_memory()
    events = io.StringIO()
    costs: dict[str, list[tuple[Cost, Cost]]] = {}
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as out:
        kinds = write_kinds(Path(made), source, count)
        encoder = Encoder(backbone, Path(out), EventStream(events), threads=threads)
        # Without resizing: a tensor of nothing.
        reader = PhotoReader(
            lambda _image: torch.empty(0),
            at_least=SHARPNESS * backbone.input_side,
            threads=threads,
            window=2 * threads,
            seconds=600.0,
        )

        def decode(paths: Sequence[Path]) -> int:
            reader.add(paths)
            found = reader.take(len(paths))
            assert all(isinstance(item, torch.Tensor) for item in found), found
            return len(found)

        for paths in kinds.values():
            decode(paths[:1])
            encode(encoder, events, paths[:1])
        for _ in range(rounds):
            for name, paths in kinds.items():
                decoding = measured(lambda paths=paths: decode(paths))
                encoding = measured(lambda paths=paths: encode(encoder, events, paths))
                costs.setdefault(name, []).append((decoding, encoding))
        encoder.close()
        reader.close()
    print(
        f"{backbone.name} on {device_label(backbone.device)}, {cores()} cores, {threads} decoding "
        f"threads, {count} photos of each kind, {rounds} rounds, load {os.getloadavg()[0]:.1f}\n"
    )
    print(
        "| Photos | photos/s | CPU per photo | of which decoding | share |\n|---|--:|--:|--:|--:|"
    )
    for name, pairs in costs.items():
        rate = statistics.median(encoding.photos / encoding.seconds for _, encoding in pairs)
        whole, part = (
            statistics.median(1000 * cost.cpu_seconds / cost.photos for cost in each)
            for each in (
                [encoding for _, encoding in pairs],
                [decoding for decoding, _ in pairs],
            )
        )
        print(
            f"| {name} | {rate:.2f} | {whole:.0f} ms | {part:.0f} ms | {100 * part / whole:.0f} % |"
        )


def report_runtimes(name: str, paths: Sequence[Path], rounds: int, threads: int) -> None:
    """Print a Markdown table of a bundled backbone in torch and in OpenVINO."""
    keep_memory()
    from trainer.cpu_runtime.backbone import runtime_backbone

    models = {
        "torch": load_backbone(name, "cpu", fast_images=True),
        "OpenVINO": runtime_backbone(name, cores()),
    }
    costs: dict[tuple[str, str], list[Cost]] = {}
    events = io.StringIO()
    with tempfile.TemporaryDirectory() as out:
        for number in range(rounds + 1):  # the first one warms up
            for title, model in models.items():
                side, batch = model.input_side, PhotoEncoder(model).batch
                noise = np.random.default_rng(0).integers(0, 255, (batch, side, side, 3), np.uint8)
                pixels: Any = noise.transpose(0, 3, 1, 2)
                if title == "torch":
                    pixels = torch.from_numpy(pixels)
                encoder = Encoder(model, Path(out), EventStream(events), threads=threads)

                def run_bare(model: Any = model, pixels: Any = pixels, batch: int = batch) -> int:
                    for _ in range(0, len(paths), batch):
                        model.encode_with_windows(pixels)
                    return -(-len(paths) // batch) * batch

                for part, work in (
                    ("bare", run_bare),
                    ("files", lambda encoder=encoder: encode(encoder, events, paths)),
                ):
                    cost = measured(work)
                    if number:
                        costs.setdefault((title, part), []).append(cost)
                encoder.close()
    print(
        f"{name}, {cores()} cores, {threads} decoding threads, {len(paths)} photos, "
        f"{rounds} rounds, load {os.getloadavg()[0]:.1f}\n"
    )
    print("| | photos/s | CPU per photo | CPU, torch's divided by it |\n|---|--:|--:|--:|")
    for (title, part), each in costs.items():
        rate = statistics.median(cost.photos / cost.seconds for cost in each)
        cpu = statistics.median(1000 * cost.cpu_seconds / cost.photos for cost in each)
        ratios = [
            (theirs.cpu_seconds / theirs.photos) / (own.cpu_seconds / own.photos)
            for own, theirs in zip(each, costs["torch", part], strict=True)
        ]
        print(f"| {title}, {part} | {rate:.1f} | {cpu:.1f} ms | {statistics.median(ratios):.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", action="append", default=[])
    parser.add_argument("--device", default="auto")
    default = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    parser.add_argument("--photos", type=Path, default=default / "photos" / "images")
    parser.add_argument("--limit", type=int, default=204)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--suggested", action="store_true", help="all suggested backbones")
    parser.add_argument("--runtimes", action="store_true", help="torch beside OpenVINO")
    parser.add_argument("--kinds", action="store_true", help="large photos and raw files")
    given = parser.parse_args()
    paths = sorted(path for path in given.photos.iterdir() if path.is_file())[: given.limit]
    torch.set_num_threads(cores())
    if given.suggested:
        report_suggested(paths, given.device, given.rounds, given.threads, given.backbone)
        return
    if given.runtimes:
        threads = given.threads or min(2, cores())
        report_runtimes((given.backbone or [LITE])[0], paths, given.rounds, threads)
        return
    if given.kinds:
        backbone = load_backbone((given.backbone or [LITE])[0], given.device, fast_images=True)
        threads = given.threads or default_threads(backbone.device)
        report_kinds(backbone, paths[0], given.limit, given.rounds, threads)
        return
    with tempfile.TemporaryDirectory() as folder:
        names = given.backbone or ["random ViT-B-32", *(["lite"] if is_downloaded("lite") else [])]
        for name in names:
            if name.startswith("random "):
                backbone = whole_random_backbone(name.split()[1], Path(folder), given.device)
            else:
                backbone = load_backbone(name, given.device, fast_images=True)
            plain = load_backbone(backbone.name, given.device)
            plain.model.to(memory_format=cast(Any, torch.contiguous_format))
            report(
                backbone,
                plain,
                paths,
                given.rounds,
                given.threads or default_threads(backbone.device),
            )


if __name__ == "__main__":
    main()
