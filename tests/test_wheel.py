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

PACKAGES = ("config/", "daydrop/", "davserver/", "webui/")


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


def test_daydrop_runs_from_the_wheel_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    pip = [tmp_path / "venv/bin/python", "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "-r", ROOT / "requirements.txt", wheel], check=True)
    store = tmp_path / "store"
    command = [tmp_path / "venv/bin/daydrop", "serve", "--store", store]
    with serving(command, tmp_path) as daydrop:
        assert daydrop.ask("PUT", "/Upload/IMG_1.jpg", photo())[0] == 201
        assert daydrop.ask("GET", "/images/2024/05/17/IMG_1.jpg") == (200, photo())
        assert daydrop.ask("GET", "/")[0] == 200
    assert (store / "images/2024/05/17/IMG_1.jpg").read_bytes() == photo()
