"""The claim on a store: which of the processes that use it is the first."""

import fcntl
import os
from pathlib import Path


class Claim:
    """Held by one process at a time, until it ends. Only its holder may clear staging."""

    def __init__(self, file: Path) -> None:
        self._path = file
        self._file: int | None = None

    def take(self, who: str) -> bool:
        """Claim the store unless another process has; return whether it is ours.

        `who` is the command that other processes are told of.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        os.truncate(file, 0)
        os.write(file, who.encode())
        self._file = file
        return True

    def holder(self) -> str | None:
        """Return the command that holds the claim now; None when no process does."""
        try:
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return self._path.read_text(encoding="utf-8") or "Daydrop"
        return None

    def release(self) -> None:
        """Let another process be the first; idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
