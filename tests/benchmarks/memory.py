"""Peak memory and time of one fit step with 1,000 classes on ViT-B/16's text tower.

    python tests/benchmarks/memory.py [--classes 1000] [--batch 1024] [--json FILE]

Each way of ``recompute`` (off, on, and auto, which looks at the memory that is free) and two sizes
of chunk, in a process of its own, because a peak cannot be taken back: random weights, the default
four class-specific context tokens, both losses, AdamW.  *Peak* is the process's largest resident
size (ru_maxrss), *step* what of it came on top of the loaded tower; on a GPU, of torch's
allocations there.  ``auto, 2 GB free`` is told that there is no more, which is when it recomputes.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

WAYS = (
    ("off", 64, None),
    ("auto", 64, None),
    ("auto", 64, 2_000_000_000),
    ("on", 64, None),
    ("on", 16, None),
)
"""recompute, class_chunk, bytes said to be free (None: as they are)."""


def measure(way: int, device_name: str, classes: int, batch: int) -> dict[str, Any]:
    """One step, in this process."""
    recompute, chunk, free = WAYS[way]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import numpy as np
    import open_clip
    import torch

    from trainer import captions, dataset, memory
    from trainer.arrays import unit_rows
    from trainer.computer import cores
    from trainer.device import choose_device
    from trainer.learner import Task, TrainingPass
    from trainer.options import FitOptions
    from trainer.prompts import activation_bytes
    from trainer.text_tower import TextTower

    logging.getLogger().setLevel(logging.ERROR)
    torch.set_num_threads(cores())
    device = choose_device(device_name)
    model = open_clip.create_model("ViT-B-16").requires_grad_(False).eval().to(device)
    tower = TextTower(model, cast(Any, open_clip.get_tokenizer("ViT-B-16")))
    names = [f"thing number {index}" for index in range(classes)]
    r = np.random.default_rng(0)
    targets = (r.random((batch, classes)) < 0.01).astype(np.int8)
    dim = int(cast(Any, model).text_projection.shape[1])
    task = Task(
        tower=tower,
        texts=names,
        zero_shot=torch.zeros(classes, dim, device=device),
        train=dataset.to_tensors(
            unit_rows(r.normal(size=(batch, dim))),
            targets,
            torch.zeros(batch, dtype=torch.long),
            device,
        ),
        validation=None,
        captions=captions.tokenise(["a photo of a thing"], tower),
        caption_features=torch.ones(1, dim, device=device),
        start_scale=20.0,
        start_bias=-4.0,
        autocast=torch.bfloat16 if device.type == "cuda" else None,
    )
    if free is not None:
        memory.available_bytes = lambda device: free
    options = FitOptions(batch_size=batch, recompute=recompute, class_chunk=chunk)
    fitting = TrainingPass(task, options, seed=0)
    before = peak(device.type)
    begun = time.perf_counter()
    losses, _ = fitting.advance(10)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return {
        "recompute": recompute,
        "class_chunk": chunk,
        "free": free,
        "recomputed": fitting.prompts.recompute,
        "estimate_mb": round(activation_bytes(fitting.prompts, tower) / 1e6),
        "peak_mb": round(peak(device.type) / 1e6),
        "step_mb": round((peak(device.type) - before) / 1e6),
        "seconds": round(time.perf_counter() - begun, 1),
        "loss": losses.total,
    }


def peak(kind: str) -> int:
    """Bytes, so far."""
    if kind == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=1024, help="photos per step")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--way", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way is not None:
        print(json.dumps(measure(given.way, given.device, given.classes, given.batch)))
        return
    print(f"one step, {given.classes} classes, {given.batch} photos, on {given.device}")
    found: list[dict[str, Any]] = []
    for way, (recompute, chunk, free) in enumerate(WAYS):
        command = [sys.executable, __file__, "--way", str(way), "--device", given.device]
        command += ["--classes", str(given.classes), "--batch", str(given.batch)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        found.append(row)
        title = f"{recompute}, chunks of {chunk}" + (f", {free / 1e9:.0f} GB free" if free else "")
        print(
            f"  {title:30} {'recomputed' if row['recomputed'] else 'kept':10} peak "
            f"{row['peak_mb']:6} MB, of which the step {row['step_mb']:6} MB (kept by estimate: "
            f"{row['estimate_mb']} MB), {row['seconds']:5.1f} s",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
