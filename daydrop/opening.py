"""Open a store: prove that its disk keeps promises, enter it, and open its catalogue."""

from daydrop.catalogue import schema
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import sqlite_url
from daydrop.disk import Disk
from daydrop.errors import CatalogueFailed, Code, Refused, StoreUnusable
from daydrop.locks.between_processes import ProcessLocks
from daydrop.store.local import LocalStore

_CATALOGUE = "catalogue.sqlite"


def enter(store: LocalStore, disk: Disk) -> ProcessLocks | None:
    """Make the store ready; return None when its disk is read-only but holds a library.

    The locks come before the proof: another process that clears staging must know of this one.
    Raises StoreUnusable or Refused when the store cannot keep the promises.
    """
    try:
        store.prepare()
        with disk.writing():
            processes = ProcessLocks(store.state / "locks")
        try:
            store.prove()
        except BaseException:
            processes.close()
            raise
    except OSError as failure:
        raise StoreUnusable(
            f"the disk of {store.root} failed ({failure.strerror}): check it, then start again"
        ) from failure
    except Refused as refused:
        if refused.code is Code.READ_ONLY and (store.state / _CATALOGUE).exists():
            return None
        raise
    return processes


def open_catalogue(
    store: LocalStore, disk: Disk, url: str | None, *, is_read_only: bool
) -> Catalogue:
    """Open the catalogue at `url`, else inside the store, and bring its schema up to date.

    Raises StoreUnusable when it is damaged, Refused when another process keeps it busy.
    """
    catalogue = Catalogue(url or sqlite_url(store.state / _CATALOGUE), disk, read_only=is_read_only)
    try:
        if not is_read_only:
            schema.upgrade(catalogue)
    except CatalogueFailed as failure:
        catalogue.close()
        raise StoreUnusable(failure.advice) from failure
    except Refused:
        catalogue.close()
        raise
    return catalogue
