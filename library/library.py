"""The library put together: the one object that both faces are given."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog

from config.settings import Settings
from library.aliases import Aliases
from library.batch import Batches
from library.browse import Browse
from library.capturedate.exiftool import find_exiftool
from library.catalogue import schema
from library.catalogue.database import Database, sqlite_url
from library.clock import Clock
from library.errors import Code, Refused
from library.filing import Filing
from library.ingest import Ingest
from library.media import Kind
from library.moves import Moves
from library.receipts import Receipts
from library.room import Room
from library.sidecars import Sidecars
from library.store.local import LocalStore
from library.upkeep import Upkeep
from library.uploadlog import UploadLog
from library.uploads import Uploads
from library.workers import Workers

_KINDS = {"images": Kind.IMAGE, "videos": Kind.VIDEO, "others": Kind.OTHER}
_EVERY = 20.0  # seconds between two rounds of housekeeping
