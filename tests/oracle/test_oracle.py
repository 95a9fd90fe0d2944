"""The oracle's own parts against values worked out by hand."""
import datetime
import math
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare
import decode
import figures
import formulas
import journal
import partition
import quality
import stretches
import topic
import windows
import zones
from proto import modules
from shard import murmur2, shard


def test_murmur2_is_kafkas():
    for text, want in (("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536),
                       ("a-little-bit-longer-string", -1486304829), ("abc", 479470107)):
        assert murmur2(text.encode()) == want & 0xFFFFFFFF


def test_pane_is_the_greatest_common_divisor_with_quarter_hours_for_days():
    assert windows.window_sizes("10m:2d,1h:30d,1d:2y")[1] == 5 * 60000
    assert windows.window_sizes("10m:2d,1h:30d")[1] == 10 * 60000
    assert windows.window_sizes("90s:1d")[1] == 90000
    sizes, pane = windows.window_sizes("10m:2d,1h:30d,24h/20m:7d")
    assert pane == 5 * 60000 and [(size.name, size.sketched) for size in sizes] == [("10m", True), ("1h", True)]


CITY, BASE = 5809844, 1790000000000


def batch(**columns):
    message = modules()[0].ObservationBatch(format=1, shard=shard(columns["city_id"][0], 4))
    message.rows = len(columns["city_id"])
    for name, values in columns.items():
        getattr(message, name).extend(values)
    return message


def partition_of(city=CITY):
    return partition.Partition(shard(city, 4), partition.Rules("10m:2d,1h:30d,1d:2y", 4, 2 * 86400000))


def test_a_duplicate_is_counted_once_and_the_rest_is_aggregated():
    log = partition_of()
    message = batch(city_id=[CITY] * 3, observed_at_ms=[BASE, BASE + 1000, BASE], present=[1, 1, 1], temperature_centi_c=[100, -50, 100])
    log.record(0, BASE + 2000, message.SerializeToString())
    assert (log.counts["rows"], log.counts["rows_in"], log.counts["rows_duplicate"]) == (3, 2, 1)
    (pane,) = log.panes.values()
    assert windows.summary(pane.rows, False)[1] == (2, 50, 12500, -50, BASE + 1000, 100, BASE, 100, BASE, -50, BASE + 1000)


def test_of_equal_values_and_times_the_contract_says_which_one_wins():
    assert windows.accumulate([(5, 3), (1, 3), (9, -1), (9, -2), (4, 7), (6, 7)]) == (6, 17, 121, -2, 9, 7, 4, 3, 1, -2, 9)


def test_what_a_worker_must_refuse_is_bad():
    cases = [b"\xff\xff", b"", batch(city_id=[CITY], observed_at_ms=[BASE, BASE]).SerializeToString(),
             batch(city_id=[CITY], observed_at_ms=[BASE], kind=[9]).SerializeToString(),
             batch(city_id=[CITY], observed_at_ms=[-1]).SerializeToString()]
    for payload in cases:
        log = partition_of()
        log.record(7, BASE, payload)
        assert (log.counts["rows"], log.counts["rows_bad"], log.letters) == (1, 1, [(7, -1)])


def test_old_and_future_rows():
    log = partition_of()
    message = batch(city_id=[CITY] * 3, observed_at_ms=[BASE - 3 * 86400000, BASE + 300001, BASE + 300000])
    log.record(0, BASE, message.SerializeToString())
    assert (log.counts["rows_retired"], log.counts["rows_bad"], log.counts["rows_in"]) == (1, 1, 1)
    assert log.letters == [(0, 0), (0, 1)]


def test_panes_close_by_the_watermark_and_by_a_tick():
    log = partition_of()
    start = BASE - BASE % 3600000

    def reading(at, clock):
        log.record(0, clock, batch(city_id=[CITY], observed_at_ms=[at], present=[1], temperature_centi_c=[1]).SerializeToString())

    def tick(clock):
        log.record(0, clock, batch(city_id=[0], observed_at_ms=[clock], kind=[2]).SerializeToString())
    reading(start, start)
    reading(start + 600000, start + 600000)
    city = log.cities[str(CITY)]
    assert city.closed == start + 300000 and sorted(city.open) == [start + 600000]
    reading(start + 1, start + 600001)
    assert city.counts["late"] == 1 and log.windows["10m", start, str(CITY)].revision == 0
    tick(start + 600001 + 1799999)
    assert sorted(city.open) == [start + 600000]
    tick(start + 600001 + 1800000)
    assert not city.open and city.closed == start + 2100000
    reading(start + 2, start + 2400002)
    window = log.windows["10m", start, str(CITY)]
    assert (len(window.rows), window.revision, window.final_at, window.revised_at) == (3, 1, start + 2400001, start + 2400002)


def test_the_comparison_sees_a_difference():
    comparison = compare.Comparison()
    comparison.equal("p0 rows", 3, 4)
    comparison.same_members("city p0 1", {"watermark": 1, "heard": 2}, {"watermark": 1, "heard": 3})
    assert comparison.differences == ["p0 rows: the log says 3, Redis says 4", "city p0 1 heard: the log says 2, Redis says 3"]


def test_a_prefix_with_glob_characters_is_no_pattern():
    assert topic.pattern("a*[b]?{1}:w:") == "a\\*\\[b\\]\\?{1}:w:*"


def centi(x):
    return round(x * 100)


def test_golden_values_of_what_is_derived():
    for t, rh, want in ((25, 50, 13.858), (0, 80, -3.039), (35, 20, 8.702)):
        assert abs(formulas.dew_point_c(t, rh) - want) < 5e-4
        assert formulas.dew_point({0: t * 100, 6: rh * 100}) == centi(want)
    for t, rh, want in ((90, 70, 105.92), (82, 90, 91.99), (110, 10, 104.39), (75, 50, 74.78)):
        assert abs(formulas.heat_index_f(t, rh) - want) < 5e-3
    for t, v, want in ((-10, 30, -19.52), (-25, 40, -40.82)):
        assert abs(formulas.wind_chill_c(t, v) - want) < 5e-3
    for t, d, want in ((30, 15, 33.97), (30, 25, 42.34)):
        assert abs(formulas.humidex_c(t, d) - want) < 5e-3


def test_what_feels_how():
    assert formulas.feels_like({0: 1000, 8: 133}) == 1000  # 4.788 km/h
    assert formulas.feels_like({0: 1000, 8: 134}) == centi(formulas.wind_chill_c(10, 4.824))
    assert formulas.feels_like({0: 1000}) is None and formulas.feels_like({0: 1001}) == 1001
    assert formulas.feels_like({0: 2666}) == 2666 and formulas.feels_like({0: 2667}) is None
    assert formulas.feels_like({0: 3000, 6: 7000}) == centi((formulas.heat_index_f(86, 70) - 32) / 1.8)
    assert formulas.feels_like({0: 20001, 6: 5000}) is None and formulas.dew_point({0: 1000, 6: 0}) is None


def test_degree_days_and_tendency():
    assert formulas.heating_degree_days(10) == 8 and formulas.heating_degree_days(20) == 0 and formulas.cooling_degree_days(20) == 2
    hour = 3600000
    past = [(0, 100000), (hour, 100100), (4 * hour, 100400)]
    assert formulas.tendency((3 * hour + 1800000, 99000), past) == -1000
    assert formulas.tendency((3 * hour + 1800001, 99000), [past[0]]) is None


def test_the_mean_direction_of_wind_is_a_vectors():
    winds = [windows.wind_of({8: 1000, 9: d}) for d in (35000, 1000)]
    assert figures.vector_speed(winds, 0) == pytest.approx(9.848, abs=1e-3) and figures.direction(winds) % 360 == pytest.approx(0, abs=1e-9)
    assert math.isnan(figures.direction([windows.wind_of({8: 1000, 9: d}) for d in (0, 18000)]))


def test_sketches_widen_and_quantiles_are_near():
    assert windows.sketch([5, -1, 33], 5) == (5, ((-1, 1), (0, 1), (1, 1)))
    shift, buckets = windows.sketch(list(range(0, 32 * 600, 32)), 5)
    assert shift == 6 and len(buckets) == 300 and sum(n for _, n in buckets) == 600
    assert windows.quantile([3, 1, 2], 50) == 2 and windows.quantile([1, 2], 90) == 2 and windows.quantile([4], 1) == 4


def hours(zone, year, month, day, days=1):
    date = datetime.date(year, month, day).toordinal() - zones.EPOCH
    return (zones.date_start(zone, date + days) - zones.date_start(zone, date)) / 3600000


def test_civil_days_have_as_many_hours_as_clocks_say():
    assert hours("America/New_York", 2026, 3, 8) == 23 and hours("America/New_York", 2026, 11, 1) == 25
    assert hours("Europe/Berlin", 2026, 3, 29) == 23 and hours("Australia/Sydney", 2026, 4, 5) == 25
    assert hours("Australia/Lord_Howe", 2026, 4, 5) == 24.5 and hours("Pacific/Chatham", 2026, 9, 27) == 23
    assert hours("Africa/Cairo", 2026, 4, 24) == 23 and hours("Africa/Cairo", 2026, 10, 29) == 25
    assert hours("Asia/Kathmandu", 2026, 4, 24) == 24 and hours("Pacific/Apia", 2011, 12, 30) == 0
    assert zones.date_start("Asia/Kathmandu", 20000) == 20000 * 86400000 - 20700000


def test_a_day_that_begins_twice_ends_once():
    """Havana's clocks go back from one to midnight: the hour comes again on the same date; Cairo's from midnight to eleven."""
    date = datetime.date(2026, 10, 30).toordinal() - zones.EPOCH
    start = zones.date_start("Africa/Cairo", date)
    assert zones.day_span("Africa/Cairo", start - 1, 1)[0] == date - 1 and zones.day_span("Africa/Cairo", start, 1)[0] == date
    assert zones.day_span("America/Havana", start, 7)[0] % 7 == 0


def row(at, quality=0, **values):
    names = {"t": 0, "low": 2, "sea": 4, "rh": 6, "dew": 7, "speed": 8, "turn": 9, "gust": 10, "rain": 11, "snow": 12, "cloud": 13}
    return decode.Row(at=at, quality=quality, values={names[name]: value for name, value in values.items()})


def judged(reading, memory=None, latest=None):
    memory = memory or quality.Memory()
    known, runs = quality.judge(reading, quality.Limits(), memory, latest)
    memory.remember(reading, runs, known)
    return {(bit // 8, bit % 8) for bit in range(64) if reading.quality >> bit & 1}, known


def test_flags_of_one_row():
    assert judged(row(0, t=6001, rh=10100, speed=-1)) == ({(0, 0), (0, 2), (0, 5)}, {})
    assert judged(row(0, t=6000, rh=10000)) == (set(), {0: 6000, 6: 10000})
    assert judged(row(0, 1 << 48 | 1 << 8, t=5, rh=5)) == ({(6, 0)}, {6: 5})
    assert judged(row(0, t=800, dew=851, low=801, gust=1, speed=2, snow=1))[0] == {(4, 0), (4, 1), (4, 5), (4, 6)}
    assert judged(row(0, rain=5, cloud=0))[0] == {(4, 6)} and judged(row(0, rain=0, cloud=0))[0] == set()


def test_steps_and_jumps_are_judged_by_what_was_before():
    hour = 3600000
    memory = quality.Memory()
    assert judged(row(0, t=0), memory)[0] == set()
    assert judged(row(hour, t=401), memory)[0] == {(1, 0)}
    flags, known = judged(row(hour + 1, t=3000), memory)
    assert flags == {(1, 0), (2, 0)} and known == {}
    assert [at for at, _ in memory.past] == [0, hour]
    assert judged(row(12 * hour, t=2501), memory)[0] == {(1, 0)}
    assert [at for at, _ in memory.past] == [0, hour, 12 * hour]


def test_a_sensor_that_stands_still_is_suspect_after_six_hours():
    half = 1800000
    memory = quality.Memory()
    flags = [judged(row(k * half, t=100 + k % 10, speed=100, turn=35900 if k % 2 else 100), memory)[0] for k in range(14)]
    assert flags[11] == set() and flags[12] == flags[13] == {(3, 0), (3, 5)}
    assert judged(row(14 * half, t=100, speed=49), memory)[0] == {(3, 0)} and quality.WIND not in memory.runs


def line(what, owner, expected, following, offset, file=None):
    return journal.Event(what, 0, owner, expected, following, offset, 0, file or owner)


GOOD = [line("acquire", "a/1", "0", "1", 0), line("commit", "a/1", "1", "2", 5), line("commit", "a/1", "2", "3", 9),
        line("acquire", "b/1", "3", "4", 9), line("commit", "b/1", "4", "5", 12)]


def test_a_whole_chain_is_accepted():
    assert journal.check(GOOD, {0: "5"}) == []


def test_an_unanswered_commit_is_accepted_and_a_missing_line_is_not():
    unanswered = GOOD[:2] + [line("acquire", "b/1", "3", "4", 9), line("commit", "b/1", "4", "5", 12)]
    assert journal.check(unanswered, {0: "5"}) == []
    assert journal.check(GOOD, {0: "3"}) != []
    assert journal.check(GOOD[:3] + GOOD[4:], {0: "5"}) != []


def test_a_fork_is_seen_unless_redis_was_put_back_there():
    fork = GOOD + [line("acquire", "c/1", "3", "6", 9), line("commit", "c/1", "6", "7", 11)]
    assert any("2 lines follow the id 3" in p for p in journal.check(fork, {0: "5"}))
    assert journal.check(fork, {0: "7"}, [{0: "3"}]) == []
    assert any("follow" in p for p in journal.check(fork, {0: "7"}, [{0: "2"}]))


def test_a_commit_of_another_owner_is_seen():
    assert any(p.startswith("p0 I5") for p in journal.check(GOOD[:-1] + [line("commit", "a/1", "4", "5", 12)], {0: "5"}))


def test_an_offset_that_goes_back_is_seen():
    assert any("I3" in p for p in journal.check(GOOD[:-1] + [line("commit", "b/1", "4", "5", 8)], {0: "5"}))
    assert any("predecessor left" in p for p in journal.check(GOOD[:3] + [line("acquire", "b/1", "3", "4", 10)], {0: "4"}))


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "journal"
    path.write_text("acquire 3 a/1 0 1 7 100\ncommit 3 a/1 1")
    assert journal.read([str(path), str(tmp_path / "none")]) == [journal.Event("acquire", 3, "a/1", "0", "1", 7, 100, str(path))]


def test_an_amount_is_shared_out_to_the_last_micrometre():
    assert [stretches.share(7, 10, begun) for begun in (0, 1, 5, 10)] == [0, 1, 4, 7]
    piece = stretches.Piece(1000, 4000, 4000, 3600, 999)
    cuts = [piece.part(at, at + 700) for at in range(1000, 4000, 700)]
    assert (sum(amount for amount, _ in cuts), sum(ms for _, ms in cuts)) == piece.part(0, 9000) == (999 - stretches.share(999, 3600, 600), 3000)


def trail_of(rows, since=-10 ** 9):
    """Parts of all time, of rows (at in min, mm in the last hour)."""
    trail = stretches.Trail(300000)
    for at, rain in rows:
        trail.take(decode.Row(at=at * 60000, accumulation=3600), {stretches.RAIN_BIT: rain * 1000}, since)
    slots = trail.between(-10 ** 9, 10 ** 9)
    return [sum(parts[k] for parts in slots.values()) for k in range(len(stretches.PARTS))]


def test_trailing_amounts_are_not_added_up():
    """Six polls in an hour of 6 mm in the last hour are 6 mm of that hour, and 5 mm of the one before."""
    polls = [(minute, 6) for minute in range(10, 61, 10)]
    assert trail_of(polls) == [6000 + 5000, 110 * 60000, 0, 0, 110 * 60000]
    assert trail_of(polls[::-1]) == trail_of(polls[3:] + polls[:3]) == trail_of(polls)
    assert trail_of([(0, 3), (300, 3)])[:2] == [6000, 2 * 3600000]


def test_a_row_of_the_air_stands_for_no_time_and_is_counted_beside_the_others():
    air, weather = decode.Row(at=0, values={17: 5, 16: -1}), decode.Row(at=0, values={17: 5, 13: 0})
    assert air.of_air and not weather.of_air and not decode.Row(at=0).of_air
    trail = stretches.Trail(300000)
    assert trail.take(air, {17: 5}, -10 ** 9) == {} and trail.last(stretches.COVERED, 1) == 0
    rows = [windows.Taken(0, {17: 5}, air.of_air), windows.Taken(1, {17: 6, 13: 0}, weather.of_air)]
    summary = windows.summary(rows, False)
    assert (summary["rows"], summary["air_rows"], summary[15][0]) == (2, 1, 2)


def test_what_was_too_long_ago_stays_as_it_was():
    chain = stretches.Chain()
    chain.insert(3600, 1, 3600, 36, 0)
    gone, come = chain.insert(1800, 1, 3600, 72, 1000)
    assert [(p.since, p.until) for p in gone] == [(1000, 3600)] and [(p.since, p.until) for p in come] == [(1000, 1800), (1800, 3600)]
    assert sorted((p.since, p.until, p.at) for pieces in chain.pieces.values() for p in pieces) == [(0, 1000, 3600), (1000, 1800, 1800), (1800, 3600, 3600)]
    assert chain.insert(1800, 2, 3600, 9, 0) == ([], []), "of equal times the smaller provider counts"
