"""The oracle's own parts against values worked out by hand."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journal
import oracle


def test_murmur2_is_kafkas():
    for text, want in (("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536),
                       ("a-little-bit-longer-string", -1486304829), ("abc", 479470107)):
        assert oracle.murmur2(text.encode()) == want & 0xFFFFFFFF


def test_pane_is_the_greatest_common_divisor_with_quarter_hours_for_days():
    assert oracle.window_sizes("10m:2d,1h:30d,1d:2y")[1] == 5 * 60000
    assert oracle.window_sizes("10m:2d,1h:30d")[1] == 10 * 60000
    assert oracle.window_sizes("90s:1d")[1] == 90000


def batch(**columns):
    observation_pb2, _, _ = oracle.modules()
    message = observation_pb2.ObservationBatch(format=1, shard=oracle.shard(columns["city_id"][0], 4))
    message.rows = len(columns["city_id"])
    for name, values in columns.items():
        getattr(message, name).extend(values)
    return message


def partition_of(city):
    sizes, pane = oracle.window_sizes("10m:2d,1h:30d,1d:2y")
    return oracle.Partition(oracle.shard(city, 4), 4, pane, 2 * 86400000, sizes)


def test_a_duplicate_is_counted_once_and_the_rest_is_aggregated():
    observation_pb2, _, _ = oracle.modules()
    city, base = 5809844, 1790000000000
    log = partition_of(city)
    message = batch(city_id=[city] * 4, observed_at_ms=[base, base + 1000, base, base], present=[1] * 4, temperature_centi_c=[100, -50, 999, 100])
    log.record(base + 2000, message.SerializeToString(), observation_pb2)
    assert [log.counts["rows" + name] for name in ("", "_in", "_duplicate", "_correction")] == [4, 2, 1, 1]
    (summary,) = [a.summary() for (name, _, _), a in log.windows.items() if name == "1h"]
    assert summary[1]["sum"] == 50 and summary[1]["square_sum"] == 12500 and summary[1]["minimum"] == -50
    assert summary[1]["minimum_at"] == base + 1000 and summary[1]["first"] == 100 and summary[1]["last"] == -50


def test_what_a_worker_must_refuse_is_bad():
    observation_pb2, _, _ = oracle.modules()
    city, base = 5809844, 1790000000000
    cases = [b"\xff\xff", b"", batch(city_id=[city], observed_at_ms=[base, base]).SerializeToString(),
             batch(city_id=[city], observed_at_ms=[base], kind=[9]).SerializeToString()]
    for payload in cases:
        log = partition_of(city)
        log.record(base, payload, observation_pb2)
        assert (log.counts["rows"], log.counts["rows_bad"]) == (1, 1)


def test_an_impossible_value_costs_that_value_only():
    observation_pb2, _, _ = oracle.modules()
    city, base = 5809844, 1790000000000
    log = partition_of(city)
    message = batch(city_id=[city] * 2, observed_at_ms=[base, base + 1], present=[1 | 1 << 6, 1 << 9], temperature_centi_c=[100, 0],
                    humidity_centi_percent=[10001, 0], wind_direction_centi_deg=[0, 36000])
    log.record(base, message.SerializeToString(), observation_pb2)
    assert log.counts["rows_in"] == 2
    (aggregate,) = [a for (name, _, _), a in log.windows.items() if name == "1h"]
    assert 1 in aggregate.summary() and 2 not in aggregate.summary()
    assert [row["wind_direction_centi_deg"] for row in aggregate.rows] == [0, 0]


def test_old_and_future_rows():
    observation_pb2, _, _ = oracle.modules()
    city, base = 5809844, 1790000000000
    log = partition_of(city)
    message = batch(city_id=[city] * 3, observed_at_ms=[base - 3 * 86400000, base + 300001, base + 300000])
    log.record(base, message.SerializeToString(), observation_pb2)
    assert (log.counts["rows_retired"], log.counts["rows_bad"], log.counts["rows_in"]) == (1, 1, 1)


def test_merge_equals_the_aggregate_of_all():
    rows = [{"observed_at_ms": t, "present": 1, "temperature_centi_c": v} for t, v in ((5, 3), (1, 3), (9, -2), (9, -1), (4, 7), (4, 7))]
    whole, left, right = oracle.Aggregate(), oracle.Aggregate(), oracle.Aggregate()
    whole.rows, left.rows, right.rows = rows, rows[:3], rows[3:]
    assert oracle.merge([left.summary(), right.summary()]) == whole.summary()


def test_the_comparison_sees_a_difference():
    comparison = oracle.Comparison()
    comparison.equal("p0 rows", 3, 4)
    assert comparison.differences == ["p0 rows: the log says 3, Redis says 4"]


def test_a_prefix_with_glob_characters_is_no_pattern():
    assert oracle.pattern("a*[b]?{1}:w:") == "a\\*\\[b\\]\\?{1}:w:*"


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
