"""The rule that chooses a capture date."""

# ruff: noqa: DTZ001 - a wall clock has no zone

import json
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daydrop.capturedate import names, rule
from daydrop.capturedate.belief import flaw
from daydrop.capturedate.datetext import candidate
from daydrop.capturedate.rule import (
    Candidate,
    CaptureDate,
    Form,
    Reason,
    Source,
    Verdict,
    ZoneSource,
    choose,
)

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def exif(text: str, offset: str | None = None, source: Source = Source.EXIF_ORIGINAL) -> Candidate:
    return candidate(source, text, offset)


def instant(text: str, source: Source = Source.MOVIE_HEADER, span: float = 0.0) -> Candidate:
    wall = datetime.fromisoformat(text)
    return Candidate(source, text, wall, None, Form.INSTANT, span_seconds=span)


def named(name: str) -> Candidate:
    found = names.candidate(name)
    assert found is not None
    return found


def reasons(capture: CaptureDate) -> list[tuple[Source, Verdict, Reason]]:
    return [(each.candidate.source, each.verdict, each.why) for each in capture.judged]


def test_without_candidates_there_is_no_date() -> None:
    assert choose([], NOW) == CaptureDate(None, None, None, None, False, ())
    assert choose([], NOW).day is None


def test_a_local_time_is_taken_as_it_stands() -> None:
    capture = choose([exif("2024:12:31 23:45:10", "-08:00")], NOW, ZoneInfo("Asia/Tokyo"))
    assert capture.day == date(2024, 12, 31)
    assert capture.offset_minutes == -480
    assert capture.zone_source is ZoneSource.FILE


def test_the_better_source_wins_whatever_the_order() -> None:
    edited = exif("2024:01:01 10:00:00", source=Source.EXIF_MODIFIED)
    taken = exif("2015:06:01 18:00:00", source=Source.XMP_PHOTOSHOP)
    for order in ([edited, taken], [taken, edited]):
        capture = choose(order, NOW)
        assert capture.day == date(2015, 6, 1)
        assert [each.candidate for each in capture.judged] == [taken, edited]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0000:00:00 00:00:00", Reason.UNSET),
        ("    :  :     :  :  ", Reason.UNSET),
        ("", Reason.UNSET),
        ("2010", Reason.BARE_YEAR),
        ("2024:02:30 12:00:00", Reason.IMPOSSIBLE),
        ("yesterday", Reason.UNREADABLE),
        ("1825:12:31 12:00:00", Reason.TOO_OLD),
        ("1903:12:31 16:00:00", Reason.EPOCH),
        ("1904:01:01 00:00:00", Reason.EPOCH),
        ("1969:12:31 16:00:00", Reason.EPOCH),
        ("1970:01:01 00:00:00", Reason.EPOCH),
        ("1980:01:01 00:00:00", Reason.EPOCH),
        ("2002:12:08 12:00:00", Reason.CLOCK_START),
        ("2038:05:05 01:29:24", Reason.FUTURE),
    ],
)
def test_an_unbelievable_date_gives_way_to_the_next_source(text: str, reason: Reason) -> None:
    good = exif("2023:04:05 09:06:56", source=Source.EXIF_MODIFIED)
    capture = choose([exif(text), good], NOW)
    assert capture.day == date(2023, 4, 5)
    assert reasons(capture)[0] == (Source.EXIF_ORIGINAL, Verdict.REJECTED, reason)


@pytest.mark.parametrize("text", ["2005:01:01 00:00:00", "1826:01:01 00:00:00"])
def test_new_years_midnight_and_old_scans_are_believed(text: str) -> None:
    assert choose([exif(text)], NOW).day is not None


def test_the_clock_may_be_a_day_ahead_and_no_more() -> None:
    assert choose([exif("2026:11:23 11:59:59")], NOW).day == date(2026, 11, 23)
    assert choose([exif("2026:11:23 12:00:01")], NOW).day is None
    assert choose([exif("2026:11:24 01:00:00", "+14:00")], NOW).day == date(2026, 11, 24)


@pytest.mark.parametrize("source", [Source.MOVIE_HEADER, Source.MATROSKA, Source.ASF, Source.GPS])
def test_a_container_before_1990_is_not_believed(source: Source) -> None:
    capture = choose([instant("1985-06-01T00:00:00", source)], NOW)
    assert source is Source.MOVIE_HEADER or capture.day is None


