"""Tag a folder as a short script with open_clip would: ``python peers/open_clip_tags.py PHOTOS
MODEL NAMES OUT``.

The same checkpoint, class names and sentences as ours, photos in batches of 32, a row for each
class of each photo.  No windows, which ours looks at besides.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import open_clip
import torch
from PIL import Image
from torch.nn.functional import normalize

BATCH = 32


@torch.inference_mode()
def main(photos: Path, model_folder: Path, names: list[str], out: Path) -> None:
    made = open_clip.create_model_and_transforms(f"local-dir:{model_folder}")
    model = cast(open_clip.CLIP, made[0]).eval()
    preprocess = cast(Callable[[Image.Image], torch.Tensor], made[2])
    tokenizer = open_clip.get_tokenizer(f"local-dir:{model_folder}")
    settings = json.loads((model_folder / "lmpt.json").read_text(encoding="utf-8"))
    sentences = [sentence.format(name) for name in names for sentence in settings["templates"]]
    texts = model.encode_text(tokenizer(sentences), normalize=True)
    classes = normalize(texts.view(len(names), -1, texts.shape[1]).mean(dim=1), dim=1)
    paths = sorted(path for path in photos.iterdir() if path.suffix.lower() == ".jpg")
    with out.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "class", "score"])
        for start in range(0, len(paths), BATCH):
            part = paths[start : start + BATCH]
            pixels = []
            for path in part:
                with Image.open(path) as photo:
                    pixels.append(preprocess(photo.convert("RGB")))
            features = model.encode_image(torch.stack(pixels), normalize=True)
            scores = torch.sigmoid(settings["scale"] * features @ classes.T + settings["bias"])
            for path, found in zip(part, scores.tolist(), strict=True):
                rows.writerows(
                    (path, name, score) for name, score in zip(names, found, strict=True)
                )


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        Path(sys.argv[3]).read_text(encoding="utf-8").splitlines(),
        Path(sys.argv[4]),
    )
