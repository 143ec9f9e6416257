"""The catalogue is brought up to date at the start; migrations and tables say the same."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from daydrop.catalogue import schema
from daydrop.catalogue.database import Database, sqlite_url
from daydrop.catalogue.tables import METADATA


def test_the_migrations_make_exactly_the_tables(tmp_path: Path):
    database = Database(sqlite_url(tmp_path / "catalogue.sqlite"))
    assert schema.upgrade(database)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    database.close()


def test_the_constant_names_the_newest_revision():
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.NEWEST


def test_a_catalogue_that_is_up_to_date_is_left_alone(tmp_path: Path):
    database = Database(sqlite_url(tmp_path / "catalogue.sqlite"))
    schema.upgrade(database)
    assert not schema.upgrade(database)
    database.close()
