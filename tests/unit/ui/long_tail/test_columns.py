"""The columns of the table of classes: their order, cells, facts and CSV."""

from __future__ import annotations

import csv
from io import StringIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tail_libraries import tail_of, with_presents

from lmpt_desktop.ui.long_tail.columns import (
    BY_NAME,
    COLUMNS,
    ClassRow,
    class_facts,
    ordered,
    write_class_figures,
)


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
        assert ordered(tail, BY_NAME["present"]).tolist() == [1, 0]


def test_every_column_has_its_own_name_and_shows_every_class() -> None:
    tail = tail_of(with_presents(1, 0), judged={"class 0": 0.5})
    assert len(BY_NAME) == len(COLUMNS)
    first, second = ([column.text(ClassRow(tail, i)) for column in COLUMNS] for i in (0, 1))
    assert first[:6] == ["1", "class 0", "◆ tail", "1", "11", "0"]
    assert second[:6] == ["2", "class 1", "◆ tail", "0", "12", "0"]
    precision = COLUMNS.index(BY_NAME["average_precision"])
    assert (first[precision], second[precision]) == ("50.0", "–")


def test_facts_spell_out_that_a_band_is_estimated() -> None:
    tail = tail_of(np.full((2, 1), -1, np.int8), np.full((2, 1), 0.9, np.float32))
    assert dict(class_facts(tail, 0))["Band"] == "medium (estimated)"
    assert BY_NAME["band"].text(ClassRow(tail, 0)) == "■ ~medium"


def test_csv_has_a_row_per_class_in_the_order_asked_for_with_plain_numbers() -> None:
    tail = tail_of(
        with_presents(1, 0, 2000, images=3000), names=["a, b", "none", "many"], judged={"many": 0.5}
    )
    file = StringIO()
    assert write_class_figures(tail, np.array([2, 1]), file) == 2
    header, many, none = csv.reader(StringIO(file.getvalue()))
    assert header == [
        "class", "band", "present", "absent", "predicted", "not_judged", "average_precision",
        "embedding_weight", "embedding_margin", "mean_balance_weight",
    ]  # fmt: skip
    assert many[:7] == ["many", "head", "2000", "1000", "0", "0", "0.5"]
    assert float(many[8]) == pytest.approx(0.4 / 2000**0.25, rel=1e-5)
    assert none == ["none", "tail", "0", "3000", "0", "0", "", "", "", ""]
