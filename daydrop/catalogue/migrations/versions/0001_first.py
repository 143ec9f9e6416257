"""The first catalogue, as it was when it was first released.

Never changed: a later catalogue is a later revision.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("face", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("opened", sa.Float(), nullable=False),
        sa.Column("touched", sa.Float(), nullable=False),
        sa.Column("closes", sa.Float(), nullable=True),
        sa.Column("closed", sa.Float(), nullable=True),
        sa.Column("undone", sa.Float(), nullable=True),
        sa.Column("retold", sa.Float(), nullable=True),
        sa.Column("max_files", sa.Integer(), nullable=False),
        sa.Column("max_bytes", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("request_key", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("origin", "request_key"),
    )
    op.create_index(
        "batches_open",
        "batches",
        ["origin", "face"],
        unique=False,
        sqlite_where=sa.text("closed IS NULL"),
        postgresql_where=sa.text("closed IS NULL"),
    )
    op.create_index("batches_opened", "batches", ["opened"], unique=False)
    op.create_index("batches_origin", "batches", ["origin", "opened"], unique=False)
    op.create_table(
        "locks",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("depth", sa.String(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("timeout", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_index("locks_path", "locks", ["origin", "path"], unique=False)
    op.create_table(
        "marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "months",
        sa.Column("tree", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tree", "month"),
    )
    op.create_table(
        "moves",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("sidecar_id", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "items",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("path_fold", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stem", sa.String(), nullable=False),
        sa.Column("pair_scope", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=True),
        sa.Column("content_id", sa.String(), nullable=True),
        sa.Column("camera", sa.String(), nullable=True),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=True),
        sa.Column("filed", sa.Float(), nullable=False),
        sa.Column("day", sa.String(), nullable=True),
        sa.Column("taken", sa.String(), nullable=False),
        sa.Column("offset_minutes", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("zone_source", sa.String(), nullable=True),
        sa.Column("day_only", sa.Integer(), nullable=False),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("unreadable", sa.String(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("modified", sa.Float(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("trashed", sa.Float(), nullable=True),
        sa.Column("trash_name", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["batches.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("items_batch", "items", ["batch_id"], unique=False)
    op.create_index(
        "items_folder",
        "items",
        ["folder", "taken"],
        unique=False,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index(
        "items_gone",
        "items",
        ["sha256"],
        unique=False,
        sqlite_where=sa.text("state != 'stored'"),
        postgresql_where=sa.text("state != 'stored'"),
    )
    op.create_index(
        "items_kind",
        "items",
        ["kind", "taken", "path_fold"],
        unique=False,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index(
        "items_origin",
        "items",
        ["origin", "taken", "path_fold"],
        unique=False,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index("items_pair", "items", ["pair"], unique=False)
    op.create_index(
        "items_path",
        "items",
        ["path_fold"],
        unique=True,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index(
        "items_sha256",
        "items",
        ["sha256"],
        unique=True,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index(
        "items_size",
        "items",
        ["size"],
        unique=False,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index("items_stem", "items", ["pair_scope", "stem"], unique=False)
    op.create_index(
        "items_taken",
        "items",
        ["taken", "path_fold"],
        unique=False,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.Column("outlives_request", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["batches.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reservations_batch", "reservations", ["batch_id"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("staged", sa.String(), nullable=True),
        sa.Column("modified", sa.Float(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("words_key", sa.String(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("reservation_id", sa.String(), nullable=True),
        sa.Column(
            "receipt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("made", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["batches.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uploads_batch", "uploads", ["batch_id"], unique=False)
    op.create_index("uploads_reservation", "uploads", ["reservation_id"], unique=False)
    op.create_table(
        "appearances",
        sa.Column("pair_scope", sa.String(), nullable=False),
        sa.Column("stem", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.PrimaryKeyConstraint("pair_scope", "stem", "item_id"),
    )
    op.create_index("appearances_item", "appearances", ["item_id"], unique=False)
    op.create_table(
        "receipts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("batch_id", sa.String(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("upload_path", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("words_key", sa.String(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("day", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["batches.id"],
        ),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("receipts_at", "receipts", ["at"], unique=False)
    op.create_index("receipts_batch", "receipts", ["batch_id", "id", "outcome"], unique=False)
    op.create_index("receipts_item", "receipts", ["item_id"], unique=False)
    op.create_index("receipts_origin", "receipts", ["origin", "id"], unique=False)
    op.create_table(
        "sidecars",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=True),
        sa.Column("pair_scope", sa.String(), nullable=False),
        sa.Column("stem", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("staged", sa.String(), nullable=True),
        sa.Column("arrived", sa.Float(), nullable=False),
        sa.Column("trashed", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sidecars_batch", "sidecars", ["batch_id"], unique=False)
    op.create_index("sidecars_item", "sidecars", ["item_id"], unique=False)
    op.create_index("sidecars_pair", "sidecars", ["pair_scope", "stem"], unique=False)
    op.create_table(
        "aliases",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("path_fold", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.Float(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("item_id", sa.String(), nullable=True),
        sa.Column("sidecar_id", sa.String(), nullable=True),
        sa.Column("staged", sa.String(), nullable=True),
        sa.Column("reservation_id", sa.String(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("touched", sa.Float(), nullable=False),
        sa.Column("last_seen", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sidecar_id"],
            ["sidecars.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("origin", "path"),
    )
    op.create_index("aliases_fold", "aliases", ["origin", "path_fold"], unique=False)
    op.create_index("aliases_folder", "aliases", ["origin", "folder"], unique=False)
    op.create_index("aliases_item", "aliases", ["item_id"], unique=False)
    op.create_index(
        "aliases_litter",
        "aliases",
        ["origin", "touched"],
        unique=False,
        sqlite_where=sa.text("state = 'litter'"),
        postgresql_where=sa.text("state = 'litter'"),
    )
    op.create_index("aliases_seen", "aliases", ["last_seen"], unique=False)
    op.create_index(
        "aliases_sidecar",
        "aliases",
        ["sidecar_id"],
        unique=False,
        sqlite_where=sa.text("sidecar_id IS NOT NULL"),
        postgresql_where=sa.text("sidecar_id IS NOT NULL"),
    )
    op.create_table(
        "properties",
        sa.Column("alias_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alias_id"], ["aliases.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("alias_id", "name"),
    )


def downgrade() -> None:
    op.drop_table("properties")
    op.drop_index(
        "aliases_sidecar",
        table_name="aliases",
        sqlite_where=sa.text("sidecar_id IS NOT NULL"),
        postgresql_where=sa.text("sidecar_id IS NOT NULL"),
    )
    op.drop_index("aliases_seen", table_name="aliases")
    op.drop_index(
        "aliases_litter",
        table_name="aliases",
        sqlite_where=sa.text("state = 'litter'"),
        postgresql_where=sa.text("state = 'litter'"),
    )
    op.drop_index("aliases_item", table_name="aliases")
    op.drop_index("aliases_folder", table_name="aliases")
    op.drop_index("aliases_fold", table_name="aliases")
    op.drop_table("aliases")
    op.drop_index("sidecars_pair", table_name="sidecars")
    op.drop_index("sidecars_item", table_name="sidecars")
    op.drop_index("sidecars_batch", table_name="sidecars")
    op.drop_table("sidecars")
    op.drop_index("receipts_origin", table_name="receipts")
    op.drop_index("receipts_item", table_name="receipts")
    op.drop_index("receipts_batch", table_name="receipts")
    op.drop_index("receipts_at", table_name="receipts")
    op.drop_table("receipts")
    op.drop_index("appearances_item", table_name="appearances")
    op.drop_table("appearances")
    op.drop_index("uploads_reservation", table_name="uploads")
    op.drop_index("uploads_batch", table_name="uploads")
    op.drop_table("uploads")
    op.drop_index("reservations_batch", table_name="reservations")
    op.drop_table("reservations")
    op.drop_index(
        "items_taken",
        table_name="items",
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.drop_index("items_stem", table_name="items")
    op.drop_index(
        "items_size",
        table_name="items",
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.drop_index(
        "items_sha256",
        table_name="items",
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.drop_index(
        "items_path",
        table_name="items",
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.drop_index("items_pair", table_name="items")
    op.drop_index(
        "items_origin",
        table_name="items",
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.drop_index(
        "items_kind",
        table_name="items",
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.drop_index(
        "items_gone",
        table_name="items",
        sqlite_where=sa.text("state != 'stored'"),
        postgresql_where=sa.text("state != 'stored'"),
    )
    op.drop_index(
        "items_folder",
        table_name="items",
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.drop_index("items_batch", table_name="items")
    op.drop_table("items")
    op.drop_table("moves")
    op.drop_table("months")
    op.drop_table("marks")
    op.drop_index("locks_path", table_name="locks")
    op.drop_table("locks")
    op.drop_index("batches_origin", table_name="batches")
    op.drop_index("batches_opened", table_name="batches")
    op.drop_index(
        "batches_open",
        table_name="batches",
        sqlite_where=sa.text("closed IS NULL"),
        postgresql_where=sa.text("closed IS NULL"),
    )
    op.drop_table("batches")
