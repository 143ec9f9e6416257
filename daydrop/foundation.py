"""What every part of the core that keeps files stands on."""

from dataclasses import dataclass

from daydrop.catalogue.catalogue import Catalogue
from daydrop.clock import Clock
from daydrop.locks.keyed import KeyedLocks
from daydrop.store.local import LocalStore


@dataclass(frozen=True)
class Foundation:
    """The bytes of a store, its rows, the time, and the locks of stems and hashes."""

    store: LocalStore
    catalogue: Catalogue
    clock: Clock
    locks: KeyedLocks
