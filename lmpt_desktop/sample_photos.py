"""The real photos that the scikit-image and scikit-learn packages carry, as files (no Qt).

Both packages ship a few photos in their wheels.  They are copied, never downloaded; packages that
are not installed are left out.
"""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from lmpt_desktop import paths
from lmpt_desktop.translation import N_, _
from trainer.temporary_files import sweep, temporary_name


@dataclass(frozen=True)
class SamplePhoto:
    """A photo of a package: where it lies in it, the name of the copy, and its caption."""

    package: str
    inside: str
    name: str
    caption: str


SAMPLES = (
    SamplePhoto("skimage", "data/astronaut.png", "astronaut.png",
                "Astronaut Eileen Collins in front of a flag and a model of the space shuttle"),
    SamplePhoto("skimage", "data/chelsea.png", "cat.png", "A tabby cat called Chelsea"),
    SamplePhoto("skimage", "data/coffee.png", "coffee.png",
                "A cup of coffee with a spoon on a wooden table"),
    SamplePhoto("skimage", "data/motorcycle_left.png", "motorcycle.png",
                "A motorcycle in a garage"),
    SamplePhoto("skimage", "data/rocket.jpg", "rocket.jpg",
                "A rocket on the launch pad at dusk"),
    SamplePhoto("skimage", "data/camera.png", "photographer.png",
                "A photographer with a camera on a tripod, in black and white"),
    SamplePhoto("skimage", "data/coins.png", "coins.png", "Greek coins from Pompeii"),
    SamplePhoto("skimage", "data/hubble_deep_field.jpg", "galaxies.jpg",
                "Galaxies seen by the Hubble space telescope"),
    SamplePhoto("skimage", "data/clock_motion.png", "clock.png", "A wall clock, blurred"),
    SamplePhoto("skimage", "data/brick.png", "bricks.png", "A brick wall"),
    SamplePhoto("skimage", "data/grass.png", "grass.png", "Grass from above"),
    SamplePhoto("skimage", "data/gravel.png", "gravel.png", "Gravel"),
    SamplePhoto("skimage", "data/moon.png", "moon.png", "The surface of the moon"),
    SamplePhoto("sklearn", "datasets/images/china.jpg", "temple.jpg",
                "A Chinese temple with tiled roofs"),
    SamplePhoto("sklearn", "datasets/images/flower.jpg", "flower.jpg",
                "An orange dahlia"),
)  # fmt: skip

MISSING = N_(
    "The sample photos come with the scikit-image package, which is not installed. "
    "Install it with: pip install 'lmpt-desktop[samples]'"
)


class SamplesMissingError(Exception):
    """No package with sample photos is installed; the message says how to get one."""


def available() -> list[tuple[SamplePhoto, Path]]:
    """The sample photos on this computer, with their paths (imports no package)."""
    return [
        (sample, source)
        for sample in SAMPLES
        if (root := _package_folder(sample.package)) and (source := root / sample.inside).is_file()
    ]


def unavailable_reason() -> str:
    """Why the sample photos cannot be used, or "" if there are enough of them."""
    # scikit-learn alone has two, which is too few.
    return "" if len(available()) >= 3 else _(MISSING)


def copy_samples(target: Path | None = None) -> Path:
    """Copy the sample photos, with sidecar captions, to ``target`` and return it.

    Existing files stay, so that annotated photos are not replaced.

    Raises:
        SamplesMissingError: if too few are installed.
        OSError: if ``target`` cannot be written.
    """
    if reason := unavailable_reason():
        raise SamplesMissingError(reason)
    folder = target or paths.sample_photos_dir()
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    for sample, source in available():
        copy = folder / sample.name
        if not copy.exists():
            part = temporary_name(copy)
            shutil.copyfile(source, part)
            part.replace(copy)
        caption = copy.with_suffix(".txt")
        if not caption.exists():
            caption.write_text(sample.caption + "\n", encoding="utf-8")
    return folder


def _package_folder(package: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    # Not its first file: in an installer's folder, a package may be nothing but its photos.
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None
