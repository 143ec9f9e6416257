"""The arrows between packages: checked, and shown to be checked."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT

LINT = (
    "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {LINT}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_arrows_point_the_way_the_design_says() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("daydrop", "import flask"),
        ("daydrop", "import davserver"),
        ("daydrop", "import werkzeug"),
        ("webui", "import davserver"),
        ("davserver", "import webui"),
        ("webui", "import sqlalchemy"),
    ],
)
def test_an_arrow_against_the_design_is_found(tmp_path: Path, module: str, line: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for package in ("daydrop", "davserver", "webui"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text('"""A package."""\n')
    assert lint_imports(tmp_path).returncode == 0
    (tmp_path / module / "stray.py").write_text(f"{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
