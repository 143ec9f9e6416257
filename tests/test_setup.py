"""What set-up stands on: pins, the lock of the page assets, and scripts that find a Python."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.checkout import ROOT, bare_environment, fresh_copy, serving
from tests.media import photo

PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)==([0-9][0-9A-Za-z.]*)( ; .+)?")
VENDOR = ROOT / "webui" / "static" / "vendor"
LOCK = json.loads((ROOT / "package-lock.json").read_text())
PACKAGE = json.loads((ROOT / "package.json").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(command: list[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


assets = script("assets")
packages = script("packages")


def pins(name: str) -> set[str]:
    return set((ROOT / name).read_text().splitlines())


def names(lines: set[str]) -> set[str]:
    return {line.partition("==")[0] for line in lines}


def as_pinned(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[._-]+", "-", name[0]).lower()


# -- Python packages --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [packages.RUN, packages.TESTS, assets.NODE_PIN])
def test_pins_are_plain_lines_of_name_and_version(name: str) -> None:
    assert [line for line in pins(name) if not PIN.fullmatch(line)] == []


def test_every_dependency_is_pinned() -> None:
    wanted = {as_pinned(requirement) for requirement in PROJECT["dependencies"]}
    assert wanted - names(pins(packages.RUN)) == set()


def test_what_tests_need_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = {as_pinned(requirement) for group in extras.values() for requirement in group}
    assert wanted - names(pins(packages.TESTS)) == set()


def test_tests_run_on_the_versions_that_are_served() -> None:
    assert pins(packages.RUN) - pins(packages.TESTS) == set()


def test_a_python_that_does_not_run_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    assert packages.version_of(tmp_path) is None
    assert packages.version_of(tmp_path / "nowhere") is None


def test_a_python_that_is_too_old_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\necho 3 10\n")
    python.chmod(0o755)
    assert packages.version_of(tmp_path) is None
    python.write_text("#!/bin/sh\necho 3 11\n")
    assert packages.version_of(tmp_path) == "3.11"


def test_a_moved_checkout_needs_a_new_environment(tmp_path: Path) -> None:
    stamp = packages.Stamp(f"3.11 {tmp_path / 'here'}", "pins")
    stamp.write(packages.stamp_file(tmp_path, packages.RUN))
    assert packages.has_home(tmp_path, stamp.home)
    assert not packages.has_home(tmp_path, f"3.11 {tmp_path / 'there'}")
    assert not packages.has_home(tmp_path, f"3.12 {tmp_path / 'here'}")


@pytest.mark.parametrize("words", [None, "", "one line\n", "one\ntwo\nthree\n"])
def test_a_stamp_that_was_not_finished_is_none(tmp_path: Path, words: str | None) -> None:
    file = tmp_path / "stamp"
    if words is not None:
        file.write_text(words)
    assert packages.Stamp.read(file) is None


def test_other_pins_or_another_entry_point_call_for_an_installation(tmp_path: Path) -> None:
    for name in ("pyproject.toml", packages.RUN):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    before = packages.digest(tmp_path, packages.RUN)
    project = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(project + "\n[tool.something]\nelse = 1\n")
    assert packages.digest(tmp_path, packages.RUN) == before
    (tmp_path / "pyproject.toml").write_text(project.replace("daydrop = ", "daydrip = "))
    renamed = packages.digest(tmp_path, packages.RUN)
    (tmp_path / packages.RUN).write_text("nothing==1\n")
    assert len({before, renamed, packages.digest(tmp_path, packages.RUN)}) == 3


def test_pip_keeps_the_users_environment_but_not_user_installs() -> None:
    environ = packages.pip_environment({"PIP_CERT": "mine", "PIP_USER": "1", "HOME": "/home/me"})
    assert environ["PIP_CERT"] == "mine"
    assert environ["HOME"] == "/home/me"
    assert environ["PIP_USER"] == "0"


# -- scripts ----------------------------------------------------------------------------------


def test_without_a_python_set_up_says_what_to_install(tmp_path: Path) -> None:
    environ = bare_environment(tmp_path / "bin", "sh", "dirname")
    done = run([ROOT / "scripts/setup"], env=environ)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "python3-venv" in done.stderr


def test_a_shim_without_a_python_behind_it_is_passed_over(tmp_path: Path) -> None:
    environ = bare_environment(tmp_path / "bin", "sh", "dirname")
    shim = tmp_path / "bin" / "python3"
    shim.write_text("#!/bin/sh\necho 'not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    copy = tmp_path / "copy"
    (copy / "scripts").mkdir(parents=True)
    (copy / "scripts/setup").write_bytes((ROOT / "scripts/setup").read_bytes())
    (copy / "scripts/packages.py").write_text("import sys; sys.exit(f'ran {sys.executable}')")
    other = tmp_path / "bin" / "python3.11"
    other.symlink_to(sys.executable)
    done = run(["sh", copy / "scripts/setup"], env=environ)
    assert f"ran {other}" in done.stderr


def test_a_named_python_that_will_not_do_is_refused() -> None:
    environ = {**os.environ, "PYTHON": "/bin/false"}
    done = run([ROOT / "scripts/setup"], env=environ)
    assert done.returncode == 1
    assert "PYTHON=/bin/false" in done.stderr


# -- page assets ------------------------------------------------------------------------------


def test_versions_of_page_assets_are_exact() -> None:
    wanted = PACKAGE["dependencies"] | PACKAGE["devDependencies"]
    assert [name for name, said in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", said)] == []
    assert {name: LOCK["packages"][f"node_modules/{name}"]["version"] for name in wanted} == wanted


@pytest.mark.parametrize("folder", [".", "tests/clients", "tests/browser/firefox"])
def test_every_locked_package_has_its_hash_and_no_registry_is_named(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(locked) >= 4
    assert [n for n, entry in locked.items() if not entry["integrity"].startswith("sha512-")] == []
    assert [name for name, entry in locked.items() if "resolved" in entry] == []


def test_sweetalert_is_of_the_versions_without_the_foreign_sound() -> None:
    version = PACKAGE["dependencies"]["sweetalert2"]
    assert tuple(map(int, version.split("."))) >= (11, 26, 0)


def test_every_listed_file_is_served() -> None:
    if not VENDOR.is_dir():
        pytest.skip("scripts/setup was not run here")
    files = {VENDOR / name for name in assets.listed(ROOT, assets.SERVED).values()}
    assert [file for file in files if not file.is_file()] == []


def test_sweetalert_does_not_look_at_who_its_user_is() -> None:
    if not VENDOR.is_dir():
        pytest.skip("scripts/setup was not run here")
    code = (VENDOR / "sweetalert2" / "sweetalert2.min.js").read_text()
    spying = ["navigator.language", "location.host", 'createElement("audio")']
    assert [words for words in spying if words in code] == []


def test_every_served_package_brings_its_licence() -> None:
    tables = tomllib.loads((ROOT / "assets.toml").read_text())
    without = [
        package
        for files_by_package in tables.values()
        for package, files in files_by_package.items()
        if not any("LICENSE" in file for file in files)
    ]
    assert without == []


def test_a_missing_asset_or_another_lock_calls_for_npm(tmp_path: Path) -> None:
    names = {Path("a/dist/a.js"): Path("a/a.js")}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.js").write_text("1")
    assert not assets.is_fresh(tmp_path, names, "digest")
    (tmp_path / assets.STAMP).write_text("digest\n")
    assert assets.is_fresh(tmp_path, names, "digest")
    assert not assets.is_fresh(tmp_path, names, "another")
    (tmp_path / "a" / "a.js").unlink()
    assert not assets.is_fresh(tmp_path, names, "digest")


def test_assets_are_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "vendor"
    (folder / "old").mkdir(parents=True)
    modules = tmp_path / "node_modules"
    (modules / "a" / "dist").mkdir(parents=True)
    (modules / "a" / "dist" / "a.js").write_text("alert(1)")
    listed = {Path("a/dist/a.js"): Path("a/a.js")}
    assets.swap(folder, assets.build(folder, modules, listed, "digest"))
    found = sorted(str(path.relative_to(tmp_path)) for path in folder.rglob("*"))
    assert found == ["vendor/.made-for", "vendor/a", "vendor/a/a.js"]
    assert folder.stat().st_mode & 0o777 == 0o755


# -- all of it, from nothing ------------------------------------------------------------------


@pytest.mark.slow
def test_a_fresh_checkout_serves_with_nothing_but_git_and_python(tmp_path: Path) -> None:
    checkout = fresh_copy(tmp_path / "check out")  # with a space, as people have
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/usr/bin/python2.7")  # an older one, gone
    environ = bare_environment(tmp_path / "bin", "sh", "git", "dirname", "python3")
    first = run([checkout / "scripts/setup"], cwd="/", env=environ)
    assert first.returncode == 0, first.stderr
    second = run([checkout / "scripts/setup"], cwd="/", env=environ)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    with serving([checkout / "scripts/serve"], tmp_path, environ) as daydrop:
        assert daydrop.ask("PUT", "/Upload/IMG_1.jpg", photo())[0] == 201
        assert daydrop.ask("GET", "/")[0] == 200
    assert (checkout / "uploads/images/2024/05/17/IMG_1.jpg").read_bytes() == photo()
