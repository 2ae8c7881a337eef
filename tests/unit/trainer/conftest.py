"""The tiny backbone as tests want it: a registered architecture, a folder, class embeddings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_backbone
import tiny_fits

TINY = "tiny-clip-for-tests"


@pytest.fixture(scope="session", autouse=True)
def fits_take_one_thread() -> Iterator[None]:
    """Tests run side by side: threads for every core would wait for each other in each step."""
    from trainer import fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "cores", lambda: 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def merges_are_read_once() -> Iterator[None]:
    """CLIP's tokenizer takes a tenth of a second to make, and most tests make some."""
    from open_clip import SimpleTokenizer

    made: dict[str, dict[str, Any]] = {}
    plain = SimpleTokenizer.__init__

    def shared(self: SimpleTokenizer, *given: Any, **options: Any) -> None:
        key = repr((given, sorted(options.items())))
        if key not in made:
            plain(self, *given, **options)
            made[key] = dict(vars(self))
        vars(self).update(made[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimpleTokenizer, "__init__", shared)
        yield


@pytest.fixture(scope="session")
def tiny_architecture(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name under which open_clip now knows the tiny architecture."""
    import open_clip

    file = tmp_path_factory.mktemp("configs") / f"{TINY}.json"
    file.write_text(json.dumps(tiny_backbone.CONFIG), encoding="utf-8")
    open_clip.add_model_config(file)
    return TINY


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the form of the bundled Lite backbone, calibration included."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_backbone.write(folder)
    return folder


@pytest.fixture(scope="session")
def zero_shot() -> np.ndarray:
    """Hand-written embeddings of :data:`tiny_fits.NAMES` by the tiny backbone, (8, 32)."""
    return tiny_fits.written_embeddings(tiny_fits.NAMES)


@pytest.fixture(scope="session")
def shared_photos() -> list[Path]:
    """Real photos, when they are at hand."""
    root = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    photos = sorted((root / "photos" / "images").glob("*.jpg"))
    if not photos:
        pytest.skip(f"no shared photos in {root}")
    return photos
