"""Adding keywords to an XMP packet, and removing them, without touching any other byte.

A packet is changed by :class:`Edit`, at byte offsets; what the edits replaced is enough to get the
original back.  Every result is parsed again before it is returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.xmp.packet import (
    OURS,
    RDF,
    Encoded,
    KeywordList,
    Packet,
    Property,
    Span,
    attributes_of,
    name_of,
    parse,
)
from lmpt_desktop.translation import _

KeywordsByList = Mapping[KeywordList, Sequence[str]]
"""Keywords by list."""

WRITTEN = {
    KeywordList.SUBJECT: ("dc", "http://purl.org/dc/elements/1.1/", "subject", "Bag"),
    KeywordList.HIERARCHICAL: (
        "lr",
        "http://ns.adobe.com/lightroom/1.0/",
        "hierarchicalSubject",
        "Bag",
    ),
    KeywordList.TAGS: ("digiKam", "http://www.digikam.org/ns/1.0/", "TagsList", "Seq"),
    KeywordList.ABSENT: ("lmpt", OURS, "absent", "Bag"),
}
"""Prefix, namespace, property and container of the lists that are written, in this order."""

EMPTY = (
    '<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="LMPT Desktop">\n'
    f' <rdf:RDF xmlns:rdf="{RDF}">\n'
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
).encode()
"""A packet that says nothing: what a new side file begins as."""

_MOST_SPACE = 1024
_MOST_WORK = 2_000_000
_BEYOND_16_BIT = re.compile("[\U00010000-\U0010ffff]")
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Edit:
    """``new`` takes the place of the bytes from ``start`` to ``stop``."""

    start: int
    stop: int
    new: bytes


def apply_edits(data: bytes, edits: Iterable[Edit]) -> tuple[bytes, list[Edit]]:
    """The changed data, and the edits that change it back; ``edits`` must not overlap.

    Raises:
        ValueError: if they do, or are beyond the end.
    """
    parts: list[bytes] = []
    back: list[Edit] = []
    place = length = 0
    for edit in sorted(edits, key=lambda item: (item.start, item.stop)):
        if not place <= edit.start <= edit.stop <= len(data):
            raise ValueError("edits overlap")
        parts += (data[place : edit.start], edit.new)
        length += edit.start - place
        back.append(Edit(length, length + len(edit.new), data[edit.start : edit.stop]))
        length += len(edit.new)
        place = edit.stop
    parts.append(data[place:])
    return b"".join(parts), back


def changed_packet(
    packet: Packet, encoded: Encoded, add: KeywordsByList, drop: KeywordsByList
) -> tuple[Packet, list[Edit]]:
    """Add keywords to the end of their lists and remove others.

    Args:
        packet: what is changed.
        encoded: how it is stored.
        add: keywords that their lists do not have yet.
        drop: keywords to remove, where they are.

    Returns:
        The new packet, parsed again, and the edits that change it back.

    Raises:
        FileMalformed: if it is not XMP, or cannot be changed without touching what is not ours.
    """
    try:
        new, back = apply_edits(packet.data, _edits(packet, encoded, add, drop))
    except ValueError as error:
        raise _unchangeable() from error
    after = parse(new)
    _prove(packet, after, back, add, drop)
    return after, back


def strip(packet: Packet, encoded: Encoded, names: KeywordsByList) -> Packet:
    """The packet without these keywords, and without the elements that held nothing else.

    Raises:
        FileMalformed: as :func:`changed_packet`.
    """
    new, _back = changed_packet(packet, encoded, {}, names)
    return new


def _prove(
    before: Packet, after: Packet, back: list[Edit], add: KeywordsByList, drop: KeywordsByList
) -> None:
    """See that what was made says what it should."""
    right = apply_edits(after.data, back)[0] == before.data
    for which in KeywordList:
        gone = frozenset(drop.get(which, ()))
        expected = {name for name in before.keywords(which) if name not in gone}
        expected.update(add.get(which, ()))
        right = right and sorted(after.keywords(which)) == sorted(expected)
    if not right:
        raise _unchangeable()


def _unchangeable() -> FileMalformed:
    return FileMalformed(
        _("Keywords cannot be added to this XMP data without changing other parts of it.")
    )


def _edits(
    packet: Packet, encoded: Encoded, add: KeywordsByList, drop: KeywordsByList
) -> list[Edit]:
    if packet.rdf is None or packet.rdf_tag is None:
        raise FileMalformed(_("This is not XMP data: it has no rdf:RDF element."))
    writer = _Writer(packet, encoded)
    edits: list[Edit] = []
    block: dict[KeywordList, list[str]] = {}
    cuts: list[Span] = []
    for which in WRITTEN:
        new = list(dict.fromkeys(add.get(which, ())))
        gone = frozenset(drop.get(which, ()))
        holders = [item for item in packet.properties if item.which is which]
        with_items = [item for item in holders if item.items]
        anew = holders[-1] if new and holders and not with_items else None
        if gone:
            for item in holders:
                if item is not anew:
                    cuts += _cuts(packet.data, item, gone)
        if not new:
            continue
        if with_items:
            edits.append(writer.appended(with_items[-1], new))
        elif anew is not None:
            edits.append(writer.replaced(anew, new, gone))
        else:
            written, edit = writer.from_attributes(which)
            edits += edit
            block[which] = [*written, *new]
    if len(cuts) * (len(packet.properties) + len(packet.rdf_children)) > _MOST_WORK:
        raise FileMalformed(_("The XMP data has too many keywords."))
    extended = [edit.start for edit in edits]
    edits += [Edit(cut.start, cut.stop, b"") for cut in _whole(packet, cuts, extended)]
    if block:
        edits.append(writer.block(block))
    return edits


def _cuts(data: bytes, item: Property, gone: frozenset[str]) -> list[Span]:
    """The items with these texts; the whole element if nothing else is in it."""
    cut = [entry for entry in item.items if entry.text in gone]
    if not item.items and item.text in gone:
        return [_with_space(data, item.span)]
    return [_with_space(data, entry.span) for entry in cut]


def _whole(packet: Packet, cuts: list[Span], extended: list[int]) -> list[Span]:
    """``cuts``, joined to whole elements where nothing else would be left in them.

    An element at one of the offsets ``extended`` gets something new, and stays.
    """

    def stays(span: Span) -> bool:
        return any(span.start < place <= span.stop for place in extended)

    for item in packet.properties:
        inner, others = _parted(cuts, item.span)
        if inner and len(inner) == len(item.items) and not stays(item.span):
            cuts = [*others, _with_space(packet.data, item.span)]
    for child in packet.rdf_children:
        inner, others = _parted(cuts, child)
        if inner and not stays(child) and _is_hollow(packet.data, child, inner):
            cuts = [*others, _with_space(packet.data, child)]
    return cuts


def _parted(cuts: list[Span], span: Span) -> tuple[list[Span], list[Span]]:
    """Those that begin in an element, and the others."""
    inner: list[Span] = []
    others: list[Span] = []
    for cut in cuts:
        (inner if span.start < cut.start < span.stop else others).append(cut)
    return inner, others


def _is_hollow(data: bytes, child: Span, cuts: list[Span]) -> bool:
    """Whether a description says nothing any more without these parts."""
    part = data[child.start : child.stop]
    shifted = (Edit(cut.start - child.start, cut.stop - child.start, b"") for cut in cuts)
    rest, _back = apply_edits(part, shifted)
    end = rest.find(b">")
    attributes = attributes_of(rest, Span(0, end + 1))
    closing = f"</{name_of(rest, 0)}".encode()
    return rest[end + 1 :].lstrip().startswith(closing) and all(
        item.name.startswith("xmlns") or item.name.rpartition(":")[2] == "about"
        for item in attributes
    )


def _with_space(data: bytes, span: Span) -> Span:
    return Span(span.start - len(_space_before(data, span.start)), span.stop)


def _space_before(data: bytes, place: int) -> bytes:
    part = data[max(0, place - _MOST_SPACE) : place]
    return part[len(part.rstrip(b" \t\r\n")) :]


class _Writer:
    """Makes the parts that are put into one packet."""

    def __init__(self, packet: Packet, encoded: Encoded) -> None:
        assert packet.rdf is not None and packet.rdf_tag is not None
        self._packet = packet
        self._data = packet.data
        self._rdf_tag = packet.rdf_tag
        self._codec = encoded.codec
        rdf_name = name_of(packet.data, packet.rdf_tag.start)
        self._prefix = rdf_name.removesuffix("RDF")
        children = packet.rdf_children
        self._space = self._line(children[-1].start if children else 0)

    def _line(self, start: int) -> str:
        """The line end and indent before an element."""
        return _space_before(self._data, start).decode() if start else "\n  "

    def _escaped(self, text: str) -> str:
        written = escape(text)
        if self._codec.startswith("utf-16"):
            # Some readers (exiftool) know no surrogate pairs.
            return _BEYOND_16_BIT.sub(lambda found: f"&#{ord(found[0])};", written)
        if self._codec != "utf-8":
            # Some readers take any such file for UTF-8.
            return written.encode("ascii", "xmlcharrefreplace").decode("ascii")
        return written

    def appended(self, item: Property, names: list[str]) -> Edit:
        """More items behind the last one, written as that is."""
        last = item.items[-1].span
        space = _space_before(self._data, last.start).decode()
        tag = name_of(self._data, last.start)
        text = "".join(f"{space}<{tag}>{self._escaped(name)}</{tag}>" for name in names)
        return Edit(last.stop, last.stop, text.encode())

    def replaced(self, item: Property, names: list[str], gone: frozenset[str]) -> Edit:
        """An element without items, written anew with what it held, unless that is ``gone``."""
        names = [*([item.text] if item.text and item.text not in gone else []), *names]
        kept = "".join(
            f" {attribute.name}={attribute.value}"
            for attribute in attributes_of(self._data, item.tag)
            if attribute.name.startswith("xmlns")
        )
        space = self._line(item.span.start)
        text = self._element(item.which, item.name, kept, names, space=space, prefix=self._prefix)
        return Edit(item.span.start, item.span.stop, text.removeprefix(space).encode())

    def from_attributes(self, which: KeywordList) -> tuple[list[str], list[Edit]]:
        """What attributes say of a list, and the edits that take them away."""
        local = WRITTEN[which][2]
        names: list[str] = []
        edits: list[Edit] = []
        for attribute in self._packet.attributes:
            if attribute.which is not which:
                continue
            found = [
                item
                for item in attributes_of(self._data, attribute.description)
                if item.name.rpartition(":")[2] == local
            ]
            if len(found) == 1:
                edits.append(Edit(found[0].span.start, found[0].span.stop, b""))
                if text := attribute.text.strip():
                    names.append(text)
        return names, edits

    def block(self, lists: Mapping[KeywordList, list[str]]) -> Edit:
        """A description of its own, behind the last one."""
        space = self._space
        # A second prefix for a namespace makes some readers (exiv2) refuse the file.
        used = self._packet.prefixes
        prefixes = {which: used.get(WRITTEN[which][1], WRITTEN[which][0]) for which in lists}
        declared = [] if self._prefix == "rdf:" else [f'xmlns:rdf="{RDF}"']
        declared += [f'xmlns:{prefix}="{WRITTEN[which][1]}"' for which, prefix in prefixes.items()]
        about = self._packet.about or '""'
        text = f"{space}<rdf:Description rdf:about={about}"
        text += "".join(f"{space}  {item}" if _has_line(space) else f" {item}" for item in declared)
        text += ">"
        inner = f"{space} " if _has_line(space) else ""
        for which, names in lists.items():
            name = f"{prefixes[which]}:{WRITTEN[which][2]}"
            text += self._element(which, name, "", names, space=inner, prefix="rdf:")
        text += f"{space}</rdf:Description>"
        children = self._packet.rdf_children
        if children:
            return Edit(children[-1].stop, children[-1].stop, text.encode())
        tag = self._rdf_tag
        if self._data[tag.stop - 2 : tag.stop] == b"/>":
            closing = f"</{name_of(self._data, tag.start)}>"
            return Edit(tag.stop - 2, tag.stop, f">{text}\n {closing}".encode())
        return Edit(tag.stop, tag.stop, text.encode())

    def _element(
        self,
        which: KeywordList,
        name: str,
        attributes: str,
        names: Sequence[str],
        *,
        space: str,
        prefix: str,
    ) -> str:
        container = f"{prefix}{WRITTEN[which][3]}"
        inner, item = (f"{space} ", f"{space}  ") if _has_line(space) else ("", "")
        items = "".join(f"{item}<{prefix}li>{self._escaped(text)}</{prefix}li>" for text in names)
        return (
            f"{space}<{name}{attributes}>{inner}<{container}>{items}{inner}</{container}>"
            f"{space}</{name}>"
        )


def _has_line(space: str) -> bool:
    return _LINE_END.search(space) is not None
