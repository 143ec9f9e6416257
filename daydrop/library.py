"""The library put together: the one object that both faces are given."""

import math
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from daydrop.aliases.aliases import Aliases
from daydrop.aliases.life import AliasLife
from daydrop.browse import Browse
from daydrop.care.companion_upkeep import CompanionUpkeep
from daydrop.care.upkeep import Upkeep
from daydrop.catalogue import schema
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import sqlite_url
from daydrop.clock import Clock
from daydrop.disk import Disk
from daydrop.errors import CatalogueFailed, Code, Refused, StoreUnusable
from daydrop.filing.companions import Companions
from daydrop.filing.dating import Dating
from daydrop.filing.filing import Filing
from daydrop.filing.groups import Groups
from daydrop.filing.moves import Moves
from daydrop.intake.door import Ingest
from daydrop.intake.resumable import Uploads
from daydrop.limits.batches import Batches
from daydrop.limits.room import Room
from daydrop.locks.between_processes import PATIENCE, NoProcesses, ProcessLocks
from daydrop.locks.keyed import KeyedLocks
from daydrop.media.kinds import Kind
from daydrop.previews import Previews
from daydrop.readers.workers import Workers
from daydrop.receipts.log import UploadLog
from daydrop.receipts.receipts import Receipts
from daydrop.settings import Settings
from daydrop.store.local import LocalStore
from daydrop.store.trees import TREES

_KINDS = {"images": Kind.IMAGE, "videos": Kind.VIDEO, "others": Kind.OTHER}
_DAY = 86_400.0
_ROUND = 15.0  # seconds between two rounds of housekeeping
_CATALOGUE = "catalogue.sqlite"
_COPIES_KEPT = 3


