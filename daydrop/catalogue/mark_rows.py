"""Rows of marks: what must be remembered over a crash, by its name."""

from sqlalchemy import Connection, delete, insert, select

from daydrop.catalogue.tables import marks

JUDGING = "judging "  # begins the mark of an item whose date and place are to be settled again
UNDOING = "undoing "  # begins the mark of a batch that is being taken back


def write(connection: Connection, name: str, value: str = "") -> None:
    """Set a mark, replacing its older self."""
    remove(connection, name)
    connection.execute(insert(marks).values(name=name, value=value))


def remove(connection: Connection, name: str) -> None:
    """Remove a mark; does nothing when there is none."""
    connection.execute(delete(marks).where(marks.c.name == name))


def beginning(connection: Connection, prefix: str) -> list[str]:
    """Return the names of the marks that begin like this."""
    names = connection.execute(select(marks.c.name).order_by(marks.c.name)).scalars()
    return [name for name in names if name.startswith(prefix)]
