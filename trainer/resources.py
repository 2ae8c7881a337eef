"""Location of the bundled resource files (imports no torch).

A checkout has them in ``<repo>/resources``, a wheel in ``lmpt_desktop/_resources``.  Both are found
relative to this file, so the trainer does not import the app.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PARENT = Path(__file__).resolve().parent.parent


class ResourcesMissingError(Exception):
    """The resource files are missing from the installation."""


@cache
def resources_dir() -> Path:
    """The folder with icons, vocabularies and the bundled Lite backbone.

    Raises:
        ResourcesMissingError: if neither folder exists, as after an incomplete installation.
    """
    # The wheel's folder first: site-packages may have a "resources" folder of another package.
    for folder in (_PARENT / "lmpt_desktop" / "_resources", _PARENT / "resources"):
        if folder.is_dir():
            return folder
    raise ResourcesMissingError(
        "LMPT Desktop's own files (icons, vocabularies, the Lite model) are missing from "
        f"{_PARENT}. Install it again."
    )
