"""A list of questions keeps its place and its decisions, whatever is undone."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.inference.queues.spacing import spaced
from lmpt_desktop.ui.review.question_list import Decision, Question, QuestionList


def line(count: int = 5) -> QuestionList:
    return QuestionList(Question(image, 100 + image % 2) for image in range(1, count + 1))


def act(batch: int, question: Question, verdict: Verdict = Verdict.PRESENT) -> Decision:
    return Decision(batch, question.image_id, question.class_id, verdict, answers=True)


def answer(asked: QuestionList, batch: int, verdict: Verdict = Verdict.PRESENT) -> Question:
    question = asked.current
    assert question is not None
    asked.record(act(batch, question, verdict), advance=True)
    return question


def test_an_answer_goes_on_and_is_counted() -> None:
    asked = line()
    answer(asked, 1)
    answer(asked, 2, Verdict.ABSENT)
    tally = asked.tally()
    assert asked.position == 2
    assert (tally.answered, tally.present, tally.absent) == (2, 1, 1)
    assert tally.gained == {101}


def test_taking_back_a_skip_has_nothing_to_undo() -> None:
    asked = line()
    asked.advance()
    step = asked.undo_step()
    assert step is not None and step.decision is None
    assert asked.position == 0
    assert asked.undo_step() is None


def test_the_last_word_on_a_class_counts_once() -> None:
    asked = line()
    question = asked.current
    assert question is not None
    asked.record(act(1, question, Verdict.PRESENT), advance=False)
    asked.record(act(2, question, Verdict.ABSENT), advance=False)
    assert (asked.tally().answered, asked.tally().present, asked.tally().absent) == (1, 0, 1)
    asked.record(act(3, question, Verdict.UNKNOWN), advance=False)
    assert asked.tally().answered == 0


def test_other_questions_never_repeat_one_that_was_asked() -> None:
    asked = line()
    answer(asked, 1)
    at_hand = asked.current
    asked.replace_rest([Question(9, 100), Question(1, 101), Question(2, 100), Question(8, 101)])
    assert asked.current == at_hand
    assert [question.image_id for question in asked.around(9, 9)] == [2, 9, 8, 1]


def test_other_questions_come_after_those_one_has_looked_back_from() -> None:
    asked = line()
    answered = [answer(asked, batch) for batch in (1, 2, 3)]
    assert asked.go_back() and asked.go_back()
    asked.replace_rest([Question(9, 100), Question(3, 101)])
    for question in reversed(answered):
        step = asked.undo_step()
        assert step is not None and step.decision is not None
        assert asked.current == question and step.decision.image_id == question.image_id


def test_a_verdict_that_is_saved_late_counts_for_its_own_question() -> None:
    asked = line()
    first = asked.current
    assert first is not None
    asked.advance()
    assert not asked.record(act(1, first), advance=True, at=first)
    assert asked.position == 1 and asked.tally().answered == 1
    step = asked.undo_step()
    assert step is not None and step.decision is not None and asked.current == first


def test_an_image_that_is_gone_is_not_asked_about_again() -> None:
    asked = QuestionList([Question(1, 7), Question(2, 7), Question(1, 8), Question(3, 7)])
    asked.drop_current()
    assert [question.image_id for question in asked.around(0, 9)] == [2, 3]


def test_what_is_kept_ready_comes_in_the_order_it_will_be_needed() -> None:
    asked = line(9)
    asked.position = 4
    assert [question.image_id for question in asked.around(2, 3)] == [5, 6, 7, 8, 4, 3]


def test_undone_elsewhere_it_does_not_count_and_its_question_is_back() -> None:
    asked = line()
    first = answer(asked, 1)
    asked.advance()
    assert asked.rewind(1)
    assert asked.current == first
    assert asked.tally().answered == 0
    assert not asked.rewind(1)


@given(st.lists(st.sampled_from(["answer", "skip", "back", "look back", "undo elsewhere"])))
def test_any_sequence_keeps_the_place_inside_and_the_tally_true(steps: list[str]) -> None:
    asked = line(6)
    decided: dict[int, Decision] = {}
    for number, step in enumerate(steps, 1):
        if step == "answer" and asked.current is not None:
            decided[number] = act(number, asked.current)
            asked.record(decided[number], advance=True)
        elif step == "skip":
            asked.advance()
        elif step == "look back":
            asked.go_back()
        elif step == "back":
            taken = asked.undo_step()
            if taken is not None and taken.decision is not None:
                del decided[taken.decision.batch_id]
        elif step == "undo elsewhere" and decided:
            newest = max(decided)
            assert asked.rewind(newest)
            del decided[newest]
        assert 0 <= asked.position <= len(asked)
        assert (asked.current is None) == asked.at_end
        assert asked.tally().answered == len(
            {(one.image_id, one.class_id) for one in decided.values()}
        )


# ------------------------------------------------------------------------------- stacks


def stack_of(image_id: int) -> int:
    """Images 10 to 19 are one stack, 20 to 29 another; the others are in none."""
    return image_id // 10 if 10 <= image_id < 30 else -1


def asked(questions: QuestionList) -> list[int]:
    return [question.image_id for question in questions.around(0, 100)]


def siblings_meet(images: list[int]) -> bool:
    pairs = pairwise(images)
    return any(a != b and stack_of(a) >= 0 and stack_of(a) == stack_of(b) for a, b in pairs)


def test_questions_that_replace_others_keep_away_from_the_stack_of_the_current_one() -> None:
    questions = QuestionList([Question(10, 1), Question(20, 1)], stack_of=stack_of)
    chosen = [Question(11, 1), Question(12, 1), Question(1, 1), Question(2, 1), Question(3, 1)]
    questions.replace_rest(chosen, stack_of)
    assert not siblings_meet(asked(questions))
    assert sorted(asked(questions)) == [1, 2, 3, 10, 11, 12]


def test_a_photo_that_leaves_the_library_brings_no_siblings_together() -> None:
    images = [10, 1, 11, 2, 3, 4]
    questions = QuestionList([Question(image) for image in images], stack_of=stack_of)
    questions.advance()
    questions.drop_current()
    assert asked(questions)[0] != 11
    assert not siblings_meet([10, *asked(questions)])


@given(
    st.lists(st.sampled_from([10, 11, 12, 20, 21, 1, 2, 3, 4, 5, 6, 7, 8, 9]), max_size=14),
    st.lists(st.sampled_from(["advance", "drop", "replace"]), max_size=12),
)
def test_siblings_never_meet_while_enough_others_are_left(
    images: list[int], acts: list[str]
) -> None:
    items = [Question(image, 1) for image in dict.fromkeys(images)]
    questions = QuestionList(spaced(items, lambda item: item.image_id, stack_of), stack_of=stack_of)
    for act in acts:
        if questions.current is None:
            return
        if act == "advance":
            questions.advance()
            continue
        if act == "drop":
            questions.drop_current()
        else:
            questions.replace_rest(items, stack_of)
        left = asked(questions)
        following = left if act == "drop" else left[1:]
        counts = Counter(stack for image in following if (stack := stack_of(image)) >= 0)
        if 2 * max(counts.values(), default=0) < len(following):
            assert not siblings_meet(left)
