"""Features of parts: where they come from, and which towers have none."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from PIL import Image
from tiny_backbone import DIM, tiny_clip
from torch import Tensor, nn

from trainer.backbone import Backbone, load_backbone
from trainer.dense import DenseTower, cells_along, dense_tower
from trainer.suggested import is_downloaded
from trainer.windows import BOXES, unit_windows

CPU = torch.device("cpu")


class Model(nn.Module):
    """An image tower alone."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual.eval()

    def encode_image(self, pixels: Tensor) -> Tensor:
        return self.visual(pixels)


def timm_tower(name: str, pool: str, proj: str, **options: Any) -> Model:
    torch.manual_seed(0)
    visual = TimmModel("tf_efficientnet_lite0", DIM, image_size=64, pool="avg")
    if options:
        visual.trunk = timm.create_model(name, num_classes=0, **options)
        visual.head = nn.Sequential()
    else:
        visual = TimmModel(name, DIM, image_size=64, pool=pool, proj=proj)
    return Model(visual)


def siglip() -> Model:
    size = {"img_size": 64, "embed_dim": 48, "depth": 1, "num_heads": 2}
    return timm_tower("vit_base_patch16_siglip_224", "map", "none", **size)


def resnet() -> Model:
    torch.manual_seed(0)
    return Model(ModifiedResNet([1, 1, 1, 1], DIM, heads=4, image_size=96, width=8))


def found(model: nn.Module, side: int) -> DenseTower:
    tower = dense_tower(model, side, CPU)
    assert tower is not None
    return tower


@torch.no_grad()
def encoded(model: nn.Module, side: int) -> tuple[DenseTower, Tensor, Tensor, Tensor]:
    """The tower, pixels of two photos, their features and cells."""
    tower = found(model, side)
    pixels = torch.randn(2, 3, side, side)
    return tower, pixels, *tower.forward(pixels)


# ------------------------------------------------------------------------------ the grid


def test_windows_of_nine_cells_are_the_corners_and_the_middle() -> None:
    spans = [
        (cells_along(box.left, box.right, 9), cells_along(box.top, box.bottom, 9)) for box in BOXES
    ]
    near, far, middle = slice(0, 4), slice(5, 9), slice(2, 6)
    assert spans == [(near, near), (far, near), (near, far), (far, far), (middle, middle)]


@pytest.mark.parametrize("side", range(3, 40))
def test_corners_touch_the_edges_of_every_grid(side: int) -> None:
    for box in BOXES:
        across = cells_along(box.left, box.right, side)
        assert 0 <= across.start < across.stop <= side
        assert (across.start == 0) == (box.left == 0)
        assert (across.stop == side) == (abs(box.right - 1) < 1e-9)
        assert across.stop - across.start == max(1, round(side * 4 / 9))


# -------------------------------------------------------------------------------- towers


@pytest.mark.parametrize(
    ("model", "side"),
    [
        (timm_tower("tf_efficientnet_lite0", "avg", "linear"), 128),
        (timm_tower("convnext_atto", "avg", "mlp"), 128),
        (siglip(), 64),
        (resnet(), 96),
        (tiny_clip(), 64),
    ],
    ids=["efficientnet", "convnext", "siglip", "resnet", "transformer"],
)
@torch.no_grad()
def test_the_feature_of_the_whole_photo_is_that_of_encode_image(
    model: nn.Module, side: int
) -> None:
    tower, pixels, features, cells = encoded(model, side)
    torch.testing.assert_close(features, model.encode_image(pixels), rtol=0, atol=0)  # type: ignore[operator]
    dim = features.shape[1]
    assert tower.windows(cells).shape == (2, len(BOXES), dim)
    assert tower.map(cells).shape == (2, cells.shape[1], cells.shape[1], dim)


@torch.no_grad()
def test_the_cells_of_an_averaging_tower_average_to_the_feature() -> None:
    tower, _, features, cells = encoded(timm_tower("tf_efficientnet_lite0", "avg", "linear"), 128)
    dense = tower.map(cells)
    torch.testing.assert_close(dense.mean(dim=(1, 2)), features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        tower.windows(cells)[:, 0], dense[:, :2, :2].mean(dim=(1, 2)), rtol=1e-4, atol=1e-5
    )


@torch.no_grad()
def test_a_tower_that_pools_by_attention_pools_a_window_alike() -> None:
    tower, _, features, cells = encoded(siglip(), 64)
    torch.testing.assert_close(tower.pool(cells), features)
    changed = cells.clone()
    changed[:, :2, :2] += 1
    before, after = tower.windows(cells), tower.windows(changed)
    assert (before[:, 0] != after[:, 0]).any()
    # The last corner has none of the cells that changed.
    torch.testing.assert_close(before[:, 3], after[:, 3])


@torch.no_grad()
def test_the_cells_of_a_transformer_look_at_those_with_queries_like_their_own() -> None:
    """Against the formula, a head at a time."""
    model: Any = tiny_clip()
    visual: VisionTransformer = model.visual
    tower, pixels, _, cells = encoded(model, 64)
    blocks: Any = visual.transformer.resblocks
    *before, last = blocks
    tokens = visual._embeds(pixels)
    for block in before:
        tokens = block(tokens)
    normed = last.ln_1(tokens)
    projected = normed @ last.attn.in_proj_weight.T + last.attn.in_proj_bias
    queries, _, values = projected.chunk(3, dim=-1)
    width = queries.shape[-1] // last.attn.num_heads
    heads = []
    for start in range(0, queries.shape[-1], width):
        query, value = queries[..., start : start + width], values[..., start : start + width]
        attention = (query @ query.transpose(1, 2) / width**0.5).softmax(dim=-1)
        heads.append(attention @ value)
    attended = last.attn.out_proj(torch.cat(heads, dim=-1))
    expected = (visual.ln_post(attended) @ visual.proj)[:, 1:].reshape(2, 4, 4, DIM)
    torch.testing.assert_close(tower.map(cells), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_cells_of_a_resnet_are_projected_values() -> None:
    model = resnet()
    tower, pixels, _, cells = encoded(model, 96)
    visual: Any = model.visual
    raw = visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(pixels)))))
    expected = visual.attnpool.c_proj(visual.attnpool.v_proj(raw.permute(0, 2, 3, 1)))
    torch.testing.assert_close(tower.map(cells), expected)


