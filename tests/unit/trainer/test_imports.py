"""What the trainer's commands load: what they do not use costs seconds at every start."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_fits import make_job

from trainer import job

CODE = """
import sys
from pathlib import Path

def loaded(*names):
    return sorted(set(names) & set(sys.modules))

compiler = ("torch._dynamo", "sympy")
from trainer.cancel import CancelToken
from trainer.fit import fit
print(loaded("torchvision", "timm", "open_clip", "sklearn", "scipy", *compiler))
print(type(fit(Path(sys.argv[1]), lambda event: None, CancelToken())).__name__)
print(loaded("torchvision", "timm", "open_clip", *compiler))
from trainer.__main__ import build_parser
build_parser("encode")
from trainer.load_encoder import load_encoder
load_encoder(sys.argv[2], "cpu", None)
print(loaded("torchvision", *compiler))
import torch
print("torch._dynamo.utils" in sys.modules, torch.compiler.disable.__module__)
"""


@pytest.mark.timeout(300)
def test_a_run_loads_no_image_libraries_and_the_encoder_no_compiler(
    tmp_path: Path, zero_shot: np.ndarray, tiny_folder: Path
) -> None:
    name = f"local-dir:{tiny_folder}"
    made = make_job(zero_shot, images=60, steps=2)
    job.save(replace(made, settings=replace(made.settings, backbone=name)), tmp_path / "job")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "job"), name],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "[]",
        "FitFinished",
        "[]",
        "['torchvision']",
        "False torch.compiler",
    ]


WITHOUT_OPERATORS = """
import sys
import torch

def missing(path):
    raise OSError(path)

# As beside a torch for the CPU, if torchvision was made for one with CUDA.
torch.ops.load_library = missing
from trainer.without_compiler import TOLD, import_models
import_models()
print("torchvision.transforms" in sys.modules, "open_clip" in sys.modules, TOLD in sys.modules)
"""


def test_the_image_libraries_load_without_torchvisions_operators() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OPERATORS],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True True False\n"
