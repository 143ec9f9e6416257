"""Nothing but small, shallow, plain XML in UTF-8 reaches WsgiDAV."""

import pytest

from davserver.dav import xml_bounds
from davserver.dav.errors import Refusal
from tests.drive import Drive

ASK = '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'


def bomb(elements: int) -> str:
    return f'<D:propfind xmlns:D="DAV:"><D:prop>{"<D:a/>" * elements}</D:prop></D:propfind>'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (bomb(990), 207),
        (bomb(1000), 413),
        (f"{ASK}{' ' * (64 << 10)}", 413),
        (f"{'<a>' * 33}{'</a>' * 33}", 413),
        (f'<!DOCTYPE a [<!ENTITY b "c">]>{ASK}', 400),
        (f"<!ENTITY b 'c'>{ASK}", 400),
        (ASK.encode("utf-16"), 400),
        (f'<?xml version="1.0" encoding="utf-16"?>{ASK}', 400),
        (f'<?xml version="1.0" encoding="iso-8859-1"?>{ASK}', 400),
        (ASK.replace('"DAV:"', '"x}DAV:"'), 400),  # what parses here must parse everywhere
        (b"\xef\xbb\xbf" + ASK.encode(), 207),
        (f'<?xml version="1.0" encoding="UTF-8"?>{ASK}', 207),
        (b"<D:propfind>\xff</D:propfind>", 400),
        ("not XML at all", 400),
        ('<D:propfind xmlns:D="DAV:"><x:a xmlns:x=""/></D:propfind>', 400),
        ("  \r\n ", 207),
    ],
)
def test_a_body_is_admitted_or_refused(drive: Drive, body: str | bytes, status: int) -> None:
    assert drive.send("PROPFIND", "/Upload/", body, Depth="0").status_code == status


@pytest.mark.parametrize("method", ["PROPPATCH", "LOCK"])
def test_the_other_methods_with_xml_pass_the_same_gate(drive: Drive, method: str) -> None:
    assert drive.send(method, "/Upload/a.jpg", bomb(1000)).status_code == 413
    assert drive.send(method, "/Upload/a.jpg", f"<!DOCTYPE a>{ASK}").status_code == 400


def test_a_chunked_body_is_read_and_bounded_too(drive: Drive) -> None:
    assert drive.send("PROPFIND", "/Upload/", ASK, chunked=True, Depth="0").status_code == 207
    large = f"{ASK}{' ' * (65 << 10)}"
    assert drive.send("PROPFIND", "/Upload/", large, chunked=True).status_code == 413


def test_a_body_of_gigabytes_is_refused_by_its_length_alone(drive: Drive) -> None:
    reply = drive.send("PROPFIND", "/Upload/", "", Content_Length=str(4 << 30))
    assert reply.status_code == 413


def test_the_gate_stands_whether_lxml_is_there_or_not() -> None:
    with pytest.raises(Refusal) as refused:
        xml_bounds.check(b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>")
    assert refused.value.value == 400
