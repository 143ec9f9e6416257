"""The dated tree, as it lies on disk: read only."""

import mimetypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from davserver.dav.errors import Refusal
from davserver.dav.propfind import Entry, Wanted
from davserver.dav.resources import File, Folder
from daydrop.aliases.paths import Content
from daydrop.library import Library
from daydrop.media.kinds import kind_by_name
from daydrop.records.item import etag
from daydrop.store.local import LocalStore
from daydrop.store.tree import Entry as Stored

_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class _Label:
    """How a file is labelled; `filed` in seconds since 1970."""

    etag: str
    media_type: str
    filed: float


def _labels(library: Library, folder: PurePosixPath) -> dict[str, _Label]:
    """Return the labels of the items in a folder, by name."""
    found = library.browse.items_in(folder)
    return {
        item.path.name: _Label(etag(item.sha256), item.media_type, item.filed) for item in found
    }


def _label(library: Library, path: PurePosixPath) -> _Label | None:
    """Return the label of the item at a path; None for a file that is not in the catalogue."""
    item = library.browse.by_path(path)
    return None if item is None else _Label(etag(item.sha256), item.media_type, item.filed)


def _unknown_label(stored: Stored) -> _Label:
    """Return the label of a companion, or of a file that was put there by hand.

    Only photos and videos have a type: no HTML and no SVG is ever served from the store.
    """
    mark = f"file-{stored.size:x}-{round(stored.modified * 1e6):x}"
    named = mimetypes.guess_type(stored.name)[0] if kind_by_name(stored.name) else None
    return _Label(mark, named or _UNKNOWN_TYPE, stored.modified)


def _folder_time(store: LocalStore, folder: PurePosixPath) -> float | None:
    """Return when a name was last added or removed, in seconds since 1970."""
    try:
        return store.tree.path(folder).stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return None


class TreeFolder(Folder):
    """A folder of the dated tree: read only."""

    def __init__(
        self, path: str, environ: dict[str, Any], library: Library, place: PurePosixPath
    ) -> None:
        super().__init__(path, environ, library)
        self.place = place

    def entry(self, wanted: Wanted) -> Entry:
        """Return the entry of the folder itself."""
        when = _folder_time(self.library.store, self.place)
        return super().entry(wanted)._replace(modified=when, created=when)

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """Yield what lies in it on disk, with the entity tags of the catalogue."""
        return self._walk(self.place, wanted, deep=deep)

    def _walk(self, place: PurePosixPath, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        known = _labels(self.library, place) if wanted.wants_content else {}
        for stored in self.library.store.tree.listing(place):
            yield _tree_entry(place / stored.name, stored, known.get(stored.name))
            if deep and stored.is_folder:
                yield from self._walk(place / stored.name, wanted, deep=True)


def _tree_entry(path: PurePosixPath, stored: Stored, known: _Label | None) -> Entry:
    label = known or _unknown_label(stored)
    return Entry(
        path=f"/{path}",
        name=stored.name,
        is_folder=stored.is_folder,
        size=stored.size,
        modified=stored.modified,
        created=stored.modified if known is None else known.filed,
        etag="" if stored.is_folder else label.etag,
        media_type="" if stored.is_folder else label.media_type,
    )


class TreeFile(File):
    """A file of the dated tree: read only."""

    def __init__(
        self, path: str, environ: dict[str, Any], library: Library, place: PurePosixPath
    ) -> None:
        super().__init__(path, environ, library)
        self.place = place

    def entry(self, wanted: Wanted) -> Entry:  # noqa: ARG002  all of it costs the same
        """Return the entry of the file."""
        with self._file() as file:
            status = os.fstat(file.fileno())
        stored = Stored(self.name, False, status.st_size, status.st_mtime)
        return _tree_entry(self.place, stored, _label(self.library, self.place))

    def open(self) -> Content:
        """Return its bytes."""
        file = self._file()
        status = os.fstat(file.fileno())
        stored = Stored(self.name, False, status.st_size, status.st_mtime)
        label = _label(self.library, self.place) or _unknown_label(stored)
        return Content(file, stored.size, label.etag, stored.modified, label.media_type, place=None)

    def _file(self) -> BinaryIO:
        try:
            return self.library.store.tree.open(self.place)
        except FileNotFoundError as lost:
            raise Refusal(404) from lost
