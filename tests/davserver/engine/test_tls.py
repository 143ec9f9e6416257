import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from davserver.engine.server import Bounds, Server
from tests.davserver.engine.raw import Address, Peer, Shelf, put, request

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificate for these tests"
)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = ["-days", "2", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", "req", *kind, *subject, *made], check=True, capture_output=True)
    return cert, key


@pytest.fixture
def secret(start, shelf: Shelf, certificate: tuple[Path, Path]) -> Address:
    cert, key = certificate
    bounds = Bounds(handshake_seconds=0.5, header_seconds=0.5, linger_seconds=0.2)
    return start(shelf, bounds=bounds, tls_cert=cert, tls_key=key).address


class SecretPeer(Peer):
    """A peer that trusts the one certificate of these tests."""

    def __init__(self, address: Address, certificate: tuple[Path, Path]) -> None:
        super().__init__(address)
        context = ssl.create_default_context(cafile=str(certificate[0]))
        self.sock = context.wrap_socket(self.sock, server_hostname="127.0.0.1")


def test_uploads_and_downloads_work_over_tls(secret: Address, certificate, shelf: Shelf) -> None:
    body = bytes(range(256)) * 8000
    with SecretPeer(secret, certificate) as peer:
        for _ in range(2):
            assert peer.say(put("/a", body)).reply().status == 201
            assert peer.say(request("GET", "/a")).reply().body == body
    assert shelf.seen[0]["wsgi.url_scheme"] == "https"


def test_a_large_head_arrives_over_tls(secret: Address, certificate) -> None:
    fields = [f"X-{number}: {'y' * 500}" for number in range(99)]
    with SecretPeer(secret, certificate) as peer:
        assert peer.say(request("GET", "/none", *fields)).reply().status == 404


def test_a_truncated_upload_over_tls_is_not_kept(
    secret: Address, certificate, shelf: Shelf
) -> None:
    with SecretPeer(secret, certificate) as peer:
        peer.say(put("/a", b"x" * 100_000)[:-50_000])
    with SecretPeer(secret, certificate) as peer:
        assert peer.say(request("GET", "/a")).reply().status == 404


def test_a_file_in_the_slot_is_sent_over_tls(start, certificate, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "1000000")])
        environ["daydrop.sendfile"].put(path.open("rb"), 24_000, 1_000_000)
        return []

    server = start(app, tls_cert=certificate[0], tls_key=certificate[1])
    with SecretPeer(server.address, certificate) as peer:
        assert peer.say(request("GET", "/")).reply().body == path.read_bytes()[24_000:]


def test_clients_that_are_silent_in_their_handshake_delay_nobody(
    start, shelf: Shelf, certificate
) -> None:
    server = start(shelf, tls_cert=certificate[0], tls_key=certificate[1])
    silent = [Peer(server.address) for _ in range(20)]
    half = [Peer(server.address).say(b"\x16\x03\x01\x02\x00") for _ in range(20)]
    with SecretPeer(server.address, certificate) as peer:
        peer.sock.settimeout(4)
        assert peer.say(request("GET", "/")).reply().status == 404
    for peer in silent + half:
        peer.sock.close()


def test_a_handshake_that_never_ends_is_given_up(secret: Address) -> None:
    for words in [b"", b"\x16\x03\x01\x02\x00"]:
        with Peer(secret) as peer:
            assert peer.say(words).is_closed()


def test_plain_http_on_the_secret_port_gets_a_plain_answer(secret: Address) -> None:
    with Peer(secret) as peer:
        reply = peer.say(request("GET", "/")).reply()
        assert reply.status == 400
        assert b"https" in reply.body


def test_a_certificate_without_its_key_is_refused(certificate) -> None:
    with pytest.raises(ValueError, match="belong together"):
        Server(Shelf(), "127.0.0.1", 0, tls_cert=certificate[0])
