"""Kills a scenario before each call that changes a file, and holds what is left to its promises.

    python -m tests.faults.crashing NAME FOLDER [--every N] [--twice]

Prints a JSON line: crash points, acknowledgements that were checked, promises that broke.
"""

import argparse
import json
import random
import shutil
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from daydrop.console import configure_console
from daydrop.origin import Origin
from daydrop.receipts.receipts import Outcome
from tests.faults import notes, tracing
from tests.faults.promises import broken, sums_in_tree
from tests.faults.scenarios import (
    ANNA,
    Scenario,
    Sender,
    all_scenarios,
    digest,
    opened,
    serving,
)

MOST_CALLS = 5_000  # a scenario that makes more never ends


@dataclass
class Tally:
    """What a series of crashes came to."""

    scenario: str
    points: int = 0
    second_points: int = 0  # crashes of the restart after a crash
    acknowledged: int = 0  # acknowledgements held against the library, over all points
    calls: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class Crashes:
    """One scenario, killed again and again, each time on a fresh copy of one store."""

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        *,
        twice: bool,
        first_start: bool,
        sender: type[Sender] = Sender,
    ) -> None:
        self._scenario, self._folder, self._twice = scenario, folder, twice
        self._sender = sender
        self._random = random.Random(scenario.name)
        self._template = folder / "template"
        if not first_start:
            assert tracing.forked(self._make_template), "the store cannot be made"
        self.tally = Tally(scenario.name)

    def _make_template(self) -> None:
        configure_console("critical")
        with serving(self._template):
            pass

    def everywhere(self, every: int) -> Tally:
        """Kills at each `every`-th call until the scenario comes to its end."""
        for kill_at in range(1, MOST_CALLS, every):
            ended = self._one(kill_at)
            if ended.ended_by_itself:
                self.tally.calls = dict(Counter(ended.calls))
                return self.tally
            if not ended.was_killed:
                self.tally.broken.append(f"call {kill_at}: the scenario failed by itself")
        raise RuntimeError(f"{self._scenario.name} does not end")

    def _one(self, kill_at: int) -> tracing.Run:
        store, told = self._folder / "store", self._folder / "notes"
        shutil.rmtree(store, ignore_errors=True)
        told.unlink(missing_ok=True)
        if self._template.exists():
            shutil.copytree(self._template, store)
        ended = tracing.run(lambda: self._play(store, told), kill_at)
        if not ended.was_killed:
            return ended
        self.tally.points += 1
        if self._twice:
            again = tracing.run(lambda: self._restart(store), self._random.randint(1, 60))
            self.tally.second_points += again.was_killed
        at = f"call {kill_at}, {ended.calls[-1]}"
        self._check(store, told, at)
        return ended

    def _play(self, store: Path, told: Path) -> None:
        configure_console("critical")
        with serving(store) as library:
            self._scenario.steps(self._sender(library, notes.Notes(told)))

    def _restart(self, store: Path) -> None:
        configure_console("critical")
        library = opened(store)
        library.start()
        library.close()

    def _check(self, store: Path, told: Path, at: str) -> None:
        found = self._folder / "found"
        found.unlink(missing_ok=True)

        def check() -> None:
            found.write_text(json.dumps(self._broken(store, told)), encoding="utf-8")

        if not tracing.forked(check):
            self.tally.broken.append(f"{at}: the library does not start, or refuses a retry")
            return
        acknowledged = [note for note in notes.read(told) if note.is_acknowledged]
        self.tally.acknowledged += len(acknowledged)
        self.tally.broken += [f"{at}: {each}" for each in json.loads(found.read_text())]

    def _broken(self, store: Path, told: Path) -> list[str]:
        configure_console("critical")
        known, before = self._scenario.known, list(notes.read(told))
        with serving(store) as library:
            first = broken(library, before, known)
            self._scenario.steps(Sender(library, notes.Notes(told)))
            again = broken(library, notes.read(told), known)
            wanted = Counter(digest(body) for body in self._scenario.kept)
            if sums_in_tree(library) != wanted:
                again.append("RETRY: the tree does not hold each file once")
            shots = {
                path.with_name(path.name.partition(".")[0]) for path in library.store.tree.files()
            }
            if self._scenario.is_one_shot and len(shots) > 1:
                again.append(f"RETRY: one shot lies at {sorted(map(str, shots))}")
        return [*first, *(f"after a retry, {each}" for each in again)]


class Hasty(Sender):
    """Takes an upload for acknowledged before it is, to test these tests."""

    def put(self, path: str, body: bytes, origin: Origin = ANNA) -> Outcome:
        """Notes the acknowledgement first."""
        note = notes.Note("put", origin.key, path, digest(body))
        self._notes.acknowledged(note, "filed")
        return super().put(path, body, origin)


def main() -> None:
    """Kills the scenario that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=sorted(all_scenarios()))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument(
        "--twice", action="store_true", help="kill the restart too, once, somewhere"
    )
    parser.add_argument("--first-start", action="store_true", help="on no store at all")
    parser.add_argument("--too-early", action="store_true", help="believe what nobody answered")
    options = parser.parse_args()
    crashes = Crashes(
        all_scenarios()[options.scenario],
        options.folder,
        twice=options.twice,
        first_start=options.first_start,
        sender=Hasty if options.too_early else Sender,
    )
    json.dump(asdict(crashes.everywhere(options.every)), sys.stdout)


if __name__ == "__main__":
    main()
