"""Aliases: the paths in `Upload` that go on answering, whatever became of what was sent there.

One state machine for each (origin, path): absent, placeholder, staged, filed, removed, litter,
companion, collection. Programs may list, rename, copy and delete here as on any disk; none of it
moves or removes an item in the tree. Each step that changes something is one transaction.
"""

from dataclasses import dataclass
from typing import Self

from daydrop.aliases.changes import Changes
from daydrop.aliases.copying import Copying
from daydrop.aliases.life import AliasLife
from daydrop.aliases.moving import Moving
from daydrop.aliases.notes import Notes
from daydrop.aliases.paths import Paths
from daydrop.filing.dating import Dating
from daydrop.foundation import Foundation
from daydrop.intake.door import Door
from daydrop.intake.refusals import Refusals


@dataclass(frozen=True)
class Aliases:
    """All that can be done with the collection `Upload`, by what it does."""

    paths: Paths
    changes: Changes
    moving: Moving
    copying: Copying
    notes: Notes
    life: AliasLife

    @classmethod
    def build(
        cls,
        *,
        foundation: Foundation,
        door: Door,
        refusals: Refusals,
        dating: Dating,
        life: AliasLife,
    ) -> Self:
        """Return the parts, joined."""
        paths = Paths(foundation, life)
        changes = Changes(foundation, paths, door, refusals)
        moving = Moving(foundation, paths, changes, door, dating)
        copying = Copying(foundation, paths, changes, moving)
        return cls(paths, changes, moving, copying, Notes(foundation.catalogue), life)

    def sweep(self) -> int:
        """Remove the aliases whose life is over; return how many."""
        ended = self.life.over()
        self.changes.remove_ended(ended)
        return len(ended)
