import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from davserver.engine.bounds import Bounds
from davserver.engine.wire import PeerGone, Wire
from tests.davserver.engine.contrast import beside
from tests.davserver.engine.raw import Address, Peer, Shelf, ask, eventually, get, put, request


@contextlib.contextmanager
def peers(address: Address, count: int, first_words: bytes, net: int) -> Iterator[list[Peer]]:
    """Connect `count` clients, none of whose addresses has more than 20 of them."""
    crowd = [
        Peer(address, source=f"127.{net}.0.{1 + number // 20}").say(first_words)
        for number in range(count)
    ]
    try:
        yield crowd
    finally:
        for peer in crowd:
            peer.sock.close()


@beside("patient_stock", always=False)
def test_a_dozen_slow_clients_do_not_keep_others_waiting(address: Address) -> None:
    def trickle() -> None:
        while not stop.wait(0.1):
            for peer in slow:
                peer.say(b"x")

    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    stop = threading.Event()
    with peers(address, 12, head, net=1) as slow:
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            time.sleep(0.5)  # until they hold whatever they can hold
            with Peer(address, patience=3) as other:
                assert other.say(request("GET", "/")).reply().status in {200, 404}
        finally:
            stop.set()
            thread.join()


@pytest.mark.slow
def test_five_hundred_slow_uploads_and_as_many_slow_heads_leave_a_small_get_alone(
    start, shelf: Shelf
) -> None:
    server = start(shelf, bounds=Bounds(header_seconds=60, linger_seconds=0))
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    upload = request("PUT", "/slow", "Content-Length: 1000", body=b"x")
    shelf.kept["/small"] = b"small"
    with (
        peers(server.address, 490, head, net=1) as heads,
        peers(server.address, 500, upload, net=2) as uploads,
    ):
        assert eventually(lambda: len(shelf.seen) == 500)
        started = time.monotonic()
        for _ in range(5):
            for peer in heads[::50] + uploads[::50]:
                peer.say(b"y")
            assert get(server.address, "/small").body == b"small"
        # No promise of speed, but of a server that does not wait for any of the thousand.
        assert time.monotonic() - started < 10
    assert server.requests.size > 490


def test_threads_grow_with_slow_uploads_and_shrink_when_they_end(start, shelf: Shelf) -> None:
    server = start(shelf, bounds=Bounds(thread_idle_seconds=0.2))
    upload = request("PUT", "/slow", "Content-Length: 2", body=b"x")
    with peers(server.address, 20, upload, net=1) as crowd:
        assert eventually(lambda: len(shelf.seen) == 20)
        assert server.requests.size >= 20
        for peer in crowd:
            assert peer.say(b"y").reply().status == 201
    assert eventually(lambda: server.requests.size == 4)
    assert get(server.address, "/slow").body == b"xy"


def test_heads_take_no_thread(start, shelf: Shelf) -> None:
    server = start(shelf)
    with peers(server.address, 50, b"GET / HT", net=1):
        time.sleep(0.3)
        assert server.requests.size == 4


def test_two_hundred_parallel_uploads_from_one_address_all_end_well(start, shelf: Shelf) -> None:
    server = start(shelf)
    statuses: list[int] = []

    def upload(number: int) -> None:
        with Peer(server.address, patience=30) as peer:
            for turn in range(3):
                reply = peer.say(put(f"/{number}-{turn}", bytes(100_000))).reply()
                statuses.append(reply.status)
                if reply.headers.get("connection") == "close":
                    peer.sock.close()
                    peer.__init__(server.address, patience=30)  # type: ignore[misc]

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 600
    assert len(shelf.kept) == 600


@pytest.fixture
def hasty(start, shelf: Shelf) -> Address:
    bounds = Bounds(
        header_seconds=0.5,
        keep_alive_seconds=0.5,
        connections=8,
        connections_per_address=3,
        waiting_per_address=2,
        waiting_seconds=0.5,
        linger_seconds=0.2,
    )
    return start(shelf, bounds=bounds).address


def test_a_head_that_is_not_there_in_time_is_408(hasty: Address) -> None:
    with Peer(hasty) as peer:
        peer.say(b"GET / HTTP/1.1\r\n")
        for _ in range(4):
            time.sleep(0.1)
            peer.say(b"X: y\r\n")  # each line alone is soon enough
        assert peer.reply().status == 408
        assert peer.is_closed()


def test_a_connection_that_says_nothing_is_closed_without_a_word(hasty: Address) -> None:
    with Peer(hasty) as peer:
        assert peer.is_closed()


def test_an_idle_connection_is_closed_without_a_word(hasty: Address) -> None:
    with Peer(hasty) as peer:
        assert peer.say(request("GET", "/")).reply().status == 404
        assert peer.is_closed()


def test_a_connection_beyond_those_that_may_wait_is_told_503(hasty: Address) -> None:
    with peers(hasty, 5, b"", net=1), Peer(hasty, source="127.1.0.1") as peer:
        reply = peer.reply()
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")
        assert peer.is_closed()


