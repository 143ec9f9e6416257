"""Who asks: the origin of a request, and what it may do."""

from flask import request

from daydrop.limits.batches import Batch
from daydrop.origin import Origin, origin_of

ORIGIN_KEY = "daydrop.origin"


def visitor() -> Origin:
    """The origin of this request; the gate before both faces may have named it already."""
    named = request.environ.get(ORIGIN_KEY)
    if isinstance(named, Origin):
        return named
    return origin_of(
        request.remote_addr or "0.0.0.0",  # noqa: S104  nothing listens here: an unknown address
        request.environ.get("REMOTE_USER") or None,
        request.user_agent.string,
    )


def may_change(origin: Origin, batch: Batch) -> bool:
    """Whether this visitor may take back or go on with a batch."""
    return origin.is_owner or origin.key == batch.origin


# in this order: every browser claims to be some of those behind it
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)


def program_name(agent: str) -> str:
    """A User-Agent as people call it: `Firefox`, or the first word of what is no browser."""
    if agent.startswith("Mozilla/"):
        return next((name for mark, name in _BROWSERS if mark in agent), "Mozilla")
    return agent.partition(" ")[0][:60]
