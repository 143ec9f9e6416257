"""Behind nginx, set up by config/nginx.conf: both faces answer as without it."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests import media
from tests.checkout import ROOT, free_port, serving, wait_until_open
from tests.clients.programs import eventually, run
from tests.clients.test_litmus import litmus
from tests.clock import taken

pytestmark = [pytest.mark.clients, pytest.mark.slow]

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
DAY = taken(2024, 5, 17)
PLACE = "images/2024/05/17/IMG_1.jpg"
PASSES_HOST = "    proxy_set_header Host $http_host;\n"
STRANGER = {"X-Forwarded-For": "203.0.113.9"}


@dataclass(frozen=True)
class Proxied:
    """A Daydrop behind nginx: its store, and the ports of nginx for http and https."""

    store: Path
    plain: int
    secure: int

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """One request by https, as from another machine."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection("localhost", self.secure, context=trusting, timeout=60)
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body or None, STRANGER | spelled)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def logged(self) -> list[dict[str, object]]:
        """The lines of the log of uploads."""
        files = (self.store / ".daydrop" / "log").glob("*")
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def staging(self) -> list[str]:
        """What lies in staging."""
        return [file.name for file in (self.store / ".daydrop" / "staging").iterdir()]


@pytest.fixture
def proxied(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Proxied]:
    """A Daydrop behind nginx; by the parameter `own_host` nginx sends a Host of its own."""
    if NGINX is None or shutil.which("openssl") is None:
        pytest.skip("nginx or openssl is not here: apt-get install nginx-light openssl")
    plain, secure = free_port(), free_port()
    settings = tmp_path / "daydrop.toml"
    settings.write_text(
        f'[server]\npublic_url = "https://localhost:{secure}"\ntrusted_proxies = ["127.0.0.1"]\n'
        '[limits]\nkeep_free = 0\nbatch_files = 1000\naccept = ["images", "videos", "others"]\n'
    )
    command = [sys.executable, "-m", "davserver", "serve", "--open", "--config", str(settings)]
    store = tmp_path / "store"
    here = {"PYTHONPATH": str(ROOT)}
    with (
        serving([*command, "--store", str(store)], tmp_path, here) as daydrop,
        nginx(tmp_path, daydrop.port, plain, secure, getattr(request, "param", "")),
    ):
        yield Proxied(store, plain, secure)


@contextmanager
def nginx(folder: Path, daydrop: int, plain: int, secure: int, host: str) -> Iterator[None]:
    """Run nginx with our sample for owners, until the block ends."""
    block = (ROOT / "config" / "nginx.conf").read_text()
    assert "127.0.0.1:8080" in block
    assert PASSES_HOST in block
    if host == "own_host":
        block = block.replace(PASSES_HOST, "")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key")
    run("openssl", "req", "-x509", *key, "-out", "cert", "-subj", "/CN=localhost", cwd=folder)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    passing = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"""daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; user root;
        events {{}}
        http {{
            access_log off;
            {passing}
            server {{
                listen 127.0.0.1:{plain};
                listen 127.0.0.1:{secure} ssl;
                ssl_certificate {folder}/cert; ssl_certificate_key {folder}/key;
                {block.replace("127.0.0.1:8080", f"127.0.0.1:{daydrop}")}
            }}
        }}"""
    )
    process = subprocess.Popen([str(NGINX), "-c", str(configuration), "-e", f"{folder}/nginx.log"])
    try:
        wait_until_open(plain, process, folder / "nginx.log")
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("way", ["", "chunked", "expecting"])
def test_a_photo_is_filed_whole_and_its_sender_is_known(way: str, proxied: Proxied) -> None:
    photo = media.photo(DAY, size=20 << 20)
    file = proxied.store.parent / "IMG_1.jpg"
    file.write_bytes(photo)
    headers = {
        "": [],
        "chunked": ["Transfer-Encoding: chunked"],
        "expecting": ["Expect: 100-continue"],
    }
    said = [
        word
        for header in [*headers[way], "X-Forwarded-For: 203.0.113.9"]
        for word in ("-H", header)
    ]
    run("curl", "-fsSk", *said, "-T", file, f"https://localhost:{proxied.secure}/Upload/IMG_1.jpg")
    assert (proxied.store / PLACE).read_bytes() == photo
    [line] = [each for each in proxied.logged() if each.get("name") == "IMG_1.jpg"]
    assert line["address"] == "203.0.113.9"


