"""The files in config/ are those that an owner deploys: they fit Daydrop, and its documents."""

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from daydrop.settings import read_settings
from tests.checkout import ROOT

CONFIG = ROOT / "config"
UNIT = CONFIG / "daydrop.service"
STOP_SECONDS = 30  # for uploads in flight


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment]  # systemd's keys have capitals
    unit.read_string(UNIT.read_text())
    return unit["Service"]


def test_config_holds_no_code() -> None:
    assert [path.name for path in CONFIG.iterdir() if path.suffix == ".py"] == []


def test_every_sample_is_named_by_the_documents() -> None:
    said = "".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    samples = [path.name for path in CONFIG.iterdir() if path.is_file()]
    assert len(samples) > 3
    assert [name for name in samples if f"config/{name}" not in said] == []


def test_the_unit_starts_a_command_that_daydrop_has() -> None:
    program, command, *options = shlex.split(service()["ExecStart"])
    assert Path(program).name == "daydrop"
    help_of = subprocess.run(
        [ROOT / ".venv/bin/daydrop", command, "--help"], capture_output=True, text=True, check=True
    )
    assert all(option in help_of.stdout for option in options if option.startswith("--"))


def test_the_unit_waits_longer_than_daydrop_takes_to_stop() -> None:
    assert int(service()["TimeoutStopSec"]) > STOP_SECONDS
    assert service()["KillMode"] == "mixed"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here: apt-get install systemd")
    unit = tmp_path / "daydrop.service"
    unit.write_text(UNIT.read_text().replace("/opt/daydrop/bin/daydrop", "/bin/true"))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert unit.name not in done.stderr, done.stderr


def test_the_sample_of_settings_is_read_without_a_word() -> None:
    read_settings({}, {}, CONFIG / "sample.toml")
