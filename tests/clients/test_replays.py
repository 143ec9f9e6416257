"""What programs send that cannot be run here, played from their published sources and logs.

Finder, Windows Explorer, FolderSync with and without temporary names, PhotoSync, Cyberduck; and
davfs2 and rclone, which are run live elsewhere, for the order of their requests. Each is played
on a fresh store and again on the same one, with a file of the same name under the day already,
over one node and over two.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests import media
from tests.clients.talk import Talk, talking
from tests.clock import taken
from tests.drive import EXCLUSIVE, asking, setting
from tests.sites import Served, listening, make_library

DAY = taken(2024, 5, 17)
FOLDER = "images/2024/05/17"
RELEASE = {"Lock_Token": "<{token}>"}
BARE = {"Lock_Token": "{token}"}
XML = {"Content_Type": 'text/xml; charset="utf-8"'}
NAMES = (
    "finder.jpg",
    "WINDOWS.JPG",
    "IMG_20240212_102604.jpg",
    "IMG_20210812_213930.jpg",
    "IMG_5681.JPG",
    "duck.jpg",
    "davfs.jpg",
    "rclone.jpg",
)


@pytest.fixture(scope="module", params=[1, 2], ids=["one node", "two nodes"])
def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Served]]:
    root = tmp_path_factory.mktemp("replays")
    for name in NAMES:  # a file of each name lies under the day already
        place = root / FOLDER / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(media.photo(DAY, seed=f"here before {name}"))
    library = make_library(root)
    library.start()
    with ExitStack() as stack:
        yield [stack.enter_context(listening(library, [])) for _ in range(request.param)]
    library.close()


twice = pytest.mark.parametrize("time", ["first time", "second time"])


def stored(nodes: list[Served], body: bytes) -> list[str]:
    """The folders of the tree that hold these bytes."""
    root = nodes[0].library.store.root
    return [
        str(path.parent)
        for path in nodes[0].library.store.tree.files()
        if (root / path).read_bytes() == body
    ]


def clear(talk: Talk, *paths: str) -> None:
    """Removes what the last run left in Upload."""
    for path in paths:
        talk.say("DELETE", path, 204, 404)


@twice
def test_finder_copies_and_replaces_a_photo(nodes: list[Served], time: str) -> None:
    photo, double = "/Upload/finder.jpg", "/Upload/._finder.jpg"
    body, companion = media.photo(DAY, seed="finder", size=695_127), b"\0\5\x16\7\0\2\0\0" * 512
    look = asking("getlastmodified", "getcontentlength", "creationdate", "resourcetype").encode()
    lock = {"Depth": "0", "Timeout": "Second-600"} | XML
    with talking(nodes, "WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (x86_64)") as finder:

        def place(path: str, content: bytes, chunked: bool) -> None:
            finder.say("PUT", path, 201)
            assert finder.say("PROPFIND", path, 207, body=look, Depth="0").one(path).size == 0
            finder.say("LOCK", path, 200, body=EXCLUSIVE.encode(), **lock)
            finder.say("LOCK", path, 200, If="(<{token}>)", **lock)
            announced = {"X_Expected_Entity_Length": str(len(content))} if chunked else {}
            finder.say(
                "PUT", path, 204, body=content, chunked=chunked, If="(<{token}>)", **announced
            )
            finder.say("UNLOCK", path, 204, **RELEASE)
            told = finder.say("PROPFIND", path, 207, body=look, Depth="0").one(path)
            assert told.size == len(content)

        clear(finder, photo, double)
        assert "2" in finder.say("OPTIONS", "/Upload/", 200).headers["DAV"]
        room = asking("quota-available-bytes", "quota-used-bytes", "quota", "quotaused").encode()
        finder.say("PROPFIND", "/Upload/", 207, body=room, Depth="0")
        for path in ("/Upload/.DS_Store", photo, double):
            finder.say("PROPFIND", path, 404, body=look, Depth="0")
        place(photo, body, chunked=True)
        place(double, companion, chunked=False)
        listing = finder.say("PROPFIND", "/Upload/", 207, body=look, Depth="1")
        assert listing.lists(photo)
        assert not listing.lists(double)
        assert finder.say("GET", double, 200).body == companion
        tag = finder.say("HEAD", photo, 200).headers["ETag"]
        read = finder.say("GET", photo, 200)
        assert (read.body, read.headers["ETag"]) == (body, tag)
        # "Replace": the old one goes first
        finder.say("DELETE", photo, 204)
        finder.say("PROPFIND", photo, 404, body=look, Depth="0")
        place(photo, body, chunked=True)
    assert stored(nodes, body) == [FOLDER]


@twice
def test_explorer_copies_a_photo_and_makes_a_folder(nodes: list[Served], time: str) -> None:
    photo, folder = "/Upload/WINDOWS.JPG", "/Upload/Windows Trip"
    body = media.photo(DAY, seed="windows", size=695_127)
    times = setting(
        "<Z:Win32CreationTime>Fri, 17 May 2024 08:11:12 GMT</Z:Win32CreationTime>"
        "<Z:Win32LastModifiedTime>Fri, 17 May 2024 08:11:12 GMT</Z:Win32LastModifiedTime>"
        "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>"
    ).encode()
    with talking(nodes, "Microsoft-WebDAV-MiniRedir/10.0.22621", translate="f") as windows:
        clear(windows, photo, folder)
        hello = windows.say("OPTIONS", "/", 200).headers
        assert (hello["MS-Author-Via"], "2" in hello["DAV"]) == ("DAV", True)
        windows.say("PROPFIND", "/", 207, Depth="0")
        windows.say("PROPFIND", "/Upload", 207, Depth="1")
        windows.say("PROPFIND", "/Upload/desktop.ini", 404, Depth="0")
        windows.say("PROPFIND", photo, 404, Depth="0")
        windows.say("PUT", photo, 201)
        windows.say("LOCK", photo, 200, body=EXCLUSIVE.encode(), Timeout="Second-3600", **XML)
        for expected in (0, len(body)):
            patched = windows.say("PROPPATCH", photo, 207, body=times, If="(<{token}>)", **XML)
            assert not patched.one(photo).missing
            assert windows.say("HEAD", photo, 200).headers["Content-Length"] == str(expected)
            if not expected:
                windows.say("PUT", photo, 204, body=body, If="(<{token}>)")
        windows.say("UNLOCK", photo, 204, **BARE)  # some leave out the brackets
        told = windows.say("PROPFIND", photo, 207, Depth="0").one(photo)
        assert (told.size, told.text("getlastmodified")) == (
            len(body),
            "Fri, 17 May 2024 08:11:12 GMT",
        )
        assert windows.say("PROPFIND", "/Upload", 207, Depth="1").lists(photo)
        windows.say("MKCOL", folder, 201)
        assert not windows.say("PROPPATCH", folder, 207, body=times, **XML).one(folder).missing
    assert stored(nodes, body) == [FOLDER]


@twice
def test_foldersync_sends_straight_to_the_name(nodes: list[Served], time: str) -> None:
    photo = "/Upload/IMG_20240212_102604.jpg"
    body = media.photo(DAY, seed="foldersync", size=402_113)
    with talking(nodes, "okhttp/4.9.0") as phone:
        clear(phone, photo)
        phone.say("PROPFIND", "/Upload/", 207, Depth="1")
        sent = phone.say("PUT", photo, 201, body=body, X_OC_Mtime="1707733564")
        assert sent.headers["X-OC-Mtime"] == "accepted"
        told = phone.say("PROPFIND", photo, 207, Depth="0").one(photo)
        assert told.text("getlastmodified") == "Mon, 12 Feb 2024 10:26:04 GMT"
        assert phone.say("PROPFIND", "/Upload/", 207, Depth="1").lists(photo)
    assert stored(nodes, body) == [FOLDER]


@twice
def test_foldersync_sends_to_a_temporary_name(nodes: list[Served], time: str) -> None:
    photo = "/Upload/IMG_20210812_213930.jpg"
    part, body = f"{photo}.tacitpart", media.photo(DAY, seed="tacit", size=402_113)
    with talking(nodes, "okhttp/4.9.0") as phone:
        clear(phone, photo, part)
        phone.say("PUT", part, 201, body=body)
        assert phone.say("PROPFIND", part, 207, Depth="0").one(part).size == len(body)
        target = f"{nodes[0].url}{photo}" if len(nodes) == 1 else photo
        phone.say("MOVE", part, 201, Destination=target, Overwrite="T")
        phone.say("PROPFIND", part, 404, Depth="0")
        assert phone.say("PROPFIND", photo, 207, Depth="0").one(photo).size == len(body)
        listing = phone.say("PROPFIND", "/Upload/", 207, Depth="1")
        assert (listing.lists(photo), listing.lists(part)) == (True, False)
    assert stored(nodes, body) == [FOLDER]


@twice
def test_photosync_makes_its_folders_each_time(nodes: list[Served], time: str) -> None:
    album = "/Upload/iPhone/Recents"
    photo, body = f"{album}/IMG_5681.JPG", media.photo(DAY, seed="photosync", size=1_204_481)
    with talking(nodes, "PhotoSync/4.7 CFNetwork/1404 Darwin/22.3.0") as phone:
        clear(phone, "/Upload/iPhone/")
        phone.say("OPTIONS", "/Upload/", 200)
        for expected in (201, 405):
            phone.say("MKCOL", "/Upload/iPhone", expected)
            phone.say("MKCOL", album, expected)
        phone.say("PUT", photo, 201, body=body)
        assert phone.say("PROPFIND", photo, 207, Depth="0").one(photo).size == len(body)
    assert stored(nodes, body) == [FOLDER]


@twice
def test_cyberduck_sends_to_a_name_with_a_uuid(nodes: list[Served], time: str) -> None:
    photo = "/Upload/duck.jpg"
    part = f"{photo}-f040baf0-5c30-45b4-8ab0-f697e42ba6d6"
    body = media.photo(DAY, seed="duck", size=59_345)
    stamp = (
        b'<D:propertyupdate xmlns:D="DAV:" xmlns:S="SAR:"><D:set><D:prop><S:lastmodified>'
        b"Fri, 17 May 2024 08:11:12 GMT</S:lastmodified></D:prop></D:set></D:propertyupdate>"
    )
    with talking(nodes, "Cyberduck/8.7 (Mac OS X/13.4)") as duck:
        clear(duck, photo, part)
        duck.say("PUT", part, 201, body=body)
        assert duck.say("PROPFIND", part, 207, Depth="1").one(part).size == len(body)
        assert not duck.say("PROPPATCH", part, 207, body=stamp, **XML).one(part).missing
        duck.say("MOVE", part, 201, Destination=photo, Overwrite="T")
        told = duck.say("PROPFIND", photo, 207, Depth="1").one(photo)
        assert told.text("getlastmodified") == "Fri, 17 May 2024 08:11:12 GMT"
        rest = f"bytes 10-{len(body) - 1}/{len(body)}"
        duck.say("PUT", photo, 400, body=body[10:], Content_Range=rest)
        assert duck.say("GET", photo, 200).body == body
    assert stored(nodes, body) == [FOLDER]


@twice
def test_davfs2_locks_what_is_not_there_and_saves_by_tag(nodes: list[Served], time: str) -> None:
    photo = "/Upload/davfs.jpg"
    first = media.photo(DAY, seed="davfs 1", size=59_345)
    second = media.photo(DAY, seed="davfs 2", size=60_123)
    lock = {"Depth": "0", "Timeout": "Second-1800"} | XML
    saved = {"If": f"<{photo}> (<{{token}}>)", "If_Match": "{tag}"}
    with talking(nodes, "davfs2/1.6.1 neon/0.32.5") as mount:
        clear(mount, photo)
        mount.say("LOCK", photo, 201, body=EXCLUSIVE.encode(), **lock)
        assert mount.say("HEAD", photo, 200).headers["Content-Length"] == "0"
        mount.say("PUT", photo, 204, body=first, **saved)
        mount.say("UNLOCK", photo, 204, **RELEASE)
        mount.say("LOCK", photo, 200, body=EXCLUSIVE.encode(), **lock)
        mount.say("GET", photo, 304, If_None_Match="{tag}")
        mount.say("PUT", photo, 204, body=second, **saved)
        mount.say("UNLOCK", photo, 204, **RELEASE)
        mount.say("PUT", photo, 412, body=first, If_None_Match="*")
        assert mount.say("GET", photo, 200).body == second
    assert (stored(nodes, first), stored(nodes, second)) == ([FOLDER], [FOLDER])


@twice
def test_rclone_deletes_what_it_could_not_overwrite(nodes: list[Served], time: str) -> None:
    photo, body = "/Upload/rclone.jpg", media.photo(DAY, seed="rclone", size=58_894)
    words = b"These are words, whatever the name of the file says.\n" * 20
    with talking(nodes, "rclone/v1.60.1") as rclone:
        clear(rclone, photo)
        rclone.say("PROPFIND", photo, 404, Depth="1")
        rclone.say("MKCOL", "/Upload/", 405)
        rclone.say("PUT", photo, 201, body=body)
        assert rclone.say("PROPFIND", photo, 207, Depth="1").one(photo).size == len(body)
        rclone.say("PUT", photo, 403, body=words)
        assert rclone.say("GET", photo, 200).body == body
        rclone.say("DELETE", photo, 204)
        rclone.say("PUT", photo, 403, body=words)
        rclone.say("DELETE", photo, 404)
    assert stored(nodes, body) == [FOLDER]
    assert stored(nodes, words) == []
