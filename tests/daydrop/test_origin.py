"""An origin without an account is its address."""

from daydrop.origin import address_key, origin_of


def test_an_address_is_an_ipv4_address_or_the_64_of_an_ipv6_one() -> None:
    assert address_key("::ffff:10.0.0.1") == address_key("10.0.0.1") == "10.0.0.1"
    assert address_key("2001:db8::1") == address_key("2001:db8::2")
    assert address_key("2001:db8:0:1::1") != address_key("2001:db8::1")
    assert address_key("fe80::1%eth0") == address_key("fe80::2")
    assert address_key("unix") == "unix"


def test_only_loopback_without_an_account_is_the_owner() -> None:
    assert all(origin_of(address).is_owner for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"))
    assert not origin_of("127.0.0.1", account="anna").is_owner
    assert not origin_of("192.168.1.20").is_owner
