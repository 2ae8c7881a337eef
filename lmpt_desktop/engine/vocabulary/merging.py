"""What merging or splitting classes does to their annotations: arithmetic only (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.translation import _, join_names, ngettext, number


class PlanOutdatedError(RefusedError):
    """The plan no longer matches the annotations; the message is a sentence for the user."""


Annotated = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]
"""Image ids, class ids and verdicts, (n,) each."""


@dataclass(frozen=True, eq=False)
class MergePlan:
    """Several classes become one.

    Attributes:
        gone: the classes that are merged away.
        into: the class that stays.
        image_ids, verdicts: (n,) each, the new verdicts on ``into``.
        present: images with the class present afterwards.
        absent: images with it absent afterwards.
        contradictions: images in which one of them is present and another absent; they become
            present.
        absent_too: whether absent verdicts on ``gone`` become absent verdicts on ``into``.
        trained: whether the active prompt set has learned ``into``.
        found_too: those of ``gone`` where ``into`` is predicted, too, until it is learned again.
    """

    gone: tuple[ClassEntry, ...]
    into: ClassEntry
    image_ids: NDArray[np.int64]
    verdicts: NDArray[np.int8]
    present: int
    absent: int
    contradictions: int
    absent_too: bool = True
    trained: bool = False
    found_too: tuple[str, ...] = ()

    def same_as(self, other: MergePlan) -> bool:
        """Whether both have the same effect and the same sentences."""
        return (
            (self.gone, self.into, self.present, self.absent, self.contradictions)
            == (other.gone, other.into, other.present, other.absent, other.contradictions)
            and np.array_equal(self.image_ids, other.image_ids)
            and np.array_equal(self.verdicts, other.verdicts)
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What will happen, for the user to read first."""
        names = join_names([*(entry.name for entry in self.gone), self.into.name], quoted=True)
        images = ngettext("{count} photo", "{count} photos", self.present)
        sentences = [
            _("{names} become “{name}”: {images}.").format(
                names=names,
                name=self.into.name,
                images=images.format(count=number(self.present)),
            )
        ]
        if self.contradictions:
            text = ngettext(
                "{count} photo is marked present for one and absent for another; "
                "it counts as present.",
                "{count} photos are marked present for one and absent for another; "
                "they count as present.",
                self.contradictions,
            )
            sentences.append(text.format(count=number(self.contradictions)))
        if self.absent:
            text = ngettext(
                "In {count} photo the class is absent.",
                "In {count} photos the class is absent.",
                self.absent,
            )
            sentences.append(text.format(count=number(self.absent)))
        text = ngettext(
            "{names} becomes another name of “{name}”.",
            "{names} become other names of “{name}”.",
            len(self.gone),
        )
        sentences.append(
            text.format(
                names=join_names([entry.name for entry in self.gone], quoted=True),
                name=self.into.name,
            )
        )
        if self.found_too:
            sentences.append(
                _(
                    "Until the next retraining “{name}” is predicted where {names} would be, too."
                ).format(name=self.into.name, names=join_names(self.found_too, quoted=True))
            )
        if self.trained:
            sentences.append(
                _(
                    "What the prompts have learned for “{name}” stays in use; the next retraining "
                    "learns from all of these photos."
                ).format(name=self.into.name)
            )
        return tuple(sentences)


def plan_merge(
    annotated: Annotated,
    gone: Sequence[ClassEntry],
    into: ClassEntry,
    *,
    absent_too: bool = True,
    trained: bool = False,
) -> MergePlan:
    """What merging would do.

    Args:
        annotated: every annotation of the classes.
        gone: classes that are merged away.
        into: the one that stays.
        absent_too: an image with only absent verdicts becomes absent; else only present
            verdicts move.
        trained: see :class:`MergePlan`.
    """
    image_ids, class_ids, verdicts = annotated
    images, place = np.unique(image_ids, return_inverse=True)
    present, absent = np.zeros(len(images), np.bool_), np.zeros(len(images), np.bool_)
    present[place[verdicts == 1]] = True
    absent[place[verdicts == 0]] = True
    own = np.full(len(images), -1, np.int8)
    mine = class_ids == into.id
    own[place[mine]] = verdicts[mine]
    after = np.where(present, 1, own).astype(np.int8)
    if absent_too:
        after[absent & ~present] = 0
    changed = after != own
    return MergePlan(
        gone=tuple(gone),
        into=into,
        image_ids=images[changed],
        verdicts=after[changed],
        present=int((after == 1).sum()),
        absent=int((after == 0).sum()),
        contradictions=int((present & absent).sum()),
        absent_too=absent_too,
        trained=trained,
    )


@dataclass(frozen=True, eq=False)
class SplitPlan:
    """One class becomes several.

    Attributes:
        entry: the class that is split.
        names: the new classes.
        positives, negatives: image ids with ``entry`` present and absent.
        copy: mark every new class present in the positives; else the new classes stay unknown
            there, for the user to decide photo by photo.
        keep: whether ``entry`` stays in the vocabulary.
        trained: whether the active prompt set has learned ``entry``.
    """

    entry: ClassEntry
    names: tuple[str, ...]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    copy: bool
    keep: bool
    trained: bool = False

    def same_as(self, other: SplitPlan) -> bool:
        """Whether both have the same effect and the same sentences."""
        return (
            (self.entry, self.names) == (other.entry, other.names)
            and np.array_equal(self.positives, other.positives)
            and np.array_equal(self.negatives, other.negatives)
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What will happen, for the user to read first."""
        new = join_names(self.names, quoted=True)
        sentences = [
            ngettext(
                "“{name}” is split into {new}.", "“{name}” is split into {new}.", len(self.names)
            ).format(name=self.entry.name, new=new)
        ]
        if count := len(self.positives):
            if self.copy:
                text = ngettext(
                    "The {count} photo in which it is present has every new class present.",
                    "The {count} photos in which it is present have every new class present.",
                    count,
                )
            else:
                text = ngettext(
                    "The {count} photo in which it is present is shown next, so that you can mark "
                    "which of the new classes it has.",
                    "The {count} photos in which it is present are shown next, so that you can "
                    "mark which of the new classes each one has.",
                    count,
                )
            sentences.append(text.format(count=number(count)))
        if count := len(self.negatives):
            text = ngettext(
                "The {count} photo in which it is absent has none of them.",
                "The {count} photos in which it is absent have none of them.",
                count,
            )
            sentences.append(text.format(count=number(count)))
        if self.keep:
            sentences.append(_("“{name}” stays as it is.").format(name=self.entry.name))
        else:
            sentences.append(
                _("“{name}” is archived; its annotations are kept.").format(name=self.entry.name)
            )
        sentences.append(_("The new classes are predicted by their names until you retrain."))
        return tuple(sentences)


def plan_split(
    annotated: Annotated,
    entry: ClassEntry,
    names: Sequence[str],
    *,
    copy: bool,
    keep: bool,
    trained: bool = False,
) -> SplitPlan:
    """What splitting would do; arguments as the attributes of :class:`SplitPlan`."""
    image_ids, _class_ids, verdicts = annotated
    return SplitPlan(
        entry,
        tuple(names),
        image_ids[verdicts == 1],
        image_ids[verdicts == 0],
        copy,
        keep,
        trained,
    )
