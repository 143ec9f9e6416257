"""litmus: 104 checks of RFC 4918 by the makers of neon."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sites import serving

pytestmark = [pytest.mark.clients, pytest.mark.slow]

SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}


def test_all_of_litmus_passes_where_other_files_are_taken(tmp_path: Path) -> None:
    kinds = ["images", "videos", "others"]
    with serving(tmp_path / "store", accept=kinds, batch_files=1000) as served:
        litmus(f"{served.url}/Upload/", tmp_path)


def litmus(url: str, folder: Path) -> None:
    """Runs all checks in a folder of their own; fails unless every one passes without a warning."""
    if shutil.which("litmus") is None:
        pytest.skip("litmus is not here: apt-get install litmus")
    done = subprocess.run(
        ["litmus", "-k", url], check=False, capture_output=True, cwd=folder, timeout=120
    )
    said = done.stdout.decode(errors="replace")
    summaries = re.findall(
        r"summary for `(\w+)': of (\d+) tests run: (\d+) passed, (\d+) failed", said
    )
    assert {suite: int(passed) for suite, _, passed, _ in summaries} == SUITES, said
    assert {failed for *_, failed in summaries} == {"0"}
    assert "WARNING" not in said
