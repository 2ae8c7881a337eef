from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain.records import ClassEntry, ClassSpec
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    ClassReason,
    Hierarchy,
    ImportChoices,
)
from lmpt_desktop.interchange.importing.class_matching import propose_classes
from lmpt_desktop.interchange.record import HIERARCHY_SEPARATOR

VOCABULARY = (
    ClassEntry(1, "dog", aliases=("hound",)),
    ClassEntry(2, "traffic light"),
    ClassEntry(3, "animal/bat"),
    ClassEntry(4, "cat", aliases=("Café cat",)),
    ClassEntry(5, "bird/gull"),
)


def path(text: str) -> str:
    """``a|b`` as a reader gives it."""
    return text.replace("|", HIERARCHY_SEPARATOR)


def proposed(
    *names: str,
    entries: Sequence[ClassEntry] = VOCABULARY,
    declared: Sequence[ClassSpec] = (),
    choices: ImportChoices | None = None,
) -> list[tuple[str, int | str | None]]:
    """Reason, and class id, new name or action, of each name."""
    found = propose_classes(
        [path(name) for name in names], declared, entries, choices or ImportChoices()
    )
    return [
        (
            reason.value,
            choice.class_id
            if choice.action is ClassAction.MAP
            else choice.name
            if choice.action is ClassAction.ADD
            else choice.action.value,
        )
        for choice, reason in found
    ]


ADDING = ImportChoices(add_classes=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dog", ("name", 1)),
        (" DOG ", ("name", 1)),
        ("Traffic  Light", ("name", 2)),
        ("hound", ("alias", 1)),
        ("Cafe\u0301 cat", ("alias", 4)),
        ("traffic_light", ("spelling", 2)),
        ("Traffic-light", ("spelling", 2)),
        ("boat", ("unknown", "undecided")),
        ("", ("unknown", "ignore")),
        (" \t\n", ("unknown", "ignore")),
        ("|", ("unknown", "ignore")),
        ("animal|dog", ("leaf", 1)),
        ("animal|bat", ("name", 3)),
        ("Animal | BAT", ("name", 3)),
        ("sea|bird|gull", ("leaf", 5)),
        ("thing|traffic_light", ("leaf", 2)),
        ("animal|hound", ("leaf", 1)),
        ("animal|boat", ("unknown", "undecided")),
        ("darktable|format|jpg", ("program-tag", "ignore")),
        ("darktable|style|dog", ("program-tag", "ignore")),
        ("_Digikam_Internal_Tags_|Color Label Red", ("program-tag", "ignore")),
        ("People|Unknown", ("program-tag", "ignore")),
        ("People|Ann", ("unknown", "undecided")),
        ("geo:lat=51.5", ("program-tag", "ignore")),
        ("taxonomy:species=canis", ("unknown", "undecided")),
        ("dog/cat", ("unknown", "undecided")),
    ],
)
def test_a_name_is_found_by_name_alias_end_and_spelling(
    name: str, expected: tuple[str, int | str]
) -> None:
    assert proposed(name) == [expected]


def test_what_darktable_writes_without_its_path_is_ignored_only_beside_the_path() -> None:
    assert proposed("changed", "rw2") == [("unknown", "undecided")] * 2
    found = proposed("changed", "rw2", "Filmic", "darktable|changed", "darktable|format|rw2")
    assert [action for _reason, action in found] == ["ignore", "ignore", "undecided"] + [
        "ignore"
    ] * 2
    # A keyword of the user has the same name.
    found = proposed("changed", "darktable|changed", "weather|changed")
    assert [action for _reason, action in found] == ["undecided", "ignore", "undecided"]


def test_a_program_tag_that_is_a_class_of_the_vocabulary_is_that_class() -> None:
    entries = [ClassEntry(1, "changed"), ClassEntry(2, "darktable/style/sunset")]
    assert proposed("changed", "darktable|changed", "darktable|style|Sunset", entries=entries) == [
        ("name", 1),
        ("program-tag", "ignore"),
        ("name", 2),
    ]


