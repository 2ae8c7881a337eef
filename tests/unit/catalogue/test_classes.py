"""The vocabulary."""

from __future__ import annotations

import pytest

from lmpt_desktop.catalogue import Catalogue, ClassNameInvalid, ClassNameTaken, NotInCatalogue
from lmpt_desktop.domain.records import ClassEntry, ClassSpec


def names(catalogue: Catalogue) -> list[str]:
    return [entry.name for entry in catalogue.classes.all()]


def wanted(*names: str) -> list[ClassSpec]:
    return [ClassSpec(name) for name in names]


def test_classes_keep_the_order_they_were_added_in(catalogue: Catalogue) -> None:
    for name in ("zebra", "ant", "  traffic   light "):
        catalogue.classes.add(name)
    assert names(catalogue) == ["zebra", "ant", "traffic light"]


@pytest.mark.parametrize("same", ["Straße", "STRASSE", " straße ", "strasse"])
def test_a_name_is_taken_in_any_case(catalogue: Catalogue, same: str) -> None:
    catalogue.classes.add("Straße")
    with pytest.raises(ClassNameTaken, match="Straße"):
        catalogue.classes.add(same)


def test_the_same_letters_composed_otherwise_are_the_same_name(catalogue: Catalogue) -> None:
    catalogue.classes.add("caf\u00e9")
    with pytest.raises(ClassNameTaken):
        catalogue.classes.add("cafe\u0301")


@pytest.mark.parametrize("name", ["", "  \t"])
def test_a_class_needs_a_name(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(ClassNameInvalid):
        catalogue.classes.add(name)


def test_an_archived_class_comes_back_by_its_name(catalogue: Catalogue) -> None:
    dog = catalogue.classes.add("dog", "a photo of a dog")
    catalogue.classes.add("cat")
    catalogue.classes.archive(dog.id)
    assert names(catalogue) == ["cat"]
    assert [entry.archived for entry in catalogue.classes.all(archived=True)] == [False, True]
    back = catalogue.classes.add("Dog")
    assert (back.id, back.name, back.description) == (dog.id, "Dog", "a photo of a dog")
    assert names(catalogue) == ["cat", "Dog"]


def test_renaming_keeps_the_class_and_refuses_a_taken_name(catalogue: Catalogue) -> None:
    dog = catalogue.classes.add("dog")
    catalogue.classes.add("cat")
    catalogue.classes.rename(dog.id, "Dog")
    catalogue.classes.describe(dog.id, " a dog, indoors ")
    catalogue.classes.set_colour(dog.id, "#aa3300")
    with pytest.raises(ClassNameTaken):
        catalogue.classes.rename(dog.id, "CAT")
    with pytest.raises(NotInCatalogue):
        catalogue.classes.rename(99, "bird")
    entry = catalogue.classes.all()[0]
    assert entry == ClassEntry(dog.id, "Dog", "a dog, indoors", 0, "#aa3300")


def test_replacing_the_vocabulary_keeps_classes_of_the_same_name(catalogue: Catalogue) -> None:
    before = {entry.name: entry.id for entry in catalogue.classes.replace_all(wanted(*"abc"))}
    after = catalogue.classes.replace_all(wanted("c", "d", "A", "D"))
    assert [entry.name for entry in after] == ["c", "d", "A"]
    assert after[0].id == before["c"]
    assert after[2].id == before["a"]
    again = {entry.name: entry.id for entry in catalogue.classes.replace_all(wanted(*"abc"))}
    assert again == before


def test_replacing_with_an_empty_name_changes_nothing(catalogue: Catalogue) -> None:
    catalogue.classes.replace_all(wanted("a", "b"))
    with pytest.raises(ClassNameInvalid):
        catalogue.classes.replace_all(wanted("c", " "))
    assert names(catalogue) == ["a", "b"]


def test_reordering_puts_the_named_ones_first(catalogue: Catalogue) -> None:
    a, _, c = catalogue.classes.replace_all(wanted("a", "b", "c"))
    catalogue.classes.reorder([c.id, a.id])
    assert names(catalogue) == ["c", "a", "b"]
    with pytest.raises(NotInCatalogue):
        catalogue.classes.reorder([99])


def test_an_alias_stands_for_one_class_only(catalogue: Catalogue) -> None:
    dog = catalogue.classes.add("dog", aliases=["puppy", " Hound ", "PUPPY", "dog"])
    assert dog.aliases == ("puppy", "Hound")
    cat = catalogue.classes.add("cat")
    for taken in ("hound", "Dog"):
        with pytest.raises(ClassNameTaken):
            catalogue.classes.set_aliases(cat.id, [taken])
        with pytest.raises(ClassNameTaken):
            catalogue.classes.add(taken)
        with pytest.raises(ClassNameTaken):
            catalogue.classes.rename(cat.id, taken)
    assert catalogue.classes.all()[1].aliases == ()


def test_a_class_may_take_its_own_alias_as_its_name(catalogue: Catalogue) -> None:
    dog = catalogue.classes.add("dog", aliases=["puppy", "hound"])
    catalogue.classes.rename(dog.id, "Puppy")
    entry = catalogue.classes.all()[0]
    assert (entry.name, entry.aliases) == ("Puppy", ("hound",))


def test_a_list_names_classes_by_their_aliases_too(catalogue: Catalogue) -> None:
    dog = catalogue.classes.add("dog", aliases=["puppy", "hound"])
    lines = [
        ClassSpec("PUPPY", "a young dog", colour="#112233"),
        ClassSpec("hound"),
        ClassSpec("owl", aliases=("puppy", "tyto")),
    ]
    after = catalogue.classes.replace_all(lines)
    assert [(entry.name, entry.aliases) for entry in after] == [
        ("dog", ("puppy", "hound")),
        ("owl", ("tyto",)),
    ]
    assert (after[0].id, after[0].description, after[0].colour) == (
        dog.id,
        "a young dog",
        "#112233",
    )


def test_a_class_that_comes_back_takes_its_names_back(catalogue: Catalogue) -> None:
    puppy = catalogue.classes.add("puppy", aliases=["pup"])
    dog = catalogue.classes.add("dog")
    catalogue.classes.merge([puppy.id], dog.id)
    assert catalogue.classes.all()[0].aliases == ("puppy", "pup")
    catalogue.classes.unarchive(puppy.id)
    assert [(entry.name, entry.aliases) for entry in catalogue.classes.all()] == [
        ("dog", ()),
        ("puppy", ("pup",)),
    ]


def test_a_class_cannot_come_back_while_another_has_its_name(catalogue: Catalogue) -> None:
    dog = catalogue.classes.add("dog")
    catalogue.classes.archive(dog.id)
    wolf = catalogue.classes.add("wolf")
    catalogue.classes.rename(wolf.id, "dog")
    with pytest.raises(ClassNameTaken, match="merge the two"):
        catalogue.classes.unarchive(dog.id)
    with pytest.raises(NotInCatalogue):
        catalogue.classes.unarchive(99)
