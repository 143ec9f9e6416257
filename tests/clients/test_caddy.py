"""Behind Caddy, set up by config/Caddyfile: uploads, renames and pages as without it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import media
from tests.checkout import ROOT, free_port, serving, wait_until_open
from tests.clients.programs import run
from tests.clients.test_nginx import DAY, PLACE, Proxied

pytestmark = [pytest.mark.clients, pytest.mark.slow]

CADDY = shutil.which("caddy")
NAME = "photos.example.org"
QUIET = "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    if CADDY is None:
        pytest.skip("caddy is not here: apt-get install caddy")
    secure = free_port()
    settings = tmp_path / "daydrop.toml"
    settings.write_text(
        f'[server]\npublic_url = "https://localhost:{secure}"\ntrusted_proxies = ["127.0.0.1"]\n'
        "[limits]\nkeep_free = 0\n"
    )
    store = tmp_path / "store"
    command = [sys.executable, "-m", "davserver", "serve", "--open", "--config", str(settings)]
    with (
        serving([*command, "--store", str(store)], tmp_path, {"PYTHONPATH": str(ROOT)}) as daydrop,
        caddy(tmp_path, daydrop.port, secure),
    ):
        yield Proxied(store, secure, secure)


@contextmanager
def caddy(folder: Path, daydrop: int, secure: int) -> Iterator[None]:
    """Run Caddy with our sample for owners, until the block ends."""
    sample = (ROOT / "config" / "Caddyfile").read_text()
    assert NAME in sample
    assert "127.0.0.1:8080" in sample
    here = sample.replace(NAME, f"https://localhost:{secure}")
    configuration = folder / "Caddyfile"
    configuration.write_text(QUIET + here.replace("127.0.0.1:8080", f"127.0.0.1:{daydrop}"))
    environ = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [str(CADDY), "run", "--config", str(configuration), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        wait_until_open(secure, process, folder / "caddy.log")
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("header", [[], ["-H", "Transfer-Encoding: chunked"]])
def test_a_photo_is_filed_whole(header: list[str], proxied: Proxied) -> None:
    photo = media.photo(DAY, size=20 << 20)
    file = proxied.store.parent / "IMG_1.jpg"
    file.write_bytes(photo)
    run("curl", "-fsSk", *header, "-T", file, f"https://localhost:{proxied.secure}/Upload/")
    assert (proxied.store / PLACE).read_bytes() == photo


def test_a_rename_names_its_destination_by_https(proxied: Proxied) -> None:
    photo = media.photo(DAY)
    proxied.ask("PUT", "/Upload/IMG_1.jpg.part", photo)
    target = f"https://localhost:{proxied.secure}/Upload/IMG_1.jpg"
    assert proxied.ask("MOVE", "/Upload/IMG_1.jpg.part", Destination=target)[0] == 201
    assert (proxied.store / PLACE).read_bytes() == photo


def test_a_folder_is_listed_and_has_its_page(proxied: Proxied) -> None:
    assert proxied.ask("PUT", "/Upload/IMG_1.jpg", media.photo(DAY))[0] == 201
    status, listing = proxied.ask("PROPFIND", "/images/2024/05/17/", Depth="1")
    assert status == 207
    assert b"IMG_1.jpg" in listing
    status, page = proxied.ask("GET", "/images/2024/05/17/", Accept="text/html")
    assert status == 200
    assert b"IMG_1.jpg" in page


def test_a_page_of_another_site_may_not_upload(proxied: Proxied) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Sec_Fetch_Site": "cross-site"}
    assert proxied.ask("POST", "/upload", b"x", **foreign)[0] == 403
