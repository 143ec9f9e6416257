"""The schema of the catalogue, brought up to date at the start."""

from pathlib import Path

from sqlalchemy import inspect, text

from daydrop.catalogue.database import Database

NEWEST = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"


def version(database: Database) -> str | None:
    """Return the revision of the catalogue; None for an empty one."""
    with database.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
        return None if row is None else str(row[0])


def upgrade(database: Database) -> bool:
    """Run the migrations that are missing; return whether there were any.

    Alembic takes 200 ms to import, so the version is compared with a constant first.
    """
    if version(database) == NEWEST:
        return False
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    # immediate: a transaction that begins by reading is refused once another connection wrote
    with (
        database.failing_alike(),
        database.engine.connect().execution_options(immediate=True) as connection,
    ):
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    return True
