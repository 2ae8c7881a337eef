"""Running out of memory costs time, not the run; a fake allocator stands in for a small GPU."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbone import tiny_backbone
from tiny_fits import make_job, run

from trainer import job, memory, prompt_set
from trainer.events import FitFailed, FitFinished
from trainer.optimiser import Optimiser
from trainer.options import FitOptions
from trainer.out_of_memory import is_out_of_memory
from trainer.text_tower import TextTower


class SmallMemory:
    """Lets no more than ``limit`` texts through the tower at once where gradients are kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: int, *, kept: bool = False) -> None:
        self.refused: list[int] = []
        plain = TextTower.forward

        def forward(tower: TextTower, ids: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
            if len(ids) > limit and (kept or embeddings.requires_grad):
                self.refused.append(len(ids))
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
            return plain(tower, ids, embeddings)

        monkeypatch.setattr(TextTower, "forward", forward)


def learned(folder: Path, zero_shot: np.ndarray, **options: Any) -> np.ndarray:
    given: dict[str, Any] = {"steps": 8} | options
    outcome, _ = run(folder, make_job(zero_shot, **given))
    assert isinstance(outcome, FitFinished), outcome
    return prompt_set.load(Path(outcome.prompt_set)).class_embeddings


def test_thrift_costs_time_first_then_smaller_batches_and_ends() -> None:
    options: FitOptions | None = FitOptions(class_chunk=64, batch_size=100)
    seen: list[tuple[str, int, int]] = []
    while (
        options := memory.reduce_memory(options, classes=8, recomputing=options.recompute == "on")
    ) is not None:
        seen.append((options.recompute, options.class_chunk, options.batch_size))
    assert seen == [
        ("on", 64, 100),
        ("on", 4, 100),
        ("on", 2, 100),
        ("on", 1, 100),
        ("on", 1, 50),
        ("on", 1, 25),
        ("on", 1, 16),
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_tells_lack_of_memory_from_other_errors(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_a_step_that_does_not_fit_is_taken_again_in_smaller_pieces(
    tmp_path: Path,
    zero_shot: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = learned(tmp_path / "plenty", zero_shot, class_chunk=2, recompute="on")
    small = SmallMemory(monkeypatch, limit=2)
    with caplog.at_level(logging.WARNING, "trainer"):
        found = learned(tmp_path / "little", zero_shot)
    assert found == pytest.approx(expected, abs=1e-6)
    # Once for activations kept, once each for chunks of 8 and 4; then the run remembers, also in
    # its second descent.
    assert small.refused == [8, 8, 4]
    lines = [item.message for item in caplog.records if "out of memory at step 1" in item.message]
    assert len(lines) == 3
    assert "2 classes" in lines[-1]


def test_a_step_interrupted_while_it_changes_the_prompts_begins_where_it_began(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = learned(tmp_path / "plenty", zero_shot, recompute="on")
    plain, calls = Optimiser.step, 0

    def step(self: Optimiser, factor: float) -> None:
        nonlocal calls
        calls += 1
        plain(self, factor)
        if calls in (1, 5):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Optimiser, "step", step)
    found = learned(tmp_path / "little", zero_shot)
    assert calls > 5
    assert found == pytest.approx(expected, abs=1e-6)


def test_gives_up_after_the_smallest_pieces(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SmallMemory(monkeypatch, limit=0)
    outcome, _ = run(tmp_path, make_job(zero_shot))
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "no-memory"
    assert "not enough memory" in outcome.message
    assert small.refused[-1] == 1
    assert len(small.refused) < 20
    assert not (tmp_path / job.RESULT_NAME).exists()


def test_texts_are_encoded_in_smaller_chunks_where_memory_runs_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backbone = tiny_backbone()
    tower = TextTower(backbone.model, backbone.tokenizer)
    ids, _ = tower.rows([tower.body_ids(f"thing number {i}") for i in range(11)])
    expected = tower.encode(ids)
    small = SmallMemory(monkeypatch, limit=3, kept=True)
    assert tower.encode(ids).numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    assert small.refused == [11, 5]
    SmallMemory(monkeypatch, limit=0, kept=True)
    with pytest.raises(torch.OutOfMemoryError):
        tower.encode(ids)


@pytest.mark.parametrize(("available", "recomputes"), [(10**12, False), (10**5, True)])
def test_activations_are_kept_only_where_there_is_memory_for_them(
    tmp_path: Path,
    zero_shot: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    available: int,
    recomputes: bool,
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: available)
    used: list[bool] = []
    plain = TextTower.encode_with_gradient

    def watched(self: TextTower, *given: Any, recompute: bool, **named: Any) -> torch.Tensor:
        used.append(recompute)
        return plain(self, *given, recompute=recompute, **named)

    monkeypatch.setattr(TextTower, "encode_with_gradient", watched)
    learned(tmp_path, zero_shot)
    assert any(used) is recomputes


def test_the_memory_of_this_computer_is_known() -> None:
    assert memory.available_bytes(torch.device("cpu")) > 10**6
