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
        ("daydrop/words.py", "import flask"),
        ("daydrop/library.py", "import davserver"),
        ("daydrop/intake/door.py", "import werkzeug"),
        ("daydrop/receipts/receipts.py", "import daydrop.filing.filing"),
        ("daydrop/filing/filing.py", "import daydrop.care.recovery"),
        ("daydrop/care/recovery.py", "import daydrop.intake.door"),
        ("daydrop/records/item.py", "import daydrop.catalogue.item_rows"),
        ("daydrop/store/local.py", "import daydrop.catalogue.database"),
        ("daydrop/media/kinds.py", "import daydrop.media.names"),
        ("daydrop/stray.py", "import daydrop.words"),
        ("davserver/engine/wire.py", "import daydrop.words"),
        ("davserver/engine/wire.py", "import wsgidav.util"),
        ("davserver/dav/put.py", "import davserver.gate"),
        ("davserver/dav/put.py", "import webui"),
        ("davserver/dav/put.py", "import daydrop.catalogue.item_rows"),
        ("webui/app.py", "import davserver"),
        ("webui/app.py", "import sqlalchemy"),
        ("webui/app.py", "import daydrop.catalogue.database"),
    ],
)
def test_an_arrow_against_the_design_is_found(house: Path, module: str, line: str) -> None:
    file = house / module
    before = file.read_bytes() if file.exists() else None
    try:
        file.write_bytes((before or b"") + f"\n{line}\n".encode())
        done = lint_imports(house)
    finally:
        file.unlink() if before is None else file.write_bytes(before)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, sound as it is, to set one wrong import in."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for package in ("daydrop", "davserver", "webui"):
        for file in (ROOT / package).rglob("*.py"):
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    assert lint_imports(folder).returncode == 0
    return folder
