"""Who asks: the origin of a request, and what it may do."""

from flask import request

from library.batch import Batch
from library.origin import Origin, origin_of

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
