"""The stock Firefox on the same pages: what it is sent is filed, whatever happens to the server."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT, Relay, Site, wait_for
from tests.browser.test_upload import filed

HERE = Path(__file__).parent / "firefox"
MODULES = HERE / "node_modules"
PATIENCE = 180.0
SLOW = 4 << 20

Visit = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    """Begins a visit: an address, the language of the browser, and the files that it chooses."""
    firefox = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
    if firefox is None or shutil.which("node") is None:
        pytest.skip("this needs Firefox and Node.js: apt-get install firefox-esr nodejs")
    if not (MODULES / "puppeteer-core").is_dir():
        pytest.skip("puppeteer-core is not here: npm ci --prefix tests/browser/firefox")
    if not (ROOT / "webui/static/vendor/bootstrap").is_dir():
        pytest.skip("the page's assets are missing: run scripts/setup")
    note = tmp_path / "notes.txt"
    note.write_text("no picture")

    def begin(url: str, language: str, files: list[Path]) -> "subprocess.Popen[str]":
        command = ["node", HERE / "visit.mjs", MODULES, firefox, url, language, *files, note]
        return subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return begin


def seen_by(visitor: "subprocess.Popen[str]") -> dict[str, str]:
    """What a visit saw, once it is over."""
    try:
        told, failure = visitor.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        visitor.kill()
        raise
    assert visitor.returncode == 0, failure
    return json.loads(told)


@pytest.mark.parametrize(
    ("language", "done", "refused"),
    [
        ("en-GB", "3 files uploaded and filed", "was not accepted"),
        ("zh-CN", "3 个文件已上传并归档", "类型不受支持"),
    ],
)
def test_a_visit_uploads_reads_the_receipt_and_looks_at_the_pictures(
    language: str, done: str, refused: str, visit: Visit, site: Site, photos
) -> None:
    seen = seen_by(visit(f"{site.url}/", language, photos(3)))
    assert seen["done"] == done
    assert "notes.txt" in seen["refused"]
    assert refused in seen["refused"]
    assert "images/2024/05/17/IMG_2.jpg" in seen["receipt"]
    assert seen["counter"] == "2 / 3"
    assert seen["complaints"] == []
    assert len(filed(site)) == 3


def test_a_server_that_is_killed_in_the_middle_gets_the_rest_when_it_is_back(
    visit: Visit, site: Site, relay: Relay, photos
) -> None:
    relay.bytes_a_second = SLOW
    files = photos(2, size=3 * SLOW)
    visitor = visit(f"http://127.0.0.1:{relay.port}/", "en-GB", files)
    staging = site.store / ".daydrop" / "staging"
    wait_for(lambda: sum(file.stat().st_size for file in staging.iterdir()) > SLOW, 60)
    site.kill()
    relay.bytes_a_second = 0
    site.start()
    assert seen_by(visitor)["done"] == "2 files uploaded and filed"
    found = {(site.store / path).read_bytes() for path in filed(site)}
    assert found == {file.read_bytes() for file in files}
