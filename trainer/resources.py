"""Where the files shipped beside the code are (imports no torch).

In a checkout they lie in ``<repo>/resources``; a wheel carries them inside the app's package as
``lmpt_desktop/_resources``.  Both are found from this file's own place, so the trainer needs
no import of the app.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PARENT = Path(__file__).resolve().parent.parent


class ResourcesMissingError(Exception):
    """The installation lacks its resource files."""


@cache
def resources_dir() -> Path:
    """The folder with icons, vocabularies and the bundled Lite backbone.

    Raises:
        ResourcesMissingError: if neither place exists, as after an incomplete installation.
    """
    # The wheel's place first: site-packages may hold somebody else's "resources".
    for folder in (_PARENT / "lmpt_desktop" / "_resources", _PARENT / "resources"):
        if folder.is_dir():
            return folder
    raise ResourcesMissingError(
        "LMPT Desktop's own files (icons, vocabularies, the Lite model) are missing from "
        f"{_PARENT}. Install it again."
    )
