import io

import flask
import pytest
from werkzeug.exceptions import ClientDisconnected
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider
from wsgidav.wsgidav_app import WsgiDAVApp

from davserver.engine.body import BodyCut, BodyStalled
from davserver.engine.server import Bounds
from tests.davserver.engine.raw import Address, Peer, put, request

CHUNKED = "Transfer-Encoding: chunked"
CUT_UPLOADS = [
    pytest.param(put("/up", b"x" * 100_000)[:-50_000], id="by length"),
    pytest.param(request("PUT", "/up", CHUNKED, body=b"5\r\nhello\r\n"), id="by chunks"),
]


@pytest.fixture
def kept() -> list[bytes]:
    return []


@pytest.fixture
def met() -> list[type[BaseException]]:
    return []


@pytest.fixture(params=[None, 10_000_000], ids=["no limit", "limit"])
def page(start, request, kept: list[bytes], met: list[type[BaseException]]) -> Address:
    """A Flask application that keeps what `request.stream` gives to its end."""
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = request.param

    @app.put("/up")
    def up() -> str:
        try:
            data = b"".join(iter(lambda: flask.request.stream.read(65536), b""))
        except (OSError, ClientDisconnected) as error:
            met.append(type(error))
            raise
        kept.append(data)
        return str(len(data))

    @app.post("/form")
    def form() -> str:
        return flask.request.files["file"].read().decode()

    return start(app, bounds=Bounds(body_idle_seconds=0.5, linger_seconds=0.2)).address


@pytest.mark.parametrize("upload", CUT_UPLOADS)
def test_flask_never_takes_a_cut_upload_for_a_whole_one(
    page: Address, kept, met, upload: bytes
) -> None:
    with Peer(page) as peer:
        assert peer.say(upload).end().reply().status >= 400
    assert not kept
    assert met[0] in {BodyCut, ClientDisconnected}


def test_flask_never_takes_a_stalled_upload_for_a_whole_one(page: Address, kept, met) -> None:
    with Peer(page) as peer:
        assert peer.say(put("/up", b"hello")[:-1]).reply().status >= 400
    assert not kept
    assert met[0] in {BodyStalled, ClientDisconnected}


def test_flask_reads_whole_uploads_by_length_and_by_chunks(page: Address, kept) -> None:
    with Peer(page) as peer:
        assert peer.say(put("/up", b"hello")).reply().body == b"5"
        chunks = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
        assert peer.say(request("PUT", "/up", CHUNKED), chunks).reply().body == b"6"
    assert kept == [b"hello", b"hello!"]


def test_flask_reads_a_form(page: Address) -> None:
    part = b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\nhello'
    body = b"--x\r\n" + part + b"\r\n--x--\r\n"
    kind = "Content-Type: multipart/form-data; boundary=x"
    with Peer(page) as peer:
        head = request("POST", "/form", kind, f"Content-Length: {len(body)}")
        assert peer.say(head, body).reply().body == b"hello"
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        assert peer.say(request("POST", "/form", kind, CHUNKED), chunks).reply().body == b"hello"


class _File(DAVNonCollection):
    """A member whose bytes are kept only when WsgiDAV says that they came without error."""

    def get_content_length(self) -> int:
        return 0

    def get_content(self):
        return io.BytesIO()

    def get_etag(self) -> None:
        return None

    def support_etag(self) -> bool:
        return False

    def support_ranges(self) -> bool:
        return False

    def begin_write(self, *, content_type=None):  # noqa: ARG002  as WsgiDAV calls it
        self.environ["test.buffer"] = buffer = io.BytesIO()
        buffer.close = lambda: None  # type: ignore[method-assign]  # to look into it after
        return buffer

    def end_write(self, *, with_errors: bool) -> None:
        outcome = "error" if with_errors else self.environ["test.buffer"].getvalue()
        self.provider.outcomes.append(outcome)


class _Root(DAVCollection):
    def get_member_names(self):
        return []

    def get_member(self, name):  # noqa: ARG002  as WsgiDAV calls it
        return None

    def create_empty_resource(self, name):
        return _File(f"/{name}", self.environ)


class _Provider(DAVProvider):
    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[object] = []

    def get_resource_inst(self, path, environ):
        return _Root("/", environ) if path == "/" else None


@pytest.fixture
def provider() -> _Provider:
    return _Provider()


@pytest.fixture
def drive(start, provider: _Provider) -> Address:
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": provider},
            "simple_dc": {"user_mapping": {"*": True}},
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    return start(app, bounds=Bounds(linger_seconds=0.2)).address


@pytest.mark.parametrize("upload", CUT_UPLOADS)
def test_wsgidav_never_takes_a_cut_upload_for_a_whole_one(
    drive: Address, provider: _Provider, upload: bytes
) -> None:
    with Peer(drive) as peer:
        assert peer.say(upload).end().reply().status >= 400
    assert provider.outcomes == ["error"]


def test_wsgidav_reads_whole_uploads_by_length_and_by_chunks(
    drive: Address, provider: _Provider
) -> None:
    with Peer(drive) as peer:
        assert peer.say(put("/up", b"hello")).reply().status == 201
    with Peer(drive) as peer:
        chunks = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
        assert peer.say(request("PUT", "/up", CHUNKED), chunks).reply().status == 201
    assert provider.outcomes == [b"hello", b"hello!"]


def test_wsgidav_reads_a_propfind_body_that_comes_in_pieces(drive: Address) -> None:
    body = b'<?xml version="1.0"?><propfind xmlns="DAV:"><propname/></propfind>'
    with Peer(drive) as peer:
        peer.say(request("PROPFIND", "/", "Depth: 0", f"Content-Length: {len(body)}"))
        for start in range(0, len(body), 20):
            peer.say(body[start : start + 20])
        assert peer.reply().status == 207