def test_a_connection_that_waits_is_served_when_another_of_its_address_ends(
    start, shelf: Shelf
) -> None:
    server = start(shelf, bounds=Bounds(connections_per_address=1))
    with Peer(server.address) as first, Peer(server.address) as second:
        second.say(request("GET", "/second"))
        assert first.say(request("GET", "/first")).reply().headers["connection"] == "close"
        assert second.reply().status == 404


def test_a_connection_that_waited_too_long_is_told_503(start, shelf: Shelf) -> None:
    bounds = Bounds(connections_per_address=1, waiting_seconds=0.3)
    server = start(shelf, bounds=bounds)
    with Peer(server.address), Peer(server.address) as second:
        assert second.reply().status == 503


def test_an_address_that_is_not_counted_is_free_of_the_bound_for_one(start, shelf: Shelf) -> None:
    bounds = Bounds(connections_per_address=1, waiting_per_address=0)
    server = start(shelf, bounds=bounds, counted_as=lambda _: None)
    with Peer(server.address), Peer(server.address) as second:
        assert second.say(request("GET", "/")).reply().status == 404


def test_when_all_places_are_taken_the_longest_idle_one_is_given_up(start, shelf: Shelf) -> None:
    server = start(shelf, bounds=Bounds(connections=2))
    selector = server._connections._selector
    with Peer(server.address) as first, Peer(server.address) as second:
        assert eventually(lambda: len(selector) == 4)  # the listener and a wake-up too
        for peer in (first, second):
            assert peer.say(request("GET", "/")).reply().status == 404
            assert eventually(lambda: len(selector) == 4)
        with Peer(server.address) as third:
            assert third.say(request("GET", "/")).reply().status == 404
        assert first.is_closed()


def test_when_all_places_are_at_work_a_newcomer_is_told_503(start, shelf: Shelf) -> None:
    server = start(shelf, bounds=Bounds(connections=1))
    with Peer(server.address) as first:
        first.say(put("/", b"hello")[:-1])
        assert shelf.begun.wait(5)
        assert ask(server.address, request("GET", "/")).status == 503
        assert first.say(b"o").reply().status == 201


def test_idle_connections_beyond_their_bound_are_not_kept(start, shelf: Shelf) -> None:
    server = start(shelf, bounds=Bounds(idle_connections=1))
    with Peer(server.address), Peer(server.address) as second:
        time.sleep(0.1)
        assert second.say(request("GET", "/")).reply().headers["connection"] == "close"


def test_places_are_given_back_however_a_connection_ends(start, shelf: Shelf) -> None:
    server = start(shelf, bounds=Bounds(header_seconds=0.3, linger_seconds=0.1))
    for words in [b"", b"GET", b"nonsense\r\n\r\n", request("GET", "/"), put("/", b"hi")[:-1]]:
        Peer(server.address).say(words).sock.close()
    assert eventually(lambda: server.census.total == 0)


def test_a_peer_that_takes_nothing_of_its_reply_is_given_up(start) -> None:
    ended = threading.Event()

    class Endless:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield bytes(1 << 20)

        def close(self) -> None:
            ended.set()

    def app(environ, start_response):
        start_response("200 OK", [])
        return Endless()

    bounds = Bounds(write_seconds=0.4, rate_window_seconds=0.6, linger_seconds=0.1)
    with Peer(start(app, bounds=bounds).address) as peer:
        peer.say(request("GET", "/"))
        assert ended.wait(8)


def test_a_slow_reader_above_the_floor_gets_all_of_its_reply(start) -> None:
    size = 3_000_000

    def app(environ, start_response):
        start_response("200 OK", [])
        return [bytes(size)]

    bounds = Bounds(write_seconds=0.4, rate_floor=100, rate_window_seconds=0.6)
    with Peer(start(app, bounds=bounds).address) as peer:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        peer.say(request("GET", "/")).head()
        left = size - len(peer.heard)
        while left:
            left -= len(peer.sock.recv(100_000))
            time.sleep(0.02 if left > 2_000_000 else 0)


@pytest.mark.parametrize("reads", [True, False])
def test_a_reader_is_given_up_only_when_the_kernels_queue_does_not_shrink(reads: bool) -> None:
    ours, theirs = socket.socketpair()
    ticks = iter(range(0, 10_000, 10))  # seconds, one look at the clock after the other
    bounds = Bounds(rate_floor=100, rate_window_seconds=60)
    wire = Wire(ours, bounds, clock=lambda: float(next(ticks)))
    ours.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            ours.send(bytes(1000))
    rounds = iter(range(30))  # 300 seconds, in which the queue is never empty enough

    def send() -> int:
        if next(rounds, None) is None:
            return 1
        if reads:
            theirs.recv(2000)
        raise TimeoutError

    with ours, theirs:
        if reads:
            assert wire._attempt(send) == 1
        else:
            with pytest.raises(PeerGone):
                wire._attempt(send)
