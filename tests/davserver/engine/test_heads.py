import pytest

from davserver.engine.server import Bounds
from tests.davserver.engine.contrast import both
from tests.davserver.engine.raw import Address, Peer, Shelf, ask, get, put, request


def refused(address: Address, *pieces: bytes, status: int = 400) -> bool:
    """Whether the bytes get one sentence with `status`, nothing more, and a closed connection."""
    with Peer(address) as peer:
        reply = peer.say(*pieces).end().reply()
        assert reply.status == status
        return peer.is_closed()


@both
def test_two_content_lengths_are_refused(address: Address) -> None:
    lengths = ("Content-Length: 5", "Content-Length: 3")
    assert refused(address, request("PUT", "/a", *lengths, body=b"hello"))


def test_two_equal_content_lengths_are_refused(ours: Address) -> None:
    for lengths in [("Content-Length: 5", "Content-Length: 5"), ("Content-Length: 5, 5",)]:
        assert refused(ours, request("PUT", "/a", *lengths, body=b"hello"))


@both
def test_content_length_beside_transfer_encoding_is_refused(address: Address) -> None:
    both_ways = ("Content-Length: 5", "Transfer-Encoding: chunked")
    assert refused(address, request("PUT", "/a", *both_ways, body=b"5\r\nhello\r\n0\r\n\r\n"))


@both
@pytest.mark.parametrize("length", ["+5", "1_0", "-1"])
def test_a_content_length_is_digits_alone(address: Address, length: str) -> None:
    assert refused(address, request("PUT", "/a", f"Content-Length: {length}", body=b"hello"))


@pytest.mark.parametrize("length", ["0x5", "5;", "5 5", "\u00b2", "", "9" * 30])
def test_a_content_length_that_is_no_number_is_refused(ours: Address, length: str) -> None:
    assert refused(ours, request("PUT", "/a", f"Content-Length: {length}", body=b"hello"))


@pytest.mark.parametrize("coding", ["chunked, chunked", "chunked, gzip", "identity", "xchunked"])
def test_a_transfer_encoding_whose_end_is_unsure_is_refused(ours: Address, coding: str) -> None:
    head = request("PUT", "/a", f"Transfer-Encoding: {coding}")
    with Peer(ours) as peer:
        assert peer.say(head, b"0\r\n\r\n").reply().status in {400, 501}
        assert peer.is_closed()


def test_chunks_in_http_1_0_are_refused(ours: Address) -> None:
    chunked = request("PUT", "/a", "Transfer-Encoding: chunked", version="HTTP/1.0")
    assert refused(ours, chunked, b"0\r\n\r\n")


@both
def test_a_header_block_beyond_64_kb_is_431(address: Address) -> None:
    assert refused(address, request("GET", "/", "X-Big: " + "x" * 1_000_000), status=431)


@both
def test_more_than_100_headers_are_431(address: Address) -> None:
    many = [f"X-{number}: 1" for number in range(100)]  # and Host
    assert refused(address, request("GET", "/", *many), status=431)


@both
def test_a_request_line_beyond_8_kb_is_414(address: Address) -> None:
    assert refused(address, request("GET", "/" + "x" * 9000), status=414)
    assert refused(address, b"GET /" + b"x" * 9000, status=414)  # without waiting for its end


def test_a_path_beyond_1024_bytes_is_414(ours: Address) -> None:
    assert refused(ours, request("GET", "/" + "x" * 1025), status=414)


def test_a_head_at_its_bounds_is_taken(ours: Address) -> None:
    fields = [f"X-{number}: {'y' * 500}" for number in range(99)]
    assert ask(ours, request("GET", "/" + "x" * 1000 + "?" + "q" * 7000, *fields)).status == 404


@both
def test_a_header_with_an_underscore_is_not_taken_for_one_with_a_hyphen(
    address: Address,
) -> None:
    with Peer(address) as peer:
        # Taken for the length of the body, it would leave "GET" to the next request's line.
        sly = request("PUT", "/a", "Content_Length: 3", "Content-Length: 5", body=b"hello")
        assert peer.say(sly).reply().status in {201, 204}
        assert peer.say(request("GET", "/a")).reply().body == b"hello"
    assert ask(address, request("GET", "/a", "If_None_Match: *")).status == 200


def test_a_header_with_an_underscore_is_dropped(ours: Address, shelf: Shelf) -> None:
    ask(ours, request("GET", "/", "X_Forwarded_For: 1.2.3.4"))
    assert "HTTP_X_FORWARDED_FOR" not in shelf.seen[0]


@both
def test_double_slashes_are_one(address: Address) -> None:
    assert ask(address, put("//a", b"1")).status in {201, 204}
    assert get(address, "/a").status == 200


@both
def test_an_absolute_address_is_taken_for_any_host(address: Address) -> None:
    assert ask(address, put("http://photos.example:8080/a", b"1")).status in {201, 204}
    assert get(address, "/a").status == 200


