"""Licences of what installers bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
import third_party
from third_party import LicenceError, Part, allows_other_terms, refused


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "Apache-2.0 OR BSD-2-Clause",
        "LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only",
        "LGPLv2+",
        "GNU Lesser General Public License v3 (LGPLv3)",
        "GPL-2.0-or-later OR AFL-2.1",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
        "BSD-3-Clause AND (GPL-2.0-only OR MIT)",
        "MIT AND (LGPL-2.1-only OR CDDL-1.0)",
    ],
)
def test_a_licence_with_other_terms_than_the_gpls(licence: str) -> None:
    assert allows_other_terms(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-3.0-only",
        "GPL-2.0-or-later",
        "GNU General Public License v2 (GPLv2)",
        "AGPL-3.0",
        "BSD-3-Clause AND GPL-2.0-only",
        "BSD-3-Clause AND (GPL-2.0-only OR GPL-3.0-only)",
        "GPL-2.0-only OR GPL-3.0-only",
    ],
)
def test_a_licence_that_is_the_gpl_alone(licence: str) -> None:
    assert not allows_other_terms(licence)


def test_a_gpl_library_in_a_wheel_that_says_bsd_is_found() -> None:
    parts = [Part("pillow_heif", "1.8.1", "BSD-3-Clause")]
    files = ["/venv/site-packages/pillow_heif.libs/libx265-4883ecb5.so.217", "/venv/libheif.so"]
    assert refused(parts, files) == ["libx265-4883ecb5.so.217 is under the GPL alone"]


def test_a_part_without_a_licence_is_refused() -> None:
    assert refused([Part("thing", "1", "")], []) == ["thing has no licence"]


def test_a_package_of_the_sbom_has_its_licence_and_texts() -> None:
    sbom = {
        "components": [
            {"name": "NumPy", "version": "2.4", "licenses": [{"license": {"id": "BSD-3-Clause"}}]},
            {"name": "rich", "version": "14", "licenses": [{"expression": "MIT"}]},
        ]
    }
    numpy, rich = third_party.packages(sbom, ["numpy", "rich"])
    assert (numpy.version, numpy.licence, rich.licence) == ("2.4", "BSD-3-Clause", "MIT")
    assert numpy.texts


def test_a_package_that_the_sbom_lacks_stops_the_build() -> None:
    with pytest.raises(LicenceError, match="numpy"):
        third_party.packages({"components": []}, ["numpy"])


def test_files_lead_to_the_package_that_installed_them() -> None:
    import rich

    assert third_party.bundled_packages([str(Path(rich.__file__))]) == {"rich"}


def test_a_text_that_several_share_is_there_once() -> None:
    text = third_party.text_of(
        [Part("a", "1", "MIT", ("The text",)), Part("b", "2", "MIT", ("The text",))]
    )
    assert "a 1: MIT\nb 2: MIT\n" in text
    assert text.count("The text") == 1
    assert "a, b" in text


def test_own_readings_of_licences_pass_the_check() -> None:
    for licence in [*third_party.SYSTEM_LICENCES.values(), *third_party.READ_IN_TEXT.values()]:
        assert allows_other_terms(licence), licence
