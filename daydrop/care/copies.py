"""A copy of the catalogue each day: a damaged one then costs a day of receipts, and no photo."""

from datetime import UTC, datetime
from pathlib import Path

from daydrop.catalogue.catalogue import Catalogue
from daydrop.clock import Clock

_KEPT = 3


class DailyCopies:
    """Keeps the newest copies of a catalogue in a folder."""

    def __init__(self, catalogue: Catalogue, folder: Path, clock: Clock) -> None:
        self._catalogue, self._folder, self._clock = catalogue, folder, clock

    def make(self) -> None:
        """Copy the catalogue unless today's copy is there, and remove the oldest copies."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        today = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%d")
        copy = self._folder / f"catalogue-{today}.sqlite"
        if copy.exists():
            return
        unfinished = copy.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        self._catalogue.copy_to(unfinished)
        if unfinished.exists():
            unfinished.replace(copy)
        for old in sorted(self._folder.glob("catalogue-*.sqlite"))[:-_KEPT]:
            old.unlink()
