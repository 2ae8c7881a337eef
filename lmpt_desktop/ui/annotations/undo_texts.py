"""The name of a change in the undo menu, now or after a restart (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.catalogue.records import distinct, uniform
from lmpt_desktop.domain.records import Batch, BatchSummary, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.texts import photos_text, verdict_name


def summary_of(batch: Batch, snapshot: Snapshot, name: str = "") -> BatchSummary:
    """The summary that the catalogue's history will have of ``batch``.

    ``name`` is for a class that is not in the vocabulary.
    """
    class_id = uniform(batch.class_ids)
    verdict = uniform(batch.after)
    if class_id is None:
        name = ""
    elif (column := snapshot.column_of.get(class_id)) is not None:
        name = snapshot.classes[column].name
    return BatchSummary(
        id=batch.id,
        at=batch.at,
        action=batch.action,
        label=batch.label,
        images=len(distinct(batch.image_ids, batch.reviewed_ids)),
        changes=len(batch.image_ids),
        class_id=class_id,
        class_name=name,
        verdict=None if verdict is None else Verdict(verdict),
    )


def text_of(change: BatchSummary) -> str:
    """ "dog: present on 312 images", "Reviewed 20 images", or the change's own label."""
    images = number(change.images)
    if change.label:
        text = change.label
    elif change.action == "reviewed":
        text = ngettext("Reviewed {count} photo", "Reviewed {count} photos", change.images)
        text = text.format(count=images)
    elif change.action == "confirmed":
        text = ngettext("Confirmed {count} photo", "Confirmed {count} photos", change.images)
        text = text.format(count=images)
    elif change.action == "unreviewed":
        text = ngettext(
            "Not reviewed: {count} photo", "Not reviewed: {count} photos", change.images
        )
        text = text.format(count=images)
    elif change.action == "import":
        text = ngettext(
            "Import of {count} annotation on {images}",
            "Import of {count} annotations on {images}",
            change.changes,
        ).format(count=number(change.changes), images=photos_text(change.images))
    elif change.action in ("followed", "separated"):
        # Both images of each pair count.
        text = ngettext(
            "Annotations of {count} photo moved",
            "Annotations of {count} photos moved",
            (change.images + 1) // 2,
        ).format(count=number((change.images + 1) // 2))
    elif change.class_name and change.verdict is not None:
        verdict = verdict_name(change.verdict)
        text = _("{name}: {verdict}").format(name=change.class_name, verdict=verdict)
        if change.images != 1:
            text = _("{name}: {verdict} on {images}").format(
                name=change.class_name, verdict=verdict, images=photos_text(change.images)
            )
    else:
        text = ngettext(
            "{count} verdict on {images}", "{count} verdicts on {images}", change.changes
        )
        text = text.format(count=number(change.changes), images=photos_text(change.images))
    return text
