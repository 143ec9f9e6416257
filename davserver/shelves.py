"""What the catalogue knows of files in a folder of the tree: entity tag and media type."""

import mimetypes
from dataclasses import dataclass
from pathlib import PurePosixPath

from library.catalogue import items as rows
from library.library import Library
from library.receipts import etag
from library.store.local import Entry, LocalStore

_UNTOLD = "application/octet-stream"


@dataclass(frozen=True)
class Known:
    """How a file is labelled; `filed` in seconds since 1970."""

    etag: str
    media_type: str
    filed: float


def shelf(library: Library, folder: PurePosixPath) -> dict[str, Known]:
    """The items of a folder, by name."""
    with library.database.reading() as connection:
        found = rows.in_folder(connection, folder)
    return {item.path.name: Known(etag(item.sha256), item.media_type, item.filed) for item in found}


def known(library: Library, path: PurePosixPath) -> Known | None:
    """The item at a path; None for a file that the catalogue does not speak of."""
    with library.database.reading() as connection:
        item = rows.by_path(connection, path)
    return None if item is None else Known(etag(item.sha256), item.media_type, item.filed)


def unknown(stored: Entry) -> Known:
    """The label of a companion, or of a file that somebody put there by hand."""
    mark = f"file-{stored.size:x}-{round(stored.modified * 1e6):x}"
    return Known(mark, mimetypes.guess_type(stored.name)[0] or _UNTOLD, stored.modified)


def folder_time(store: LocalStore, folder: PurePosixPath) -> float | None:
    """When a name came into a folder or left it, in seconds since 1970."""
    try:
        return store.path(folder).stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return None
