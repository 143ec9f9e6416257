"""Random bodies, headers and names for the drive: never a 500, never a byte outside its place.

A few seconds here, minutes with DAYDROP_FUZZ_SECONDS (scripts/fuzz).
"""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from daydrop.library import Library
from tests.drive import EXCLUSIVE, Drive
from tests.media import photo

SECONDS = float(os.environ.get("DAYDROP_FUZZ_SECONDS", "0"))
SHARES = 4  # this many tests below divide the time among them
fuzz = settings(
    max_examples=10**9 if SECONDS else 120,
    deadline=None,
    database=None,
    phases=[Phase.generate] if SECONDS else [Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

PROPFIND = '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x:y xmlns:x="z"/></D:prop></D:propfind>'
PROPPATCH = (
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="b">c</a></D:prop></D:set>'
    "<D:remove><D:prop><D:displayname/></D:prop></D:remove></D:propertyupdate>"
)
WORDS = [
    *("<D:prop>", "</D:prop>", "<D:allprop/>", "<D:propname/>", "<D:set>", "<D:remove>", "<D:x"),
    *('xmlns:D="DAV:"', 'xmlns=""', 'xml:lang="de"', "<![CDATA[", "]]>", "<!--", "-->", "<?x ?>"),
    *("<!DOCTYPE a [", '<!ENTITY a "b">', "&a;", "&#0;", "&#x10FFFF;", "\ufffe", "é", "\0", "<"),
    '<?xml version="1.0" encoding="utf-16"?>',
    '<?xml version="1.1" encoding="nonsense"?>',
]


class TimeIsUp(BaseException):
    """Ends a search that hypothesis would go on with."""


@pytest.fixture(scope="module")
def until() -> list[float]:
    """When the share of the test that is running ends."""
    return [0.0]


@pytest.fixture(autouse=True)
def share(until: list[float]) -> None:
    """Gives the next test its time."""
    until[0] = time.monotonic() + SECONDS / SHARES if SECONDS else float("inf")


@st.composite
def mutated(draw: st.DrawFn, *templates: str) -> bytes:
    """A sound body with some pieces cut out, doubled or put in."""
    body = draw(st.sampled_from(templates))
    for _ in range(draw(st.integers(0, 4))):
        at, end = sorted(draw(st.tuples(*[st.integers(0, len(body))] * 2)))
        piece = draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.just(body[at:end])))
        body = body[:at] + piece + body[end if draw(st.booleans()) else at :]
    return body.encode("utf-8", "surrogatepass")


TOKENS = st.sampled_from(
    [
        "(",
        ")",
        "<",
        ">",
        "[",
        "]",
        "Not ",
        '"',
        "W/",
        "*",
        "DAV:no-lock",
        "opaquelocktoken:",
        "/Upload/",
    ]
)
conditions = st.lists(
    st.one_of(
        TOKENS, st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=6)
    )
).map("".join)
segments = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
tails = st.sampled_from(
    ["", ".jpg", ".part", ".xmp", ".jpg/", "/../x.jpg", "/./a.jpg", "~", "\\a.jpg"]
)
names = st.builds(lambda parts, tail: "/".join(parts) + tail, st.lists(segments, max_size=3), tails)
depths = st.one_of(st.sampled_from(["0", "1", "infinity"]), st.text("01infty ,-", max_size=5))


def is_an_answer(drive: Drive, method: str, path: str, body: bytes = b"", **headers: str) -> int:
    reply = drive.send(method, path, body, **headers)
    assert 200 <= reply.status_code < 600
    assert reply.status_code not in (500, 501), reply.data
    assert b"Traceback" not in reply.data
    return reply.status_code


def search(until: list[float]) -> None:
    if time.monotonic() > until[0]:
        raise TimeIsUp


def searched(test: object) -> None:
    """Runs a search to its end, or to the end of its time."""
    try:
        test()  # type: ignore[operator]  # a test made by hypothesis
    except TimeIsUp:
        return


def test_bodies_of_propfind_proppatch_and_lock_never_break_it(drive, until):
    drive.put("/Upload/a.jpg", photo())

    @fuzz
    @given(
        st.sampled_from(["PROPFIND", "PROPPATCH", "LOCK"]),
        mutated(PROPFIND, PROPPATCH, EXCLUSIVE),
        depths,
    )
    def test(method: str, body: bytes, depth: str) -> None:
        search(until)
        is_an_answer(drive, method, "/Upload/a.jpg", body, Depth=depth)

    searched(test)


def test_if_headers_never_break_it(drive, until):
    drive.put("/Upload/a.jpg", photo())

    @fuzz
    @given(
        st.sampled_from(["PUT", "LOCK", "PROPPATCH", "MKCOL", "COPY"]),
        st.sampled_from(["If", "If_Match", "If_None_Match", "Lock_Token", "Timeout", "Range"]),
        conditions,
    )
    def test(method: str, header: str, value: str) -> None:
        search(until)
        more = {header: value, "Destination": "/Upload/b.jpg"}
        is_an_answer(drive, method, "/Upload/a.jpg", b"", **more)

    searched(test)


def outside(library: Library) -> set[Path]:
    root = library.store.root
    beside = {path for path in root.parent.iterdir() if path != root}
    return beside | {path for path in root.iterdir() if path.name not in library.trees}


def test_names_never_lead_out_of_the_store(drive, library, until):
    before = outside(library)

    @fuzz
    @given(st.sampled_from(["PUT", "MKCOL", "LOCK", "GET", "PROPFIND", "DELETE"]), names)
    def test(method: str, name: str) -> None:
        search(until)
        body = photo(seed=name) if method == "PUT" else b""
        is_an_answer(drive, method, f"/Upload/{name}", body)
        assert outside(library) == before

    searched(test)


def test_destinations_never_lead_out_of_the_store(drive, library, until):
    before = outside(library)

    @fuzz
    @given(
        st.sampled_from(["COPY", "MOVE"]),
        st.one_of(names.map(lambda name: f"/Upload/{name}"), conditions),
    )
    def test(method: str, target: str) -> None:
        search(until)
        drive.put("/Upload/a.jpg", photo())
        target = target.encode().decode("latin-1").replace("\r", "").replace("\n", "")
        is_an_answer(drive, method, "/Upload/a.jpg", b"", Destination=target)
        assert outside(library) == before

    searched(test)
