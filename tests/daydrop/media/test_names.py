"""What a name announces, and how it is made safe to store."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daydrop.errors import Code, Refused
from daydrop.filing.placement import numbered
from daydrop.media.names import (
    NAME_BYTES,
    Role,
    checked_path,
    companion_target,
    printable,
    role,
    stem_key,
    stored_name,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_1.jpg", Role.MEDIUM),
        ("IMG_1.HEIC", Role.MEDIUM),
        ("clip.MP4", Role.MEDIUM),
        ("._IMG_1.jpg", Role.LITTER),
        (".DS_Store", Role.LITTER),
        ("Thumbs.db", Role.LITTER),
        ("desktop.ini", Role.LITTER),
        ("~$notes.docx", Role.LITTER),
        (".~lock.notes.odt#", Role.LITTER),
        ("IMG_1.jpg.tacitpart", Role.TEMPORARY),
        ("IMG_1.jpg.part", Role.TEMPORARY),
        ("IMG_1.jpg.partial", Role.TEMPORARY),
        ("IMG_1.jpg_exiftool_tmp", Role.TEMPORARY),
        (".IMG_1.jpg.a1B2c3", Role.TEMPORARY),
        ("c.jpg-f040baf0-5c30-45b4-8ab0-f697e42ba6d6", Role.TEMPORARY),
        (".goutputstream-ABC123", Role.TEMPORARY),
        ("IMG_1.xmp", Role.COMPANION),
        ("IMG_1.jpg.xmp", Role.COMPANION),
        ("IMG_1.AAE", Role.COMPANION),
        ("IMG_1.jpg.json", Role.COMPANION),
        ("IMG_1.jpg.supplemental-metadata.json", Role.COMPANION),
        ("IMG_1.jpg.supplemental-me.json", Role.COMPANION),
        ("package.json", Role.OTHER),
        ("notes.txt", Role.OTHER),
        ("IMG_1", Role.OTHER),
        ("page.svg", Role.OTHER),
    ],
)
def test_a_name_announces(name, expected):
    assert role(name) is expected


@pytest.mark.parametrize(
    ("companion", "picture"),
    [
        ("IMG_1.xmp", "IMG_1.jpg"),
        ("IMG_1.jpg.xmp", "IMG_1.jpg"),
        ("img_1.AAE", "IMG_1.HEIC"),
        ("IMG_1.jpg.json", "IMG_1.jpg"),
        ("IMG_1.jpg.supplemental-metad.json", "IMG_1.jpg"),
        ("a.b.xmp", "a.b.jpg"),
    ],
)
def test_a_companion_names_its_picture(companion, picture):
    assert companion_target(companion) == stem_key(picture)


@pytest.mark.parametrize(
    "path",
    [
        *("../x.jpg", "a/../x.jpg", "a/./x.jpg", "a//x.jpg", "a\0.jpg", "a\nb.jpg", "a\\b.jpg"),
        *("\x85.jpg", "\ud800.jpg", "/".join(["long folder name"] * 80)),
    ],
)
def test_a_path_that_leads_elsewhere_or_hides_something_is_refused(path):
    with pytest.raises(Refused) as refused:
        checked_path(path)
    assert refused.value.code is Code.BAD_NAME


def test_a_path_is_kept_in_nfc():
    assert checked_path(unicodedata.normalize("NFD", "Zoë/Größe.jpg")) == "Zoë/Größe.jpg"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("CON.jpg", "CON_.jpg"),
        ("lpt1.jpg", "lpt1_.jpg"),
        ("trailing .jpg. ", "trailing .jpg"),
        ('a<b>:"c|d?e*.jpg', "a_b___c_d_e_.jpg"),
        ("evil\u202egpj.exe.jpg", "evilgpj.exe.jpg"),
        ("zero\u200bwidth.jpg", "zerowidth.jpg"),
        (".hidden.jpg", "_.hidden.jpg"),
        ("照片 №1 🙂.jpg", "照片 №1 🙂.jpg"),
    ],
)
def test_a_name_is_made_safe_and_kept_recognisable(sent, stored):
    assert stored_name(sent) == stored


def test_a_name_of_too_many_bytes_keeps_its_extension():
    name = stored_name("🙂" * 64 + ".jpeg")
    assert len(name.encode()) <= NAME_BYTES
    assert name.endswith("🙂.jpeg")


@given(st.text(min_size=1), st.integers(1, 9999))
def test_every_name_can_be_stored_under_every_number(name, number):
    safe = numbered(name, number)
    assert safe
    assert len(safe.encode()) <= NAME_BYTES
    assert not set(safe) & set('<>:"|?*\\/\0')
    assert not safe.startswith(".")
    assert unicodedata.is_normalized("NFC", safe)


@given(st.text(max_size=300))
def test_a_name_is_shown_without_anything_invisible(name):
    shown = printable(name)
    assert shown
    assert len(shown) <= 200
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in shown)
