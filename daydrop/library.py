"""The library, put together: the one object that both faces are given."""

import math
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from daydrop.aliases.aliases import Aliases
from daydrop.aliases.life import AliasLife
from daydrop.aliases.locks import WriteLocks
from daydrop.browse import Browse
from daydrop.care.adoption import Adoption
from daydrop.care.companion_recovery import CompanionRecovery
from daydrop.care.companion_trash import CompanionTrash
from daydrop.care.copies import DailyCopies
from daydrop.care.recovery import Recovery, Repairs
from daydrop.care.refile import Refile
from daydrop.care.repair import Repair
from daydrop.care.trash import Trash
from daydrop.care.undo import Undo
from daydrop.care.verify import Verify
from daydrop.clock import Clock
from daydrop.disk import Disk
from daydrop.filing.acknowledgement import Acknowledgement
from daydrop.filing.companions import Companions
from daydrop.filing.dating import Dating
from daydrop.filing.filing import Filing
from daydrop.filing.groups import Groups
from daydrop.filing.moves import Moves
from daydrop.foundation import Foundation
from daydrop.intake.door import Door
from daydrop.intake.incoming import Means
from daydrop.intake.manifest import Manifests
from daydrop.intake.refusals import Refusals
from daydrop.intake.resumable import Uploads
from daydrop.keeper import Keeper, Step
from daydrop.limits.batches import Batches
from daydrop.limits.room import Room
from daydrop.locks.between_processes import PATIENCE, NoProcesses
from daydrop.locks.keyed import KeyedLocks
from daydrop.media.kinds import Kind
from daydrop.opening import enter, open_catalogue
from daydrop.previews import Previews
from daydrop.readers.workers import Workers
from daydrop.receipts.log import UploadLog
from daydrop.receipts.receipts import Receipts
from daydrop.settings import Settings
from daydrop.store.local import LocalStore
from daydrop.store.trees import TREES

_KINDS = {"images": Kind.IMAGE, "videos": Kind.VIDEO, "others": Kind.OTHER}
_DAY = 86_400.0


