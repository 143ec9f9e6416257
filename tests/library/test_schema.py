"""The schema is brought up to date whoever else has the file open."""

import sqlite3
import threading
from pathlib import Path

from library.catalogue import schema
from library.catalogue.database import Database, sqlite_url


def test_a_migration_waits_for_a_writer_instead_of_failing(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    database = Database(sqlite_url(file), read_only=False)
    assert schema.version(database) is None
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE others (id INTEGER)")
    end = threading.Timer(0.5, other.execute, ["COMMIT"])
    end.start()
    try:
        assert schema.upgrade(database)
    finally:
        end.join()
        other.close()
        database.close()


def test_a_catalogue_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalogue.sqlite"), read_only=False)
    try:
        assert schema.upgrade(database)
        assert not schema.upgrade(database)
        assert schema.version(database) == schema.NEWEST
    finally:
        database.close()
