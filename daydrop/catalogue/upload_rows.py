"""Rows of resumable uploads: what was announced, how far it has come, what became of it."""

import json
from collections.abc import Iterable

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from daydrop.catalogue.tables import batches, uploads
from daydrop.records.upload import PENDING, Upload, UploadState
from daydrop.words import Facts

_NAMES = tuple(column.name for column in uploads.columns)
_PENDING = uploads.c.state.in_([state.value for state in PENDING])
_OVER = (
    select(uploads)
    .join(batches, batches.c.id == uploads.c.batch_id)
    .where(_PENDING, or_(batches.c.closed.is_not(None), batches.c.closes <= bindparam("now")))
)


def _from_row(row: Row[tuple[object, ...]]) -> Upload:
    values: dict[str, object] = dict(zip(_NAMES, row, strict=True))
    values |= {
        "state": UploadState(str(values["state"])),
        "facts": json.loads(str(values["facts"])),
    }
    return Upload(**values)  # type: ignore[arg-type]  # the columns are the fields


def add(connection: Connection, found: Iterable[Upload]) -> None:
    """Write the files of a manifest."""
    for upload in found:
        values = {name: getattr(upload, name) for name in _NAMES}
        values |= {
            "state": upload.state.value,
            "facts": json.dumps(upload.facts, ensure_ascii=False),
        }
        connection.execute(insert(uploads).values(values))


def find(connection: Connection, upload_id: str) -> Upload | None:
    """Return the upload of this id."""
    row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).first()
    return None if row is None else _from_row(row)


def of_batch(connection: Connection, batch_id: str) -> list[Upload]:
    """Return the files of a batch in the order of their manifest."""
    query = select(uploads).where(uploads.c.batch_id == batch_id)
    found = [_from_row(row) for row in connection.execute(query.order_by(uploads.c.made))]
    return sorted(found, key=lambda upload: (upload.made, upload.ref.zfill(9)))


def pending(connection: Connection) -> list[Upload]:
    """Return every upload that is not over."""
    return [_from_row(row) for row in connection.execute(select(uploads).where(_PENDING))]


def over(connection: Connection, now: float) -> list[Upload]:
    """Return the uploads that are not over while their batch is."""
    return [_from_row(row) for row in connection.execute(_OVER, {"now": now})]


def staged_names(connection: Connection) -> set[str]:
    """Return the staging files that uploads still need: the sweep at the start must spare them."""
    query = select(uploads.c.staged).where(_PENDING, uploads.c.staged.is_not(None))
    return {str(name) for name in connection.execute(query).scalars()}


def note_progress(
    connection: Connection, upload_id: str, *, staged: str | None, received: int
) -> None:
    """Say how many bytes lie safely in which staging file."""
    here = uploads.c.id == upload_id
    connection.execute(update(uploads).where(here).values(staged=staged, received=received))


def accept(connection: Connection, upload_id: str) -> None:
    """Let bytes come, unless the upload has ended meanwhile."""
    here = (uploads.c.id == upload_id) & _PENDING
    connection.execute(update(uploads).where(here).values(state=UploadState.ACCEPTED.value))


def end(
    connection: Connection,
    upload_id: str,
    state: UploadState,
    *,
    receipt_id: int | None = None,
    code: str | None = None,
    words_key: str | None = None,
    facts: Facts | None = None,
) -> bool:
    """End an upload; return False when it had ended before."""
    here = (uploads.c.id == upload_id) & _PENDING
    values = {
        "state": state.value,
        "receipt_id": receipt_id,
        "code": code,
        "words_key": words_key,
        "facts": json.dumps(facts or {}, ensure_ascii=False),
        "staged": None,
        "reservation_id": None,
    }
    return bool(connection.execute(update(uploads).where(here).values(values)).rowcount)
