"""Bytes are put in place whole, replace nothing, and are reached through no link."""

import os
from pathlib import Path, PurePosixPath

import pytest

from daydrop.errors import Code, Refused, StoreUnusable
from daydrop.store.local import LocalStore

PLACE = PurePosixPath("images/2024/05/17/IMG_1.jpg")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "store")
    store.prepare()
    return store


def put(store: LocalStore, path: PurePosixPath, body: bytes) -> bool:
    staged = store.staging.create()
    staged.write(body)
    staged.close()
    return store.link(staged.name, path)


def test_a_file_appears_under_its_name_and_replaces_nothing(store):
    assert put(store, PLACE, b"first")
    assert not put(store, PLACE, b"second")
    assert store.tree.path(PLACE).read_bytes() == b"first"


def test_it_renames_without_replacing_where_links_cannot_be_made(store, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert put(store, PLACE, b"first")
    assert not put(store, PLACE, b"second")
    assert store.tree.path(PLACE).read_bytes() == b"first"


def test_a_store_that_can_do_neither_is_refused_with_a_sentence(tmp_path, monkeypatch):
    from daydrop.store import system

    def refuse(*_args, **_kwargs):
        raise OSError(1, "no links here")

    class NoRename:
        renameat2 = None

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(system.ctypes, "CDLL", lambda *_args, **_kwargs: NoRename)
    with pytest.raises(StoreUnusable, match="put the store on a local disk"):
        made = LocalStore(tmp_path / "store")
        made.prepare()
        made.prove()


def test_staging_and_trash_are_hidden_from_the_tree(store):
    store.staging.create().write(b"half")
    assert list(store.tree.files()) == []
    with pytest.raises(FileNotFoundError):
        store.tree.open(PurePosixPath(".daydrop/catalogue.sqlite"))


@pytest.mark.parametrize("path", ["../secret", "images/../../secret", "/etc/passwd", ".daydrop/x"])
def test_a_path_out_of_the_tree_is_no_path(store, path):
    with pytest.raises(ValueError, match="a path of the tree"):
        store.tree.path(PurePosixPath(path))
    with pytest.raises(FileNotFoundError):
        store.tree.open(PurePosixPath(path))


def test_links_are_neither_followed_nor_listed(store, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.jpg").write_bytes(b"secret")
    (store.root / "images" / "leaf.jpg").symlink_to(secret / "key.jpg")
    (store.root / "images" / "folder").symlink_to(secret)
    for path in ("images/leaf.jpg", "images/folder/key.jpg"):
        with pytest.raises(FileNotFoundError):
            store.tree.open(PurePosixPath(path))
    assert store.tree.listing(PurePosixPath("images")) == []
    assert list(store.tree.files()) == []
    with pytest.raises(FileNotFoundError):
        store.tree.listing(PurePosixPath("images/folder"))


def test_a_pipe_under_the_name_of_a_photo_is_no_file(store):
    os.mkfifo(store.root / "images" / "pipe.jpg")
    with pytest.raises(FileNotFoundError):
        store.tree.open(PurePosixPath("images/pipe.jpg"))


def test_a_disk_that_takes_no_writes_is_said(tmp_path: Path):
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere; tests/faults remounts a real disk")
    tmp_path.chmod(0o500)
    with pytest.raises(Refused) as refused:
        LocalStore(tmp_path / "store").prepare()
    assert refused.value.code is Code.READ_ONLY


def test_what_is_moved_lies_in_one_place(store):
    put(store, PLACE, b"first")
    target = PurePosixPath("images/2024/05/18/IMG_1.jpg")
    put(store, target, b"other")
    assert not store.tree.move(PLACE, target)
    free = PurePosixPath("images/2024/05/19/IMG_1.jpg")
    assert store.tree.move(PLACE, free)
    assert sorted(map(str, store.tree.files())) == [str(target), str(free)]
