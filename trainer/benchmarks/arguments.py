"""Command-line arguments of ``reproduce`` (imports nothing heavy)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from trainer.benchmarks.benchmark import KINDS
from trainer.benchmarks.request import ALL, BOTH
from trainer.job import JobError
from trainer.options import LOSSES, METHODS, FitOptions

HELP = (
    "run the paper's benchmarks, VOC-LT and COCO-LT",
    """Trains on VOC-LT or COCO-LT like the LMPT paper (arXiv 2305.04536) and prints the paper's
table beside ours: zero-shot, LMPT as published and our default method, as mean average precision
in total and for head, medium and tail classes.

You need the photos and the authors' lists:
  --images  VOCdevkit with VOC2012 (trainval) and VOC2007 (test), or the folder around it;
            for COCO the folder that holds train2017 and val2017
  --lists   voc_labels.txt, voc_lt_train.txt, voc_lt_test.txt, voc_lt_captions.txt (or coco_...),
            from github.com/richard-peng-xia/LMPT

Every photo is encoded once; features are kept in --cache, so that an interrupted run resumes,
and a second run starts with the training. Training uses only the training list; the test list is
used once, for the final evaluation.""",
)

EXAMPLES = """\
examples:
  lmpt-trainer reproduce voc-lt --images ~/data/VOCdevkit --lists ~/LMPT/lists \\
      --backbone ViT-B-16/openai --json voc-lt.json
  lmpt-trainer reproduce coco-lt --images ~/data/coco --lists ~/LMPT/lists --backbone RN50/openai

exit codes: 0 done, 1 failed (photos missing, a list that cannot be read, ...),
2 wrong arguments, 3 interrupted with Ctrl+C
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``lmpt-trainer reproduce``."""
    parser.add_argument("benchmark", choices=tuple(KINDS), help="the data set")
    parser.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="folder with the photos"
    )
    parser.add_argument(
        "--lists", type=Path, required=True, metavar="DIR", help="folder with the authors' lists"
    )
    parser.add_argument(
        "--backbone",
        required=True,
        metavar="NAME",
        help="ViT-B-16/openai (the paper's), RN50/openai, any other MODEL/PRETRAINED of "
        "open_clip, MODEL/path/to/weights, or lite; downloaded once if necessary",
    )
    parser.add_argument(
        "--method",
        choices=(*METHODS, BOTH, ALL),
        default=BOTH,
        help="lmpt-paper: trained as published (SGD, 50 epochs); lmpt: the paper's losses in few "
        "large steps; lmpt+: our default; instant: no learned prompt, in closed form; both: "
        "lmpt-paper and lmpt+ (default); all: every method",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="random seed of the training (default 0)"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="also write everything as JSON to FILE (- for stdout)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder for features and trained prompts (default: in the user's cache folder)",
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="continue without photos that are missing or cannot be read; they are counted and "
        "listed in the output",
    )
    parser.add_argument(
        "--limit",
        type=_positive,
        metavar="N",
        help="only the first N images of each list, for a quick test; not comparable",
    )
    parser.add_argument(
        "--class-names",
        choices=("list", "words"),
        default="list",
        help="list: class names as in the labels file (default); words: spelled out, as "
        "“dining table” for “diningtable”",
    )
    parser.add_argument(
        "--option",
        type=_option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a training option, such as context_tokens=16; may be repeated.  Losses: "
        + ", ".join(LOSSES),
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, cuda:1, mps or cpu")
    parser.add_argument("--threads", type=_positive, metavar="N", help="threads that decode photos")
    parser.add_argument("--batch", type=_positive, metavar="N", help="photos encoded at once")


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"“{text}” is not a whole number of at least 1")
    return int(text)


def _option(text: str) -> tuple[str, Any]:
    name, equals, written = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"“{text}” is not NAME=VALUE")
    try:
        value: Any = json.loads(written)
    except ValueError:
        value = written
    try:
        FitOptions.of({name: value})
    except JobError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name, value
