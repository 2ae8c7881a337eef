"""Everything about one image, put together for the inspector."""

from __future__ import annotations

import math
from datetime import UTC

from lmpt_desktop.catalogue.records import Image, Verdict
from lmpt_desktop.engine.views import ClassVerdict, ImageDetails, Snapshot


def image_details(image: Image, snapshot: Snapshot) -> ImageDetails:
    """Details of ``image``; classes by score, highest first, without scores in order.

    Raises:
        KeyError: if the snapshot has no such image (its folder was removed).
    """
    row = snapshot.row_of[image.id]
    bands = snapshot.bands.bands
    scores = snapshot.scores[row]
    said = snapshot.annotations[row]
    classes = [
        ClassVerdict(
            class_id=entry.id,
            name=entry.name,
            score=None if math.isnan(scores[column]) else float(scores[column]),
            threshold=float(snapshot.thresholds[column]),
            predicted=bool(scores[column] >= snapshot.thresholds[column]),
            verdict=Verdict(int(said[column])),
            band=bands[column],
            corrected=bool(
                said[column] >= 0
                and not math.isnan(scores[column])
                and (said[column] == 1) != (scores[column] >= snapshot.thresholds[column])
            ),
        )
        for column, entry in enumerate(snapshot.classes)
    ]
    classes.sort(key=lambda item: -math.inf if item.score is None else item.score, reverse=True)
    known_size = image.width is not None and image.height is not None
    taken = image.taken
    if taken is not None and taken.tzinfo is None:
        # The camera's clock has no zone; UTC keeps it as it was read.
        taken = taken.replace(tzinfo=UTC)
    return ImageDetails(
        image_id=image.id,
        path=image.path,
        size=(image.width or 0, image.height or 0) if known_size else None,
        date=taken.timestamp() if taken is not None else image.mtime_ns / 1e9,
        caption=image.caption,
        state=image.state.name.lower(),
        reason=image.reason,
        reviewed=bool(snapshot.reviewed[row]),
        classes=tuple(classes),
    )
