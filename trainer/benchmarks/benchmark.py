"""Definitions of VOC-LT and COCO-LT: file names, photo folders, constants (imports no torch).

Numbers of images and classes and the bands of classes are not here: they are computed from the
lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BenchmarkKind:
    """One of the paper's data sets.

    name: on the command line; title: in the paper.
    labels, train, test, captions: names of the list files.
    image_prefixes: replacements for the first folder of a list's paths, so that ``--images`` may be
        the folder itself, its parent, or a folder with the photos in ``images/``.
    vocabulary: in ``resources/vocabularies``; class names in words for ``--class-names words``.
    options: of the distribution-balanced loss, as published for this data set (DESIGN section
        4; Wu et al. 2020): mu, and lambda and kappa of negative-tolerant regularisation.
    digest: of the authors' lists (:attr:`trainer.benchmarks.lists.BenchmarkLists.digest`), to
        recognise other lists with the same file names.
    where: how to obtain the photos, for messages.
    """

    name: str
    title: str
    labels: str
    train: str
    test: str
    captions: str
    image_prefixes: tuple[tuple[str, str], ...]
    vocabulary: str
    where: str
    digest: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


VOC_LT = BenchmarkKind(
    name="voc-lt",
    title="VOC-LT",
    labels="voc_labels.txt",
    train="voc_lt_train.txt",
    test="voc_lt_test.txt",
    captions="voc_lt_captions.txt",
    image_prefixes=(("", ""), ("VOCdevkit/", "")),
    vocabulary="voc20.txt",
    where=(
        "VOC-LT needs VOC2012 (trainval) and VOC2007 (test) unpacked into one VOCdevkit folder; "
        "--images is that folder or the one around it."
    ),
    digest="458b922c953cff85ca863820fdc76c9f",
    options={"mu": 0.3, "negative_scale": 5.0, "kappa": 0.05},
)

COCO_LT = BenchmarkKind(
    name="coco-lt",
    title="COCO-LT",
    labels="coco_labels.txt",
    train="coco_lt_train.txt",
    test="coco_lt_test.txt",
    captions="coco_lt_captions.txt",
    image_prefixes=(("", ""), ("", "images/")),
    vocabulary="coco80.txt",
    where=(
        "COCO-LT needs COCO 2017's train2017 and val2017 folders side by side; --images is the "
        "folder that holds them."
    ),
    digest="f4c513d00a9eaba7ba6a3fd15bbb0dbe",
    options={"mu": 0.2, "negative_scale": 2.0, "kappa": 0.05},
)

KINDS: dict[str, BenchmarkKind] = {kind.name: kind for kind in (VOC_LT, COCO_LT)}
