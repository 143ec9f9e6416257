"""An uploader: plays scenarios against a library, and notes outside the store what it was told.

    python -m tests.faults.uploader STORE NOTES [--log FILE] [--rounds N] [--careless HOW]

`--log` is the log of the disk below the store; `--careless` makes the library forget to flush,
so that the tests can be tested.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from daydrop.catalogue import database
from daydrop.console import configure_console
from daydrop.store import local, staging, tree
from tests.faults.notes import Notes
from tests.faults.scenarios import Sender, all_scenarios, picture, serving


def main() -> None:
    """Plays all scenarios, and some plain uploads, so many rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("notes", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--careless", choices=["no-flush", "files-only"])
    options = parser.parse_args()
    configure_console("critical")
    if options.careless:
        forget_to_flush(files_too=options.careless == "no-flush")
    with serving(options.store) as library:
        play(Sender(library, Notes(options.notes, _length_of(options.log))), options.rounds)


def play(sender: Sender, rounds: int) -> None:
    """Everything that can be asked for, once, then plain uploads."""
    for scenario in all_scenarios().values():
        scenario.steps(sender)
    for number in range(rounds):
        sender.put(f"Round/IMG_{number}.jpg", picture(f"round {number}"))


def bodies(rounds: int) -> list[bytes]:
    """All that `play` sends."""
    sent = [body for scenario in all_scenarios().values() for body in scenario.bodies]
    return [*sent, *(picture(f"round {number}") for number in range(rounds))]


def forget_to_flush(*, files_too: bool) -> None:
    """Takes away what makes an acknowledgement true."""
    for module in (local, staging, tree):
        module.sync_folder = lambda _: None
    database._set_synchronous = _never_synchronous
    if files_too:
        staging.Staged.sync = lambda _: None  # type: ignore[method-assign]  # that is the point


def _never_synchronous(connection: database.Connection, *, full: bool) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA synchronous=OFF")


def _length_of(log: Path | None) -> Callable[[], int]:
    return (lambda: log.stat().st_size) if log else (lambda: 0)


if __name__ == "__main__":
    main()