def test_ends_that_several_paths_have_are_not_guessed() -> None:
    entries = [ClassEntry(1, "bat")]
    assert proposed("animal|bat", "sport|bat", "bat", entries=entries) == [
        ("ambiguous", "undecided"),
        ("ambiguous", "undecided"),
        ("name", 1),
    ]
    assert proposed("animal|bat", "sport|bat", entries=entries, choices=ADDING) == [
        ("ambiguous", "animal/bat"),
        ("ambiguous", "sport/bat"),
    ]
    assert proposed("animal|bat", "sport|bat", entries=(), choices=ADDING) == [
        ("ambiguous", "animal/bat"),
        ("ambiguous", "sport/bat"),
    ]
    # The same path in another spelling, and a tag of a program, are no second path.
    assert proposed("animal|bat", "Animal|Bat", "darktable|bat", entries=entries) == [
        ("leaf", 1),
        ("leaf", 1),
        ("program-tag", "ignore"),
    ]


def test_classes_that_differ_in_underscores_only_are_not_merged() -> None:
    entries = [ClassEntry(1, "T-shirt"), ClassEntry(2, "T shirt")]
    assert proposed("t-shirt", "t_shirt", entries=entries) == [
        ("name", 1),
        ("ambiguous", "undecided"),
    ]
    assert proposed("t_shirt", "a|t_shirt", entries=entries, choices=ADDING) == [
        ("ambiguous", "t_shirt"),
        ("ambiguous", "a/t_shirt"),
    ]


def test_paths_as_names_are_found_as_a_whole_only() -> None:
    as_paths = ImportChoices(hierarchy=Hierarchy.PATH)
    assert proposed("animal|dog", "animal|bat", "dog", choices=as_paths) == [
        ("unknown", "undecided"),
        ("name", 3),
        ("name", 1),
    ]
    adding = ImportChoices(hierarchy=Hierarchy.PATH, add_classes=True)
    assert proposed("animal|dog", choices=adding) == [("unknown", "animal/dog")]


def test_new_names_are_cleaned_and_those_that_differ_in_case_are_one() -> None:
    assert proposed(" Fire  Truck", "fire truck", "x|FIRE TRUCK", choices=ADDING) == [
        ("unknown", "Fire Truck"),
        ("unknown", "Fire Truck"),
        ("unknown", "Fire Truck"),
    ]
    assert proposed("fire_truck", "fire truck", choices=ADDING) == [
        ("unknown", "fire_truck"),
        ("unknown", "fire truck"),
    ]


def test_other_names_that_the_file_declares_lead_to_a_class() -> None:
    declared = [ClassSpec("wolfhound", aliases=("Hound", "greyhound")), ClassSpec("x", "", ("y",))]
    assert proposed("wolfhound", "x", declared=declared) == [
        ("alias", 1),
        ("unknown", "undecided"),
    ]
    # Of two classes neither is chosen; and what is a class of its own is no other name.
    two = [ClassSpec("pet", aliases=("dog", "cat"))]
    assert proposed("pet", declared=two) == [("unknown", "undecided")]
    assert proposed("pet", "cat", declared=two) == [("alias", 1), ("name", 4)]


def test_choices_win() -> None:
    chosen = {
        "dog": ClassChoice(ClassAction.IGNORE),
        "boat": ClassChoice(ClassAction.UNDECIDED),
        path("darktable|changed"): ClassChoice(ClassAction.ADD, name="Changed  One"),
    }
    choices = ImportChoices(classes=chosen, add_classes=True)
    found = propose_classes(list(chosen), (), VOCABULARY, choices)
    assert found == [(choice, ClassReason.CHOSEN) for choice in chosen.values()]


WORDS = st.sampled_from(["a", "A", " a", "b", "a b", "a_b", "a-b", "A  B", "", " ", "é", "e\u0301"])
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(HIERARCHY_SEPARATOR.join)


