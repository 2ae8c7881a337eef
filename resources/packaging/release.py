"""Checks before a release, and its notes: release.py check | notes | version.

The version is pyproject.toml's alone.  A release has a section "## [VERSION] - DATE" in
CHANGELOG.md and an entry in the metainfo, and every text is translated.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from build_packages import COMPONENT, HERE, ROOT, project_version


def notes(changelog: str, version: str) -> str:
    """What a version's section of the changelog says, without its heading; empty without one."""
    parts = re.split(r"^## ", changelog, flags=re.MULTILINE)
    for part in parts[1:]:
        heading, _, text = part.partition("\n")
        if heading.startswith(f"[{version}]"):
            return text.strip() + "\n"
    return ""


def problems(version: str, tag: str | None, changelog: str, metainfo: str) -> list[str]:
    """Sentences about what keeps this version from being released."""
    found = []
    if tag is not None and tag != f"v{version}":
        found.append(f"The tag is {tag}, and the version in pyproject.toml {version}.")
    if not notes(changelog, version).strip():
        found.append(f'CHANGELOG.md has no section "## [{version}] - DATE".')
    if f'<release version="{version}"' not in metainfo:
        found.append(f"The metainfo has no release {version}.")
    return found


def main() -> int:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("act", choices=("check", "notes", "version"))
    parser.add_argument("--tag", help="the tag that is to be released")
    arguments = parser.parse_args()
    version = project_version()
    if arguments.act == "version":
        print(version)
        return 0
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if arguments.act == "notes":
        print(notes(changelog, version), end="")
        return 0
    metainfo = (HERE / f"{COMPONENT}.metainfo.xml").read_text(encoding="utf-8")
    found = problems(version, arguments.tag, changelog, metainfo)
    translations = [sys.executable, str(Path(".ci") / "translations.py"), "--missing"]
    done = subprocess.run(translations, cwd=ROOT, check=True, capture_output=True, text=True)
    if done.stdout.strip():
        found.append("Texts are not translated (.ci/translations.py --missing).")
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
