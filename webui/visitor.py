"""Who asks, and what they may do."""

from typing import cast

from flask import request

from daydrop.origin import Origin
from daydrop.records.batch import Batch

ORIGIN_KEY = "daydrop.origin"


def visitor() -> Origin:
    """Return the origin of this request, as the gate before both faces has named it."""
    return cast("Origin", request.environ[ORIGIN_KEY])


def may_change(origin: Origin, batch: Batch) -> bool:
    """Return whether this visitor may undo a batch or add to it."""
    return origin.is_owner or origin.key == batch.origin