class Library:
    """Everything a store needs to serve, wired in one place.

    `start` recovers from a crash and begins to accept uploads, `close` ends cleanly. Raises
    StoreUnusable when the store cannot keep the promises; on a read-only disk it can be browsed.
    `claims_as` is the command that other processes are told of while this one is the first; None
    for one that only looks, and lets another process be the first.
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
        processes = enter(self.store, self._disk)
        self.is_read_only = processes is None
        self._processes = processes or NoProcesses()
        if self.is_read_only:
            self._disk.reason = "the disk of the store is read-only"
        self.is_first = False
        if claims_as is not None:
            self.claim(claims_as)
        try:
            self.catalogue = open_catalogue(
                self.store,
                self._disk,
                settings.catalogue.url,
                is_read_only=self.is_read_only,
            )
        except BaseException:
            self._leave()
            raise
        self.workers = workers or Workers(exiftool=_exiftool(settings.dates.exiftool))
        self.log = UploadLog(self.store.state / "log", self.clock, settings.log.days)
        self.batches = Batches(self.catalogue, self.clock, settings.limits)
        self.receipts = Receipts(self.catalogue)
        self.room = Room(self.store, settings.limits.keep_free)
        self.foundation = Foundation(
            self.store,
            self.catalogue,
            self.clock,
            KeyedLocks(self._processes.holding, PATIENCE),
        )
        self.companions = Companions(
            foundation=self.foundation,
            batches=self.batches,
            reader=self.workers,
            alias_life=self._alias_life(),
        )
        self.moves = Moves(foundation=self.foundation, follow=self.companions.follow)
        self.previews = Previews(self.store, self.workers)
        self.groups = Groups(
            foundation=self.foundation,
            companions=self.companions,
            pattern=settings.store.folder,
            zone=_zone(settings.dates.media_timezone),
            alias_life=self._alias_life(),
        )
        self.dating = Dating(
            foundation=self.foundation,
            moves=self.moves,
            companions=self.companions,
            groups=self.groups,
        )
        acknowledgement = Acknowledgement(self.foundation, self.batches)
        self.filing = Filing(
            foundation=self.foundation,
            reader=self.workers,
            moves=self.moves,
            companions=self.companions,
            acknowledgement=acknowledgement,
            groups=self.groups,
            dating=self.dating,
            accept=self.accept,
            on_filed=self.previews.soon,
        )
        self.refusals = Refusals(
            self.foundation, batches=self.batches, log=self.log, disk=self._disk
        )
        means = Means(
            foundation=self.foundation,
            batches=self.batches,
            room=self.room,
            filing=self.filing,
            refusals=self.refusals,
            log=self.log,
        )
        self.door = Door(means, accept=self.accept, disk=self._disk)
        life = AliasLife(
            foundation=self.foundation,
            batches=self.batches,
            log=self.log,
            days=settings.store.alias_days,
        )
        self.aliases = Aliases.build(
            foundation=self.foundation,
            door=self.door,
            refusals=self.refusals,
            dating=self.dating,
            life=life,
        )
        self.locks = WriteLocks(self.foundation)
        self.browse = Browse(self.catalogue)
        self.uploads = Uploads(self.foundation, self.batches, self.door)
        self.manifests = Manifests(means, self.door, self.uploads, acknowledgement, self.dating)
        self.companion_trash = CompanionTrash(self.foundation, self.companions)
        self.trash = Trash(
            self.foundation,
            filing=self.filing,
            dating=self.dating,
            companions=self.companion_trash,
            days=settings.store.trash_days,
        )
        self.undo = Undo(
            self.foundation,
            batches=self.batches,
            trash=self.trash,
            companions=self.companion_trash,
            dating=self.dating,
        )
        self.recovery = self._recovery()
        self.refile = Refile(
            self.foundation,
            groups=self.groups,
            dating=self.dating,
            moves=self.moves,
            log=self.log,
        )
        self.verify = Verify(self.store, self.catalogue)
        self.repair = Repair(
            self.foundation,
            recovery=self.recovery,
            trash=self.trash,
            companions=self.companion_trash,
            dating=self.dating,
        )
        self.keeper = Keeper(self._housekeeping())

    def claim(self, who: str) -> bool:
        """Claim the store; return whether this process is the first, which may recover it."""
        self.is_first = self.is_first or (not self.is_read_only and self.store.claim.take(who))
        return self.is_first

    def start(self) -> None:
        """Recover what a crash left, warm the workers up, and do the housekeeping from now on."""
        self.workers.start()
        if self.is_read_only:
            structlog.get_logger().warning("the store is read-only: browsing only")
            return
        if self.is_first:
            self.catalogue.check()
            recovered = self.recovery.run()
            structlog.get_logger().debug("recovered", **vars(recovered))
        self.previews.start()
        if self.is_first:
            self.keeper.start()

    def close(self) -> None:
        """End cleanly: nothing is under way any more when this returns."""
        self.keeper.stop()
        self.previews.stop()
        self.filing.close()
        self.workers.stop()
        self.log.close()
        self.catalogue.close()
        self._leave()

    def _leave(self) -> None:
        self.store.claim.release()
        self._processes.close()

    # ---- parts ------------------------------------------------------------------------------

    def _alias_life(self) -> float:
        """Return how long a name in `Upload` answers unseen, in seconds; 0 days mean forever."""
        return self.settings.store.alias_days * _DAY or math.inf

    def _recovery(self) -> Recovery:
        repairs = Repairs(
            batches=self.batches,
            moves=self.moves,
            undo=self.undo,
            trash=self.trash,
            adoption=Adoption(self.foundation, filing=self.filing, trash=self.trash),
            companions=CompanionRecovery(self.foundation, self.companions, self.companion_trash),
            dating=self.dating,
        )
        return Recovery(
            self.foundation,
            repairs=repairs,
            filing=self.filing,
            log=self.log,
            alone=self._processes.alone,
        )

    def _housekeeping(self) -> tuple[Step, ...]:
        """List what a round of housekeeping does, in its order."""
        copies = DailyCopies(self.catalogue, self.store.state / "copies", self.clock)
        return (
            self.moves.finish_interrupted,  # of a process that died, or after a fault of the disk
            self.dating.finish_judging,
            self.batches.close_idle,
            self.uploads.expire,
            self.aliases.sweep,
            self._give_up_companions,
            self.trash.empty,
            self.log.purge,
            copies.make,
        )

    def _give_up_companions(self) -> None:
        if alias_days := self.settings.store.alias_days:
            self.companion_trash.expire(self.clock.now() - alias_days * _DAY)


def _exiftool(setting: str) -> Path | None:
    """Return the program that the setting names; `auto` looks on the PATH, `off` means none."""
    if setting == "off":
        return None
    found = shutil.which("exiftool" if setting == "auto" else setting)
    return Path(found) if found else None


def _zone(name: str | None) -> ZoneInfo | None:
    return ZoneInfo(name) if name else None
