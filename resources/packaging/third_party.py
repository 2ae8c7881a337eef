"""The licences of everything in the bundle in one file, and a check that none is the GPL alone.

Python packages are known by an SBOM that cyclonedx-py made, libraries of the system by the table
here: a library that is not in it stops the build until somebody has read its licence.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

GPL_LIBRARIES = ("libx265", "libx264", "libreadline", "libgdbm", "libfftw3", "libgsl", "libjbig.")
"""Names of libraries under the GPL alone that wheels have carried; metadata does not name them."""

SYSTEM_LICENCES = {
    "libbz2-1.0": "bzip2-1.0.6",
    "libcom-err2": "MIT",
    "libexpat1": "MIT",
    "libffi8": "MIT",
    "libgssapi-krb5-2": "MIT AND BSD-2-Clause",
    "libk5crypto3": "MIT AND BSD-2-Clause",
    "libkeyutils1": "LGPL-2.0-or-later",
    "libkrb5-3": "MIT AND BSD-2-Clause",
    "libkrb5support0": "MIT AND BSD-2-Clause",
    "liblzma5": "LicenseRef-public-domain",
    "libsqlite3-0": "blessing",
    "libssl3": "Apache-2.0",
    "libuuid1": "BSD-3-Clause",
    "libxcb-cursor0": "MIT",
    "libxcb-glx0": "MIT",
    "libxcb-icccm4": "MIT",
    "libxcb-image0": "MIT",
    "libxcb-keysyms1": "MIT",
    "libxcb-randr0": "MIT",
    "libxcb-render-util0": "MIT",
    "libxcb-render0": "MIT",
    "libxcb-shape0": "MIT",
    "libxcb-shm0": "MIT",
    "libxcb-sync1": "MIT",
    "libxcb-util1": "MIT",
    "libxcb-xfixes0": "MIT",
    "libxcb-xinerama0": "MIT",
    "libxcb-xkb1": "MIT",
    "libxkbcommon-x11-0": "MIT",
    "libxkbcommon0": "MIT",
    "libzstd1": "BSD-3-Clause OR GPL-2.0-only",
    "zlib1g": "Zlib",
}
"""Of the library itself, by Debian package; some packages' tools have others.  Read in each one's
/usr/share/doc/NAME/copyright."""

READ_IN_TEXT = {
    # classifiers that name no version of a licence, or none at all; read in the licence files
    "regex": "Apache-2.0 AND CNRI-Python",
    "tqdm": "MPL-2.0 AND MIT",
    # LibRaw: LGPL-2.1-only OR CDDL-1.0; the GPL parts are not in the wheel
    "rawpy": "MIT AND (LGPL-2.1-only OR CDDL-1.0)",
    "pi_heif": "BSD-3-Clause AND LGPL-3.0-or-later",
    "torchvision": "BSD-3-Clause",
    # of both, the hooks that run in the bundle, and of the first the programs' beginning
    "pyinstaller": "Apache-2.0 AND GPL-2.0-or-later WITH Bootloader-exception",
    "pyinstaller_hooks_contrib": "Apache-2.0",
}

PYTHON = "Python-2.0.1"


@dataclass(frozen=True)
class Part:
    """Something in the bundle.

    Attributes:
        licence: as its makers wrote it, an SPDX expression where they gave one.
        texts: of its licence files.
    """

    name: str
    version: str
    licence: str
    texts: tuple[str, ...] = ()


class LicenceError(Exception):
    """Something must not be in the bundle, or nobody knows yet whether it may."""


def allows_other_terms(licence: str) -> bool:
    """Whether a licence, as an SPDX expression or in words, is more than the GPL alone: another
    one to choose, or an exception for what is linked.  The LGPL is no GPL.
    """
    alternatives = re.split(r"\s+OR\s+|\s+or\s+(?!later)", _outer_choice(licence))
    return any(not _is_gpl(choice) for choice in alternatives)


def _outer_choice(licence: str) -> str:
    """Without brackets around a choice: "A AND (B OR C)" is free of the GPL if one choice is."""
    return re.sub(r"\([^()]*\)", lambda inner: _free_choice(inner[0][1:-1]), licence)


def _free_choice(licence: str) -> str:
    choices = re.split(r"\s+OR\s+", licence)
    return next((choice for choice in choices if not _is_gpl(choice)), choices[0])


def _is_gpl(licence: str) -> bool:
    if "exception" in licence.lower():
        return False
    words = re.sub(r"LGPL|Lesser General Public", "", licence)
    return bool(re.search(r"\bA?GPL|General Public License", words))


def bundled_packages(sources: Iterable[str]) -> set[str]:
    """Names of the distributions that installed these files."""
    wanted = {str(Path(source).resolve()) for source in sources}
    return {
        distribution.metadata["Name"]
        for distribution in metadata.distributions()
        if any(
            str(Path(str(distribution.locate_file(file))).resolve()) in wanted
            for file in distribution.files or ()
            if ".dist-info/" not in str(file)
        )
    }


def packages(sbom: Mapping[str, Any], names: Iterable[str]) -> list[Part]:
    """The components of an SBOM with these names.

    Raises:
        LicenceError: if one is missing there, or has no licence.
    """
    known = {_plain(component["name"]): component for component in sbom.get("components", ())}
    made = []
    for name in sorted(set(names), key=str.lower):
        component = known.get(_plain(name))
        if component is None:
            raise LicenceError(f"{name} is in the bundle, but not in the SBOM")
        licence = READ_IN_TEXT.get(_plain(name).replace("-", "_")) or _licence(component)
        made.append(Part(name, component.get("version", ""), licence, _texts(name)))
    return made


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(component: Mapping[str, Any]) -> str:
    found: list[str] = []
    for entry in component.get("licenses", ()):
        text = entry.get("expression") or ""
        named = entry.get("license", {})
        text = text or named.get("id") or named.get("name") or ""
        if text and "declared license of" not in text and text != "License :: OSI Approved":
            found.append(text.removeprefix("License :: OSI Approved :: "))
    return " AND ".join(dict.fromkeys(found))


def _texts(name: str) -> tuple[str, ...]:
    files = [
        file
        for file in metadata.distribution(name).files or ()
        if ".dist-info/" in str(file)
        and re.search(r"licen[cs]e|copying|notice|authors", Path(str(file)).name, re.IGNORECASE)
    ]
    texts = []
    for file in sorted(files, key=str):
        path = Path(str(file.locate()))
        if path.is_file():
            texts.append(path.read_text(encoding="utf-8", errors="replace").strip())
    return tuple(texts)


def system_libraries(sources: Iterable[str]) -> list[Part]:
    """The Debian packages of bundled libraries of the system.

    Raises:
        LicenceError: if nobody has read the licence of one.
    """
    paths = sorted({str(Path(item)) for item in sources if item.startswith(("/lib/", "/usr/lib"))})
    if not paths:
        return []
    owners = set()
    for path in paths:
        # Debian's list knows a library by the place where it lay before /lib became a link.
        for place in dict.fromkeys((path, str(Path(path).resolve()), path.removeprefix("/usr"))):
            done = subprocess.run(
                ["dpkg-query", "-S", place], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                owners.add(done.stdout.split(":")[0].removesuffix("t64"))
                break
        else:
            raise LicenceError(f"{path} is in the bundle and belongs to no package of the system")
    made = []
    for owner in sorted(owners):
        if owner not in SYSTEM_LICENCES:
            raise LicenceError(f"Nobody has read the licence of {owner}: SYSTEM_LICENCES")
        text = Path(f"/usr/share/doc/{owner}/copyright")
        texts = (text.read_text(encoding="utf-8", errors="replace"),) if text.is_file() else ()
        made.append(Part(owner, "", SYSTEM_LICENCES[owner], texts))
    return made


def refused(parts: Iterable[Part], files: Iterable[str]) -> list[str]:
    """Sentences about what must not be in the bundle."""
    found = [
        f"{part.name} has no licence" if not part.licence else f"{part.name}: {part.licence}"
        for part in parts
        if not part.licence or not allows_other_terms(part.licence)
    ]
    return found + [
        f"{Path(file).name} is under the GPL alone"
        for file in files
        if Path(file).name.lower().startswith(GPL_LIBRARIES)
    ]


def text_of(parts: Sequence[Part]) -> str:
    """THIRD-PARTY.txt: a table, then the texts, each once."""
    lines = ["LMPT Desktop is under the Apache License 2.0. It is delivered with:", ""]
    lines += [f"{part.name} {part.version}".strip() + f": {part.licence}" for part in parts]
    users: dict[str, list[str]] = {}
    for part in parts:
        for text in part.texts:
            users.setdefault(text, []).append(part.name)
    for text, names in users.items():
        lines += ["", "=" * 80, ", ".join(dict.fromkeys(names)), "=" * 80, "", text]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the file, or say what stands against it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundled", type=Path, help="JSON: source files of the bundle")
    parser.add_argument("sbom", type=Path, help="CycloneDX, of the whole environment")
    parser.add_argument("out", type=Path, help="folder for THIRD-PARTY.txt and sbom.cdx.json")
    arguments = parser.parse_args()
    sources = json.loads(arguments.bundled.read_text(encoding="utf-8"))
    sbom = json.loads(arguments.sbom.read_text(encoding="utf-8"))
    names = bundled_packages(sources) - {"lmpt-desktop"} | {"pyinstaller"}
    python = Path(sys.base_prefix) / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    licence = next((path for path in (python / "LICENSE.txt",) if path.is_file()), None)
    try:
        parts = [
            Part("Python", sys.version.split()[0], PYTHON,
                 (licence.read_text(encoding="utf-8"),) if licence else ()),
            *packages(sbom, names),
            *system_libraries(sources),
        ]  # fmt: skip
        problems = refused(parts, sources)
        if problems:
            raise LicenceError("; ".join(problems))
    except LicenceError as error:
        print(f"Licences: {error}", file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "THIRD-PARTY.txt").write_text(text_of(parts), encoding="utf-8")
    known = {_plain(name) for name in names}
    sbom["components"] = [part for part in sbom["components"] if _plain(part["name"]) in known]
    (arguments.out / "sbom.cdx.json").write_text(json.dumps(sbom, indent=1), encoding="utf-8")
    print(f"{len(parts)} parts, none under the GPL alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
