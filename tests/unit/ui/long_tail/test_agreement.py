"""Sentences, bars, table and links of the long tail say the same of any library."""

from __future__ import annotations

from html import unescape

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tail_libraries import random_library, tail_of

from lmpt_desktop.domain.bands import FEW_EXAMPLES
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.inference.tail_gaps import GapKind, gaps
from lmpt_desktop.translation import number
from lmpt_desktop.ui.kit.texts import NEEDS_EXAMPLES, about, band_name
from lmpt_desktop.ui.long_tail import texts
from lmpt_desktop.ui.long_tail.chart import tool_tip
from lmpt_desktop.ui.long_tail.class_tab import legend
from lmpt_desktop.ui.long_tail.columns import BY_NAME, ClassRow, class_sentence
from trainer.bands import Band, BandLimits


def libraries(seed: int) -> LongTail:
    rng = np.random.default_rng(seed)
    annotations, scores, thresholds = random_library(seed, int(rng.integers(1, 60)), 6)
    annotations[rng.random(annotations.shape) < rng.choice([0.0, 0.6, 1.0])] = -1
    if rng.random() < 0.2:
        scores[:] = np.nan
    reviewed = rng.random(len(annotations)) < 0.3
    return tail_of(
        annotations, scores, thresholds=thresholds, reviewed=reviewed, limits=BandLimits(8, 20)
    )


def shown(tail: LongTail, name: str, column: int) -> str:
    return BY_NAME[name].text(ClassRow(tail, column))


@settings(deadline=None)
@given(seed=st.integers(0, 5000))
def test_every_class_has_one_number_and_one_word_everywhere(seed: int) -> None:
    tail = libraries(seed)
    limits = tail.bands.limits
    for column in range(len(tail)):
        count = int(tail.numbers[column])
        text = about(count) if tail.estimated[column] else number(count)
        word = band_name(limits.band(count))
        assert shown(tail, "estimated_photos", column) == text
        assert shown(tail, "band", column).split(" ", 1)[1] == word
        for words in (class_sentence(tail, column), unescape(tool_tip(tail, column))):
            assert text in words and word in words
        needs = tail.present[column] < FEW_EXAMPLES
        assert (NEEDS_EXAMPLES in shown(tail, "present", column)) == needs
        assert ("needs examples" in class_sentence(tail, column)) == needs
        assert tail.present[column] <= count, "the solid part of a bar is within it"


@settings(deadline=None)
@given(seed=st.integers(0, 5000))
def test_a_sentence_counts_the_classes_and_predictions_that_its_link_lists(seed: int) -> None:
    tail = libraries(seed)
    for gap in gaps(tail):
        sentence = texts.gap_sentence(tail, gap)
        assert sentence.split(" ", 1)[0] == number(len(gap.columns))
        cells = [shown(tail, "band", column) for column in gap.columns.tolist()]
        if gap.kind is GapKind.UNJUDGED:
            assert all(cell.endswith(band_name(Band.TAIL)) for cell in cells)
            waiting = [int(shown(tail, "not_judged", column)) for column in gap.columns.tolist()]
            assert f"({number(sum(waiting))} in all)" in sentence
            rare = [c for c in range(len(tail)) if tail.bands.bands[c] is Band.TAIL]
            assert sum(waiting) == sum(int(shown(tail, "not_judged", c)) for c in rare)


@settings(deadline=None)
@given(seed=st.integers(0, 5000))
def test_estimates_are_written_in_one_way(seed: int) -> None:
    tail = libraries(seed)
    words = [texts.summary(tail), texts.state_sentence(tail), legend()]
    for gap in gaps(tail):
        words += [texts.gap_sentence(tail, gap), texts.narrowed_sentence(gap)]
    words += [class_sentence(tail, column) for column in range(len(tail))]
    words += [column.text(ClassRow(tail, 0)) for column in BY_NAME.values()]
    for text in words:
        assert "~" not in text and "(est" not in text and "tail, est" not in text
