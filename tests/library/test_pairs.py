"""Members of one shot stay together, strangers of one name do not."""

from datetime import UTC, datetime

import pytest

from tests.media import film, heic, photo, raw

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock


def paths(library) -> list[str]:
    return sorted(str(path) for path in library.store.files())


def live(taken=TAKEN, seed=""):
    return film(taken.replace(tzinfo=UTC), seed, keys=f"{taken:%Y-%m-%dT%H:%M:%S}+0200", fmt="mov")


@pytest.mark.parametrize("first", ["picture", "film"])
def test_a_live_photo_lies_together_whichever_half_comes_first(library, send, first):
    halves = [("IMG_1.HEIC", heic(taken=TAKEN)), ("IMG_1.MOV", live())]
    for name, body in halves if first == "picture" else reversed(halves):
        send(f"Camera/{name}", body)
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]


def test_an_undated_half_follows_the_dated_one(library, send):
    send("IMG_1.MOV", film(None, fmt="mov"))
    assert paths(library) == ["no_date/IMG_1.MOV"]
    send("IMG_1.JPG", photo(taken=TAKEN))
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "images/2024/05/17/IMG_1.MOV"]


def test_the_same_stem_on_another_day_is_no_pair(library, send):
    send("IMG_1.MOV", live(datetime(2023, 1, 2, 3, 4, 5)))  # noqa: DTZ001  a wall clock
    send("IMG_1.JPG", photo(taken=TAKEN))
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "videos/2023/01/02/IMG_1.MOV"]


def test_the_same_stem_in_another_folder_is_no_pair(library, send):
    send("one/IMG_1.MOV", live())
    send("two/IMG_1.HEIC", heic(taken=TAKEN))
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "videos/2024/05/17/IMG_1.MOV"]


def test_both_halves_get_the_same_number_when_the_name_is_taken(library, send):
    send("one/IMG_1.HEIC", heic(taken=TAKEN, seed="stranger"))
    send("two/IMG_1.MOV", live())
    send("two/IMG_1.HEIC", heic(taken=TAKEN, seed="mine"))
    assert paths(library) == [
        "images/2024/05/17/IMG_1 (2).HEIC",
        "images/2024/05/17/IMG_1 (2).MOV",
        "images/2024/05/17/IMG_1.HEIC",
    ]


def test_a_film_of_utc_takes_the_zone_of_its_picture(library, send):
    late = datetime(2024, 5, 17, 23, 30, 0)  # noqa: DTZ001  a wall clock
    send("IMG_1.HEIC", heic(taken=late, offset="-07:00"))
    receipt = send("IMG_1.MOV", film(datetime(2024, 5, 18, 6, 30, 1, tzinfo=UTC), fmt="mov"))
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]
    assert (receipt.day, receipt.source) == ("2024-05-17", "movie_header")


def test_raw_and_jpeg_of_one_shot_lie_together(library, send):
    send("DSC_1.NEF", raw(taken=TAKEN))
    send("DSC_1.JPG", photo(taken=TAKEN))
    assert paths(library) == ["images/2024/05/17/DSC_1.JPG", "images/2024/05/17/DSC_1.NEF"]
