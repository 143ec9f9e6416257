"""A kill between any two calls loses nothing acknowledged, and leaves nothing half done."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.faults.scale import chosen, report
from tests.faults.scenarios import all_scenarios
from tests.faults.tracing import why_not

pytestmark = pytest.mark.faults
LIMIT = 1800.0


def crashes(tmp_path: Path, name: str, *options: str) -> dict[str, object]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    command = [sys.executable, "-m", "tests.faults.crashing", name, tmp_path, *options]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    tally: dict[str, object] = json.loads(ended.stdout)
    report("kill", tally)
    return tally


@pytest.mark.parametrize("name", sorted(all_scenarios()))
def test_a_kill_before_any_call_that_changes_a_file_breaks_no_promise(tmp_path, name):
    tally = crashes(tmp_path, name, "--every", str(chosen(1, 31)), "--twice")
    assert tally["broken"] == []
    assert tally["points"] > chosen(150, 4)
    assert tally["acknowledged"] > 0


def test_a_kill_anywhere_in_the_first_start_of_a_store_leaves_one_that_starts(tmp_path):
    tally = crashes(tmp_path, "upload", "--every", str(chosen(2, 37)), "--first-start")
    assert tally["broken"] == []
    assert tally["points"] > chosen(150, 4)


def test_the_crashes_would_notice_an_answer_that_comes_before_its_row(tmp_path):
    tally = crashes(tmp_path, "upload", "--every", "11", "--too-early")
    assert any("LOST" in each for each in tally["broken"])