class Library:
    """Everything a store needs to serve, wired in one place.

    `start` sweeps what a crash left and begins to take uploads, `close` ends cleanly. Raises
    StoreUnusable when the store cannot keep the promises; on a read-only disk it still browses.
    `claims_as` is the command that others are told of while this one is the first; None for one
    that only looks, and keeps nobody from being the first.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        workers: Workers | None = None,
        claims_as: str | None = "daydrop serve",
    ) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.accept = frozenset(_KINDS[kind] for kind in settings.limits.accept)
        self.trees = TREES if Kind.OTHER in self.accept else TREES[:3]
        self._disk = Disk()
        self.store = LocalStore(settings.store.root, self._disk)
        processes = _entered(self.store, self._disk)
        self.is_read_only = processes is None
        self._processes = processes or NoProcesses()
        if self.is_read_only:
            self._disk.reason = "the disk of the store is read-only"
        self.is_first = False
        if claims_as is not None:
            self.claim(claims_as)
        try:
            self.catalogue = self._open_catalogue()
        except BaseException:
            self._leave()
            raise
        self.workers = workers or Workers(exiftool=_exiftool(settings.dates.exiftool))
        self.log = UploadLog(self.store.state / "log", self.clock, settings.log.days)
        self.batches = Batches(self.catalogue, self.clock, settings.limits)
        self.receipts = Receipts(self.catalogue)
        self.room = Room(self.store, settings.limits.keep_free)
        self._locks = KeyedLocks(self._processes.holding, PATIENCE)
        self.companions = Companions(
            store=self.store,
            catalogue=self.catalogue,
            clock=self.clock,
            batches=self.batches,
            reader=self.workers,
            locks=self._locks,
            alias_life=self._alias_life(),
        )
        self.moves = Moves(
            store=self.store,
            catalogue=self.catalogue,
            clock=self.clock,
            locks=self._locks,
            follow=self.companions.follow,
        )
        self.previews = Previews(self.store, self.workers)
        self.groups = self._groups()
        self.dating = Dating(
            catalogue=self.catalogue,
            moves=self.moves,
            companions=self.companions,
            locks=self._locks,
            groups=self.groups,
        )
        self.filing = self._filing()
        self.ingest = Ingest(
            store=self.store,
            catalogue=self.catalogue,
            clock=self.clock,
            batches=self.batches,
            room=self.room,
            filing=self.filing,
            dating=self.dating,
            companions=self.companions,
            log=self.log,
            accept=self.accept,
            disk=self._disk,
        )
        life = AliasLife(
            catalogue=self.catalogue,
            clock=self.clock,
            batches=self.batches,
            log=self.log,
            days=settings.store.alias_days,
        )
        self.aliases = Aliases(
            catalogue=self.catalogue,
            clock=self.clock,
            store=self.store,
            ingest=self.ingest,
            life=life,
        )
        self.browse = Browse(self.catalogue)
        self.uploads = Uploads(self.catalogue, self.clock, self.batches, self.ingest)
        self.companion_upkeep = CompanionUpkeep(
            store=self.store,
            catalogue=self.catalogue,
            clock=self.clock,
            locks=self._locks,
            companions=self.companions,
        )
        self.upkeep = Upkeep(
            store=self.store,
            catalogue=self.catalogue,
            clock=self.clock,
            batches=self.batches,
            filing=self.filing,
            dating=self.dating,
            companions=self.companion_upkeep,
            moves=self.moves,
            log=self.log,
            alone=self._processes.alone,
            trash_days=settings.store.trash_days,
        )
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None

    def claim(self, who: str) -> bool:
        """Whether this process is the first on its store, and may settle what a crash left."""
        self.is_first = self.is_first or (not self.is_read_only and self.store.claim(who))
        return self.is_first

    def start(self) -> None:
        """Settles what the last run left, warms the workers up, and keeps house from now on."""
        self.workers.start()
        if self.is_read_only:
            structlog.get_logger().warning("the store is read-only: browsing only")
            return
        if self.is_first:
            self.catalogue.check()
            swept = self.upkeep.sweep()
            structlog.get_logger().debug("swept", **vars(swept))
        self.previews.start()
        if self.is_first:
            self._keeper = threading.Thread(target=self._keep_house, name="upkeep", daemon=True)
            self._keeper.start()

    def close(self) -> None:
        """Ends cleanly: nothing is under way any more when this returns."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.join()
        self.previews.stop()
        self.filing.close()
        self.workers.stop()
        self.log.close()
        self.catalogue.close()
        self._leave()

    def _leave(self) -> None:
        self.store.release()
        self._processes.close()

    # ---- parts ------------------------------------------------------------------------------

    def _open_catalogue(self) -> Catalogue:
        url = self.settings.catalogue.url or sqlite_url(self.store.state / _CATALOGUE)
        catalogue = Catalogue(url, self._disk, read_only=self.is_read_only)
        try:
            if not self.is_read_only:
                schema.upgrade(catalogue)
        except CatalogueFailed as failure:
            catalogue.close()
            raise StoreUnusable(failure.advice) from failure
        except Refused:
            catalogue.close()
            raise
        return catalogue

    def _groups(self) -> Groups:
        zone = self.settings.dates.media_timezone
        return Groups(
            store=self.store,
            catalogue=self.catalogue,
            clock=self.clock,
            companions=self.companions,
            pattern=self.settings.store.folder,
            zone=ZoneInfo(zone) if zone else None,
            alias_life=self._alias_life(),
        )

    def _alias_life(self) -> float:
        """In seconds; for ever when the setting is 0."""
        return self.settings.store.alias_days * _DAY or math.inf

    def _filing(self) -> Filing:
        return Filing(
            store=self.store,
            catalogue=self.catalogue,
            clock=self.clock,
            reader=self.workers,
            moves=self.moves,
            companions=self.companions,
            locks=self._locks,
            batches=self.batches,
            groups=self.groups,
            dating=self.dating,
            accept=self.accept,
            on_filed=self.previews.soon,
        )

    # ---- housekeeping -----------------------------------------------------------------------

    def _keep_house(self) -> None:
        while not self._stopping.wait(_ROUND):
            try:
                self._one_round()
            except Exception:  # noqa: BLE001
                # the next round tries again; uploads do not depend on it
                structlog.get_logger().exception("housekeeping failed")

    def _one_round(self) -> None:
        self.moves.finish_interrupted()  # of a process that has died, or after a disk's fault
        self.dating.finish_judging()
        self.batches.close_idle()
        self.uploads.sweep()
        self.aliases.sweep()
        if alias_days := self.settings.store.alias_days:
            self.companion_upkeep.sweep(self.clock.now() - alias_days * _DAY)
        self.upkeep.empty_trash()
        self.log.purge()
        self._copy_catalogue()

    def _copy_catalogue(self) -> None:
        """Once a day, so that a damaged catalogue costs a day of receipts and no photo."""
        folder = self.store.state / "copies"
        folder.mkdir(mode=0o700, exist_ok=True)
        today = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y-%m-%d")
        copy = folder / f"catalogue-{today}.sqlite"
        if not copy.exists():
            unfinished = copy.with_suffix(".part")
            unfinished.unlink(missing_ok=True)
            self.catalogue.copy_to(unfinished)
            if unfinished.exists():
                unfinished.replace(copy)
            for old in sorted(folder.glob("catalogue-*.sqlite"))[:-_COPIES_KEPT]:
                old.unlink()


def _entered(store: LocalStore, disk: Disk) -> ProcessLocks | None:
    """Makes the store ready; None when its disk takes no writes but holds a library.

    Whoever sweeps staging knows that this process is here before it proves anything there.
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


def _exiftool(setting: str) -> Path | None:
    """The program that the setting names; `auto` looks on the PATH, `off` says none."""
    if setting == "off":
        return None
    found = shutil.which("exiftool" if setting == "auto" else setting)
    return Path(found) if found else None
