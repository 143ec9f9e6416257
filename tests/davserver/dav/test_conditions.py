"""The If header and its kin, as RFC 4918 section 10.4 and RFC 9110 section 13 say."""

import pytest

from davserver.dav.conditions import Found, check, parse
from davserver.dav.errors import Refusal
from davserver.peers import Names, Site
from daydrop.settings import ServerSettings

HERE = Found("e", True, 1000.0, frozenset({"urn:t"}))
NOWHERE = Found(None, False, None, frozenset())


SITE = Site.of("localhost", "", Names.of(ServerSettings()))


def checked(path_state: Found = HERE, method: str = "PUT", **headers: str) -> tuple[str, ...] | int:
    environ = {f"HTTP_{name}": text for name, text in headers.items()}
    environ |= {"REQUEST_METHOD": method, "daydrop.site": SITE}
    states = {None: path_state, "/Upload/other.jpg": Found("o", True, 1.0, frozenset({"urn:o"}))}
    try:
        return check(environ, lambda path: states.get(path, NOWHERE))
    except Refusal as refused:
        return int(refused.value)


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ("(<urn:t>)", ("urn:t",)),
        ("(<urn:x>)", 412),
        ('(<urn:t> ["e"])', ("urn:t",)),
        ('(<urn:t> ["x"])', 412),
        ('(<urn:x>) (["e"])', ("urn:x",)),
        ("(Not <urn:x>)", ("urn:x",)),
        ("(Not <urn:t>)", 412),
        ('(Not <DAV:no-lock> ["e"])', ("DAV:no-lock",)),
        ("<http://localhost/Upload/other.jpg> (<urn:o>)", ("urn:o",)),
        ("</Upload/other.jpg> (<urn:t>)", 412),
        ("</Upload/none.jpg> (<urn:t>)", 412),
        ("<https://elsewhere.example/Upload/other.jpg> (<urn:o>)", 412),
        ('<https://elsewhere.example/Upload/other.jpg> (["o"])', 412),
        ("<https://elsewhere.example/Upload/other.jpg> (Not <urn:o>)", ("urn:o",)),
        ("<http://localhost:80/Upload/other.jpg> (<urn:o>)", ("urn:o",)),
        ("<urn:x> (<urn:t>)", 400),
        ('(["e"', 400),
        ("()", 400),
        ("urn:t", 400),
        ("(Not)", 400),
    ],
)
def test_an_if_header_holds_or_does_not(header: str, outcome: tuple[str, ...] | int) -> None:
    assert checked(IF=header) == outcome


@pytest.mark.parametrize(
    ("state", "headers", "outcome"),
    [
        (HERE, {"IF_MATCH": '"e"'}, ()),
        (HERE, {"IF_MATCH": '"x", "e"'}, ()),
        (HERE, {"IF_MATCH": "e"}, ()),
        (HERE, {"IF_MATCH": '"x"'}, 412),
        (HERE, {"IF_MATCH": "*"}, ()),
        (NOWHERE, {"IF_MATCH": "*"}, 412),
        (NOWHERE, {"IF_MATCH": '"e"'}, 412),
        (HERE, {"IF_NONE_MATCH": "*"}, 412),
        (NOWHERE, {"IF_NONE_MATCH": "*"}, ()),
        (HERE, {"IF_NONE_MATCH": '"e"'}, 412),
        (HERE, {"IF_NONE_MATCH": '"x"'}, ()),
        (HERE, {"IF_UNMODIFIED_SINCE": "Thu, 01 Jan 1970 00:20:00 GMT"}, ()),
        (HERE, {"IF_UNMODIFIED_SINCE": "Thu, 01 Jan 1970 00:10:00 GMT"}, 412),
        (HERE, {"IF_UNMODIFIED_SINCE": "no date"}, ()),
    ],
)
def test_the_conditions_of_http(
    state: Found, headers: dict[str, str], outcome: tuple[str, ...] | int
) -> None:
    assert checked(state, **headers) == outcome


def test_what_the_file_server_judges_is_left_to_it() -> None:
    assert checked(HERE, "GET", IF_NONE_MATCH='"e"') == ()


def test_a_tag_holds_for_all_lists_that_follow_it() -> None:
    lists = parse('</Upload/a> (<urn:1>) (<urn:2>) <http://h/Upload/b%20c> (["x"])')
    assert [each.tag for each in lists] == [
        "/Upload/a",
        "/Upload/a",
        "http://h/Upload/b%20c",
    ]
