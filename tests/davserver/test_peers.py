"""Who asks and for whom: proxies, the names of this server, pages of other sites."""

import pytest

from davserver.peers import Names, Peers, Proxies, Site, is_foreign
from daydrop.settings import ServerSettings, read_settings


def settings(**server: object) -> ServerSettings:
    return read_settings({"server": server}, {}).server


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        ("localhost", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("192.168.1.20", True),
        ("localhost.", True),
        ("nas.home:8080", True),
        ("NAS.Home:80", True),
        ("photos.example.org", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("photos.example.org.evil.example", False),
    ],
)
def test_only_our_own_names_are_answered(host: str, is_answered: bool) -> None:
    server = settings(hosts=["nas.home"], public_url="https://photos.example.org/")
    assert Names.of(server).include(host) is is_answered


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.9", "1.2.3.4", "10.0.0.9"),
        ("192.168.0.1", "1.2.3.4", "1.2.3.4"),
        ("192.168.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("192.168.0.1", "6.6.6.6, 1.2.3.4, 192.168.0.2", "1.2.3.4"),
        ("192.168.0.1", "", "192.168.0.1"),
        ("192.168.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("192.168.0.1", "1.2.3.4:5555", "1.2.3.4"),
        ("::ffff:192.168.0.1", "1.2.3.4", "1.2.3.4"),
    ],
)
def test_a_trusted_proxys_word_is_taken_from_the_right(
    peer: str, forwarded: str, address: str
) -> None:
    proxies = Proxies(settings(trusted_proxies=["192.168.0.0/24"]).trusted_proxies)
    assert proxies.client_address(peer, forwarded) == address


def test_connections_are_counted_by_address_but_for_trusted_proxies() -> None:
    proxies = Proxies(settings(trusted_proxies=["192.168.0.0/24"]).trusted_proxies)
    assert proxies.counted_as("192.168.0.1") is None
    assert proxies.counted_as("::ffff:192.168.0.1") is None
    assert proxies.counted_as("10.0.0.1") == "10.0.0.1"
    assert proxies.counted_as("fe80::1%eth0") == proxies.counted_as("fe80::2") == "fe80::/64"


ASKED = Site.of("nas.local:8080", "", Names.of(settings()))
PUBLIC = Names.of(settings(public_url="https://photos.example.org"))
BEHIND = Site.of("127.0.0.1:8080", "", PUBLIC)
FORWARDED = Site.of("127.0.0.1:8080", "nas.home", PUBLIC)


@pytest.mark.parametrize(
    ("site", "address", "path"),
    [
        (ASKED, "/Upload/a%20b", "/Upload/a b"),
        (ASKED, "http://nas.local:8080/Upload/a", "/Upload/a"),
        (ASKED, "https://NAS.local:8080/Upload/a", "/Upload/a"),
        (ASKED, "http://name:secret@nas.local:8080/a", "/a"),
        (ASKED, "http://nas.local:8080/a#b?c", "/a#b?c"),
        (ASKED, "http://nas.local:9999/a", None),
        (ASKED, "http://nas.local/a", None),
        (ASKED, "http://elsewhere.example/a", None),
        (ASKED, "http://nas.local:8080@elsewhere.example/a", None),
        (ASKED, "http:///a", None),
        (BEHIND, "https://photos.example.org/a", "/a"),
        (BEHIND, "https://photos.example.org:443/a", "/a"),
        (BEHIND, "http://127.0.0.1:8080/a", "/a"),
        (BEHIND, "https://photos.example.org:8443/a", None),
        (BEHIND, "https://nas.home/a", None),
        (FORWARDED, "https://nas.home:443/a", "/a"),
        (FORWARDED, "http://127.0.0.1:8080/a", "/a"),
        (FORWARDED, "https://photos.example.org/a", "/a"),
    ],
)
def test_an_address_is_on_this_server_or_on_another(
    site: Site, address: str, path: str | None
) -> None:
    assert site.path_of(address) == path


@pytest.mark.parametrize("address", ["", "a.jpg", "urn:x", "http://nas.local:8080", "/%ff"])
def test_what_names_no_path_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"neither|utf-8"):
        ASKED.path_of(address)


@pytest.mark.parametrize(
    ("method", "headers", "foreign"),
    [
        ("POST", {}, False),
        ("POST", {"ORIGIN": "http://nas.local:8080"}, False),
        ("POST", {"ORIGIN": "http://NAS.local:8080", "SEC_FETCH_SITE": "same-origin"}, False),
        ("POST", {"SEC_FETCH_SITE": "none"}, False),
        ("POST", {"ORIGIN": "https://evil.example"}, True),
        ("POST", {"ORIGIN": "http://nas.local:9999"}, True),
        ("POST", {"ORIGIN": "null"}, True),
        ("POST", {"ORIGIN": ""}, True),
        ("POST", {"SEC_FETCH_SITE": "cross-site"}, True),
        ("POST", {"SEC_FETCH_SITE": "Same-Site"}, True),
        ("PUT", {"ORIGIN": "https://evil.example"}, True),
        ("GET", {"ORIGIN": "https://evil.example"}, False),
        ("PROPFIND", {"SEC_FETCH_SITE": "cross-site"}, False),
    ],
)
def test_a_change_asked_for_by_a_page_of_another_site_is_foreign(
    method: str, headers: dict[str, str], foreign: bool
) -> None:
    environ = {f"HTTP_{name}": text for name, text in headers.items()}
    assert is_foreign(environ | {"REQUEST_METHOD": method}, ASKED) is foreign


def test_a_request_without_a_host_has_no_page_of_its_own() -> None:
    nowhere = Site.of("", "", Names.of(settings()))
    for origin in ("null", "http://localhost"):
        assert is_foreign({"REQUEST_METHOD": "POST", "HTTP_ORIGIN": origin}, nowhere)


def test_a_page_of_the_public_address_is_ours_behind_a_proxy_with_a_host_of_its_own() -> None:
    environ = {"REQUEST_METHOD": "POST", "HTTP_ORIGIN": "https://photos.example.org"}
    assert not is_foreign(environ, BEHIND)
    assert is_foreign(environ | {"HTTP_ORIGIN": "https://evil.example"}, BEHIND)


@pytest.mark.parametrize(
    ("peer", "asked", "scheme"),
    [("10.0.0.1", "photos.example.org", "https"), ("10.0.0.2", "inside:8080", "http")],
)
def test_only_a_trusted_proxy_says_what_it_was_asked_for(
    peer: str, asked: str, scheme: str
) -> None:
    environ = {
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "inside:8080",
        "HTTP_X_FORWARDED_HOST": "photos.example.org, inside:8080",
        "HTTP_X_FORWARDED_PROTO": "https",
        "wsgi.url_scheme": "http",
    }
    site = Peers(settings(trusted_proxies=["10.0.0.1"])).site(environ)
    assert site.asked == environ["HTTP_HOST"] == asked
    assert environ["wsgi.url_scheme"] == scheme
