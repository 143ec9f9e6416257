"""Measure the page in a real browser: frames of the timeline, and its upload beside `curl -T`.

    python benchmarks/page.py [--items 10000] [--mebibytes 256] [--runs 3]

Frames are those of Chromium while it scrolls a hundred times 400 pixels, a step a frame. Both
uploads send files of one size to one server in turns, by a PATCH of the page and a PUT of curl; the
ratio counts, MB/s are this machine's. Needs Chromium, Playwright and curl.
"""
# ruff: noqa: INP001, T201  a script by itself, which prints what it finds

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402  after the path is set

from tests import media  # noqa: E402
from tests.browser.conftest import CHROMIUM, MAY, QUIET, Site  # noqa: E402
from tests.browser.test_gallery import grow  # noqa: E402

MB = 1_000_000
YEARS = 6
STEPS = 100
VIEW = {"width": 1280, "height": 900}
SCROLL = """steps => new Promise(done => {
    const deltas = [];
    let before = null;
    function frame(now) {
        if (before !== null) deltas.push(now - before);
        before = now;
        if (deltas.length === steps) return done(deltas);
        scrollBy(0, 400);
        requestAnimationFrame(frame);
    }
    requestAnimationFrame(frame);
})"""
JUMP = """share => new Promise(done => {
    const start = performance.now();
    const filled = () => [...document.querySelectorAll('.tile')].some(tile => {
        const box = tile.getBoundingClientRect();
        return box.bottom > 0 && box.top < innerHeight;
    });
    let seen = null;
    scrollTo(0, share * document.documentElement.scrollHeight);
    const frame = () => {
        seen ??= performance.now() - start;
        if (filled()) done([seen, performance.now() - start]); else requestAnimationFrame(frame);
    };
    requestAnimationFrame(() => requestAnimationFrame(frame));
})"""
SENT = """performance.getEntriesByType('resource')
    .filter(each => each.name.includes('/files/')).map(each => each.duration / 1000)"""


def main() -> None:
    """Measure the timeline, then both ways of uploading in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if CHROMIUM is None or shutil.which("curl") is None:
        sys.exit("this needs chromium and curl: apt-get install chromium curl")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        for _ in range(options.runs):
            with serving() as site:
                measure_timeline(browser, site, options.items)
        with serving() as site:
            measure_uploads(browser, site, options.mebibytes << 20, options.runs)
        browser.close()


@contextmanager
def serving() -> Iterator[Site]:
    """Run a server over a temporary store."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "store", DAYDROP_LIMITS__BATCH_FILES="1000")
        site.start()
        try:
            yield site
        finally:
            site.stop()


def measure_timeline(browser: Any, site: Site, items: int) -> None:
    """Print the frames of one scroll, and how long a jump takes."""
    grow(site, items, YEARS)
    site.start()
    page = browser.new_page(viewport=VIEW)
    page.goto(f"{site.url}/timeline")
    page.wait_for_selector(".tile")
    page.wait_for_load_state("networkidle")
    deltas = sorted(page.evaluate(SCROLL, STEPS))
    painted, filled = page.evaluate(JUMP, 0.7)
    page.close()
    print(
        f"timeline of {items}: frames p50 {statistics.median(deltas):.1f} ms,"
        f" p95 {deltas[int(0.95 * len(deltas))]:.1f} ms, longest {deltas[-1]:.1f} ms;"
        f" jump to 70 %: next frame after {painted:.0f} ms, pictures after {filled:.0f} ms"
    )


def measure_uploads(browser: Any, site: Site, size: int, runs: int) -> None:
    """Print the speed of the page and of curl, medians of runs in turns."""
    with tempfile.TemporaryDirectory() as folder:
        by_page, by_curl = [], []
        for number in range(runs):
            file = Path(folder) / f"{number}.jpg"
            by_page.append(size / page_seconds(browser, site, filled(file, size)) / MB)
            by_curl.append(size / curl_seconds(site, filled(file, size)) / MB)
    page, curl = statistics.median(by_page), statistics.median(by_curl)
    print(f"upload of {size / MB:.0f} MB: page {page:.0f} MB/s, curl -T {curl:.0f} MB/s", end="")
    print(f", {page / curl:.0%}")


def filled(file: Path, size: int) -> Path:
    """Return a photo of this size, of bytes that were never sent before."""
    photo = media.photo(MAY)
    with file.open("wb") as out:
        out.write(photo)
        left = size - len(photo)
        while left:
            left -= out.write(os.urandom(min(left, 1 << 20)))
    return file


def page_seconds(browser: Any, site: Site, file: Path) -> float:
    """Return how long the page's PATCH took, to the answer that it is filed."""
    page = browser.new_page()
    page.goto(site.url)
    page.set_input_files("#files", str(file))
    page.wait_for_selector(".swal2-icon-success", timeout=300_000)
    seconds = page.evaluate(SENT)
    page.close()
    return float(sum(seconds))


def curl_seconds(site: Site, file: Path) -> float:
    """Return how long curl's PUT took, to the answer that it is filed."""
    command = ["curl", "-sSf", "-o", os.devnull, "-w", "%{time_total}", "-T", str(file)]
    done = subprocess.run(  # noqa: S603  curl, and a file of ours
        [*command, f"{site.url}/Upload/"], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
