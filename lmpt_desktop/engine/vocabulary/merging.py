"""What becomes of annotations when classes are merged or split: arithmetic (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.translation import _, ngettext, number


class PlanOutdatedError(Exception):
    """What was planned is not what would happen now; the message is a sentence for the user."""


Annotated = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]
"""Image ids, class ids and verdicts, (n,) each."""


@dataclass(frozen=True, eq=False)
class MergePlan:
    """Several classes that become one.

    Attributes:
        gone: the classes that stop to be.
        into: the class that stays.
        image_ids, verdicts: (n,) what is to be said of ``into``; only what is new.
        present: images with the class present afterwards.
        absent: images with it absent afterwards.
        contradictions: images said to be one of them but not another; they count as present.
        absent_too: whether absents of ``gone`` count, too.
        trained: whether the prompts in use have learned ``into``.
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

    def same_as(self, other: MergePlan) -> bool:
        """Whether both say and do the same."""
        return (
            (self.gone, self.into, self.present, self.absent, self.contradictions)
            == (other.gone, other.into, other.present, other.absent, other.contradictions)
            and np.array_equal(self.image_ids, other.image_ids)
            and np.array_equal(self.verdicts, other.verdicts)
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What will happen, for the user to read first."""
        names = listed([*(entry.name for entry in self.gone), self.into.name])
        images = ngettext("{count} photo", "{count} photos", self.present)
        said = [
            _("{names} become “{name}”: {images}.").format(
                names=names,
                name=self.into.name,
                images=images.format(count=number(self.present)),
            )
        ]
        if self.contradictions:
            text = ngettext(
                "{count} photo was said to be one but not the other; it counts as present.",
                "{count} photos were said to be one but not the other; they count as present.",
                self.contradictions,
            )
            said.append(text.format(count=number(self.contradictions)))
        if self.absent:
            text = ngettext(
                "In {count} photo the class is absent.",
                "In {count} photos the class is absent.",
                self.absent,
            )
            said.append(text.format(count=number(self.absent)))
        text = ngettext(
            "{names} becomes another name of “{name}”.",
            "{names} become other names of “{name}”.",
            len(self.gone),
        )
        said.append(
            text.format(names=listed([entry.name for entry in self.gone]), name=self.into.name)
        )
        if self.trained:
            said.append(
                _(
                    "What the prompts have learned for “{name}” stays in use; the next retraining "
                    "learns from all of these photos."
                ).format(name=self.into.name)
            )
        return tuple(said)


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
        gone: classes that stop to be.
        into: the one that stays.
        absent_too: an image of which only an absent was said is absent afterwards; without,
            only what was said to be present moves.
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
    """One class that becomes several.

    Attributes:
        entry: the class that is split.
        names: the new classes.
        positives, negatives: image ids with ``entry`` present and absent.
        copy: say of the positives that every new class is present; else they stay unknown, to
            be looked at one by one.
        keep: whether ``entry`` stays in the vocabulary.
        trained: whether the prompts in use have learned ``entry``.
    """

    entry: ClassEntry
    names: tuple[str, ...]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    copy: bool
    keep: bool
    trained: bool = False

    def same_as(self, other: SplitPlan) -> bool:
        """Whether both say and do the same."""
        return (
            (self.entry, self.names) == (other.entry, other.names)
            and np.array_equal(self.positives, other.positives)
            and np.array_equal(self.negatives, other.negatives)
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What will happen, for the user to read first."""
        new = listed(self.names)
        said = [
            ngettext(
                "“{name}” gives rise to {new}.", "“{name}” gives rise to {new}.", len(self.names)
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
                    "The {count} photo in which it is present is shown next: say of it which of "
                    "the new classes it has.",
                    "The {count} photos in which it is present are shown next: say of each which "
                    "of the new classes it has.",
                    count,
                )
            said.append(text.format(count=number(count)))
        if count := len(self.negatives):
            text = ngettext(
                "The {count} photo in which it is absent has none of them.",
                "The {count} photos in which it is absent have none of them.",
                count,
            )
            said.append(text.format(count=number(count)))
        if self.keep:
            said.append(_("“{name}” stays as it is.").format(name=self.entry.name))
        else:
            said.append(
                _("“{name}” goes to the archive with everything said of it.").format(
                    name=self.entry.name
                )
            )
        said.append(_("The new classes are predicted by their names until you retrain."))
        return tuple(said)


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


def listed(names: Sequence[str], most: int = 5) -> str:
    """ "“a”, “b” and “c”", or the first few and how many more there are."""
    quoted = [_("“{name}”").format(name=name) for name in names]
    if len(quoted) > most:
        rest = len(quoted) - most + 1
        quoted = [*quoted[: most - 1], _("{count} more").format(count=number(rest))]
    if len(quoted) < 2:
        return "".join(quoted)
    return _("{names} and {last}").format(names=", ".join(quoted[:-1]), last=quoted[-1])
