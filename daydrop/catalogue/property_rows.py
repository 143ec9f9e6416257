"""Rows of dead properties: what programs note about their paths in `Upload`."""

from sqlalchemy import Connection, delete, func, insert, select, update

from daydrop.catalogue.tables import aliases, properties
from daydrop.records.property import Property


def of_alias(connection: Connection, alias_id: int) -> list[Property]:
    """Return the properties of one alias."""
    query = select(properties.c.name, properties.c.value).where(properties.c.alias_id == alias_id)
    return [Property(name, value) for name, value in connection.execute(query)]


def of_folder(connection: Connection, origin: str, folder: str) -> dict[int, list[Property]]:
    """Return the properties of all members of a folder, by alias."""
    query = (
        select(properties.c.alias_id, properties.c.name, properties.c.value)
        .join(aliases, aliases.c.id == properties.c.alias_id)
        .where(aliases.c.origin == origin, aliases.c.folder == folder)
    )
    found: dict[int, list[Property]] = {}
    for alias_id, name, value in connection.execute(query):
        found.setdefault(alias_id, []).append(Property(name, value))
    return found


def size(connection: Connection, alias_id: int, without: str) -> int:
    """Return the size of an alias's properties in characters, one left out."""
    letters = func.length(properties.c.name) + func.length(properties.c.value)
    query = select(func.coalesce(func.sum(letters), 0)).where(
        properties.c.alias_id == alias_id, properties.c.name != without
    )
    return int(connection.execute(query).scalar_one())


def write(connection: Connection, alias_id: int, noted: Property) -> None:
    """Set a property."""
    here = (properties.c.alias_id == alias_id) & (properties.c.name == noted.name)
    if connection.execute(update(properties).where(here).values(value=noted.value)).rowcount == 0:
        connection.execute(
            insert(properties).values(alias_id=alias_id, name=noted.name, value=noted.value)
        )


def remove(connection: Connection, alias_id: int, name: str) -> None:
    """Remove a property, if it is there."""
    connection.execute(
        delete(properties).where(properties.c.alias_id == alias_id, properties.c.name == name)
    )


def copy(connection: Connection, source_id: int, target_id: int) -> None:
    """Give an alias the properties of another, and no others (RFC 4918 §9.8.2)."""
    connection.execute(delete(properties).where(properties.c.alias_id == target_id))
    for noted in of_alias(connection, source_id):
        write(connection, target_id, noted)
