"""The tables of the catalogue; times are seconds of the catalogue's clock since 1970 (UTC)."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

from daydrop.records.scope import Scope

METADATA = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")
_STORED = "state = 'stored'"


class ScopeText(TypeDecorator[Scope]):
    """A scope, kept as its text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Scope | None, _dialect: Any) -> str | None:
        """Return the text of a scope."""
        return None if value is None else value.text

    def process_result_value(self, value: str | None, _dialect: Any) -> Scope | None:
        """Return the scope of a text."""
        return None if value is None else Scope.parse(value)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return a partial index; SQLite uses it for queries that contain the same literal.

    A state is never a leading column: nearly all rows share it, and SQLite, knowing no better,
    would take such an index before a good one.
    """
    chosen = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=chosen, postgresql_where=chosen)


batches = Table(
    "batches",
    METADATA,
    Column("id", String, primary_key=True),
    Column("face", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("account", String),
    Column("address", String, nullable=False),
    Column("program", String, nullable=False),
    Column("opened", Float, nullable=False),
    Column("touched", Float, nullable=False),
    Column("closes", Float),
    Column("closed", Float),
    Column("undone", Float),
    Column("retold", Float),
    Column("max_files", Integer, nullable=False),
    Column("max_bytes", BigInteger, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("request_key", String),
    _partial("batches_open", "origin", "face", where="closed IS NULL"),
    Index("batches_opened", "opened"),
    Index("batches_origin", "origin", "opened"),
    UniqueConstraint("origin", "request_key"),
)

reservations = Table(
    "reservations",
    METADATA,
    Column("id", String, primary_key=True),
    Column("batch_id", String, ForeignKey("batches.id"), nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("made", Float, nullable=False),
    Column("outlives_request", Integer, nullable=False),
    Index("reservations_batch", "batch_id"),
)

items = Table(
    "items",
    METADATA,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("path", String, nullable=False),
    Column("path_fold", String, nullable=False),
    Column("folder", String, nullable=False),
    Column("name", String, nullable=False),
    Column("stem", String, nullable=False),
    Column("pair_scope", ScopeText(), nullable=False),
    Column("pair", String),
    Column("content_id", String),
    Column("camera", String),
    Column("origin", String, nullable=False),
    Column("batch_id", String, ForeignKey("batches.id")),
    Column("filed", Float, nullable=False),
    Column("day", String),
    Column("taken", String, nullable=False),
    Column("offset_minutes", Integer),
    Column("source", String),
    Column("zone_source", String),
    Column("day_only", Integer, nullable=False),
    Column("candidates", Text, nullable=False),
    Column("unreadable", String),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration", Float),
    Column("modified", Float),
    Column("note", String, nullable=False),
    Column("trashed", Float),
    Column("trash_name", String),
    _partial("items_sha256", "sha256", where=_STORED, unique=True),
    _partial("items_path", "path_fold", where=_STORED, unique=True),
    _partial("items_folder", "folder", "taken", where=_STORED),
    _partial("items_taken", "taken", "path_fold", where=_STORED),
    _partial("items_kind", "kind", "taken", "path_fold", where=_STORED),
    _partial("items_origin", "origin", "taken", "path_fold", where=_STORED),
    _partial("items_size", "size", where=_STORED),
    _partial("items_gone", "sha256", where="state != 'stored'"),
    Index("items_stem", "pair_scope", "stem"),
    Index("items_pair", "pair"),
    Index("items_batch", "batch_id"),
)

appearances = Table(  # other names under which the bytes of an item came
    "appearances",
    METADATA,
    Column("pair_scope", ScopeText(), primary_key=True),
    Column("stem", String, primary_key=True),
    Column("item_id", String, ForeignKey("items.id"), primary_key=True),
    Index("appearances_item", "item_id"),
)

months = Table(
    "months",
    METADATA,
    Column("tree", String, primary_key=True),
    Column("month", String, primary_key=True),
    Column("number", Integer, nullable=False),
)

companions = Table(
    "sidecars",  # the word of 0.1.0, as in all names of this kind in stores
    METADATA,
    Column("id", String, primary_key=True),
    Column("item_id", String, ForeignKey("items.id")),
    Column("pair_scope", ScopeText(), nullable=False),
    Column("stem", String, nullable=False),
    Column("name", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("batch_id", String),
    Column("sha256", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("path", String),
    Column("staged", String),
    Column("arrived", Float, nullable=False),
    Column("trashed", Float),
    Index("sidecars_pair", "pair_scope", "stem"),
    Index("sidecars_item", "item_id"),
    Index("sidecars_batch", "batch_id"),
)

aliases = Table(
    "aliases",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("origin", String, nullable=False),
    Column("path", String, nullable=False),
    Column("path_fold", String, nullable=False),
    Column("folder", String, nullable=False),
    Column("state", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified", Float, nullable=False),
    Column("etag", String, nullable=False),
    Column("sha256", String),
    Column("item_id", String, ForeignKey("items.id")),
    Column("sidecar_id", String, ForeignKey("sidecars.id"), key="companion_id"),
    Column("staged", String),
    Column("reservation_id", String),
    Column("content", LargeBinary),
    Column("created", Float, nullable=False),
    Column("touched", Float, nullable=False),
    Column("last_seen", Integer, nullable=False),
    UniqueConstraint("origin", "path"),
    Index("aliases_folder", "origin", "folder"),
    Index("aliases_fold", "origin", "path_fold"),
    Index("aliases_item", "item_id"),
    _partial("aliases_sidecar", "companion_id", where="sidecar_id IS NOT NULL"),
    _partial("aliases_litter", "origin", "touched", where="state = 'litter'"),
    Index("aliases_seen", "last_seen"),
)

properties = Table(
    "properties",
    METADATA,
    Column("alias_id", _ID, ForeignKey("aliases.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

locks = Table(
    "locks",
    METADATA,
    Column("token", String, primary_key=True),
    Column("origin", String, nullable=False),
    Column("path", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("depth", String, nullable=False),
    Column("owner", Text, nullable=False),
    Column("principal", String, nullable=False),
    Column("timeout", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Index("locks_path", "origin", "path"),
)

receipts = Table(
    "receipts",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("batch_id", String, ForeignKey("batches.id")),
    Column("at", Float, nullable=False),
    Column("origin", String, nullable=False),
    Column("account", String),
    Column("address", String, nullable=False),
    Column("program", String, nullable=False),
    Column("name", String, nullable=False),
    Column("upload_path", String, nullable=False),
    Column("size", BigInteger),
    Column("sha256", String),
    Column("outcome", String, nullable=False),
    Column("code", String),
    Column("words_key", String, nullable=False),
    Column("facts", Text, nullable=False),
    Column("item_id", String, ForeignKey("items.id")),
    Column("place", String),
    Column("day", String),
    Column("source", String),
    Column("times", Integer, nullable=False),
    Index("receipts_batch", "batch_id", "id", "outcome"),
    Index("receipts_item", "item_id"),
    Index("receipts_origin", "origin", "id"),
    Index("receipts_at", "at"),
)

uploads = Table(
    "uploads",
    METADATA,
    Column("id", String, primary_key=True),
    Column("batch_id", String, ForeignKey("batches.id"), nullable=False),
    Column("ref", String, nullable=False),
    Column("name", String, nullable=False),
    Column("path", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("staged", String),
    Column("modified", Float),
    Column("state", String, nullable=False),
    Column("code", String),
    Column("words_key", String),
    Column("facts", Text, nullable=False),
    Column("reservation_id", String),
    Column("receipt_id", _ID),
    Column("made", Float, nullable=False),
    Index("uploads_batch", "batch_id"),
    Index("uploads_reservation", "reservation_id"),
)

moves = Table(
    "moves",
    METADATA,
    Column("id", String, primary_key=True),
    Column("item_id", String, nullable=False),
    Column("sidecar_id", String, key="companion_id"),
    Column("source", String, nullable=False),
    Column("target", String, nullable=False),
    Column("fields", Text, nullable=False),
    Column("at", Float, nullable=False),
)

marks = Table(
    "marks",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)
