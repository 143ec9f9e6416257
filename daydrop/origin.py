"""The sender of a request: the account or the client address, and the program."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

LOCAL = "local"  # the key of files imported on this machine


@dataclass(frozen=True)
class Origin:
    """The sender; `key` is what batches, aliases, locks and properties belong to."""

    key: str
    address: str
    account: str | None = None
    program: str = ""
    is_owner: bool = False


def origin_of(address: str, account: str | None = None, program: str = "") -> Origin:
    """Return the origin of a request; without an account, loopback is the owner."""
    parsed = _parse(address)
    return Origin(
        key=account or address_key(address),
        address=address,
        account=account,
        program=program[:200],
        is_owner=account is None and parsed is not None and parsed.is_loopback,
    )


def is_owner_key(key: str) -> bool:
    """Return whether an origin's key is the owner's: this machine, or `daydrop import` on it."""
    parsed = _parse(key)
    return key == LOCAL or (parsed is not None and parsed.is_loopback)


def address_key(address: str) -> str:
    """Return the key of an address: for IPv6 its /64, since devices change the rest daily."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return str(parsed) if parsed else address


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed
