"""A power cut at any write of the disk loses nothing that was acknowledged."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.faults.disks import image, mounted, need, served
from tests.faults.notes import read
from tests.faults.power_cut import broken_after, cuts, promised_before, replay
from tests.faults.scale import chosen, report
from tests.faults.scenarios import digest
from tests.faults.uploader import bodies

pytestmark = pytest.mark.faults
ROUNDS = 10


def lost_in_cuts(folder: Path, count: int, *careless: str) -> list[str]:
    """Uploads onto a disk that remembers, cuts the power so often, and says what was broken."""
    need("nbdkit", "nbdfuse", "mkfs.ext4", "losetup")
    if subprocess.run(
        ["nbdkit", "--dump-plugin", "python"], capture_output=True, check=False
    ).returncode:
        pytest.skip("there is no nbdkit-plugin-python here")
    first, log, notes = image(folder / "first.img"), folder / "log", folder / "notes"
    disk = shutil.copyfile(first, folder / "disk.img")
    plugin = Path(__file__).with_name("recorder.py")
    with (
        served(folder, "python", plugin, f"image={disk}", f"log={log}") as device,
        mounted(device, folder / "mount") as mount,
    ):
        command = [sys.executable, "-m", "tests.faults.uploader", mount / "store", notes]
        options = ["--log", log, "--rounds", str(ROUNDS), *careless]
        subprocess.run([*command, *options], cwd=ROOT, check=True, timeout=300)
    told = list(read(notes))
    known = {digest(body) for body in bodies(ROUNDS)}
    found: list[str] = []
    acknowledged = 0
    for cut in cuts(log, count, "power"):
        promised = promised_before(told, cut)
        acknowledged += sum(note.is_acknowledged for note in promised)
        replay(first, log, cut, folder / "cut.img")
        found += broken_after(folder / "cut.img", folder, promised, known, "store")
    lost = sum(each.startswith("LOST") for each in found)
    report(
        "power cut",
        {"mode": careless[-1:], "cuts": count, "acknowledged": acknowledged, "lost": lost},
    )
    return found


def test_a_power_cut_at_any_write_loses_nothing_and_shows_nothing_half(tmp_path):
    assert lost_in_cuts(tmp_path, chosen(200, 12)) == []


@pytest.mark.parametrize("how", ["no-flush", "files-only"])
def test_the_cuts_would_notice_a_library_that_forgets_to_flush(tmp_path, how):
    found = lost_in_cuts(tmp_path, chosen(30, 8), "--careless", how)
    assert any(each.startswith("LOST") for each in found)
