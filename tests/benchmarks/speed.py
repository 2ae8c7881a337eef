"""How much faster our LMPT is than a straightforward loop, and how long a retrain takes.

    python tests/benchmarks/speed.py [--device cpu] [--rounds 3] [--json FILE]

The task is of VOC-LT's size: 1,142 photos (JPEG, 500 x 375), 20 classes, 16 class-specific
context tokens, batches of 64, so 18 steps an epoch; ViT-B/16 with random weights, since only
the time matters.  Photos are drawn and reused; both sides read the same files.

*Theirs* is the loop as one would write it from the paper: every step opens and preprocesses its
64 photos with open_clip's own transform (in as many threads as ours), runs the image tower
without gradient, runs the text tower over all 77 positions of the 20 prompts, takes the
distribution-balanced and the class-specific embedding loss (token embeddings side by side), goes
back to the contexts and takes an SGD step.  It is not made slow: frozen weights need no
gradient, losses are vectorised, captions are tokenised beforehand, and on a GPU it has
autocast and its decoding counts as wholly hidden behind the computing, or the reverse.  Left
out is the random cropping that a loop may also do, which a cached feature cannot follow.

*Ours* is the trainer's own code: every photo goes through the encoder once (PhotoReader and
PhotoEncoder), which counts in full, and then each step is
:meth:`trainer.learner.TrainingPass.advance` with the same batch, losses, optimiser and number of
context tokens on cached features.

Both run in this process with the same number of torch threads, in turns (ours, theirs, ours,
theirs, ...), because the machine may be shared; each figure is the median over the rounds.  What
50 epochs take is computed from these: theirs 50 x 18 whole steps; ours one encoding of 1,142
photos and 50 passes over them in the batches that the app uses (1,024, one step an epoch,
``ratio_50_epochs``): a step costs the text tower alone, so larger batches are free.  That is
another schedule, fewer and larger steps, so the same 50 x 18 steps have a line of their own
(``ratio_50_epochs_same_steps``).

Last, whole default retrains (:func:`trainer.fit.fit`, backbone loading included) on as many
features and classes, for the bundled Lite and for ViT-B/16.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the trainer's processes

import numpy as np
import open_clip
import torch
from paper_loop import CONTEXT, PaperLoop
from PIL import Image, ImageDraw, ImageFilter
from safetensors.torch import save_file

from trainer import captions, dataset, job
from trainer.arrays import unit_rows
from trainer.backbone import Backbone, load_backbone
from trainer.cancel import CancelToken
from trainer.computer import cores
from trainer.device import choose_device, device_label
from trainer.encode import SHARPNESS, default_threads
from trainer.events import FitFinished, FitProgress, Message
from trainer.fit import fit
from trainer.learner import Task, TrainingPass, embed_templates
from trainer.options import FitOptions
from trainer.photo_encoder import PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.resources import resources_dir
from trainer.text_tower import TextTower

MODEL = "ViT-B-16"
PHOTOS, BATCH, EPOCHS = 1142, 64, 50
STEPS_PER_EPOCH = math.ceil(PHOTOS / BATCH)
SEED = 0


# ------------------------------------------------------------------------- the task


def class_names() -> list[str]:
    """VOC's twenty."""
    text = (resources_dir() / "vocabularies" / "voc20.txt").read_text("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


def draw_targets(classes: int) -> np.ndarray:
    """(1142, C) int8, every entry known; class counts fall off as VOC-LT's do (775 down to 4)."""
    r = np.random.default_rng(SEED)
    counts = np.geomspace(775, 4, classes).round().astype(int)
    targets = np.zeros((PHOTOS, classes), np.int8)
    for index, count in enumerate(counts):
        targets[r.choice(PHOTOS, count, replace=False), index] = 1
    bare = np.flatnonzero(targets.sum(1) == 0)
    targets[bare, 0] = 1
    return targets


def draw_photos(folder: Path, count: int) -> list[Path]:
    """JPEG files of 500 x 375 with shapes, blur and grain, about as large as VOC's."""
    r = np.random.default_rng(SEED)
    paths = []
    for index in range(count):
        small = r.integers(0, 255, (12, 16, 3), np.uint8)
        image = Image.fromarray(small).resize((500, 375), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(image)
        for _ in range(12):
            x, y, size = (int(r.integers(*span)) for span in ((0, 500), (0, 375), (10, 120)))
            pen.ellipse((x, y, x + size, y + size), fill=_colour(r))
        image = image.filter(ImageFilter.GaussianBlur(1))
        grain = np.asarray(image, np.int16) + r.normal(0, 6, (375, 500, 3)).astype(np.int16)
        path = folder / f"{index:04}.jpg"
        Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(path)
    return paths


def _colour(r: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = r.integers(0, 255, 3)
    return int(red), int(green), int(blue)


def random_backbone_folder(folder: Path) -> str:
    """Name of a ViT-B-16 with random weights, as ``load_backbone`` takes it."""
    torch.manual_seed(SEED)
    model = open_clip.create_model(MODEL)
    save_file(dict(model.state_dict()), folder / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip.get_model_config(MODEL), "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return f"local-dir:{folder}"


# ------------------------------------------------------------------------------ ours


class Ours:
    """The trainer's own encoding and steps."""

    def __init__(self, backbone: Backbone, names: list[str], targets: np.ndarray) -> None:
        self.backbone = backbone
        self.device = backbone.device
        tower = TextTower(backbone.model, backbone.tokenizer)
        texts = captions.captions_for([""] * PHOTOS, targets, names)
        tokens = captions.tokenise(texts, tower)
        random = np.random.default_rng(SEED)
        features = unit_rows(random.normal(size=(PHOTOS, backbone.dim)))
        self.task = Task(
            tower=tower,
            texts=names,
            zero_shot=embed_templates(tower, names, ["a photo of a {}."]),
            train=dataset.to_tensors(features, targets, tokens.index, self.device),
            validation=None,
            captions=tokens,
            caption_features=torch.zeros(0, 0),
            start_scale=20.0,
            start_bias=-4.0,
            autocast=torch.bfloat16 if self.device.type == "cuda" else None,
        )

    def fitting(self, batch: int) -> TrainingPass:
        options = FitOptions(
            context_tokens=CONTEXT,
            batch_size=batch,
            optimiser="sgd",
            learning_rate=5e-4,
            embedding_space="token",
            mu=0.3,
            negative_scale=5.0,
        )
        return TrainingPass(self.task, options, SEED)

    def encode(self, paths: Sequence[Path]) -> None:
        """Files to features, as the encoder process does it."""
        encoder = PhotoEncoder(self.backbone)
        reader = PhotoReader(
            self.backbone.fast_preprocess or self.backbone.preprocess,
            at_least=SHARPNESS * self.backbone.input_side,
            threads=default_threads(self.device),
            window=3 * encoder.batch,
        )
        reader.add(paths)
        made = encoder.encode(len(paths), reader.take)
        reader.close()
        assert len(made.features) == len(paths), made.failures


# ------------------------------------------------------------------------- measuring


@dataclass
class Times:
    """Seconds of each part, one per round."""

    ours_photo: list[float]
    ours_step: list[float]
    ours_large_step: list[float]
    theirs_read: list[float]
    theirs_encode: list[float]
    theirs_learn: list[float]

    @staticmethod
    def none() -> Times:
        return Times([], [], [], [], [], [])

    def median(self, name: str) -> float:
        return statistics.median(getattr(self, name))


class Timer:
    def __init__(self, device: torch.device) -> None:
        self._device = device

    def __call__(self, work: Callable[[], object]) -> float:
        self._finish()
        begun = time.perf_counter()
        work()
        self._finish()
        return time.perf_counter() - begun

    def _finish(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def measure(ours: Ours, theirs: PaperLoop, paths: list[Path], *, rounds: int, steps: int) -> Times:
    """In turns; the first, unmeasured turn warms both up."""
    timer, times = Timer(ours.device), Times.none()
    small, large = ours.fitting(BATCH), ours.fitting(FitOptions().batch_size)
    total = EPOCHS * STEPS_PER_EPOCH
    batch = paths[:BATCH]
    rows = torch.arange(BATCH, device=ours.device)

    half = max(1, steps // 2)

    def each(count: int, step: Callable[[], object]) -> float:
        return timer(lambda: [step() for _ in range(count)]) / count

    pixels = theirs.read(batch)
    features = theirs.encode(pixels[:8]).repeat(BATCH // 8, 1)
    theirs.learn(features, rows)
    ours.encode(batch[:8])
    small.advance(total)
    large.advance(EPOCHS)
    for _ in range(rounds):
        times.ours_photo.append(timer(lambda: ours.encode(paths)) / len(paths))
        times.ours_step.append(each(steps, lambda: small.advance(total)))
        times.ours_large_step.append(each(half, lambda: large.advance(EPOCHS)))
        times.theirs_read.append(timer(lambda: theirs.read(batch)))
        times.theirs_encode.append(timer(lambda: theirs.encode(pixels)))
        times.theirs_learn.append(each(half, lambda: theirs.learn(features, rows)))
    return times


@dataclass(frozen=True)
class Totals:
    """Seconds for a number of epochs."""

    ours: float
    ours_large: float
    theirs: float


def totals(times: Times, epochs: int, *, overlap: bool) -> Totals:
    """Extrapolate.  ``overlap``: their decoding runs beside a GPU's computing."""
    read, encode, learn = map(times.median, ("theirs_read", "theirs_encode", "theirs_learn"))
    share = PHOTOS / (BATCH * STEPS_PER_EPOCH)  # the last batch is not full
    compute = encode * share + learn
    step = max(read * share, compute) if overlap else read * share + compute
    first = PHOTOS * times.median("ours_photo")
    return Totals(
        ours=first + epochs * STEPS_PER_EPOCH * times.median("ours_step"),
        ours_large=first + epochs * times.median("ours_large_step"),
        theirs=epochs * STEPS_PER_EPOCH * step,
    )


def report(times: Times, *, rounds: int, steps: int, photos: int, overlap: bool) -> dict[str, Any]:
    """Print and return what the JSON file holds of the comparison."""
    print(
        f"extrapolated from {rounds} rounds, in turns; each round: ours {photos} photos, {steps} "
        f"steps of {BATCH} and {max(1, steps // 2)} of {FitOptions().batch_size}; theirs 1 batch "
        f"of {BATCH} photos and {max(1, steps // 2)} text steps. Medians:"
    )
    read, encode, learn = map(times.median, ("theirs_read", "theirs_encode", "theirs_learn"))
    print(f"  ours    {1000 * times.median('ours_photo'):8.1f} ms per photo, once")
    print(f"          {1000 * times.median('ours_step'):8.1f} ms per step of {BATCH}")
    print(f"          {1000 * times.median('ours_large_step'):8.1f} ms per step of 1,024")
    print(
        f"  theirs  {1000 * (read + encode + learn):8.1f} ms per step of {BATCH}: "
        f"decode {1000 * read:.1f}, image tower {1000 * encode:.1f}, text and back "
        f"{1000 * learn:.1f}"
    )
    found: dict[str, Any] = {}
    for epochs in (1, EPOCHS):
        each = totals(times, epochs, overlap=overlap)
        name = f"ratio_{epochs}_epoch{'s' if epochs > 1 else ''}"
        found[f"{name}_same_steps"] = round(each.theirs / each.ours, 2)
        found[name] = round(each.theirs / each.ours_large, 2)
        print(
            f"  {epochs:2} epoch{'s' if epochs > 1 else ' '}  theirs {each.theirs:9.1f} s   ours "
            f"{each.ours:8.1f} s = {each.theirs / each.ours:6.1f} x   ours in large batches "
            f"{each.ours_large:8.1f} s = {each.theirs / each.ours_large:6.1f} x"
        )
    after = totals(times, 1, overlap=overlap)
    first = PHOTOS * times.median("ours_photo")
    found["ratio_later_epochs"] = round(after.theirs / (after.ours - first), 2)
    found["seconds_50_epochs"] = {
        "theirs": round(totals(times, EPOCHS, overlap=overlap).theirs, 1),
        "ours": round(totals(times, EPOCHS, overlap=overlap).ours, 1),
        "encoding": round(first, 1),
    }
    print(f"  an epoch after the first encoding ({first:.1f} s): {found['ratio_later_epochs']} x")
    return found


# ------------------------------------------------------------------- a whole retrain


def retrain(name: str, title: str, device: str, names: list[str], targets: np.ndarray) -> float:
    """Seconds of a default retrain on features that hold the classes' own text embeddings."""
    backbone = load_backbone(name, device)
    written = backbone.encode_texts(names, backbone.templates)
    r = np.random.default_rng(SEED)
    noise = r.normal(size=(PHOTOS, backbone.dim)) / math.sqrt(backbone.dim)
    features = targets @ (written - written.mean(0)) * 2 + noise
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    made = job.FitJob(
        settings=job.JobSettings(backbone=name, device=device, seed=SEED),
        classes=[job.JobClass(item) for item in names],
        image_ids=np.arange(PHOTOS),
        features=features.astype(np.float16),
        targets=targets,
        split=np.full(PHOTOS, job.UNASSIGNED, np.int8),
        captions=[""] * PHOTOS,
        baseline_embeddings=written,
        baseline_biases=np.full(len(names), backbone.bias or -4.0, np.float32),
        baseline_scale=backbone.scale,
    )
    del backbone
    events: list[Message] = []
    with tempfile.TemporaryDirectory() as folder:
        job.save(made, Path(folder))
        begun = time.perf_counter()
        outcome = fit(Path(folder), events.append, CancelToken())
        seconds = time.perf_counter() - begun
    assert isinstance(outcome, FitFinished), outcome
    progress = [event for event in events if isinstance(event, FitProgress)]
    print(
        f"full default retrain, {title}: {seconds:.1f} s, loading included ({progress[-1].step} "
        f"steps{', stopped early' if outcome.stopped_early else ''})",
        flush=True,
    )
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, mps or auto")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (default 3)")
    parser.add_argument("--steps", type=int, default=8, help="our steps per round (default 8)")
    parser.add_argument("--photos", type=int, default=64, help="our photos per round (default 64)")
    parser.add_argument("--threads", type=int, default=0, help="of torch (default: all cores)")
    parser.add_argument("--skip-retrain", action="store_true", help="measure only the ratio")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    given = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)  # open_clip warns of random weights
    threads = given.threads or cores()
    torch.set_num_threads(threads)
    device = choose_device(given.device)
    names = class_names()
    targets = draw_targets(len(names))
    print(
        f"LMPT at VOC-LT's size on {device_label(device)}, {threads} threads, load "
        f"{os.getloadavg()[0]:.1f}: {PHOTOS} photos, {len(names)} classes, {CONTEXT} context "
        f"tokens, batch {BATCH}, {MODEL} with random weights",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        name = random_backbone_folder(Path(folder))
        paths = draw_photos(Path(folder), max(given.photos, BATCH))
        ours = Ours(load_backbone(name, device, fast_images=True), names, targets)
        plain = load_backbone(name, device)
        plain.model.to(memory_format=cast(Any, torch.contiguous_format))
        theirs = PaperLoop(plain, names, targets)
        times = measure(ours, theirs, paths, rounds=given.rounds, steps=given.steps)
        found = report(
            times,
            rounds=given.rounds,
            steps=given.steps,
            photos=len(paths),
            overlap=device.type != "cpu",
        )
        del ours, theirs, plain
        if not given.skip_retrain:
            found["retrain_s"] = {
                title: round(retrain(item, title, str(device), names, targets), 1)
                for item, title in (("lite", "lite"), (name, MODEL))
            }
    found |= {"device": device_label(device), "threads": threads, "rounds": given.rounds}
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