def coca() -> nn.Module:
    config: dict[str, Any] = {
        "image_size": 64,
        "layers": 1,
        "width": 64,
        "patch_size": 16,
        "head_width": 32,
    }
    vision = open_clip.model.CLIPVisionCfg(**config, attentional_pool=True, attn_pooler_heads=2)
    return Model(open_clip.model._build_vision_tower(DIM, vision))


@pytest.mark.parametrize(
    ("model", "side"),
    [
        (timm_tower("vit_tiny_patch16_224", "token", "", img_size=64, depth=1), 64),
        (coca(), 64),
        (Model(nn.Flatten()), 64),
        (timm_tower("tf_efficientnet_lite0", "avg", "linear"), 64),
    ],
    ids=["class token", "coca", "unknown", "two cells a side"],
)
def test_other_towers_have_no_windows(model: nn.Module, side: int) -> None:
    assert dense_tower(model, side, CPU) is None


def test_a_tower_whose_parts_are_not_finite_has_no_windows() -> None:
    model: Any = tiny_clip()
    model.visual.transformer.resblocks[-1].attn.out_proj.bias.data[0] = float("inf")
    assert dense_tower(model, 64, CPU) is None


# ------------------------------------------------------------------------------ backbone


@pytest.fixture(scope="module")
def backbone(tiny_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_folder}", "cpu", fast_images=True)


def test_features_and_windows_come_from_one_pass(backbone: Backbone) -> None:
    assert backbone.windows == 5
    pixels = torch.randn(3, 3, 64, 64)
    passes: list[int] = []
    visual: Any = backbone.model.visual
    handle = visual.conv1.register_forward_hook(lambda *_: passes.append(1))
    try:
        features, windows = backbone.encode_with_windows(pixels)
    finally:
        handle.remove()
    assert passes == [1]
    np.testing.assert_array_equal(features, backbone.encode_images(pixels))
    assert (windows.shape, windows.dtype) == ((3, 5, DIM), np.int8)
    dense = backbone.encode_map(pixels[1])
    assert (dense.shape, dense.dtype) == ((4, 4, DIM), np.float16)
    tower = found(backbone.model, 64)
    with torch.inference_mode():
        exact = tower.windows(tower.forward(pixels)[1]).numpy()
    exact /= np.linalg.norm(exact, axis=-1, keepdims=True)
    assert (unit_windows(windows) * exact).sum(axis=-1).min() > 0.9999


def test_a_window_that_overflows_is_the_whole_photo(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = torch.randn(2, 3, 64, 64)
    tower = backbone._dense
    assert tower is not None
    real = tower.windows

    def overflow(cells: Tensor) -> Tensor:
        windows = real(cells)
        windows[1, 2, 5] = float("inf")
        return windows

    monkeypatch.setattr(tower, "windows", overflow)
    features, windows = backbone.encode_with_windows(pixels)
    cosines = (unit_windows(windows) * features[:, None]).sum(axis=-1)
    assert cosines[1, 2] > 0.999
    assert (np.delete(cosines.ravel(), 7) < 0.999).all()


def test_a_backbone_without_windows_says_so(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backbone.__dict__, "_dense", None)
    assert backbone.windows == 0
    _, windows = backbone.encode_with_windows(torch.randn(2, 3, 64, 64))
    assert windows.shape == (2, 0, DIM)
    with pytest.raises(ValueError, match="parts"):
        backbone.encode_map(torch.randn(3, 64, 64))


@pytest.mark.parametrize(
    ("mode", "size", "sides"),
    [
        ("shortest", (300, 200), (1 / 6, 0, 5 / 6, 1)),
        ("shortest", (200, 400), (0, 0.25, 1, 0.75)),
        ("squash", (200, 400), (0, 0, 1, 1)),
        ("longest", (200, 400), (-0.5, 0, 1.5, 1)),
    ],
)
def test_what_is_seen_of_a_photo(
    backbone: Backbone, mode: str, size: tuple[int, int], sides: tuple[float, ...]
) -> None:
    box = dataclasses.replace(backbone, resize_mode=mode).seen(*size)
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(sides)


def test_lite_has_windows_and_its_folded_tower_the_same_ones(shared_photos: list[Path]) -> None:
    if not is_downloaded("lite"):
        pytest.skip("Lite is not built")
    fast, plain = load_backbone("lite", "cpu", fast_images=True), load_backbone("lite", "cpu")
    assert (fast.windows, fast.crops) == (5, False)
    photos = [Image.open(path).convert("RGB") for path in shared_photos[:2]]
    pixels = torch.stack([plain.preprocess(photo) for photo in photos])
    features, windows = fast.encode_with_windows(pixels)
    expected = plain.encode_with_windows(pixels)
    np.testing.assert_allclose(features, expected[0], atol=1e-4)
    assert (unit_windows(windows) * unit_windows(expected[1])).sum(axis=-1).min() > 0.9999
    assert fast.encode_map(pixels[0]).shape == (9, 9, 384)
