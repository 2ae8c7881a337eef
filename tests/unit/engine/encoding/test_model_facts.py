"""Facts about a backbone, as they are kept and as earlier versions kept them."""

from __future__ import annotations

import json

import pytest

from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from trainer.events import PROTOCOL, EncoderReady


@pytest.mark.parametrize(
    "facts",
    [
        ModelFacts.of(
            EncoderReady(
                PROTOCOL,
                "lite",
                384,
                "CPU",
                20.0,
                -2.0,
                ["{}"],
                frequency_bias=-1.5,
                name_frequency=[0.5, -0.25],
                windows=5,
                window_offset=0.04,
                crops=True,
            )
        ),
        ModelFacts.of(EncoderReady(PROTOCOL, "x", 8, "CPU", 100.0, None, ["a {}", "the {}"])),
    ],
)
def test_facts_come_back_from_the_settings(facts: ModelFacts) -> None:
    assert ModelFacts.from_setting(json.loads(json.dumps(facts.to_setting()))) == facts


def test_facts_of_an_earlier_version_do_not_know_of_windows() -> None:
    old = {"dim": 4, "scale": 10.0, "bias": None, "templates": ["{}"], "device": "CPU"}
    facts = ModelFacts.from_setting(old)
    assert facts == ModelFacts(4, 10.0, None, ("{}",), "CPU")
    assert facts is not None
    assert facts.windows is None
    assert ModelFacts.from_setting(facts.to_setting()) == facts
    assert ModelFacts.from_setting(old | {"windows": "many"}) is None
