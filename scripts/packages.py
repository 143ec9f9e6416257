"""Make or mend `.venv`: the pinned packages, and Daydrop itself with its `daydrop` command.

Needs nothing but the standard library. A stamp in `.venv` says for which pins it was made, so
that a run with nothing to do does not even start pip.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
RUN = "requirements.txt"
TESTS = "requirements-test.txt"  # holds all of RUN too
PACKAGES = ("daydrop", "davserver", "webui")


@dataclass(frozen=True)
class Stamp:
    """What a finished `.venv` was made for."""

    home: str  # a moved folder or another Python needs a new .venv
    pins: str  # other pins only need pip

    def write(self, file: Path) -> None:
        """Record it as the last step of a set-up, so that a broken-off one is seen."""
        file.write_text(f"{self.home}\n{self.pins}\n")

    @classmethod
    def read(cls, file: Path) -> "Stamp | None":
        """Return the recorded stamp, or None if there is none that can be read."""
        try:
            home, pins = file.read_text().splitlines()
        except (OSError, ValueError):
            return None
        return cls(home, pins)


def main() -> None:
    """Bring `.venv` up to date, saying what is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", action="store_true", help="add what tests and checks need")
    parser.add_argument(
        "--this-python", action="store_true", help="give up a .venv of another Python version"
    )
    options = parser.parse_args()
    with one_at_a_time(ROOT):
        set_up(ROOT, TESTS if options.tests else RUN, this_python=options.this_python)


def set_up(root: Path, pins: str, *, this_python: bool) -> None:
    """Make `.venv` hold what `pins` (a file of `name==version` lines below `root`) names."""
    folder = root / ".venv"
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = version_of(folder)
    version = found if found and not this_python else own
    wanted = Stamp(f"{version} {folder}", digest(root, pins))
    if found == version and Stamp.read(stamp_file(folder, pins)) == wanted:
        return
    if found != version or not has_home(folder, wanted.home):
        renew(folder, own)
        version = own
    install(root, folder, pins)
    for name in (RUN, pins):
        Stamp(f"{version} {folder}", digest(root, name)).write(stamp_file(folder, name))


def stamp_file(folder: Path, pins: str) -> Path:
    """Name the stamp that says `.venv` holds `pins`."""
    return folder / f".made-for-{pins}"


def has_home(folder: Path, home: str) -> bool:
    """Say whether a finished set-up left this `.venv` here, for this Python."""
    stamps = [Stamp.read(stamp_file(folder, pins)) for pins in (RUN, TESTS)]
    return any(stamp is not None and stamp.home == home for stamp in stamps)


def digest(root: Path, pins: str) -> str:
    """Hash what an installation depends on: the pins, and how the project names itself."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    said = json.dumps([project["project"], project["build-system"]], sort_keys=True)
    return hashlib.sha256((root / pins).read_bytes() + said.encode()).hexdigest()


def version_of(folder: Path) -> str | None:
    """Ask the Python in `.venv` for its version; None if there is none that runs and will do."""
    ask = "import sys, pip; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [folder / "bin" / "python", "-c", ask], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    version = tuple(int(part) for part in answer.stdout.split())
    return ".".join(map(str, version)) if version >= OLDEST else None


def renew(folder: Path, version: str) -> None:
    """Put an empty `.venv` in the place of whatever lies there."""
    if os.path.lexists(folder):
        say("the .venv here was not finished or is for another Python: rebuilding it")
        remove(folder)
    say(f"making .venv with Python {version}")
    bundled = importlib.util.find_spec("ensurepip") is not None
    venv.EnvBuilder(with_pip=bundled, symlinks=True).create(folder)
    if not bundled:  # Debian without python3-venv, but with python3-pip
        target = ["--python", str(folder / "bin" / "python")]
        run([sys.executable, "-m", "pip", *target, "install", "--quiet", "pip"], "pip failed")


def remove(path: Path) -> None:
    """Delete a folder, or a file or link that stands where a folder was meant."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def install(root: Path, folder: Path, pins: str) -> None:
    """Install the pins and the project, check that nothing is missing, make byte code."""
    python = str(folder / "bin" / "python")
    count = len((root / pins).read_text().splitlines())
    say(f"installing up to {count} packages into .venv (half a minute the first time)")
    # The pins are the whole truth, so nothing else is resolved, and `check` shows a gap in them.
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps"]
    run(
        [*pip, "--requirement", str(root / pins), "--editable", str(root)],
        "pip could not install the packages; see its words above, and run this again",
    )
    run([python, "-m", "pip", "check"], "the pins do not fit together; see pip's words above")
    # PYTHONDONTWRITEBYTECODE may be set: without byte code each start takes 3 s longer.
    # A file of a package that does not compile is no fault: nobody imports it.
    paths = [str(next((folder / "lib").glob("python3*"))), *(str(root / name) for name in PACKAGES)]
    subprocess.run(
        [python, "-m", "compileall", "-q", "-j0", *paths], stdout=subprocess.DEVNULL, check=False
    )


def run(command: list[str], complaint: str) -> None:
    """Run a program in the user's own environment (mirrors, certificates); end if it fails."""
    done = subprocess.run(command, env=pip_environment(os.environ), stdout=sys.stderr, check=False)
    if done.returncode:
        sys.exit(f"Daydrop set-up: {complaint}.")


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep all settings of the user but `--user`, which a .venv refuses."""
    return {**environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Wait while another script sets up the same checkout."""
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another script is setting up; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def say(words: str) -> None:
    """Tell the user what is going on."""
    print(f"Daydrop set-up: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
