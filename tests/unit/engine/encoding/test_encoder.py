from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from fake_encoder import MAP_BOX

from lmpt_desktop.engine.encoding import encoder
from lmpt_desktop.engine.encoding.encoder import EncoderClient, EncoderError
from lmpt_desktop.engine.encoding.place import EncodingPlace
from lmpt_desktop.engine.notices import Activity, ActivityKind, ActivityState
from trainer.events import EncoderAway, EncoderReady, PhotoFailure, Place

Until = Callable[[Callable[[], object]], None]


class Sink:
    """Remembers what the client delivered."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.features: dict[int, np.ndarray] = {}
        self.failures: dict[int, str] = {}
        self.windows: dict[int, np.ndarray] = {}
        self.errors: list[tuple[EncoderError, str]] = []
        self.activities: list[Activity] = []
        self.order: list[int] = []
        self.ready: list[EncoderReady] = []
        self.away: list[EncoderAway] = []
        self.refuse: Exception | None = None
        self.lock = threading.Lock()

    def photo_paths(self, ids: Sequence[int]) -> list[Path]:
        return [Path("/photos") / self.names[i] for i in ids]

    def encoder_ready(self, ready: EncoderReady) -> None:
        self.ready.append(ready)

    def photos_encoded(
        self, ids: np.ndarray, features: np.ndarray, windows: np.ndarray | None
    ) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.order.extend(int(i) for i in ids)
        self.features.update(zip(map(int, ids), features, strict=True))
        if windows is not None:
            self.windows.update(zip(map(int, ids), windows, strict=True))

    def photos_failed(self, failures: Sequence[PhotoFailure]) -> None:
        self.failures.update((item.id, item.reason) for item in failures)

    def encoder_failed(self, error: EncoderError, details: str) -> None:
        self.errors.append((error, details))

    def encoder_away(self, away: EncoderAway) -> None:
        self.away.append(away)

    def encoder_activity(self, activity: Activity) -> None:
        self.activities.append(activity)

    @property
    def done(self) -> int:
        return len(self.features) + len(self.failures)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def make_client(
    tmp_path: Path, sink: Sink, encoder_command: list[str]
) -> Iterator[Callable[..., EncoderClient]]:
    clients: list[EncoderClient] = []

    def make(**options: object) -> EncoderClient:
        settings: dict = {"command": encoder_command, "backoff": [0.0]} | options
        client = EncoderClient("fake", "cpu", tmp_path / "encode" / "1", sink, **settings)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def starts(tmp_path: Path) -> int:
    path = tmp_path / "encode" / "starts.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_nothing_is_started_without_work(
    make_client: Callable[..., EncoderClient], tmp_path: Path
) -> None:
    make_client().close()
    assert starts(tmp_path) == 0


def test_photos_are_encoded_and_their_chunks_deleted(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until, tmp_path: Path
) -> None:
    sink.names = {i: f"dog_{i}.jpg" for i in range(100)}
    client = make_client()
    client.add(range(100))
    until(lambda: sink.done == 100)
    assert np.allclose(np.linalg.norm(sink.features[5].astype(np.float32)), 1, atol=1e-2)
    until(lambda: sink.activities[-1].state is ActivityState.IDLE)
    assert list((tmp_path / "encode" / "1").iterdir()) == []
    assert sink.ready[0].device == "CPU"


def test_texts_are_answered_in_order_while_photos_are_paused(
    make_client: Callable[..., EncoderClient], sink: Sink
) -> None:
    sink.names = {1: "dog.jpg"}
    client = make_client()
    client.pause()
    client.add([1])
    rows = client.encode_texts(["dog", "cat", "dog"], ensemble=True).result(30)
    assert rows.shape[0] == 3
    assert np.array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])
    assert sink.done == 0


def test_photos_that_wait_for_another_computer_need_not(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"place": "lost"}))
    sink.names = {1: "dog.jpg", 2: "cat.jpg"}
    client = make_client(place=EncodingPlace("other"))
    client.add([1, 2])
    until(lambda: any(item.waits for item in sink.activities))
    waiting = next(item for item in sink.activities if item.waits)
    assert waiting.note == "connection to other lost, trying again"
    assert len(client.encode_texts(["dog"], ensemble=False).result(30)) == 1
    assert sink.done == 0
    client.encode_here()
    until(lambda: sink.done == 2)
    assert [item.place for item in sink.away] == [Place.LOST, Place.HERE]
    until(lambda: not sink.activities[-1].waits)


def test_nothing_is_encoded_while_paused(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until
) -> None:
    sink.names = {i: f"dog_{i}.jpg" for i in range(5)}
    client = make_client()
    client.pause()
    client.add(range(5))
    until(lambda: any(item.state is ActivityState.PAUSED for item in sink.activities))
    for text in ("dog", "cat"):
        # The process answers in order, so photos sent with the first text would be done by now.
        client.encode_texts([text], ensemble=False).result(30)
    assert sink.done == 0
    client.resume()
    until(lambda: sink.done == 5)


def test_one_bad_photo_is_reported_with_its_reason(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until
) -> None:
    sink.names = {1: "dog.jpg", 2: "bad.jpg", 3: "cat.jpg"}
    client = make_client()
    client.add([1, 2, 3])
    until(lambda: sink.done == 3)
    assert sink.failures == {2: "This file is not a photo."}


def test_the_photo_that_crashes_the_encoder_twice_is_unreadable_and_the_rest_is_encoded(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until
) -> None:
    sink.names = {1: "dog.jpg", 2: "crash.jpg", 3: "crashonce.jpg", 4: "cat.jpg"}
    client = make_client()
    client.add([1, 2, 3, 4])
    until(lambda: sink.done == 4)
    assert set(sink.failures) == {2}
    assert set(sink.features) == {1, 3, 4}


def test_an_encoder_that_never_starts_stops_encoding_with_its_log(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"crash_at_start": True}))
    client = make_client()
    sink.names = {1: "dog.jpg"}
    client.add([1])
    until(lambda: sink.errors)
    error, details = sink.errors[0]
    assert "keeps crashing" in str(error)
    assert "a last word" in details
    assert sink.failures == {}
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    client.resume()
    until(lambda: sink.done == 1)


def test_an_encoder_that_crashes_while_it_starts_is_started_in_torch(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"crash_without_torch": True}))
    client = make_client()
    sink.names = {1: "dog.jpg"}
    client.add([1])
    until(lambda: sink.done == 1)
    assert not sink.errors
    told = (tmp_path / "encode" / "starts.txt").read_text().split("\n")[:-1]
    assert [line.endswith("in torch") for line in told] == [False, True]


def test_a_missing_network_is_reported_and_not_retried(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"fail": {"*": "no-network"}}))
    client = make_client()
    future = client.encode_texts(["dog"], ensemble=False)
    with pytest.raises(EncoderError, match="cannot be used") as caught:
        future.result(30)
    assert caught.value.kind == "no-network"
    until(lambda: sink.errors)
    assert starts(tmp_path) == 1


def test_texts_that_crash_the_encoder_twice_fail(
    make_client: Callable[..., EncoderClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"crash_on_texts": True}))
    with pytest.raises(EncoderError, match="class names"):
        make_client().encode_texts(["dog"], ensemble=False).result(30)


def test_an_encoder_that_hangs_is_killed_and_its_photo_is_unreadable(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until
) -> None:
    sink.names = {1: "hang.jpg", 2: "dog.jpg"}
    client = make_client(stall_seconds=1.0)
    client.add([1, 2])
    until(lambda: sink.done == 2)
    assert set(sink.failures) == {1}


def test_an_idle_encoder_ends_and_is_started_again_when_needed(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until, tmp_path: Path
) -> None:
    sink.names = {1: "dog.jpg", 2: "cat.jpg"}
    client = make_client(idle_seconds=0.2)
    client.add([1])
    until(lambda: sink.done == 1)
    until(lambda: not client.loaded)
    client.add([2])
    until(lambda: sink.done == 2)
    assert starts(tmp_path) == 2


def test_features_that_cannot_be_saved_stop_encoding_with_the_reason(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until
) -> None:
    sink.names = {1: "dog.jpg"}
    sink.refuse = OSError("the disk is full")
    client = make_client()
    client.add([1])
    until(lambda: sink.errors)
    assert "the disk is full" in str(sink.errors[0][0])
    until(lambda: sink.activities[-1].state is ActivityState.FAILED)


def test_features_that_cannot_be_written_stop_encoding_and_their_photos_wait(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"cannot_write": True}))
    sink.names = {1: "dog.jpg", 2: "cat.jpg"}
    client = make_client()
    client.add([1, 2])
    until(lambda: sink.errors)
    assert "could not be written" in str(sink.errors[0][0])
    assert sink.failures == {}
    until(lambda: sink.activities[-1].state is ActivityState.FAILED)
    assert (sink.activities[-1].done, sink.activities[-1].total) == (0, 2)


def test_a_download_is_reported_and_then_over(
    make_client: Callable[..., EncoderClient], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"download": True}))
    make_client().encode_texts(["dog"], ensemble=False).result(30)
    seen = [item for item in sink.activities if item.kind is ActivityKind.DOWNLOAD]
    assert (seen[0].done, seen[0].total) == (10, 20)
    assert seen[-1].state is ActivityState.IDLE


def test_closing_fails_what_was_not_answered(
    make_client: Callable[..., EncoderClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client()
    future = client.encode_texts(["dog"], ensemble=False)
    client.close()
    if future.exception(30) is not None:
        assert isinstance(future.exception(), EncoderError)
    with pytest.raises(EncoderError, match="closed"):
        client.encode_texts(["dog"], ensemble=False).result(5)


def test_a_turned_photo_is_answered_after_the_photos_and_not_committed(
    make_client: Callable[..., EncoderClient], sink: Sink, tmp_path: Path
) -> None:
    sink.names = {i: f"dog_{i}.jpg" for i in range(50)}
    client = make_client()
    client.pause()
    client.add(range(50))
    futures = [client.encode_turned(Path(f"/photos/cat_{i}.jpg")) for i in range(3)]
    client.resume()
    answers = [future.result(30) for future in futures]
    assert sink.done == 50
    assert {answer.shape for answer in answers} == {(3, 64)}
    assert not np.array_equal(answers[0], answers[1])
    assert (tmp_path / "encode" / "turned.txt").read_text().split() == [
        f"/photos/cat_{i}.jpg" for i in range(3)
    ]
    assert sorted(sink.features) == list(range(50))
    assert list((tmp_path / "encode" / "1").iterdir()) == []


def test_turned_photos_wait_while_encoding_is_paused_and_texts_do_not(
    make_client: Callable[..., EncoderClient],
) -> None:
    client = make_client()
    client.pause()
    turned = client.encode_turned(Path("/photos/dog.jpg"))
    client.encode_texts(["dog"], ensemble=False).result(30)
    assert not turned.done()
    assert not client.settled
    client.resume()
    assert len(turned.result(30)) == 3


def test_a_turned_photo_that_cannot_be_read_fails_alone(
    make_client: Callable[..., EncoderClient], sink: Sink
) -> None:
    client = make_client()
    bad, good = (client.encode_turned(Path(f"/photos/{name}.jpg")) for name in ("bad", "dog"))
    with pytest.raises(EncoderError, match="not a photo") as caught:
        bad.result(30)
    assert caught.value.kind == "unreadable"
    assert len(good.result(30)) == 3
    assert sink.errors == []
    assert sink.failures == {}


def test_a_turned_photo_that_crashes_the_encoder_twice_is_given_up_and_blames_no_other(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until, tmp_path: Path
) -> None:
    client = make_client()
    turned = [
        client.encode_turned(Path(f"/photos/{name}.jpg")) for name in ("crash", "crashonce", "dog")
    ]
    with pytest.raises(EncoderError, match="crashed twice") as caught:
        turned[0].result(30)
    assert caught.value.kind == "unreadable"
    assert len(turned[1].result(30)) == len(turned[2].result(30)) == 3
    sink.names = {1: "dog.jpg"}
    client.add([1])
    until(lambda: sink.done == 1)
    assert sink.failures == {}
    assert starts(tmp_path) == 4


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_turned_photos_fail_when_encoding_is_ended(
    make_client: Callable[..., EncoderClient], end: str
) -> None:
    client = make_client()
    client.pause()
    turned = client.encode_turned(Path("/photos/dog.jpg"))
    getattr(client, end)()
    with pytest.raises(EncoderError) as caught:
        turned.result(30)
    assert caught.value.kind == "cancelled"


def test_a_map_is_answered_while_photos_are_paused_and_says_what_it_covers(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"windows": True}))
    sink.names = {1: "dog.jpg"}
    client = make_client()
    client.pause()
    client.add([1])
    found = client.encode_map(Path("/photos/dog+cat.jpg")).result(30)
    assert found.cells.shape == (6, 6, 64)
    assert found.cells.dtype == np.float16
    assert found.box == MAP_BOX
    assert sink.done == 0
    assert list((tmp_path / "encode" / "1").iterdir()) == []


def test_a_map_that_cannot_be_made_fails_alone(
    make_client: Callable[..., EncoderClient], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"windows": True}))
    client = make_client()
    bad, good = (client.encode_map(Path(f"/photos/{name}.jpg")) for name in ("bad", "dog"))
    with pytest.raises(EncoderError, match="not a photo") as caught:
        bad.result(30)
    assert caught.value.kind == "unreadable"
    assert good.result(30).cells.shape == (6, 6, 64)
    assert sink.errors == []


def test_a_photo_whose_map_crashes_the_encoder_is_not_tried_again_and_blames_no_other(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"windows": True}))
    sink.names = {i: f"dog_{i}.jpg" for i in range(20)}
    client = make_client()
    client.add(range(20))
    with pytest.raises(EncoderError, match="crashed") as caught:
        client.encode_map(Path("/photos/crash.jpg")).result(30)
    assert caught.value.kind == "unreadable"
    until(lambda: sink.done == 20)
    assert sink.failures == {}
    assert (tmp_path / "encode" / "maps.txt").read_text().count("crash.jpg") == 1


def test_maps_fail_when_the_library_is_closed(make_client: Callable[..., EncoderClient]) -> None:
    client = make_client()
    client.close()
    with pytest.raises(EncoderError, match="closed"):
        client.encode_map(Path("/photos/dog.jpg")).result(5)


@pytest.fixture
def stopped(
    make_client: Callable[..., EncoderClient], sink: Sink, until: Until, tmp_path: Path
) -> tuple[EncoderClient, psutil.Process]:
    """A client with photos in flight, and its process, which was stopped."""
    if os.name == "nt":
        pytest.skip("Windows cannot stop a process with a signal")
    client = make_client()
    before = set(psutil.Process().children())
    client.encode_texts(["dog"], ensemble=False).result(30)
    [process] = set(psutil.Process().children()) - before
    process.suspend()
    # More than a pipe holds.
    sink.names = {i: f"dog_{i}{'x' * 200}.jpg" for i in range(2000)}
    client.add(range(2000))
    until(lambda: sink.activities and sink.activities[-1].total == 2000)
    return client, process


def test_closing_ends_a_stopped_process(
    stopped: tuple[EncoderClient, psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, process = stopped
    monkeypatch.setattr(encoder, "CLOSE_SECONDS", 0.2)
    client.close()
    assert not process.is_running()


def test_cancelling_ends_a_stopped_process(
    stopped: tuple[EncoderClient, psutil.Process],
    sink: Sink, until: Until, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    client, process = stopped
    monkeypatch.setattr(encoder, "CANCEL_SECONDS", 0.1)
    client.cancel()
    until(lambda: sink.activities[-1].state is ActivityState.IDLE)
    until(lambda: client.settled)  # a moment after it was told
    assert not sink.errors and not sink.failures
    client.encode_texts(["cat"], ensemble=False).result(30)
    until(lambda: not process.is_running())
    client.add([7])
    until(lambda: sink.done)


def test_a_process_that_was_stopped_does_not_hold_up_the_next_one(
    make_client: Callable[..., EncoderClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name == "nt":
        pytest.skip("Windows cannot stop a process with a signal")
    client = make_client()
    before = set(psutil.Process().children())
    client.encode_texts(["dog"], ensemble=False).result(30)
    [process] = set(psutil.Process().children()) - before
    process.suspend()
    monkeypatch.setattr(encoder, "END_SECONDS", 0.1)
    client.set_gentle("on battery")
    client.encode_texts(["cat"], ensemble=False).result(30)
    assert not process.is_running()


def test_the_client_goes_on_when_there_was_no_memory_even_to_say_so(
    make_client: Callable[..., EncoderClient],
    sink: Sink,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trainer.threads.RETRY_SECONDS", 0.0)
    failing = ["to say so", "to begin"]
    pump, stop = EncoderClient._pump, EncoderClient._stop_with

    def without_memory(client: EncoderClient) -> None:
        if "to begin" in failing:
            failing.remove("to begin")
            raise MemoryError
        pump(client)

    def say(client: EncoderClient, error: EncoderError) -> None:
        if "to say so" in failing:
            failing.remove("to say so")
            raise MemoryError
        stop(client, error)

    monkeypatch.setattr(EncoderClient, "_pump", without_memory)
    monkeypatch.setattr(EncoderClient, "_stop_with", say)
    sink.names = {1: "dog_1.jpg"}
    client = make_client()
    until(lambda: sink.errors)
    assert "not enough memory" in str(sink.errors[0][0])
    client.add([1])
    client.resume()
    until(lambda: sink.done == 1)
