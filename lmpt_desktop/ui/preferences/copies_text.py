"""What the copies of the library take, and what the chosen limit deletes (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.catalogue.backups import CopySpace
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.texts import file_size


def space_text(space: CopySpace) -> str:
    """How many copies there are, how much they take, and what becomes of them."""
    sentences: list[str] = []
    if not space.count:
        sentences.append(_("There is no copy yet."))
    else:
        sentences.append(
            ngettext(
                "{count} copy takes {size}.", "{count} copies take {size}.", space.count
            ).format(count=number(space.count), size=file_size(space.size))
        )
    if space.own:
        sentences.append(
            ngettext(
                "{count} file of your own beside them takes {size} and is never deleted.",
                "{count} files of your own beside them take {size} and are never deleted.",
                space.own,
            ).format(count=number(space.own), size=file_size(space.own_size))
        )
    if space.next_deleted:
        sentences.append(
            ngettext(
                "With the next copy, {count} older one ({size}) will be deleted.",
                "With the next copy, {count} older ones ({size}) will be deleted.",
                len(space.next_deleted),
            ).format(
                count=number(len(space.next_deleted)),
                size=file_size(sum(item.size for item in space.next_deleted)),
            )
        )
    if space.exceeded:
        sentences.append(
            _(
                "Those that must be kept take {size}: the newest, and those with annotations that "
                "no newer copy has."
            ).format(size=file_size(space.needed_size))
        )
    return " ".join(sentences)
