"""Times for tests: the wall clock of a picture, and a clock that is moved by hand."""

from datetime import datetime

from daydrop.clock import Clock


def taken(year: int, month: int, day: int, hour: int = 12) -> datetime:
    """When a picture was taken, by the clock on the wall there."""
    return datetime(year, month, day, hour)  # noqa: DTZ001  a wall clock has no zone


class Hand:
    """A clock that is moved by hand."""

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self.seconds = start
        self.clock = Clock(self._read, self._read)

    def _read(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        """Lets time pass."""
        self.seconds += seconds
