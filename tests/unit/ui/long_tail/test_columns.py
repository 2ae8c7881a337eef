"""The columns of the table of classes: their order, cells, facts and CSV."""

from __future__ import annotations

import csv
from io import StringIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tail_libraries import tail_of, with_presents

from lmpt_desktop.inference.gain_forecast import GainForecast
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.ui.long_tail.columns import (
    BY_NAME,
    COLUMNS,
    ClassRow,
    class_facts,
    class_sentence,
    ordered,
    write_class_figures,
)
from trainer.prompt_set import ClassResult, ThresholdBasis


class TestOrder:
    tail = tail_of(
        with_presents(3, 0, 7, 3),
        names=["kite 10", "boat", "Kite 2", "ant"],
        judged={"kite 10": 0.2, "boat": 0.9, "ant": 0.2},
    )

    @pytest.mark.parametrize(
        ("name", "reverse", "expected"),
        [
            ("present", False, [2, 0, 3, 1]),
            ("present", True, [1, 0, 3, 2]),
            ("class", False, [3, 1, 2, 0]),
            ("place", False, [0, 1, 2, 3]),
            ("average_precision", False, [1, 0, 3, 2]),
            ("average_precision", True, [0, 3, 1, 2]),
            ("band", False, [2, 0, 3, 1]),
            ("embedding_margin", False, [0, 3, 2, 1]),
        ],
    )
    def test_highest_first_names_in_natural_order_and_unknown_last(
        self, name: str, reverse: bool, expected: list[int]
    ) -> None:
        assert ordered(self.tail, BY_NAME[name], reverse=reverse).tolist() == expected

    def test_only_the_classes_asked_for_are_ordered(self) -> None:
        among = np.array([3, 2])
        assert ordered(self.tail, BY_NAME["present"], among=among).tolist() == [2, 3]

    @given(name=st.sampled_from(list(BY_NAME)), reverse=st.booleans())
    def test_every_order_holds_every_class_once(self, name: str, reverse: bool) -> None:
        classes = ordered(self.tail, BY_NAME[name], reverse=reverse).tolist()
        assert sorted(classes) == [0, 1, 2, 3]

    def test_while_nothing_is_annotated_predictions_order_the_classes(self) -> None:
        scores = np.array([[0.1, 0.9], [0.1, 0.9]], np.float32)
        tail = tail_of(np.full((2, 2), -1, np.int8), scores)
        assert ordered(tail, BY_NAME["estimated_photos"]).tolist() == [1, 0]


def test_every_column_has_its_own_name_and_shows_every_class() -> None:
    tail = tail_of(with_presents(1, 0), judged={"class 0": 0.5})
    assert len(BY_NAME) == len(COLUMNS)
    first, second = ([column.text(ClassRow(tail, i)) for column in COLUMNS] for i in (0, 1))
    assert first[:7] == ["1", "class 0", "◆ rare", "1", "□ 1", "11", "0"]
    assert second[:7] == ["2", "class 1", "◆ rare", "0", "□ 0", "12", "0"]
    precision = COLUMNS.index(BY_NAME["average_precision"])
    assert (first[precision], second[precision]) == ("50.0", "–")


def test_predicted_photos_say_which_threshold_and_what_it_rests_on() -> None:
    own = ClassResult("class 0", 30, 12, 80, 0.5, 0.312, ThresholdBasis.OWN, 0.22, 0.4)
    tail = tail_of(with_presents(1, 0), judged={"class 0": own, "class 1": 0.5})
    note = BY_NAME["predicted"].note
    assert note is not None
    assert note(ClassRow(tail, 0)).startswith(
        "Threshold of the version in use: 0.31 (0.22 to 0.40). Rests on 12 photos with the class"
    )
    assert note(ClassRow(tail, 1)) == ""


def test_an_estimate_is_written_in_one_way() -> None:
    tail = tail_of(np.full((2, 1), -1, np.int8), np.full((2, 1), 0.9, np.float32))
    facts = dict(class_facts(tail, 0))
    assert facts["Rarity"] == "fairly common (medium)"
    assert facts["Photos"] == BY_NAME["estimated_photos"].text(ClassRow(tail, 0)) == "about 2"
    assert facts["Present"] == "0 (needs examples)"
    assert BY_NAME["band"].text(ClassRow(tail, 0)) == "■ fairly common"


def test_csv_has_a_row_per_class_in_the_order_asked_for_with_plain_numbers() -> None:
    tail = tail_of(
        with_presents(1, 0, 2000, images=3000), names=["a, b", "none", "many"], judged={"many": 0.5}
    )
    file = StringIO()
    assert write_class_figures(tail, np.array([2, 1]), file) == 2
    header, many, none = csv.reader(StringIO(file.getvalue()))
    assert header == [
        "class", "band", "estimated_photos", "present", "absent", "predicted", "not_judged",
        "average_precision", "forecast_gain",
        "embedding_weight", "embedding_margin", "mean_balance_weight",
    ]  # fmt: skip
    assert many[:9] == ["many", "head", "2000", "2000", "1000", "0", "0", "0.5", ""]
    assert float(many[10]) == pytest.approx(0.4 / 2000**0.25, rel=1e-5)
    assert none == ["none", "tail", "0", "0", "3000", "0", "0", "", "", "", "", ""]


class TestForecast:
    @staticmethod
    def tail(*, runs: int = 0, own: tuple[int, ...] = (0, 0, 0)) -> LongTail:
        return tail_of(
            with_presents(1, 3, 9),
            names=["heron", "kite", "boat"],
            forecast=GainForecast(
                gains=np.array([0.063, 0.081, 0.002]),
                spreads=np.array([0.042, 0.2, 0.001]),
                own_runs=np.array(own),
                measured=np.array([True, False, True]),
                runs=runs,
            ),
        )

    def test_shows_gain_and_interval_in_points_and_never_certainty(self) -> None:
        tail = self.tail()
        cells = [BY_NAME["forecast_gain"].text(ClassRow(tail, column)) for column in range(3)]
        assert cells == ["+6 ± 4", "+8 ± 20", "+0 ± 1"]

    def test_the_highest_gain_comes_first(self) -> None:
        assert ordered(self.tail(), BY_NAME["forecast_gain"]).tolist() == [1, 0, 2]

    @pytest.mark.parametrize(
        ("runs", "own", "expected"),
        [
            (0, (0, 0, 0), "+6 ± 4 AP (no run yet: as for similar classes)"),
            (2, (0, 1, 2), "+6 ± 4 AP (learned from other classes in 2 runs)"),
            (3, (3, 1, 2), "+6 ± 4 AP (learned from 3 runs)"),
        ],
    )
    def test_the_facts_say_what_it_was_learned_from(
        self, runs: int, own: tuple[int, ...], expected: str
    ) -> None:
        tail = self.tail(runs=runs, own=own)
        assert dict(class_facts(tail, 0))["5 more examples"] == expected
        assert "+8 ± 20 AP (very rough; " in class_sentence(tail, 1)

    def test_without_a_forecast_there_is_a_dash(self) -> None:
        tail = tail_of(with_presents(1))
        assert BY_NAME["forecast_gain"].text(ClassRow(tail, 0)) == "–"
        assert "5 more examples" not in class_sentence(tail, 0)
