"""Insert a class name into a prompt template (imports no torch)."""

from __future__ import annotations

# The article depends on sound, not spelling; these are exceptions that occur in vocabularies.
_LIKE_CONSONANT = ("uni", "use", "euro", "one", "ukulele", "ute")
_LIKE_VOWEL = ("hour", "honest", "heir")


def article(name: str) -> str:
    """``a`` or ``an``, depending on how ``name`` is pronounced."""
    lowered = name.lower()
    vowel = lowered[:1] in frozenset("aeiou") and not lowered.startswith(_LIKE_CONSONANT)
    return "an" if vowel or lowered.startswith(_LIKE_VOWEL) else "a"


def fill(template: str, name: str) -> str:
    """``template`` with ``{}`` replaced by ``name`` and ``{article}`` by its article.

    Underscores become spaces ("traffic_light" in files).  Not ``str.format``, because names and
    templates may contain other braces.
    """
    name = name.replace("_", " ")
    return template.replace("{article}", article(name)).replace("{}", name)
