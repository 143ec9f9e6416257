from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header
from werkzeug.test import Client, TestResponse

from davserver.dav.files import INLINE_TYPES, Outcome, choose_span, disposition, policy, serve_file
from davserver.engine.reply import FileSlot

DATA = bytes(range(256)) * 4
ETAG = "0123abcd"
MODIFIED = datetime(2024, 5, 17, 12, 30, 15, 999_000, tzinfo=timezone(timedelta(hours=8)))
DATE = format_datetime(MODIFIED.astimezone(UTC), usegmt=True)
EARLIER = format_datetime((MODIFIED - timedelta(seconds=5)).astimezone(UTC), usegmt=True)
LATER = format_datetime((MODIFIED + timedelta(seconds=5)).astimezone(UTC), usegmt=True)
Ask = Callable[..., TestResponse]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def opened() -> list[Any]:
    return []


@pytest.fixture
def ask(path: Path, opened: list[Any]):
    """Ask the file server, as plain WSGI; afterwards every file it was given is closed."""

    def app(environ, start_response):
        file = path.open("rb")
        opened.append(file)
        return serve_file(
            environ,
            start_response,
            file,
            size=path.stat().st_size,
            etag=ETAG,
            modified=MODIFIED,
            media_type="image/jpeg",
            name="photo.jpg",
            headers=[("Cache-Control", "private")],
        )

    def run(method: str = "GET", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(app).open("/photo.jpg", method=method, headers=named, buffered=True)

    yield run
    assert opened
    assert all(file.closed for file in opened)


def test_a_whole_file_is_sent_with_its_validators(ask: Ask) -> None:
    reply = ask()
    assert (reply.status_code, reply.data) == (200, DATA)
    assert reply.headers["Content-Length"] == str(len(DATA))
    assert reply.headers["Content-Type"] == "image/jpeg"
    assert reply.headers["ETag"] == f'"{ETAG}"'
    assert reply.headers["Last-Modified"] == DATE
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert reply.headers["Cache-Control"] == "private"


def test_a_stored_file_cannot_run_scripts_or_be_embedded_elsewhere(ask: Ask) -> None:
    headers = ask().headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_head_says_the_same_and_sends_nothing(ask: Ask) -> None:
    reply = ask("HEAD", Range="bytes=0-1")
    assert (reply.status_code, reply.data) == (200, b"")
    assert reply.headers["Content-Length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-5000", 0, 1024),
        ("bytes=1020-9999", 1020, 1024),
        ("BYTES=0-1023", 0, 1024),
    ],
)
def test_one_range_is_sent_alone(ask: Ask, wanted: str, start: int, end: int) -> None:
    reply = ask(Range=wanted)
    assert (reply.status_code, reply.data) == (206, DATA[start:end])
    assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/1024"
    assert reply.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize(
    "wanted",
    [
        *("bytes=0-1,5-6", "bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=1", "0-1", ""),
        "bytes=" + "9" * 30 + "-",
    ],
)
def test_several_ranges_and_what_is_no_range_get_the_whole_file(ask: Ask, wanted: str) -> None:
    reply = ask(Range=wanted)
    assert (reply.status_code, reply.data) == (200, DATA)


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_the_file_is_416_and_says_the_size(ask: Ask, wanted: str) -> None:
    reply = ask(Range=wanted)
    assert reply.status_code == 416
    assert reply.headers["Content-Range"] == "bytes */1024"
    assert b"<" not in reply.data


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": f'"{ETAG}"'}, 304),
        ({"If_None_Match": f'W/"{ETAG}"'}, 304),
        ({"If_None_Match": f'"x", "{ETAG}"'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_Match": f'"{ETAG}"'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": f'W/"{ETAG}"'}, 412),
        ({"If_Match": '"x"'}, 412),
        ({"If_Modified_Since": DATE}, 304),
        ({"If_Modified_Since": LATER}, 304),
        ({"If_Modified_Since": EARLIER}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"If_Unmodified_Since": DATE}, 200),
        ({"If_Unmodified_Since": EARLIER}, 412),
        ({"If_Unmodified_Since": "Fri, 99 Foo 0000"}, 200),
        # A tag wins over a date (RFC 9110 sections 13.1.3 and 13.1.4).
        ({"If_None_Match": '"x"', "If_Modified_Since": DATE}, 200),
        ({"If_Match": f'"{ETAG}"', "If_Unmodified_Since": EARLIER}, 200),
        # What must hold is asked before what must have changed (section 13.2.2).
        ({"If_Match": '"x"', "If_None_Match": f'"{ETAG}"'}, 412),
        ({"If_Match": f'"{ETAG}"', "If_None_Match": f'"{ETAG}"'}, 304),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_are_judged_in_their_order(ask: Ask, method: str, headers, status: int) -> None:
    reply = ask(method, **headers)
    assert reply.status_code == status
    assert reply.headers["ETag"] == f'"{ETAG}"'


