"""Foreign programs, each behind the same few operations; paths are relative to `Upload`.

Every operation raises when the program reports an error, by its exit status or in words.
"""

import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

HERE = Path(__file__).parent
PATIENCE = 120.0
_GVFSD = ("/usr/libexec/gvfsd-dav", "/usr/lib/gvfs/gvfsd-dav")


class Lacking(Exception):
    """A program that is not installed; the text says what to install."""


def run(*words: str | Path, **more: object) -> bytes:
    """Runs a program to its end; its output. Raises when it fails, with what it said."""
    done = subprocess.run(
        [str(word) for word in words],
        check=False,
        capture_output=True,
        timeout=PATIENCE,
        **more,  # type: ignore[call-overload]  # passed on
    )
    if done.returncode:
        said = (done.stdout[-2000:] + done.stderr).decode(errors="replace")
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {said}")
    return bytes(done.stdout)


def eventually(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for what happens behind a program's back; raises when it does not."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.05)


def program(name: str, package: str) -> str:
    """Where a program lies; raises Lacking."""
    found = shutil.which(name)
    if found is None:
        raise Lacking(f"{name} is not here: apt-get install {package}")
    return found


class Program(ABC):
    """A program that speaks WebDAV to `url`, the address of `Upload`; `room` is its own folder."""

    name: ClassVar[str]
    is_mount: ClassVar[bool] = False
    skips_known: ClassVar[bool] = False
    """Whether a second copy of the same folder sends nothing."""

    def __init__(self, url: str, room: Path) -> None:
        self.url, self.room = url, room
        self.version = self.find()

    @abstractmethod
    def find(self) -> str:
        """The version; raises Lacking."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """What must be there around all operations."""
        yield

    @abstractmethod
    def put(self, file: Path, path: str) -> None:
        """Copies a file in."""

    @abstractmethod
    def make_folder(self, path: str) -> None:
        """Makes a folder."""

    def put_tree(self, folder: Path, path: str) -> None:
        """Copies a folder in, with all below it."""
        self.make_folder(path)
        for each in sorted(folder.iterdir()):
            below = f"{path}/{each.name}"
            if each.is_dir():
                self.put_tree(each, below)
            else:
                self.put(each, below)

    @abstractmethod
    def rename(self, path: str, new: str) -> None:
        """Gives a file another name."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Deletes a file."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Reads a file back."""

    def at(self, path: str) -> str:
        """The address of a path."""
        return f"{self.url}/{quote(path)}"


class Curl(Program):
    """curl -T, with what else WebDAV needs by -X."""

    name = "curl"
    options: ClassVar[tuple[str, ...]] = ()

    def find(self) -> str:
        return run(program("curl", "curl"), "--version").split()[1].decode()

    def _curl(self, *words: str | Path) -> bytes:
        return run("curl", "-sS", "--fail-with-body", *words)

    def put(self, file: Path, path: str) -> None:
        self._curl(*self.options, "-T", file, self.at(path))

    def make_folder(self, path: str) -> None:
        known = run("curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "-I", self.at(path))
        if known != b"200":
            self._curl("-X", "MKCOL", self.at(path))

    def rename(self, path: str, new: str) -> None:
        self._curl("-X", "MOVE", "-H", f"Destination: {self.at(new)}", self.at(path))

    def delete(self, path: str) -> None:
        self._curl("-X", "DELETE", self.at(path))

    def read(self, path: str) -> bytes:
        return self._curl(self.at(path))


class CurlWithoutExpect(Curl):
    """curl that sends at once."""

    name = "curl without Expect"
    options = ("-H", "Expect:")


class CurlChunked(Curl):
    """curl that reads from a pipe and knows no length."""

    name = "curl, chunked"

    def put(self, file: Path, path: str) -> None:
        with file.open("rb") as stream:
            run("curl", "-sS", "--fail-with-body", "-T", "-", self.at(path), stdin=stream)


class Cadaver(Program):
    """cadaver, told what to do on its input; it says `failed` and ends with 0."""

    name = "cadaver"

    def find(self) -> str:
        said = subprocess.run(
            [program("cadaver", "cadaver"), "-V"], check=False, capture_output=True, text=True
        )  # its status is 255
        return said.stdout.split()[1]

    def _do(self, *lines: str) -> str:
        said = run(
            "cadaver",
            self.url + "/",
            input="\n".join([*lines, "quit"]).encode() + b"\n",
            env=os.environ | {"HOME": str(self.room)},
        ).decode(errors="replace")
        if "failed" in said or "Could not" in said:
            raise RuntimeError(said)
        return said

    def put(self, file: Path, path: str) -> None:
        self._do(f'put "{file}" "{quote(path)}"')

    def make_folder(self, path: str) -> None:
        try:
            self._do(f'mkcol "{quote(path)}"')
        except RuntimeError as there:
            if "405" not in str(there):
                raise

    def rename(self, path: str, new: str) -> None:
        self._do(f'move "{quote(path)}" "{quote(new)}"')

    def delete(self, path: str) -> None:
        self._do(f'delete "{quote(path)}"')

    def read(self, path: str) -> bytes:
        target = self.room / "read back"
        target.unlink(missing_ok=True)
        self._do(f'get "{quote(path)}" "{target}"')
        return target.read_bytes()


class Rclone(Program):
    """rclone copy, which checks every file that it has sent."""

    name = "rclone (other)"
    vendor: ClassVar[str] = "other"
    skips_known = True

    def find(self) -> str:
        return run(program("rclone", "rclone"), "version").split()[1].decode().strip("v")

    @property
    def environment(self) -> dict[str, str]:
        """The remote `drive:` without a settings file."""
        remote = {"TYPE": "webdav", "URL": self.url, "VENDOR": self.vendor}
        return (
            os.environ
            | {f"RCLONE_CONFIG_DRIVE_{key}": value for key, value in remote.items()}
            | {"RCLONE_CONFIG": os.devnull, "HOME": str(self.room)}
        )

    def _rclone(self, *words: str | Path) -> bytes:
        return run("rclone", *words, env=self.environment)

    def put(self, file: Path, path: str) -> None:
        self._rclone("copyto", file, f"drive:{path}")

    def make_folder(self, path: str) -> None:
        self._rclone("mkdir", f"drive:{path}")

    def put_tree(self, folder: Path, path: str) -> None:
        self._rclone("copy", folder, f"drive:{path}")

    def rename(self, path: str, new: str) -> None:
        self._rclone("moveto", f"drive:{path}", f"drive:{new}")

    def delete(self, path: str) -> None:
        self._rclone("deletefile", f"drive:{path}")

    def read(self, path: str) -> bytes:
        return self._rclone("cat", f"drive:{path}")


class RcloneNextcloud(Rclone):
    """rclone that sends times and checksums as to a Nextcloud."""

    name = "rclone (nextcloud)"
    vendor = "nextcloud"


class Mount(Program):
    """A drive that is mounted: plain files, sent behind the back of who writes them."""

    is_mount = True

    @property
    def place(self) -> Path:
        """Where it is mounted."""
        return self.room / "mnt"

    def put(self, file: Path, path: str) -> None:
        shutil.copyfile(file, self.place / path)

    def make_folder(self, path: str) -> None:
        (self.place / path).mkdir(exist_ok=True)

    def rename(self, path: str, new: str) -> None:
        (self.place / path).rename(self.place / new)

    def delete(self, path: str) -> None:
        (self.place / path).unlink()

    def read(self, path: str) -> bytes:
        return (self.place / path).read_bytes()

    def _need_fuse(self) -> None:
        if not Path("/dev/fuse").exists() or os.geteuid():
            raise Lacking("mounting needs /dev/fuse and root")


class RcloneMount(Mount, Rclone):
    """rclone mount, with its cache of writes."""

    name = "rclone mount"
    skips_known = False
    put, make_folder, rename = Mount.put, Mount.make_folder, Mount.rename
    delete, read, put_tree = Mount.delete, Mount.read, Program.put_tree

    def find(self) -> str:
        self._need_fuse()
        program("fusermount", "fuse")
        return Rclone.find(self)

    @contextmanager
    def working(self) -> Iterator[None]:
        self.place.mkdir()
        words = ("--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--dir-cache-time", "1s")
        with subprocess.Popen(
            ["rclone", "mount", "drive:", str(self.place), *words],
            env=self.environment | {"XDG_CACHE_HOME": str(self.room / "cache")},
            stderr=subprocess.DEVNULL,
        ) as mounted:
            try:
                eventually(self.place.is_mount, 20)
                yield
            finally:
                subprocess.run(["fusermount", "-u", "-z", str(self.place)], check=False)
                mounted.terminate()


class Davfs(Mount):
    """davfs2, which locks what it writes."""

    name = "davfs2"
    locks: ClassVar[bool] = True

    def find(self) -> str:
        self._need_fuse()
        return run(program("mount.davfs", "davfs2"), "-V").split()[1].decode()

    @contextmanager
    def working(self) -> Iterator[None]:
        self.place.mkdir()
        conf = self.room / "davfs2.conf"
        conf.write_text(
            f"use_locks {int(self.locks)}\nask_auth 0\ndelay_upload 0\ndir_refresh 1\n"
            "file_refresh 0\n"
        )
        conf.chmod(0o600)
        run("mount.davfs", self.url + "/", self.place, "-o", f"conf={conf}", input=b"")
        try:
            yield
        finally:
            run("umount", self.place)


class DavfsWithoutLocks(Davfs):
    """davfs2 that relies on entity tags alone."""

    name = "davfs2 without locks"
    locks = False


class Gio(Program):
    """GNOME's file access, in a session of its own."""

    name = "gio"

    def find(self) -> str:
        program("dbus-run-session", "dbus-daemon")
        if not any(Path(each).exists() for each in _GVFSD):
            raise Lacking("gvfsd-dav is not here: apt-get install gvfs-backends libglib2.0-bin")
        return run(program("gio", "libglib2.0-bin"), "version").decode().strip()

    def at(self, path: str) -> str:
        return f"{self.url.replace('http://', 'dav://')}/{quote(path)}"

    def _gio(self, *words: str) -> None:
        runtime = self.room / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        environment = os.environ | {"HOME": str(self.room), "XDG_RUNTIME_DIR": str(runtime)}
        script = 'gio mount "$0" && gio "$@"; status=$?; gio mount -u "$0"; exit $status'
        out = self.room / "gio.out"
        # a file, not a pipe: daemons of the session keep a pipe open after it has ended
        with out.open("wb") as said:
            done = subprocess.run(
                ["dbus-run-session", "--", "sh", "-c", script, self.at("").rstrip("/"), *words],
                check=False,
                stdout=said,
                stderr=said,
                env=environment,
                timeout=PATIENCE,
            )
        if done.returncode:
            raise RuntimeError(out.read_text(errors="replace"))

    def put(self, file: Path, path: str) -> None:
        self._gio("copy", str(file), self.at(path))

    def make_folder(self, path: str) -> None:
        try:
            self._gio("info", self.at(path))
        except RuntimeError:
            self._gio("mkdir", self.at(path))

    def rename(self, path: str, new: str) -> None:
        self._gio("move", self.at(path), self.at(new))

    def delete(self, path: str) -> None:
        self._gio("remove", self.at(path))

    def read(self, path: str) -> bytes:
        target = self.room / "read back"
        self._gio("copy", self.at(path), str(target))
        return target.read_bytes()


class Lftp(Program):
    """lftp, which sets times by header and by PROPPATCH."""

    name = "lftp"

    def find(self) -> str:
        return run(program("lftp", "lftp"), "--version").split()[3].decode()

    def _lftp(self, command: str) -> bytes:
        settings = (
            "set cmd:fail-exit yes; set net:max-retries 1; set http:use-propfind yes;"
            " set net:reconnect-interval-base 1"
        )
        home = os.environ | {"HOME": str(self.room)}
        return run("lftp", "-c", f"{settings}; open {self.url}/; {command}", env=home)

    def put(self, file: Path, path: str) -> None:
        self._lftp(f'put "{file}" -o "{path}"')

    def make_folder(self, path: str) -> None:
        self._lftp(f'mkdir -f "{path}"')

    def put_tree(self, folder: Path, path: str) -> None:
        self._lftp(f'mirror -R "{folder}" "{path}"')

    def rename(self, path: str, new: str) -> None:
        self._lftp(f'mv "{path}" "{new}"')

    def delete(self, path: str) -> None:
        self._lftp(f'rm "{path}"')

    def read(self, path: str) -> bytes:
        return self._lftp(f'cat "{path}"')


class NpmWebdav(Program):
    """The npm package webdav."""

    name = "npm webdav"

    def find(self) -> str:
        program("node", "nodejs")
        found = [HERE / "node_modules", Path(os.environ.get("NODE_PATH", "/nowhere"))]
        modules = next((each for each in found if (each / "webdav").is_dir()), None)
        if modules is None:
            raise Lacking("webdav is not here: npm ci --prefix tests/clients")
        self.modules = modules
        text = (modules / "webdav" / "package.json").read_text()
        return text.partition('"version": "')[2].partition('"')[0]

    def _node(self, *words: str | Path) -> bytes:
        return run("node", HERE / "webdav.mjs", self.modules, self.url, *words)

    def put(self, file: Path, path: str) -> None:
        self._node("put", file, f"/{path}")

    def make_folder(self, path: str) -> None:
        try:
            self._node("mkdir", f"/{path}")
        except RuntimeError as there:
            if "405" not in str(there):
                raise

    def rename(self, path: str, new: str) -> None:
        self._node("move", f"/{path}", f"/{new}")

    def delete(self, path: str) -> None:
        self._node("delete", f"/{path}")

    def read(self, path: str) -> bytes:
        return self._node("read", f"/{path}")


class Webdav4(Program):
    """The Python package webdav4, in a process of its own."""

    name = "webdav4"

    def find(self) -> str:
        try:
            said = self._python("import importlib.metadata as m; print(m.version('webdav4'))")
            self._python("import webdav4.client")
        except RuntimeError as absent:
            raise Lacking("webdav4 is not here: pip install webdav4") from absent
        return said.decode().strip()

    def _python(self, script: str, *words: str | Path) -> bytes:
        return run(sys.executable, "-c", script, self.url, *words)

    def _do(self, call: str, *words: str | Path) -> bytes:
        script = (
            "import sys; from webdav4.client import Client; a = sys.argv[2:];"
            f" client = Client(sys.argv[1]); {call}"
        )
        return self._python(script, *words)

    def put(self, file: Path, path: str) -> None:
        self._do("client.upload_file(a[0], a[1], overwrite=True)", file, path)

    def make_folder(self, path: str) -> None:
        self._do("client.exists(a[0]) or client.mkdir(a[0])", path)

    def rename(self, path: str, new: str) -> None:
        self._do("client.move(a[0], a[1])", path, new)

    def delete(self, path: str) -> None:
        self._do("client.remove(a[0])", path)

    def read(self, path: str) -> bytes:
        return self._do("client.download_fileobj(a[0], sys.stdout.buffer)", path)


PROGRAMS: tuple[type[Program], ...] = (
    Curl,
    CurlWithoutExpect,
    CurlChunked,
    Cadaver,
    Rclone,
    RcloneNextcloud,
    RcloneMount,
    Davfs,
    DavfsWithoutLocks,
    Gio,
    Lftp,
    NpmWebdav,
    Webdav4,
)
