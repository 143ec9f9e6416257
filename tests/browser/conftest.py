"""A real server, a real browser. Skipped, with a sentence, where there is no Chromium."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from tests import media

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--host-resolver-rules=MAP nas.test 127.0.0.1",
)
MAY = datetime(2024, 5, 17, 12, 0)  # noqa: DTZ001  EXIF knows no zone
START_SECONDS = 40
IMPATIENT = """new MutationObserver(() => {
    if (document.documentElement) document.documentElement.dataset.stall = %d;
}).observe(document, {childList: true})"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


class Site:
    """A server process that can be killed and started again at the same address."""

    def __init__(self, store: Path, **environment: str) -> None:
        self.store, self._environment = store, environment
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "davserver", "serve", "--port", str(self.port)]
        environment = {**os.environ, "DAYDROP_LIMITS__KEEP_FREE": "0", **self._environment}
        self._process = subprocess.Popen(
            [*command, "--store", str(self.store)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


class Relay:
    """The network between browser and server: slow, silent or cut, as a test wants it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._joined: list[socket.socket] = []
        self._lock = threading.Lock()
        self.bytes_a_second = 0
        self.is_silent = False
        self._listen(0)
        self.port = self._door.getsockname()[1]

    def _listen(self, port: int) -> None:
        self._door = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._admit, args=(self._door,), daemon=True).start()

    def _admit(self, door: socket.socket) -> None:
        while True:
            try:
                near, _ = door.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with self._lock:
                self._joined += [near, far]
            for pair in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_upload: bool) -> None:
        try:
            while block := source.recv(65536):
                while self.is_silent:
                    time.sleep(0.02)
                if is_upload and self.bytes_a_second:
                    time.sleep(len(block) / self.bytes_a_second)
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # cut: that is what this is for

    def cut(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        with self._lock:
            for each in self._joined:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._joined.clear()

    def mend(self) -> None:
        self._listen(self.port)


@pytest.fixture
def relay(site: Site) -> Iterator[Relay]:
    made = Relay(site.port)
    yield made
    made.cut()


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="browser tests need Playwright: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("browser tests need Chromium: apt-get install chromium")
    if not (ROOT / "webui/static/vendor/bootstrap").is_dir():
        pytest.skip("the page's assets are missing: run scripts/setup")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of axe-core and tus-js-client, fetched from npm when they are missing."""
    made = subprocess.run(
        [sys.executable, "scripts/assets.py", "--tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"axe-core and tus-js-client could not be fetched: {made.stderr[-200:]}")
    return ROOT / "build" / "test-assets"


@pytest.fixture
def axe(assets) -> str:
    return (assets / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    running = Site(tmp_path / "store", DAYDROP_SERVER__HOSTS='["nas.test"]')
    running.start()
    yield running
    running.stop()


OpenPage = Callable[..., object]


@pytest.fixture
def open_page(chromium: object, site: Site) -> Iterator[OpenPage]:
    """Opens pages in contexts of their own; what their consoles say ends the test."""
    contexts, complaints = [], []

    def open_one(path: str = "/", root: str = "", stall: int = 0, **context: object) -> object:
        options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 850}} | context
        made = chromium.new_context(**options)
        contexts.append(made)
        page = made.new_page()
        if stall:
            page.add_init_script(IMPATIENT % stall)
        page.on("console", lambda message: _note(message, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{root or site.url}{path}")
        return page

    open_one.complaints = complaints
    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def _note(message: object, complaints: list[str]) -> None:
    # a refused or cut request is what some tests are about; the browser always writes a line
    if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
        complaints.append(message.text)


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., list[Path]]:
    """Makes photos of one day, each of its own bytes."""
    folder = tmp_path / "photos"
    folder.mkdir()

    def make(count: int, size: int | None = None, prefix: str = "IMG") -> list[Path]:
        made = []
        for number in range(count):
            file = folder / f"{prefix}_{number}.jpg"
            file.write_bytes(media.photo(MAY, seed=f"{prefix}{number}", size=size))
            made.append(file)
        return made

    return make


def wait_for(question: Callable[[], object], seconds: float = 30.0) -> object:
    """Asks until the answer is true; fails when it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")
