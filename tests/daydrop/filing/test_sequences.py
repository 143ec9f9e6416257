"""Whatever is done in whatever order: everything lies where it belongs, and nothing is invented."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest

from daydrop.capturedate.candidate import FROM_COMPANIONS, SAID
from daydrop.capturedate.rule import Verdict
from daydrop.errors import Refused
from daydrop.library import Library
from daydrop.origin import origin_of
from daydrop.records.item import Item, ItemState
from tests.daydrop.filing.test_pairs import xmp
from tests.daydrop.intake.test_at_once import put_as
from tests.faults.promises import broken
from tests.faults.scenarios import digest, opened, serving
from tests.media import film, heic, photo, raw

ANNA, BEN = origin_of("192.168.1.20"), origin_of("192.168.1.21")
DAYS = (None, datetime(2024, 5, 17, 12, 0, 0), datetime(2022, 3, 3, 10, 0, 0))  # noqa: DTZ001  wall clocks
OTHER = datetime(2021, 8, 9, 7, 0, 0)  # noqa: DTZ001  a wall clock


def files() -> list[tuple[str, bytes]]:
    """Of one stem: each kind undated and of two days, with companions that say some day."""
    found: list[tuple[str, bytes]] = [("IMG.aae", b"<plist/>")]
    for number, day in enumerate(DAYS):
        utc = day.replace(tzinfo=UTC) if day else None
        found += [
            ("IMG.jpg", photo(day, seed=f"{number}")),
            ("IMG.heic", heic(day, seed=f"{number}")),
            ("IMG.dng", raw(day, seed=f"{number}")),
            ("IMG.mov", film(utc, f"{number}", fmt="mov")),
            ("IMG.mp4", film(utc, f"{number}")),
        ]
    for day in (*filter(None, DAYS), OTHER):
        found += [("IMG.xmp", xmp(day)), ("IMG.jpg.xmp", xmp(day))]
    return found


FILES = files()


class Visit:
    """People who send, delete, bring back, undo and date, and a server that is started again."""

    def __init__(self, library: Library, seed: int, stems: tuple[str, ...] = ("IMG",)) -> None:
        self.library, self._random, self._stems = library, random.Random(seed), stems
        self.known: set[str] = set()
        self._sent: list[tuple[str, bytes]] = []
        self._receipts: list = []

    def step(self) -> str:
        """Does something; returns what it was."""
        steps = [self.send] * 10
        if self._sent:
            steps += [self.send_again, self.trash, self.restore, self.undo, self.date, self.restart]
        return self.any_of(steps)

    def any_of(self, steps: Sequence[Callable[[], str]]) -> str:
        """Does one of these."""
        step = self._random.choice(steps)
        return f"{step.__name__} {step()}"

    def send(self) -> str:
        name, body = self._random.choice(FILES)
        body += f"\n{len(self._sent):6}".encode()
        path = self._random.choice(("", "", "", "b/")) + name
        self._sent.append((path, body))
        return self._put(path, body)

    def send_again(self) -> str:
        path, body = self._random.choice(self._sent or FILES)
        name = path.rpartition("/")[2].replace("IMG", self._random.choice(self._stems))
        return self._put(self._random.choice(("", "b/")) + name, body)

    def _put(self, path: str, body: bytes) -> str:
        self.known.add(digest(body))
        origin = self._random.choice((ANNA, ANNA, ANNA, BEN))
        self._receipts.append(put_as(self.library, origin, path, body))
        return f"{path} of {origin.key}: {self._receipts[-1].place}"

    def trash(self) -> str:
        for item in self._one_of(ItemState.STORED):
            self.library.trash.put(item)
            return str(item.path)
        return "nothing"

    def restore(self) -> str:
        for item in self._one_of(ItemState.TRASHED):
            try:
                return str(self.library.trash.restore(item).path)
            except Refused:
                return "what is here again"
        return "nothing"

    def date(self) -> str:
        for item in self._one_of(ItemState.STORED):
            with suppress(LookupError):  # somebody was faster
                self.library.refile.set_date(item.id, date(1999, 9, 9))
            return str(item.path)
        return "nothing"

    def undo(self) -> str:
        receipt = self._random.choice(self._receipts)
        origin = ANNA if receipt.origin == ANNA.key else BEN
        if receipt.batch_id and self.library.undo.is_possible(receipt.batch_id, origin):
            self.library.undo.run(receipt.batch_id, origin)
        return receipt.upload_path

    def restart(self) -> str:
        self.library.close()
        self.library = opened(self.library.store.root)
        self.library.start()
        return ""

    def items(self, state: ItemState) -> list[Item]:
        """All items of a state."""
        return self.library.catalogue.items.all_in_state(state)

    def _one_of(self, state: ItemState) -> list[Item]:
        found = self.items(state)
        return [self._random.choice(found)] if found else []


def wrong(items: list[Item]) -> list[str]:
    """Stored files of a day that nothing says, where neither companion nor owner has a word.

    A partner in the trash has its say.
    """
    found = []
    for item in (each for each in items if each.state is ItemState.STORED):
        shot = [each for each in items if item.pair and each.pair == item.pair] or [item]
        is_corrected = any(each.source in SAID or days(each, companions=True) for each in shot)
        own = days(item) or {day for each in shot for day in days(each)}
        if item.day is not None and item.day not in own and not is_corrected:
            found.append(f"{item.path}: {item.source}")
    return found


def days(item: Item, *, companions: bool = False) -> set[date]:
    """What the file, or its companions, say."""
    return {
        each.candidate.wall.date()
        for each in item.judged
        if each.candidate.wall
        and each.verdict is not Verdict.REJECTED
        and (each.candidate.source in FROM_COMPANIONS) is companions
    }


@pytest.mark.parametrize("seed", [*range(10), 238, 406])
def test_nothing_belongs_elsewhere_than_it_lies_after_any_step(tmp_path, seed):
    library = opened(tmp_path / "store")
    library.start()
    visit, done = Visit(library, seed), []
    for _ in range(14):
        done.append(visit.step())
        found = broken(visit.library, [], visit.known)
        # the same words about two pictures lie beside both
        assert [each for each in found if not each.startswith("TWICE")] == [], done
        assert wrong([item for state in ItemState for item in visit.items(state)]) == [], done
    visit.library.close()


def test_many_at_once_under_two_names_leave_everything_where_it_belongs(tmp_path):
    with serving(tmp_path / "store") as library:
        known: set[str] = set()

        def work(seed: int) -> None:
            visit = Visit(library, seed, stems=("IMG", "DSC"))
            visit.known = known
            end = time.monotonic() + 5.0
            while time.monotonic() < end:
                visit.any_of([visit.send_again] * 5 + [visit.trash, visit.restore, visit.date])

        with ThreadPoolExecutor(6) as threads:
            for done in [threads.submit(work, seed) for seed in range(6)]:
                done.result()
        found = broken(library, [], known)
        assert [each for each in found if not each.startswith("TWICE")] == []
