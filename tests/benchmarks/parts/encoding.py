"""Ours against the bare forward rate: ``python parts/encoding.py ROUNDS PHOTOS``; see ``scale.py``.

``encode_rate.py`` does the measuring; here its ratios become figures.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import encode_rate
import torch
from parts.figures import row

from trainer.backbone import load_backbone
from trainer.computer import cores
from trainer.encode import default_threads
from trainer.suggested import is_downloaded


def main(rounds: int, folder: Path) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    torch.set_num_threads(cores())
    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(sys.stderr):
        names = [*(["lite"] if is_downloaded("lite") else []), "ViT-B-32"]
        for name in names:
            if name == "lite":
                backbone = load_backbone(name, "auto", fast_images=True)
            else:
                backbone = encode_rate.whole_random_backbone(name, Path(place), "auto")
            plain = load_backbone(backbone.name, "auto")
            plain.model.to(memory_format=cast(Any, torch.contiguous_format))
            threads = default_threads(backbone.device)
            clock, cpu = encode_rate.report(backbone, plain, paths, rounds, threads)
            rows.append(row(f"encoder / bare forward, {name}", 100 * clock, "%", 90, "higher"))
            rows.append(
                row(f"encoder / bare forward, {name}, CPU time", 100 * cpu, "%", None, "higher")
            )
    print("\n" + json.dumps(rows), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
