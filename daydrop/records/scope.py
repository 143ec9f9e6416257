"""Where files must have come together to be of one shot."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Self


@dataclass(frozen=True, order=True)
class Scope:
    """A folder of `Upload`, a batch, an imported folder or one of the tree, as stored text."""

    text: str

    @classmethod
    def drive(cls, origin: str, folder: str) -> Self:
        """Return the scope of what an origin sends to a folder of `Upload`."""
        return cls(f"drive:{origin}:{folder}")

    @classmethod
    def batch(cls, batch_id: str | None, folder: str) -> Self:
        """Return the scope of what the page sends in one batch from one of the client's folders."""
        return cls(f"batch:{batch_id}:{folder}")

    @classmethod
    def imported(cls, folder: str) -> Self:
        """Return the scope of what is imported from a folder."""
        return cls(f"import:{folder}")

    @classmethod
    def found(cls, folder: PurePath) -> Self:
        """Return the scope of files that lay in a folder of the tree without a row."""
        return cls(f"found:{folder}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the scope of which `text` is the stored form."""
        return cls(text)

    @property
    def is_found(self) -> bool:
        """Return whether the files lay in the tree without a row."""
        return self.text.startswith("found:")

    def __str__(self) -> str:
        """Return the text that stands in the catalogue."""
        return self.text


NOWHERE = Scope("")  # of a file about which nothing is known
