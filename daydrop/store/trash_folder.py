"""The folder of deleted files, each under a name that a row knows."""

from pathlib import Path, PurePosixPath


class TrashFolder:
    """Keeps deleted files until they are removed for good."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Return where a file of the trash lies."""
        return self._folder / PurePosixPath(name).name

    def names(self) -> list[str]:
        """Return the names of all files in the trash."""
        return [file.name for file in self._folder.iterdir()]

    def remove(self, name: str) -> None:
        """Remove a file of the trash for good; does nothing when it is gone."""
        self.path(name).unlink(missing_ok=True)
