"""Folded towers compute what they computed before, or stay as they are."""

from __future__ import annotations

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from trainer.folding import fold_batch_norms


def with_history(module: nn.Module) -> nn.Module:
    """Batch norms that have seen something, so that leaving one out shows."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(part.running_var, 0.5, 2)  # type: ignore[arg-type]
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return module.eval()


def norms(module: nn.Module) -> int:
    return sum(isinstance(part, nn.BatchNorm2d) for part in module.modules())


def test_batch_norms_after_convolutions_are_folded_with_the_same_result() -> None:
    tower = with_history(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, groups=8),
            BatchNormAct2d(8, act_layer=nn.SiLU),
            nn.Flatten(),
        )
    )
    probe = torch.randn(2, 3, 9, 9)
    folded = fold_batch_norms(tower, probe)
    assert (norms(tower), norms(folded)) == (2, 0)
    other = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(folded(other), tower(other), rtol=1e-4, atol=1e-4)


class Misleading(nn.Module):
    """Registered side by side, used the other way round."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x)).flatten(1)


def test_a_tower_that_folding_would_change_stays_as_it_is() -> None:
    tower = with_history(Misleading())
    assert fold_batch_norms(tower, torch.randn(1, 3, 8, 8)) is tower


def test_a_tower_without_batch_norms_stays_as_it_is() -> None:
    tower = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Flatten())
    assert fold_batch_norms(tower, torch.randn(1, 3, 8, 8)) is tower
