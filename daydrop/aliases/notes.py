"""Dead properties: what programs note about their paths in `Upload` (RFC 4918 §4)."""

from collections.abc import Mapping

from daydrop.catalogue import property_rows
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import Connection
from daydrop.origin import Origin
from daydrop.records.alias import Alias
from daydrop.records.property import Property

PROPERTIES_MOST = 64 << 10  # characters noted by programs for one alias


class TooMuchNoted(Exception):
    """An alias may hold 64 KB of properties."""


class Notes:
    """Reads and writes the properties of aliases."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def properties(self, alias: Alias) -> list[Property]:
        """Return the properties of an alias."""
        return self._catalogue.properties.of_alias(alias.id)

    def properties_of_members(self, origin: Origin, folder: str) -> Mapping[int, list[Property]]:
        """Return the properties of the members of a folder, by the id of the alias."""
        return self._catalogue.properties.of_folder(origin.key, folder)

    def note(self, alias: Alias, noted: Property) -> None:
        """Set a property; raises TooMuchNoted."""

        def work(connection: Connection) -> None:
            already = property_rows.size(connection, alias.id, noted.name)
            if already + len(noted.name) + len(noted.value) > PROPERTIES_MOST:
                raise TooMuchNoted(alias.path)
            property_rows.write(connection, alias.id, noted)

        self._catalogue.write(work)

    def forget(self, alias: Alias, name: str) -> None:
        """Remove a property, if it is there."""
        self._catalogue.write(lambda connection: property_rows.remove(connection, alias.id, name))
