"""A clock that jumps dates nothing, ends nothing too early, and holds nothing for years."""

import subprocess
import sys
from pathlib import Path

import pytest

from daydrop.clock import Clock
from daydrop.library import Library
from daydrop.settings import read_settings
from tests.checkout import ROOT
from tests.faults.disks import need
from tests.faults.notes import Notes, read
from tests.faults.promises import broken
from tests.faults.scenarios import ANNA, HereAndNow, Sender, digest, picture, serving
from tests.faults.uploader import bodies

YEAR = 365 * 86_400.0
NOW = 1_790_000_000.0  # in 2026


class Hands:
    """A clock to be set, and the time that really passes."""

    def __init__(self, wall: float) -> None:
        self.wall, self.up = wall, 0.0

    def library(self, store: Path, files: int = 50) -> Library:
        options = {"store": {"root": store}, "limits": {"keep_free": 0, "batch_files": files}}
        clock = Clock(lambda: self.wall, lambda: self.up)
        library = Library(read_settings(options, {}), clock=clock, workers=HereAndNow())
        library.start()
        return library


def test_a_batch_filled_while_the_clock_was_ahead_does_not_refuse_for_years(tmp_path):
    ahead, right = Hands(NOW + 5 * YEAR), Hands(NOW)
    library = ahead.library(tmp_path / "store", files=1)
    Sender(library, Notes(tmp_path / "notes")).put("1.jpg", picture("one"))
    library.close()
    library = right.library(tmp_path / "store", files=1)
    Sender(library, Notes(tmp_path / "notes")).put("2.jpg", picture("two"))
    assert library.batches.current(ANNA).opened < NOW + 1
    library.close()


def test_a_jump_while_it_runs_neither_ends_a_batch_nor_dates_a_file(tmp_path):
    hands = Hands(NOW)
    library = hands.library(tmp_path / "store")
    sender = Sender(library, Notes(tmp_path / "notes"))
    sender.put("1.jpg", picture("one"))
    before = library.batches.current(ANNA)
    hands.wall += 5 * YEAR
    hands.up += 10
    sender.put("2.jpg", picture("two"))
    assert library.batches.current(ANNA).id == before.id
    assert {str(path.parent) for path in library.store.tree.files()} == {"images/2024/05/17"}
    library.close()


@pytest.mark.faults
def test_a_program_under_a_wrong_clock_files_by_the_capture_date(tmp_path):
    need("faketime")
    store, notes = tmp_path / "store", tmp_path / "notes"
    program = [sys.executable, "-m", "tests.faults.uploader", store, notes]
    command = ["faketime", "2031-02-03 04:05:06", *program]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    with serving(store) as library:
        known = {digest(body) for body in bodies(1)}
        assert broken(library, read(notes), known) == []
        days = {str(path.parent) for path in library.store.tree.files()}
        of_scenarios = {"images/2024/05/17", "images/2024/06/26", "images/2021/11/29"}
        by_owner = {"images/2020/02/29"}
        assert days <= of_scenarios | by_owner | {"videos/2024/05/16", "no_date"}
