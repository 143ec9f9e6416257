"""Programs have names for people."""

import pytest

from davserver.dav.clients import program


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (x86_64)", "Finder 3.0.0"),
        ("Microsoft-WebDAV-MiniRedir/10.0.22621", "Windows Explorer 10.0.22621"),
        ("rclone/v1.60.1", "rclone 1.60.1"),
        ("rclone/", "rclone"),
        ("davfs2/1.6.1 neon/0.32.5", "davfs2 1.6.1"),
        ("okhttp/4.9.0", "a phone app (okhttp) 4.9.0"),
        ("Something/1.0 (else)", "Something/1.0 (else)"),
        ("a\r\nb\u202ec", "abc"),
        ("x" * 500, "x" * 200),
        ("", ""),
    ],
)
def test_a_program_is_told_by_the_name_people_know(agent: str, name: str) -> None:
    assert program(agent) == name