def test_two_visitors_see_names_of_their_own(proxied: Proxied) -> None:
    one, two = media.photo(DAY, seed="one"), media.photo(DAY, seed="two")
    other = {"X_Forwarded_For": "203.0.113.10"}
    assert proxied.ask("PUT", "/Upload/IMG_1.jpg", one)[0] == 201
    assert proxied.ask("PUT", "/Upload/IMG_1.jpg", two, **other)[0] == 201
    assert proxied.ask("GET", "/Upload/IMG_1.jpg")[1] == one
    assert proxied.ask("GET", "/Upload/IMG_1.jpg", **other)[1] == two


def test_a_rename_names_its_destination_by_https(proxied: Proxied) -> None:
    photo = media.photo(DAY)
    proxied.ask("PUT", "/Upload/IMG_1.jpg.part", photo)
    target = f"https://localhost:{proxied.secure}/Upload/IMG_1.jpg"
    assert proxied.ask("MOVE", "/Upload/IMG_1.jpg.part", Destination=target)[0] == 201
    assert (proxied.store / PLACE).read_bytes() == photo


@pytest.mark.parametrize("proxied", ["own_host"], indirect=True)
def test_behind_a_proxy_with_a_host_of_its_own_the_public_address_is_ours(
    proxied: Proxied,
) -> None:
    photo, public = media.photo(DAY), f"https://localhost:{proxied.secure}"
    assert proxied.ask("PUT", "/Upload/IMG_1.jpg.part", photo, Origin=public)[0] == 201
    elsewhere = f"https://localhost:{proxied.plain}/Upload/IMG_1.jpg"
    for target, status in ((elsewhere, 502), (f"{public}/Upload/IMG_1.jpg", 201)):
        assert proxied.ask("MOVE", "/Upload/IMG_1.jpg.part", Destination=target)[0] == status
    assert (proxied.store / PLACE).read_bytes() == photo


def test_a_page_of_this_address_may_upload_and_one_of_another_may_not(proxied: Proxied) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="IMG_1.jpg"\r\n\r\n'
    body = head + media.photo(DAY) + b"\r\n--x--\r\n"
    form = {"Content_Type": "multipart/form-data; boundary=x", "Accept": "text/html"}
    own = {"Origin": f"https://localhost:{proxied.secure}", "Sec_Fetch_Site": "same-origin"}
    foreign = {"Origin": "https://elsewhere.example", "Sec_Fetch_Site": "cross-site"}
    assert proxied.ask("POST", "/upload", body, **form, **foreign)[0] == 403
    assert proxied.ask("POST", "/upload", body, **form, **own)[0] == 303
    assert (proxied.store / PLACE).is_file()


def test_an_upload_that_breaks_off_leaves_nothing(proxied: Proxied) -> None:
    photo = media.photo(DAY, size=4 << 20)
    head = (
        f"PUT /Upload/IMG_1.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(photo)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", proxied.plain)) as peer:
        peer.sendall(head.encode() + photo[: 3 << 20])
        eventually(lambda: proxied.staging() != [])
    eventually(lambda: proxied.staging() == [])
    assert not (proxied.store / PLACE).exists()
    assert proxied.ask("PUT", "/Upload/IMG_1.jpg", photo)[0] == 201


def test_a_refusal_comes_before_the_body_was_taken(proxied: Proxied) -> None:
    head = (
        b"PUT /Upload/IMG_1.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", proxied.plain), 30) as peer:
        peer.sendall(head)
        reply = peer.recv(4096)
    assert reply.startswith(b"HTTP/1.1 413 ")
    assert proxied.staging() == []


def test_all_of_litmus_passes(proxied: Proxied, tmp_path: Path) -> None:
    litmus(f"http://127.0.0.1:{proxied.plain}/Upload/", tmp_path)
