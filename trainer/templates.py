"""Putting a class name into a prompt template (imports no torch)."""

from __future__ import annotations

# Sound, not spelling, decides the article; these are the exceptions a vocabulary meets.
_LIKE_CONSONANT = ("uni", "use", "euro", "one", "ukulele", "ute")
_LIKE_VOWEL = ("hour", "honest", "heir")


def article(name: str) -> str:
    """``a`` or ``an``, as ``name`` sounds."""
    lowered = name.lower()
    vowel = lowered[:1] in frozenset("aeiou") and not lowered.startswith(_LIKE_CONSONANT)
    return "an" if vowel or lowered.startswith(_LIKE_VOWEL) else "a"


def fill(template: str, name: str) -> str:
    """``template`` with ``{}`` replaced by ``name`` and ``{article}`` by its article.

    Underscores become spaces: "traffic_light" is how files spell what people say.  Plain
    replacement, not ``str.format``: a name or a template may hold any other brace.
    """
    name = name.replace("_", " ")
    return template.replace("{article}", article(name)).replace("{}", name)
