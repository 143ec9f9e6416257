"""What a request demands of the state it finds: If-Match and its kin, and the If header.

They are checked once, before any handler, by the entity tags of aliases (RFC 9110 §13, RFC 4918
§10.4).
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from davserver.dav.dates import http_date
from davserver.dav.errors import Refusal
from davserver.peers import Site


@dataclass(frozen=True)
class Found:
    """The state of one path: its entity tag without quotes, None where there is nothing."""

    etag: str | None
    is_there: bool
    modified: float | None
    tokens: Collection[str]


_NOTHING = Found(None, is_there=False, modified=None, tokens=())


@dataclass(frozen=True)
class Condition:
    """One `<token>` or `["etag"]` of a list; with `negated` it must not hold."""

    text: str
    is_token: bool
    negated: bool


@dataclass(frozen=True)
class StateList:
    """One `( … )` of an If header, and the address before it; None: that of the request."""

    tag: str | None
    conditions: tuple[Condition, ...]


Look = Callable[[str | None], Found]
"""The state of a path; of the request's own for None."""

_PART = re.compile(r"\s*(?:<(?P<tag>[^>]*)>|(?P<open>\())")
_INSIDE = re.compile(
    r"\s*(?:(?P<negated>[Nn][Oo][Tt])\b|<(?P<token>[^>]*)>|\[(?P<etag>[^\]]*)\]|(?P<close>\)))"
)
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_BY_FILE_SERVER = frozenset({"GET", "HEAD"})


def check(environ: dict[str, Any], look: Look) -> tuple[str, ...]:
    """Raise Refusal(412) for a condition that does not hold; return the lock tokens submitted."""
    if environ["REQUEST_METHOD"] not in _BY_FILE_SERVER:
        _check_http(environ, look)
    lists = parse(environ.get("HTTP_IF", ""))
    site = environ["daydrop.site"]
    if lists and not any(_holds(each, _found(each.tag, site, look)) for each in lists):
        raise Refusal(412)
    return tuple(
        condition.text for each in lists for condition in each.conditions if condition.is_token
    )


def _check_http(environ: dict[str, Any], look: Look) -> None:
    match, none_match = environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH")
    since = environ.get("HTTP_IF_UNMODIFIED_SINCE")
    if match is None and none_match is None and since is None:
        return
    found = look(None)
    if match is not None and not _names(match, found):
        raise Refusal(412)
    if none_match is not None and _names(none_match, found):
        raise Refusal(412)
    if match is None and since is not None and found.modified is not None:
        limit = http_date(since)
        if limit is not None and int(found.modified) > limit:
            raise Refusal(412)


def _names(condition: str, found: Found) -> bool:
    """Return whether `*`, or a list of entity tags, names what is there."""
    if condition.strip() == "*":
        return found.is_there
    # some programs leave out the quotes
    tags = _TAG.findall(condition) or [condition.strip()]
    return found.etag is not None and found.etag in tags


def parse(header: str) -> list[StateList]:
    """Return the lists of an If header; raise Refusal(400) for one that is malformed."""
    lists: list[StateList] = []
    tag: str | None = None
    at = 0
    while header[at:].strip():
        part = _PART.match(header, at)
        if part is None:
            raise Refusal(400)
        at = part.end()
        if part["tag"] is not None:
            tag = part["tag"]
            continue
        conditions, at = _parse_list(header, at)
        lists.append(StateList(tag, conditions))
    return lists


def _parse_list(header: str, at: int) -> tuple[tuple[Condition, ...], int]:
    found: list[Condition] = []
    negated = False
    while (part := _INSIDE.match(header, at)) is not None:
        at = part.end()
        if part["close"]:
            if not found or negated:
                break
            return tuple(found), at
        if part["negated"]:
            negated = True
            continue
        is_token = part["token"] is not None
        text = part["token"] if is_token else part["etag"].strip().removeprefix("W/").strip('"')
        found.append(Condition(text, is_token, negated))
        negated = False
    raise Refusal(400)


def _found(tag: str | None, site: Site, look: Look) -> Found:
    """Return the state that a list speaks of: of another server, none (RFC 4918 §10.4.4)."""
    if tag is None:
        return look(None)
    try:
        path = site.path_of(tag)
    except ValueError as broken:
        raise Refusal(400) from broken
    return _NOTHING if path is None else look(path)


def _holds(each: StateList, found: Found) -> bool:
    return all(_is_so(condition, found) != condition.negated for condition in each.conditions)


def _is_so(condition: Condition, found: Found) -> bool:
    if condition.is_token:
        return condition.text in found.tokens
    return found.etag == condition.text
