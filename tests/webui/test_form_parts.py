"""The form's parser: streamed, and with an end to everything."""

import itertools

import pytest

from webui.form_parts import (
    FIELD_BYTES,
    MOST_PARTS,
    FieldValue,
    FileBegins,
    FileBytes,
    FileEnds,
    FormRefused,
    file_name,
    parts,
)

HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n'
NASTY = b"\r\n--a is another\r\r\n--\r\n-\n--bx\r\n-\r" * 3


def parsed(body: bytes, step: int) -> list[object]:
    blocks = (memoryview(body[at : at + step]) for at in range(0, len(body), step))
    return list(parts(blocks, "b"))


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 100_000])
def test_bytes_come_out_as_they_went_in_however_they_are_cut(step: int) -> None:
    body = (
        HEAD + NASTY + b'\r\n--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nv\r\n--b--\r\n'
    )
    events = parsed(body, step)
    assert b"".join(each.block for each in events if isinstance(each, FileBytes)) == NASTY
    assert events[0] == FileBegins("a.jpg")
    assert events[-1] == FieldValue("n", "v")
    assert FileEnds() in events


def test_a_large_file_is_never_held_whole() -> None:
    block = memoryview(bytes(range(256)) * 256)
    begin, end = memoryview(HEAD), memoryview(b"\r\n--b--\r\n")
    stream = itertools.chain([begin], itertools.repeat(block, 100), [end])
    largest = max(len(each.block) for each in parts(stream, "b") if isinstance(each, FileBytes))
    assert largest <= 2 * len(block)


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"cut",
        b'--b\r\nContent-Disposition: form-data; name="f"\r\nX: ' + b"x" * 20_000,
        b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + b"x" * (FIELD_BYTES + 1),
        b"--b\r\nNo-Disposition: 1\r\n\r\nx\r\n--b--\r\n",
        (HEAD + b"x\r\n") * (MOST_PARTS + 1) + b"--b--\r\n",
        b"",
    ],
    ids=["cut", "long head", "long field", "no disposition", "many parts", "nothing"],
)
def test_what_is_no_proper_form_is_refused(body: bytes) -> None:
    with pytest.raises(FormRefused):
        parsed(body, 1000)


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ('form-data; name="f"; filename="a.jpg"', "a.jpg"),
        ("form-data; name=f; filename=a.jpg", "a.jpg"),
        ('form-data; name="f"; filename="say %22cheese%22.jpg"', 'say "cheese".jpg'),
        (r'form-data; name="f"; filename="say \"cheese\".jpg"', 'say "cheese".jpg'),
        ("form-data; name=f; filename=x; filename*=UTF-8''%E7%85%A7.jpg", "照.jpg"),
        ('form-data; name="f"; filename="照.jpg"', "照.jpg"),
        ('form-data; name="f"; filename=""', ""),
        ('form-data; name="f"; FileName="a.jpg"', "a.jpg"),
        ('form-data; name="f"', None),
        ("", None),
    ],
)
def test_a_name_is_read_as_its_sender_meant_it(disposition: str, expected: str | None) -> None:
    assert file_name(disposition) == expected


def test_a_name_that_is_not_utf_8_refuses_neither_its_file_nor_the_form() -> None:
    names = [b"caf\xe9.jpg", "\u7167\u00e0.jpg".encode()]
    body = b"".join(HEAD.replace(b"a.jpg", name) + b"x\r\n" for name in names) + b"--b--\r\n"
    begun = [each.name for each in parsed(body, 7) if isinstance(each, FileBegins)]
    assert begun == ["caf\ufffd.jpg", "\u7167\u00e0.jpg"]
