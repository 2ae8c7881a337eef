from __future__ import annotations

from lmpt_desktop.engine.encoding.photo_queue import MAX_CONDEMNED, PhotoQueue


def queue_of(*ids: int) -> PhotoQueue:
    queue = PhotoQueue()
    queue.add(ids)
    return queue


def test_photos_are_sent_in_order_in_a_limited_number_of_requests() -> None:
    queue = queue_of(1, 2, 3, 4, 5)
    assert queue.take("a", 2, 2) == [1, 2]
    assert queue.take("b", 2, 2) == [3, 4]
    assert queue.take("c", 2, 2) == []
    queue.answered("a", encoded=True)
    assert queue.take("c", 2, 2) == [5]


def test_visible_photos_come_first_in_the_order_asked() -> None:
    queue = queue_of(1, 2, 3, 4)
    queue.prioritise([4, 9, 2])
    assert queue.take("a", 4, 1) == [4, 2, 1, 3]


def test_a_photo_in_flight_is_not_queued_again() -> None:
    queue = queue_of(1)
    queue.take("a", 1, 1)
    queue.add([1, 2])
    assert len(queue) == 2


def test_after_a_crash_photos_are_sent_one_at_a_time() -> None:
    queue = queue_of(1, 2, 3)
    queue.take("a", 2, 2)
    assert queue.crashed() == []
    assert queue.take("b", 2, 2) == [1]
    assert queue.take("c", 2, 2) == []
    queue.answered("b", encoded=True)
    assert queue.take("c", 2, 2) == [2]


def test_a_photo_that_crashes_alone_is_unreadable_once_another_one_succeeds() -> None:
    queue = queue_of(1, 2, 3)
    queue.take("a", 2, 1)
    queue.crashed()
    assert queue.take("b", 2, 1) == [1]
    assert queue.crashed() == []
    assert queue.take("c", 2, 1) == [2]
    assert queue.answered("c", encoded=True) == []
    assert queue.take("d", 2, 1) == [1]
    assert queue.crashed() == []
    assert queue.take("e", 2, 1) == [3]
    assert queue.answered("e", encoded=True) == [1]


def test_the_last_photo_that_crashes_alone_is_unreadable() -> None:
    queue = queue_of(1)
    queue.take("a", 2, 1)
    assert queue.crashed() == []
    queue.take("b", 2, 1)
    assert queue.crashed() == [1]
    assert len(queue) == 0


def test_after_many_crashes_in_a_row_the_encoder_is_broken_and_its_photos_wait() -> None:
    queue = queue_of(*range(MAX_CONDEMNED + 1))
    queue.take("a", 10, 1)
    assert queue.crashed() == []
    turn = 0
    while not queue.encoder_is_broken:
        queue.take(f"b{turn}", 10, 1)
        assert queue.crashed() == []
        turn += 1
    assert queue.encoder_is_broken
    queue.requeue_suspects()
    assert not queue.encoder_is_broken
    assert sorted(queue.take("c", 10, 1)) == list(range(MAX_CONDEMNED + 1))


def test_cancelling_keeps_only_what_is_in_flight() -> None:
    queue = queue_of(1, 2, 3)
    queue.take("a", 1, 1)
    queue.clear()
    assert len(queue) == 1
    assert not queue.has_next


def test_photos_encoded_before_wait_for_all_others() -> None:
    queue = PhotoQueue()
    queue.add([1, 2, 3], again=True)
    assert (len(queue), queue.first_time, queue.has_next) == (3, 0, True)
    queue.add([7, 2])
    assert (len(queue), queue.first_time) == (4, 2)
    queue.prioritise([3, 2])
    # Never in one request with others, so that a small one is answered soon.
    assert queue.take("a", 9, 2) == [2, 7]
    assert queue.take("b", 1, 2) == [3]
    assert queue.first_time == 2
    queue.add([7], again=True)
    assert queue.answered("a", encoded=True) == []
    assert (len(queue), queue.first_time) == (2, 0)
    queue.requeue_in_flight()
    assert queue.take("c", 9, 2) == [3, 1]
    queue.add([5])
    queue.crashed()
    assert queue.first_time == 1
    queue.requeue_suspects()
    assert queue.take("d", 9, 2) == [5]
    assert queue.take("e", 9, 2) == [3, 1]
    queue.clear()
    queue.answered("d", encoded=True)
    queue.answered("e", encoded=True)
    assert not len(queue)
    queue.add([3])
    assert queue.first_time == 1
