"""Many files by a sync program that knows nothing of batches: run after run until all are here."""

import subprocess
from pathlib import Path

import pytest

from tests import media
from tests.clients.programs import Lacking, Rclone, eventually
from tests.clock import taken
from tests.sites import Served, serving

pytestmark = [pytest.mark.clients, pytest.mark.slow]


def copy(rclone: Rclone, source: Path) -> str:
    """One run; what rclone printed.

    All files at once: after a failure rclone pauses for longer than the batch of this test lives.
    """
    words = ("--retries", "1", "--low-level-retries", "1", "--transfers", "120")
    done = subprocess.run(
        ["rclone", "copy", *words, str(source), "drive:Camera"],
        check=False,
        capture_output=True,
        env=rclone.environment,
        timeout=120,
    )
    return done.stderr.decode(errors="replace")


def filed(served: Served) -> int:
    return len(list(served.library.store.tree.files()))


def test_a_hundred_and_twenty_files_come_in_three_runs_and_each_refusal_is_told(
    tmp_path: Path,
) -> None:
    source = tmp_path / "camera"
    source.mkdir()
    for number in range(120):
        photo = media.photo(taken(2024, 5, 17), seed=f"slice {number}")
        (source / f"IMG_{number:04}.jpg").write_bytes(photo)
    with serving(tmp_path / "store", batch_idle=1) as served:
        try:
            rclone = Rclone(f"{served.url}/Upload", tmp_path)
        except Lacking as lacking:
            pytest.skip(str(lacking))
        counts = []
        for run in range(3):
            before = len(served.heard)
            said = copy(rclone, source)
            counts.append(filed(served))
            refused = [each for each in served.heard[before:] if each[2] == 507]
            assert len(refused) == (70, 20, 0)[run]
            assert {each[0] for each in refused} <= {"PUT"}
            assert ("This batch already holds 50 files" in said) == bool(refused)
            eventually(lambda: served.library.batches.close_idle() > 0, 10)
        assert counts == [50, 100, 120]
        batches = [batch.files for batch in served.library.batches.recent("127.0.0.1")]
        assert sorted(batches) == [20, 50, 50]
        sent = len([each for each in served.heard if each[0] == "PUT"])
        assert copy(rclone, source) == ""
        assert len([each for each in served.heard if each[0] == "PUT"]) == sent
        assert len({each.read_bytes() for each in source.iterdir()}) == filed(served) == 120
