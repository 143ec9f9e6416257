"""Random requests against a running engine: a few seconds here, minutes with DAYDROP_FUZZ_SECONDS.

Whatever comes, the engine answers as often as there are requests and never with 500, and closes
or goes on within its deadlines.
"""

import os
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from davserver.engine.server import Bounds, Server
from tests.davserver.engine.raw import Address, Peer, Shelf, request

SECONDS = float(os.environ.get("DAYDROP_FUZZ_SECONDS", "0"))
EXAMPLES = 200
SHARES = 4  # this many tests below divide the time among them

if SECONDS:
    # Minutes of search: no shrinking and no stored examples, so that the clock alone ends it.
    fuzz = settings(
        max_examples=10**9,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
else:
    fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


class TimeIsUp(BaseException):
    """Ends a search that hypothesis would go on with."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Address]:
    bounds = Bounds(
        header_seconds=1,
        keep_alive_seconds=1,
        body_idle_seconds=1,
        linger_seconds=0.05,
        connections_per_address=900,
        header_count=20,
    )
    server = Server(Shelf(), "127.0.0.1", 0, threads=4, bounds=bounds)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server.address
    server.stop(2)
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def clock() -> list[float]:
    """Hold the time at which the search ends; its end is a success."""
    return [time.monotonic() + SECONDS / SHARES if SECONDS else float("inf")]


def search(clock: list[float]) -> None:
    """End the test when its share of the time is used up."""
    if time.monotonic() > clock[0]:
        raise TimeIsUp


def statuses(address: Address, data: bytes) -> list[int]:
    """Send, half-close and return the status of every reply until the engine closes.

    Raises TimeoutError when it does not close, EOFError when a reply is cut.
    """
    with Peer(address, patience=15) as peer:
        peer.say(data).end()
        found = []
        while True:
            if not peer.heard and not peer._hear():
                return found
            found.append(peer.reply().status)


def run(clock: list[float], check) -> None:
    """Run a hypothesis test until it or the time has ended."""
    try:
        check()
    except TimeIsUp:
        assert SECONDS


octets = st.binary(max_size=40)
token = st.from_regex(rb"[A-Za-z!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
word = st.one_of(
    octets,
    token,
    st.sampled_from([b"GET", b"PUT", b"/", b"//", b"*", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0"]),
    st.sampled_from([b"%00", b"%ff", b"%2f", b"http://a/", b"http://", b"/%c0%ae", b"\t", b""]),
)
blank = st.sampled_from([b" ", b"  ", b"\t", b""])
line_end = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"])
name = st.one_of(
    token,
    st.sampled_from([b"Host", b"Content-Length", b"Transfer-Encoding", b"Connection", b"Expect"]),
    st.sampled_from([b"content_length", b"Content-Length ", b" Host", b"Cookie", b"", b":"]),
)
value = st.one_of(
    octets,
    st.sampled_from([b"chunked", b"close", b"keep-alive", b"100-continue", b"a", b"gzip, chunked"]),
    st.integers(-5, 60).map(lambda number: b"%d" % number),
)
field = st.builds(lambda *parts: b"".join(parts), name, st.just(b":"), blank, value, line_end)


def plausible(statuses: list[int]) -> bool:
    return all(
        status in {100, 200, 201, 400, 404, 405, 408, 414, 417, 431, 501, 505}
        for status in statuses
    )


def test_no_request_line_breaks_the_engine(engine: Address, clock: list[float]) -> None:
    @fuzz
    @given(st.lists(word, max_size=4), st.lists(blank, min_size=4, max_size=4), line_end)
    def check(words: list[bytes], blanks: list[bytes], end: bytes) -> None:
        search(clock)
        line = b"".join(part + gap for part, gap in zip(words, blanks, strict=False))
        found = statuses(engine, line + end + b"Host: a\r\n\r\n")
        assert plausible(found)
        assert len(found) <= 1

    run(clock, check)


def test_no_header_breaks_the_engine(engine: Address, clock: list[float]) -> None:
    @fuzz
    @given(st.lists(field, max_size=25), octets)
    def check(fields: list[bytes], body: bytes) -> None:
        search(clock)
        head = b"PUT /fuzz HTTP/1.1\r\nHost: a\r\n" + b"".join(fields) + b"\r\n"
        found = [status for status in statuses(engine, head + body) if status != 100]
        assert plausible(found)
        # The body may hold a request or be one's rest, but 40 bytes hold at most two refusals.
        assert len(found) <= 3

    run(clock, check)


chunk_line = st.one_of(
    st.integers(0, 40).map(lambda size: b"%x" % size),
    octets,
    st.sampled_from([b"0", b"-1", b"0x1", b"1;a=b", b"1 ;a", b"ffffffffffffffff", b"1" * 17, b""]),
)
piece = st.builds(lambda *parts: b"".join(parts), chunk_line, line_end, octets, line_end)


def test_no_chunked_body_breaks_the_engine(engine: Address, clock: list[float]) -> None:
    @fuzz
    @given(st.lists(piece, max_size=6), st.sampled_from([b"0\r\n\r\n", b"0\r\n", b"", b"\r\n"]))
    def check(pieces: list[bytes], end: bytes) -> None:
        search(clock)
        head = request("PUT", "/fuzz", "Transfer-Encoding: chunked", "Connection: close")
        found = statuses(engine, head + b"".join(pieces) + end)
        assert found in ([201], [400])

    run(clock, check)


def test_whole_requests_in_any_cuts_are_answered_each_once(
    engine: Address, clock: list[float]
) -> None:
    chunks = st.lists(st.binary(min_size=1, max_size=30), max_size=5)

    @fuzz
    @given(st.lists(chunks, min_size=1, max_size=4), st.lists(st.integers(1, 40), min_size=1))
    def check(bodies: list[list[bytes]], cuts: list[int]) -> None:
        search(clock)
        data = b""
        for number, parts in enumerate(bodies):
            body = b"".join(parts)
            if number % 2:
                data += request("PUT", "/cut", f"Content-Length: {len(body)}", body=body)
            else:
                coded = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
                data += request("PUT", "/cut", "Transfer-Encoding: chunked", body=coded)
                data += b"0\r\n\r\n"
            data += request("GET", "/cut")
        with Peer(engine) as peer:
            for cut in cuts * (1 + len(data) // sum(cuts)):
                peer.say(data[:cut])
                data = data[cut:]
            for parts in bodies:
                assert peer.reply().status == 201
                assert peer.reply().body == b"".join(parts)

    run(clock, check)
