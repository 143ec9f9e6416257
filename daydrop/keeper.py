"""Housekeeping: what is done in rounds while a library is open."""

import threading
from collections.abc import Callable

import structlog

Step = Callable[[], object]
_ROUND = 15.0  # seconds between two rounds


class Keeper:
    """A thread that takes the same steps, round after round, from `start` until `stop`."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = steps
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the first round comes after a pause."""
        self._thread = threading.Thread(target=self._keep_house, name="upkeep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Return when no round is under way any more; idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _keep_house(self) -> None:
        while not self._stopping.wait(_ROUND):
            try:
                self.round()
            except Exception:  # noqa: BLE001
                # the next round tries again; uploads do not depend on it
                structlog.get_logger().exception("housekeeping failed")

    def round(self) -> None:
        """Take every step once."""
        for step in self._steps:
            step()
