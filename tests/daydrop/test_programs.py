"""Programs have names for people."""

import pytest

from daydrop.programs import program_of, short_name


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
    assert program_of(agent) == name


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("Finder 3.0.0", "Finder"),
        ("GNOME Files 1.50", "GNOME Files"),
        ("a phone app (okhttp) 4.9.0", "a phone app (okhttp)"),
        ("Something/1.0 (else)", "Something/1.0"),
        ("Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0", "Firefox"),
        ("Mozilla/5.0 AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge"),
        ("Mozilla/5.0 (compatible)", "Mozilla"),
        ("x" * 500, "x" * 60),
        ("", ""),
    ],
)
def test_a_receipt_shows_the_name_without_its_version(program: str, name: str) -> None:
    assert short_name(program) == name