@st.composite
def vocabularies(draw: st.DrawFn) -> list[ClassEntry]:
    """Classes as a catalogue has them: a name stands for one class only."""
    names = draw(st.lists(WORDS | st.sampled_from(["a/b", "b/a", "c"]), max_size=6))
    taken: set[str] = set()
    entries: list[ClassEntry] = []
    for number, name in enumerate(names):
        key = name_key(name)
        if not key or key in taken:
            continue
        taken.add(key)
        if entries and draw(st.booleans()):
            last = entries.pop()
            entries.append(ClassEntry(last.id, last.name, aliases=(*last.aliases, name)))
        else:
            entries.append(ClassEntry(number + 1, name))
    return entries


def model(name: str, names: Sequence[str], entries: Sequence[ClassEntry], as_path: bool) -> object:
    """What a name stands for, in the plainest way: a class id, "ignore" or None."""

    def cleaned(text: str) -> list[str]:
        return [name_key(part) for part in text.split(HIERARCHY_SEPARATOR) if part.strip()]

    def spelled(text: str) -> str:
        return " ".join(name_key(text).replace("_", " ").replace("-", " ").split())

    def classes(text: str, key: object = name_key) -> list[int]:
        assert callable(key)
        return [
            entry.id
            for entry in entries
            if key(text) in [key(word) for word in (entry.name, *entry.aliases)]
        ]

    parts = cleaned(name)
    if not parts:
        return "ignore"
    if exact := classes("/".join(parts)):
        return exact[0]
    ends = [parts] if as_path or len(parts) == 1 else [parts[i:] for i in range(1, len(parts))]
    for end in ends:
        text = "/".join(end)
        found = classes(text) or classes(text, spelled)
        if found:
            others = {
                tuple(other)
                for other in map(cleaned, names)
                if len(other) > len(end) and other[-len(end) :] == end
            }
            alone = len(parts) == len(end) or len(others) == 1
            return found[0] if len(found) == 1 and alone else None
    return None


@given(st.lists(NAMES, max_size=8), vocabularies(), st.booleans(), st.booleans())
def test_as_in_a_plain_model(
    names: list[str], entries: list[ClassEntry], as_path: bool, add: bool
) -> None:
    hierarchy = Hierarchy.PATH if as_path else Hierarchy.LEAF
    choices = ImportChoices(hierarchy=hierarchy, add_classes=add)
    found = propose_classes(names, (), entries, choices)
    new: dict[str, set[str]] = {}
    for name, (choice, _reason) in zip(names, found, strict=True):
        expected = model(name, names, entries, as_path)
        if expected == "ignore":
            assert choice.action is ClassAction.IGNORE
        elif expected is not None:
            assert choice == ClassChoice(ClassAction.MAP, expected)  # type: ignore[arg-type]
        elif add:
            assert choice.action is ClassAction.ADD
            assert choice.name == " ".join(choice.name.split())
            assert all(choice.name != entry.name for entry in entries)
            new.setdefault(name_key(choice.name), set()).add(choice.name)
        else:
            assert choice == ClassChoice(ClassAction.UNDECIDED)
    assert all(len(spellings) == 1 for spellings in new.values())


@given(st.lists(NAMES, max_size=8, unique=True), vocabularies(), st.randoms())
def test_the_order_of_names_does_not_matter(
    names: list[str], entries: list[ClassEntry], random: object
) -> None:
    found = dict(zip(names, propose_classes(names, (), entries, ImportChoices()), strict=True))
    random.shuffle(names)  # type: ignore[attr-defined]
    again = propose_classes(names, (), entries, ImportChoices())
    assert dict(zip(names, again, strict=True)) == found


@pytest.mark.parametrize("name", ["-1", "1-", "_1", "A-", "- a"])
def test_a_hyphen_at_either_end_is_part_of_a_name(name: str) -> None:
    entries = (ClassEntry(1, "1"), ClassEntry(2, "A"))
    assert proposed(name, entries=entries, choices=ADDING) == [("unknown", name)]
    entries = (ClassEntry(1, "plus 1"), ClassEntry(2, name))
    assert proposed(name, entries=entries) == [("name", 2)]