def test_an_unchanged_file_sends_no_content(ask: Ask) -> None:
    reply = ask(If_None_Match="*")
    assert reply.data == b""
    assert "Content-Length" not in reply.headers


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (f'"{ETAG}"', 206),
        (f'W/"{ETAG}"', 200),
        ('"x"', 200),
        (DATE, 206),
        (LATER, 200),
        (EARLIER, 200),
        ("nonsense", 200),
    ],
)
def test_a_part_is_sent_only_of_the_version_that_if_range_names(
    ask: Ask, condition: str, status: int
) -> None:
    assert ask(Range="bytes=0-1", If_Range=condition).status_code == status


def test_conditions_come_before_the_range(ask: Ask) -> None:
    assert ask(Range="bytes=0-1", If_None_Match="*").status_code == 304
    assert ask(Range="bytes=9999-", If_Match='"x"').status_code == 412


def test_of_an_empty_file_a_last_part_is_the_whole(ask: Ask, path: Path) -> None:
    path.write_bytes(b"")
    assert ask(Range="bytes=-5").status_code == 200
    assert ask(Range="bytes=0-").status_code == 416


def test_a_file_is_closed_when_start_response_fails(path: Path) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    for method in ("GET", "HEAD"):
        file = path.open("rb")
        with pytest.raises(RuntimeError):
            serve_file(
                {"REQUEST_METHOD": method},
                broken,
                file,
                size=1,
                etag=ETAG,
                modified=MODIFIED,
                media_type="image/jpeg",
            )
        assert file.closed


def test_where_the_engine_offers_its_slot_the_file_goes_there(path: Path) -> None:
    slot = FileSlot()
    environ = {"REQUEST_METHOD": "GET", "HTTP_RANGE": "bytes=5-9", "daydrop.sendfile": slot}
    said: list[Any] = []
    content = serve_file(
        environ,
        lambda *args: said.append(args),
        path.open("rb"),
        size=1024,
        etag=ETAG,
        modified=MODIFIED,
        media_type="image/jpeg",
    )
    assert list(content) == []
    assert (slot.offset, slot.length) == (5, 5)
    assert slot.file is not None
    slot.close()
    assert said[0][0] == "206 Partial Content"


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "application/pdf", "text/xml"])
def test_what_could_carry_a_script_is_saved_not_shown(kind: str) -> None:
    assert kind not in INLINE_TYPES
    assert disposition(kind, "a").startswith("attachment")
    assert disposition("Image/JPEG; q=1", "a").startswith("inline")


def test_a_film_opened_by_its_address_may_load_itself_and_run_nothing() -> None:
    words = {part.strip() for part in policy("video/mp4").split(";")}
    assert {"default-src 'none'", "media-src 'self'"} <= words
    assert "allow-scripts" not in policy("video/mp4")
    assert policy("video/unheard-of") == policy("image/svg+xml") == "sandbox; default-src 'none'"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_name_comes_back_from_the_disposition(name: str) -> None:
    header = disposition("image/jpeg", name)
    assert header.isascii()
    assert header.isprintable()
    assert parse_options_header(header)[1]["filename"] == name


@given(st.text("bytes=0123456789-, ", max_size=30), st.integers(0, 2000))
def test_no_range_header_reaches_outside_the_file(wanted: str, size: int) -> None:
    outcome, span = choose_span(wanted, size)
    assert outcome in {Outcome.SEND, Outcome.PART, Outcome.NO_SUCH_RANGE}
    assert 0 <= span.start <= size
    assert 0 <= span.length <= size - span.start
    assert outcome is not Outcome.PART or span.length > 0
