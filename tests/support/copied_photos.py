"""Images of a library get hashes, as if a scan had read their files."""

from __future__ import annotations

from collections.abc import Mapping

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ScannedFile


def set_pictures(catalogue: Catalogue, pictures: Mapping[int, str]) -> None:
    """Give images (by id) the picture of that name, in a file of their own."""
    catalogue.images.set_hashes(
        {
            image_id: ScannedFile(
                "", 0, 0, file_hash=f"file {image_id}", picture_hash=f"picture {name}"
            )
            for image_id, name in pictures.items()
        }
    )