def test_the_host_of_an_absolute_address_wins(ours: Address, shelf: Shelf) -> None:
    ask(ours, request("GET", "http://photos.example:8080?q"))
    assert shelf.seen[0]["HTTP_HOST"] == "photos.example:8080"
    assert (shelf.seen[0]["PATH_INFO"], shelf.seen[0]["QUERY_STRING"]) == ("/", "q")


@both
@pytest.mark.parametrize(
    "path",
    ["/a%00b", "/%ff", "/%c0%ae", "/%2Fa", "/..%2f..%2fx", "/a%5cb", "/%0d%0aX:1", "/%7f", "/%zz"],
)
def test_a_name_that_no_file_can_have_is_refused(address: Address, path: str) -> None:
    assert refused(address, request("PUT", path, "Content-Length: 0"))


@pytest.mark.parametrize("path", ["/../x", "/%2e%2e/x", "/a/.", "/%c2%85", "/a\\b", "/%"])
def test_dots_controls_and_backslashes_are_refused(ours: Address, path: str) -> None:
    assert refused(ours, request("GET", path))


def test_a_path_is_decoded_once(ours: Address, shelf: Shelf) -> None:
    ask(ours, request("GET", "/a%20%2541/%E5%9B%BE?b=%41"))
    assert shelf.seen[0]["PATH_INFO"] == "/a %41/图".encode().decode("latin-1")
    assert shelf.seen[0]["QUERY_STRING"] == "b=%41"
    assert shelf.seen[0]["REQUEST_URI"] == "/a%20%2541/%E5%9B%BE?b=%41"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1\r\nHost: a\r\n\r\n",
        b"GET /#part HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
    ],
)
def test_a_malformed_head_is_refused(ours: Address, head: bytes) -> None:
    assert refused(ours, head)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ],
)
def test_what_this_server_does_not_speak_is_said(ours: Address, head: bytes, status: int) -> None:
    assert refused(ours, head, status=status)


def test_options_of_the_whole_server_reaches_the_application(ours: Address, shelf: Shelf) -> None:
    ask(ours, request("OPTIONS", "*"))
    assert shelf.seen[0]["PATH_INFO"] == "*"


def test_one_empty_line_before_a_request_is_forgiven(ours: Address) -> None:
    assert ask(ours, b"\r\n", request("GET", "/")).status == 404


def test_repeated_headers_are_joined(ours: Address, shelf: Shelf) -> None:
    ask(ours, request("GET", "/", "If: (<a>)", "If: (<b>)", "Cookie: a=1", "Cookie: b=2"))
    assert shelf.seen[0]["HTTP_IF"] == "(<a>), (<b>)"
    assert shelf.seen[0]["HTTP_COOKIE"] == "a=1; b=2"


def test_a_second_authorization_is_refused(ours: Address) -> None:
    twice = ("Authorization: Basic YTpi", "Authorization: Basic Yzpk")
    assert refused(ours, request("GET", "/", *twice))


def test_a_head_in_single_bytes_is_one_head(ours: Address) -> None:
    with Peer(ours) as peer:
        for byte in request("GET", "/"):
            peer.say(bytes([byte]))
        assert peer.reply().status == 404


def test_a_body_that_shares_a_segment_with_its_head_arrives_whole(ours: Address) -> None:
    body = bytes(range(256)) * 200
    with Peer(ours) as peer:
        assert peer.say(put("/a", body)).reply().status == 201
        assert peer.say(request("GET", "/a")).reply().body == body


def test_pipelined_requests_are_answered_in_order(ours: Address) -> None:
    with Peer(ours) as peer:
        peer.say(put("/a", b"1"), request("GET", "/a"), put("/a", b"2"), request("GET", "/a"))
        assert [peer.reply().body for _ in range(4)] == [b"", b"1", b"", b"2"]


@both
def test_an_error_is_one_plain_sentence_without_paths_versions_or_markup(
    address: Address,
) -> None:
    with Peer(address) as peer:
        reply = peer.say(request("PUT", "/a%00b", "Content-Length: 0")).end().reply()
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.body.isascii()
    assert b"<" not in reply.body
    assert reply.headers["server"] == "Daydrop"
    assert reply.headers["x-request-id"].encode() in reply.body


def test_a_fault_of_the_application_is_500_with_its_number_in_the_log(start, caplog) -> None:
    def broken(environ, start_response):
        raise RuntimeError("at /secret/path")

    with Peer(start(broken, bounds=Bounds(linger_seconds=0.2)).address) as peer:
        reply = peer.say(request("GET", "/")).reply()
    assert reply.status == 500
    assert b"secret" not in reply.body
    assert reply.headers["x-request-id"] in caplog.text
    assert "at /secret/path" in caplog.text