def test_a_movie_header_counted_from_1970_is_understood() -> None:
    written = instant("1951-01-02T03:04:05")
    capture = choose([written], NOW)
    assert capture.day == date(2017, 1, 2)
    assert reasons(capture) == [(Source.MOVIE_HEADER, Verdict.CHOSEN, Reason.COUNTED_FROM_1970)]


def test_the_container_of_a_cut_film_is_not_believed() -> None:
    cut = Candidate(
        Source.MOVIE_HEADER, "x", datetime(2025, 1, 1), None, Form.INSTANT, is_distrusted=True
    )
    capture = choose([cut, named("VID_20241231_233000.mp4")], NOW)
    assert capture.day == date(2024, 12, 31)
    assert reasons(capture)[0] == (Source.MOVIE_HEADER, Verdict.REJECTED, Reason.CUT_SHORT)


class TestZoneOfAnInstant:
    def test_without_a_setting_it_is_utc_and_said_to_be_estimated(self) -> None:
        capture = choose([instant("2025-01-01T07:30:00")], NOW)
        assert (capture.day, capture.offset_minutes) == (date(2025, 1, 1), 0)
        assert capture.zone_source is ZoneSource.UTC_ESTIMATED

    def test_the_setting_is_asked_last(self) -> None:
        capture = choose([instant("2025-01-01T07:30:00")], NOW, ZoneInfo("America/Los_Angeles"))
        assert capture.wall == datetime(2024, 12, 31, 23, 30)
        assert capture.zone_source is ZoneSource.SETTING

    def test_the_partner_comes_before_the_setting(self) -> None:
        capture = choose([instant("2025-01-01T07:30:00")], NOW, ZoneInfo("Asia/Tokyo"), -480)
        assert capture.day == date(2024, 12, 31)
        assert capture.zone_source is ZoneSource.PARTNER

    def test_the_name_comes_before_the_partner(self) -> None:
        found = [instant("2025-01-01T07:30:02"), named("VID_20241231_233000.mp4")]
        capture = choose(found, NOW, None, 540)
        assert capture.wall == datetime(2024, 12, 31, 23, 30, 2)
        assert (capture.offset_minutes, capture.zone_source) == (-480, ZoneSource.NAME)
        assert capture.source is Source.MOVIE_HEADER

    def test_a_header_stamped_at_the_end_of_the_recording_is_allowed_for(self) -> None:
        found = [instant("2025-01-01T08:05:10", span=2110.0), named("VID_20241231_233000.mp4")]
        capture = choose(found, NOW)
        assert capture.wall == datetime(2024, 12, 31, 23, 30)
        assert capture.offset_minutes == -480

    def test_a_weaker_date_of_the_same_moment_lends_its_offset(self) -> None:
        found = [
            instant("2025-01-01T07:30:00"),
            exif("2024-12-31T23:30:00-08:00", source=Source.XMP_CREATED),
        ]
        capture = choose(found, NOW)
        assert capture.day == date(2024, 12, 31)
        assert capture.zone_source is ZoneSource.FILE

    @pytest.mark.parametrize(
        "name",
        [
            "VID_20241231_233700.mp4",  # no multiple of 15 minutes away
            "VID_20241230_233000.mp4",  # more than 14 hours away
            "PXL_20250101_073000000.mp4",  # UTC itself
            "VID-20241231-WA0001.mp4",  # a day only
        ],
    )
    def test_a_name_that_does_not_fit_gives_no_zone(self, name: str) -> None:
        capture = choose([instant("2025-01-01T07:30:00"), named(name)], NOW)
        assert capture.zone_source is ZoneSource.UTC_ESTIMATED

    def test_the_pixel_name_is_utc(self) -> None:
        capture = choose(
            [named("PXL_20241231_233000000.jpg")], NOW, timezone(timedelta(hours=1, minutes=0))
        )
        assert capture.day == date(2025, 1, 1)
        assert capture.zone_source is ZoneSource.SETTING


