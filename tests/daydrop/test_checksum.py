"""Checksums in headers: what is read, what is ignored, and what counts as unreadable."""

import base64
import hashlib

import pytest

from daydrop.checksum import Checksum, read_checksums

BODY = b"a photo"
MD5 = hashlib.md5(BODY, usedforsecurity=False)
SHA1 = hashlib.sha1(BODY, usedforsecurity=False)
SHA256, SHA512 = hashlib.sha256(BODY), hashlib.sha512(BODY)


def in_base64(digest) -> str:
    return base64.b64encode(digest.digest()).decode()


@pytest.mark.parametrize(
    ("header", "text", "expected"),
    [
        ("OC-Checksum", f"SHA1:{SHA1.hexdigest()}", [("sha1", SHA1)]),
        ("OC-Checksum", f"sha256:{SHA256.hexdigest().upper()}", [("sha256", SHA256)]),
        (
            "OC-Checksum",
            f"SHA1:{SHA1.hexdigest()} MD5:{MD5.hexdigest()}",
            [("sha1", SHA1), ("md5", MD5)],
        ),
        ("OC-Checksum", "ADLER32:0a1b2c3d", []),
        ("Content-MD5", in_base64(MD5), [("md5", MD5)]),
        ("Repr-Digest", f"sha-256=:{in_base64(SHA256)}:", [("sha256", SHA256)]),
        ("Repr-Digest", f"sha=:{in_base64(SHA1)}:", [("sha1", SHA1)]),
        (
            "Repr-Digest",
            f"md5=:{in_base64(MD5)}:, sha-512=:{in_base64(SHA512)}:",
            [("md5", MD5), ("sha512", SHA512)],
        ),
        ("Repr-Digest", f"unixsum=:AAA=:, sha-256=:{in_base64(SHA256)}:", [("sha256", SHA256)]),
        ("Repr-Digest", "", []),
    ],
)
def test_a_header_becomes_values(header, text, expected):
    found = read_checksums({header: text})
    assert found.given == tuple(Checksum(name, digest.digest()) for name, digest in expected)
    assert found.unreadable == ()


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("OC-Checksum", "nothing"),
        ("OC-Checksum", "SHA1:xyz"),
        ("OC-Checksum", "SHA1:abcd"),
        ("Content-MD5", "%%%"),
        ("Content-MD5", "AAAA"),
        ("Repr-Digest", "sha-256=:AAA:"),
        ("Repr-Digest", "sha-256=:AAAA:"),
        ("Repr-Digest", "sha-256=abc"),
        ("Repr-Digest", "rubbish"),
    ],
)
def test_a_header_that_cannot_be_read_is_named(header, text):
    found = read_checksums({header: text})
    assert found.given == ()
    assert found.unreadable == (header,)


def test_headers_are_read_each_for_itself():
    found = read_checksums({"Content-MD5": "%%%", "Repr-Digest": f"md5=:{in_base64(MD5)}:"})
    assert found.given == (Checksum("md5", MD5.digest()),)
    assert found.unreadable == ("Content-MD5",)


def test_a_request_without_checksums_has_none():
    assert read_checksums({"Content-MD5": None}) == read_checksums({})
