"""The bounds that keep one peer from using up the server."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Bounds:
    """What one connection, and all of them together, may use. Bytes and seconds."""

    request_line_bytes: int = 8 * KIB
    header_bytes: int = 64 * KIB
    header_count: int = 100
    path_bytes: int = 1024
    """Of the decoded path: names count, however they are encoded."""

    header_seconds: float = 10.0
    """For the whole head of a request, from its first byte to its last."""
    handshake_seconds: float = 10.0
    keep_alive_seconds: float = 10.0
    body_idle_seconds: float = 60.0
    write_seconds: float = 60.0
    """How long a peer may go without reading any of a reply."""

    rate_floor: int = 1 * KIB
    """Bytes a second, averaged over `rate_window_seconds`, for bodies and for replies."""
    rate_window_seconds: float = 60.0

    connections: int = 1000
    connections_per_address: int = 64
    """Busy and idle ones together; the server decides what counts as one address."""
    waiting_per_address: int = 256
    """Connections beyond those, held unread until one of them ends."""
    waiting_seconds: float = 10.0
    idle_connections: int = 256
    """Connections kept open between requests."""
    backlog: int = 256

    drain_bytes: int = 256 * MIB
    """Of an unwanted body, read and thrown away so that the peer sees the reply."""
    drain_seconds: float = 30.0
    linger_seconds: float = 2.0
    thread_idle_seconds: float = 30.0
    """After which a thread above the warm minimum ends."""