@pytest.mark.parametrize(
    ("other", "verdict", "reason"),
    [
        (instant("2024-12-31T14:30:00"), Verdict.AGREES, Reason.SAME_MOMENT),
        (instant("2024-12-31T16:30:00"), Verdict.DIFFERS, Reason.OTHER_DAY),
        (
            exif("2025:01:01 01:30:30", source=Source.EXIF_DIGITIZED),
            Verdict.AGREES,
            Reason.SAME_CLOCK,
        ),
        (
            exif("2025:01:01 09:00:00", source=Source.EXIF_MODIFIED),
            Verdict.DIFFERS,
            Reason.OTHER_TIME,
        ),
        (named("VID-20250101-WA0001.mp4"), Verdict.AGREES, Reason.SAME_DAY),
        (named("VID-20250102-WA0001.mp4"), Verdict.DIFFERS, Reason.OTHER_DAY),
    ],
)
def test_each_loser_is_told_why(other: Candidate, verdict: Verdict, reason: Reason) -> None:
    capture = choose([exif("2025:01:01 01:30:00", "+11:00"), other], NOW)
    assert reasons(capture)[1] == (other.source, verdict, reason)


def test_a_local_time_and_an_instant_may_agree_but_for_the_zone() -> None:
    capture = choose([exif("2025:01:01 01:30:00"), instant("2024-12-31T14:30:00")], NOW)
    assert reasons(capture)[1][2] is Reason.SAME_BUT_FOR_ZONE


def test_a_companion_corrects_the_same_field() -> None:
    fixed = exif("2020-02-02T02:02:02", source=Source.COMPANION_ORIGINAL)
    assert choose([exif("2021:03:03 03:03:03"), fixed], NOW).day == date(2020, 2, 2)


WALLS = st.datetimes()
NEVER = [  # written out, so that the rule is not its own judge
    datetime(1904, 1, 1),
    datetime(1969, 12, 31, 16, 0, 0),
    datetime(1970, 1, 1, 1, 0, 0),
    datetime(1980, 1, 1),
    datetime(2002, 12, 8, 12, 0, 0),
    datetime(1825, 12, 31),
]
CANDIDATES = st.builds(
    Candidate,
    source=st.sampled_from(Source),
    raw=st.text(max_size=30),
    wall=st.none()
    | WALLS
    | WALLS.map(lambda wall: wall.replace(year=2000 + wall.year % 30, day=1))
    | st.sampled_from(NEVER),
    offset_minutes=st.none() | st.integers(-2000, 2000),
    form=st.sampled_from(Form),
    day_only=st.booleans(),
    span_seconds=st.floats(0, 90_000, allow_nan=False),
    is_distrusted=st.booleans(),
)
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC))
SETTINGS = st.none() | st.sampled_from(
    [ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Auckland"), timezone(timedelta(hours=-12))]
)
OFFSETS = st.none() | st.integers(-2000, 2000)


@given(st.lists(CANDIDATES, max_size=8), MOMENTS, SETTINGS, OFFSETS)
@example([instant("0001-01-01T00:00:00")], NOW, None, None)
@example([instant("9999-12-31T23:59:59")], NOW, ZoneInfo("Pacific/Auckland"), 840)
def test_choose_is_total_pure_and_never_takes_what_it_rejects(
    candidates: list[Candidate], now: datetime, zone: ZoneInfo | None, partner: int | None
) -> None:
    capture = choose(candidates, now, zone, partner)

    assert choose(candidates, now, zone, partner) == capture
    assert sorted(map(repr, capture.candidates)) == sorted(map(repr, candidates))
    chosen = [each for each in capture.judged if each.verdict is Verdict.CHOSEN]
    assert len(chosen) == (capture.wall is not None)
    if chosen:
        winner = chosen[0].candidate
        assert winner in candidates
        assert winner.source is capture.source
        if chosen[0].why is Reason.FIRST_BELIEVABLE:
            assert winner.wall not in NEVER
            assert flaw(winner, now.replace(tzinfo=None)) is None
    else:
        assert all(each.verdict is Verdict.REJECTED for each in capture.judged)


@given(st.lists(CANDIDATES, max_size=5))
def test_what_was_judged_survives_json(candidates: list[Candidate]) -> None:
    judged = choose(candidates, NOW).judged
    assert rule.load(json.loads(json.dumps(rule.dump(judged)))) == judged
