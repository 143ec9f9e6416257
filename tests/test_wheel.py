"""The wheel: what it holds, and that Daydrop runs from it where nothing else is."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.checkout import ROOT, fresh_copy, serving
from tests.media import photo

pytestmark = pytest.mark.slow

PACKAGES = ("daydrop/", "davserver/", "webui/")
COMMON_NAMES = ("config", "library")  # of packages that others install


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = fresh_copy(tmp_path_factory.mktemp("checkout"))
    mine = copy / "uploads/images/2024/05/17"
    mine.mkdir(parents=True)
    (mine / "mine.jpg").write_bytes(photo())
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", target]
    subprocess.run([*build, checkout], check=True)
    (built,) = target.iterdir()
    return built


def test_the_wheel_holds_the_packages_whole(checkout: Path, wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    listing = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    wanted = {name for name in listing if (checkout / name).is_file()}
    assert wanted
    assert wanted - held == set()


def test_the_wheel_holds_the_page_assets(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    folder = "webui/static/vendor"
    wanted = {
        f"{folder}/bootstrap/bootstrap.min.css",
        f"{folder}/bootstrap/LICENSE",
        f"{folder}/sweetalert2/sweetalert2.min.js",
        f"{folder}/sweetalert2/sweetalert2.min.css",
        f"{folder}/photoswipe/photoswipe.esm.min.js",
    }
    assert wanted - held == set()


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    allowed = (*PACKAGES, "daydrop-")
    held = zipfile.ZipFile(wheel).namelist()
    assert [name for name in held if not name.startswith(allowed)] == []
    assert [name for name in held if "mine.jpg" in name or ".made-for" in name] == []


def another_package(folder: Path, name: str) -> Path:
    """Make a wheel of a package that says who it is."""
    wheel, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": f'NAME = "another {name}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(wheel, "w") as packed:
        for path, text in (files | {f"{info}/RECORD": record}).items():
            packed.writestr(path, text)
    return wheel


def test_daydrop_runs_from_the_wheel_beside_packages_of_common_names(
    wheel: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    python = tmp_path / "venv/bin/python"
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "-r", ROOT / "requirements.txt", wheel], check=True)
    others = [another_package(tmp_path, name) for name in COMMON_NAMES]
    subprocess.run([*pip, *others], check=True)
    store = tmp_path / "store"
    command = [tmp_path / "venv/bin/daydrop", "serve", "--store", store]
    with serving(command, tmp_path) as daydrop:
        assert daydrop.ask("PUT", "/Upload/IMG_1.jpg", photo())[0] == 201
        assert daydrop.ask("GET", "/images/2024/05/17/IMG_1.jpg") == (200, photo())
        assert daydrop.ask("GET", "/")[0] == 200
    assert (store / "images/2024/05/17/IMG_1.jpg").read_bytes() == photo()
    for name in COMMON_NAMES:
        ask = [python, "-c", f"import {name}; print({name}.NAME)"]
        said = subprocess.run(ask, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert said.stdout == f"another {name}\n"
