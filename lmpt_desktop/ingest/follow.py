"""Annotations follow their pictures: where a photo is gone and a copy of it is in the library, the
copy gets what was known of the photo."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from os.path import lexists
from typing import Protocol

from lmpt_desktop.domain.records import Batch, CopyOfMissing, Folder, Succession, TransferReason
from lmpt_desktop.ingest.reachable import is_reachable
from lmpt_desktop.translation import ngettext, number


class Transfers(Protocol):
    """The part of :class:`lmpt_desktop.catalogue.transfers.Transfers` that is used here."""

    def copies_of_missing(self) -> list[CopyOfMissing]: ...
    def displaced(self) -> list[Succession]: ...
    def follow(
        self,
        pairs: Iterable[tuple[int, int]],
        reason: TransferReason,
        label: str,
        *,
        edited: bool = False,
    ) -> Batch: ...
    def supersede(self, image_ids: Sequence[int]) -> None: ...


def follow_pictures(transfers: Transfers, folders: Collection[Folder]) -> list[Batch]:
    """Move annotations from images that are gone to images with the same picture.

    An image is gone if it is missing and the disk it was on is there.  Nothing is moved to an image
    where the user has taken that back.

    Args:
        transfers: of the catalogue.
        folders: of the library, hidden ones included.

    Returns:
        What was moved, in batches that can be undone.

    Raises:
        CatalogueError: if it could not be written.
    """
    reachable = {folder.id for folder in folders if is_reachable(folder)}
    chosen = [
        pair
        for pair in transfers.copies_of_missing()
        if pair.folder_id in reachable and not (pair.hidden and lexists(pair.path))
    ]
    batches: list[Batch] = []
    if silent := [pair.image_id for pair in chosen if not (pair.has_user_data or pair.hidden)]:
        transfers.supersede(silent)
    if moves := [(pair.image_id, pair.copy_id) for pair in chosen if pair.has_user_data]:
        batches.append(transfers.follow(moves, TransferReason.COPY, followed_text(len(moves))))
    # An edited photo that was put back as it was (or the other way round) needs no comparison.
    if known := [pair[:2] for pair in transfers.displaced() if pair.is_known]:
        batches.append(transfers.follow(known, TransferReason.EDIT, followed_text(len(known))))
    return [batch for batch in batches if len(batch)]


def followed_text(photos: int) -> str:
    """What such a change is called in the undo menu."""
    return ngettext(
        "Annotations of {count} photo followed its file",
        "Annotations of {count} photos followed their files",
        photos,
    ).format(count=number(photos))
