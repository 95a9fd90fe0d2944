"""isobarctl rules against a real redis-server, brokers and the real worker."""
import os
import threading
import time

import pytest
from ctl_runs import run, started, view_of
from feed import Feed
from stack import wait_for

FIRST = "[windows]\n10m = 2d\n1h = 30d\n1d = 2y\n"
OTHER = "[windows]\n10m = 2d\n30m = 5d\n1h = 30d\n1d = 2y\n\n[time]\nlateness = 1d\n"


def write(stack, text, name="rules.ini"):
    path = os.path.join(stack.dir, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def set_rules(stack, *argv):
    return run(stack, "rules", "set", *argv, "--deadline-s", "0")


def records(stack, partition):
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "test"})
    low, high = consumer.get_watermark_offsets(TopicPartition("weather.observations", partition), timeout=10)
    consumer.close()
    return high - low


@pytest.mark.sanitized
def test_rules_are_checked_set_and_shown(stack):
    redis = started(stack)
    path = write(stack, OTHER)
    code, out, err = run(stack, "rules", "check", path, which=())
    assert code == 0 and err == "" and "30m = 5d\n" in out and "allowed_delay = 5m\n" in out
    bad = write(stack, "[windows]\n10m = 2w\n[time]\nidle = x\nfoo = 1\n", "bad.ini")
    code, _, err = run(stack, "rules", "check", bad, which=())
    assert code == 78 and all(f"{bad}: line {n}: " in err for n in (2, 4, 5)), err
    assert run(stack, "rules", "check", "/nowhere", which=())[0] == 78

    assert run(stack, "init", "--rules", write(stack, FIRST, "first.ini"))[0] == 0
    code, out, _ = run(stack, "rules", "show", which=("redis",))
    assert code == 0 and out.encode() == redis.hget("isobar:config", "1")
    assert set_rules(stack, bad)[0] == 78
    code, _, err = set_rules(stack, write(stack, "[windows]\n7m = 2d\n", "pane.ini"))
    assert code == 77 and "replay" in err and "5m for ever" in err
    assert redis.hlen("isobar:config") == 1 and records(stack, 3) == 0

    code, out, err = set_rules(stack, path)
    assert code == 0 and err == "" and "rules 2: every partition was told" in out and "in force in 0 of 24" in out
    meta = redis.hgetall("isobar:meta")
    assert (meta[b"config_version"], meta[b"windows"], meta[b"lateness_ms"]) == (b"2", b"10m:2d,30m:5d,1h:30d,1d:2y", b"86400000")
    assert all(records(stack, p) == 1 for p in (0, 7, 23))
    assert b"rules" in redis.xrevrange("isobar:audit", count=1)[0][1].values()
    code, out, _ = run(stack, "rules", "show", "1", which=("redis",))
    assert code == 0 and "30m = " not in out
    assert run(stack, "rules", "show", "9", which=("redis",))[0] == 1
    code, out, _ = run(stack, "rules", "versions", which=("redis",))
    assert code == 0 and out == "1: in force or passed in 24 of 24 partitions\n2: in force or passed in 0 of 24 partitions, the newest\n"
    code, out, _ = set_rules(stack, path)
    assert code == 0 and "nothing changes" in out and redis.hlen("isobar:config") == 2 and records(stack, 3) == 1
    assert run(stack, "init")[0] == 0, "what was not said may be as it is"
    code, _, err = run(stack, "init", "--rules", os.path.join(stack.dir, "first.ini"))
    assert code == 77 and "isobarctl rules set" in err
    for argv in (["check"], ["set"], ["set", path, "--resume"], ["versions", "2"], ["list"]):
        assert run(stack, "rules", *argv, which=())[0] == 2, argv


def test_one_that_died_is_finished_by_the_next(stack):
    redis = started(stack)
    assert run(stack, "init")[0] == 0
    assert set_rules(stack, "--resume")[1].startswith("nothing was begun")
    # It had claimed the version, and told some partitions or none.
    text = redis.hget("isobar:config", "1").replace(b"10m = 2d", b"10m = 3d")
    redis.hset("isobar:config", "2", text)
    code, out, _ = run(stack, "rules", "versions", which=("redis",))
    assert code == 0 and "2: " in out and "--resume" in out
    code, out, _ = set_rules(stack, write(stack, OTHER))
    assert code == 0 and "rules 2, which were begun by another" in out and "rules 3: every partition was told" in out
    assert redis.hget("isobar:meta", "config_version") == b"3" and redis.hget("isobar:config", "2") == text
    assert records(stack, 5) == 2
    # A stale operator does not lower the version.
    redis.hset("isobar:config", "4", text)
    assert set_rules(stack, "--resume")[0] == 0 and redis.hget("isobar:meta", "config_version") == b"4"


def test_two_operators_at_once(stack):
    redis = started(stack)
    assert run(stack, "init")[0] == 0
    paths = [write(stack, FIRST + f"[time]\nidle = {n}m\n", f"{n}.ini") for n in (31, 32, 33, 34)]
    results = []
    threads = [threading.Thread(target=lambda p=path: results.append(set_rules(stack, p))) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(code in (0, 77) for code, _, _ in results) and any(code == 0 for code, _, _ in results), results
    assert set_rules(stack, "--resume")[0] == 0
    newest = int(redis.hget("isobar:meta", "config_version"))
    assert newest == redis.hlen("isobar:config") and newest == 1 + sum(code == 0 for code, _, _ in results)
    texts = redis.hgetall("isobar:config").values()
    assert len(set(texts)) == len(texts), "each once"


def test_an_installation_of_before_gets_its_rules(stack):
    redis = started(stack)
    assert run(stack, "init", "--windows", "10m:2d,1h:30d", "--lateness-s", "3600")[0] == 0
    redis.delete("isobar:config")
    redis.hdel("isobar:meta", "pane_ms")
    code, _, err = run(stack, "rules", "show", which=("redis",))
    assert code == 77 and "isobarctl init" in err
    assert run(stack, "verify")[0] == 0
    code, out, _ = run(stack, "init")
    assert code == 0 and "rules: version 1" in out
    assert redis.hget("isobar:meta", "pane_ms") == b"600000"
    assert b"1h = 30d" in redis.hget("isobar:config", "1") and b"lateness = 1h\n" in redis.hget("isobar:config", "1")


def test_a_smaller_pane_leaves_room(stack):
    redis = started(stack)
    assert run(stack, "init", "--pane", "7m")[0] == 78
    assert run(stack, "init", "--pane", "1m")[0] == 0 and redis.hget("isobar:meta", "pane_ms") == b"60000"
    assert run(stack, "init", "--pane", "5m")[0] == 77
    assert set_rules(stack, write(stack, "[windows]\n2m = 1d\n10m = 2d\n"))[0] == 0


@pytest.mark.sanitized
def test_rules_change_while_data_flow(stack):
    """A size comes and a limit changes under running workers, one of which is killed meanwhile; nothing is lost."""
    redis = started(stack)
    assert run(stack, "init")[0] == 0
    stack.start_coordinator("coordinator-1")
    stack.start_worker("worker-1")
    wait_for("all partitions run", lambda: stack.metric("worker-1", "isobar_worker_partitions_running") == 24, 30)
    feed, begin, step = Feed(stack.kafka, 240, 24), int(time.time() * 1000) - 5 * 3600000, 0
    ledgers = lambda: [redis.hgetall(f"isobar:{{{p}}}:ledger") for p in range(24)]
    counted = lambda: sum(int(l[b"rows_in"]) + int(l[b"rows_late"]) for l in ledgers())

    def more(count):
        nonlocal step
        for _ in range(count):
            feed.step(begin + step * 600000, step)
            step += 1
        feed.flush()

    more(8)
    code, out, err = run(stack, "rules", "set", write(stack, OTHER))
    assert code == 0 and "in force in 24 of 24" in out, err
    assert {l[b"config_version"] for l in ledgers()} == {b"2"}
    for ledger in ledgers():
        assert int(ledger[b"w_cursor_30m"]) % 1800000 == 0 and int(ledger[b"w_cursor_30m"]) > int(ledger[b"clock_ms"])
    more(8)
    assert set_rules(stack, write(stack, OTHER.replace("lateness = 1d", "lateness = 2h").replace("10m = 2d\n", "")))[0] == 0
    stack.programs["worker-1"].kill()
    more(8)
    stack.start_worker("worker-2")
    wait_for("rules 3 are in force", lambda: {l[b"config_version"] for l in ledgers()} == {b"3"}, 30)
    wait_for("all is read", lambda: sum(int(l[b"applied"]) for l in ledgers()) >= 24 * 24 + 48, 30)
    retired = sum(int(l[b"rows_retired"]) for l in ledgers())
    assert counted() + retired == feed.rows and retired > 0, "two hours of lateness are fewer than a day"
    assert not redis.keys("isobar:{*}:w:30m:*"), "the new size has not begun"
    assert redis.keys("isobar:{*}:w:10m:*"), "the size that is gone keeps its windows"
    code, out, err = run(stack, "verify", "--full")
    assert code == 0, out + err
    code, out, err = run(stack, "replay", "--into", "again:")
    assert code == 0 and "then as the log has it" in out, err
    for p, ledger in enumerate(ledgers()):
        again = redis.hgetall(f"again:{{{p}}}:ledger")
        for name in (b"config_version", b"rows_in", b"rows_late", b"rows_retired", b"rows_control", b"pane_floor_ms"):
            assert again[name] == ledger[name], (p, name)
    code, out, _ = run(stack, "rules", "versions", which=("redis",))
    assert code == 0 and out.endswith("3: in force or passed in 24 of 24 partitions, the newest\n")


def test_rules_that_are_gone_stop_a_partition_with_an_alarm(stack):
    redis = started(stack)
    assert run(stack, "init")[0] == 0
    assert set_rules(stack, write(stack, OTHER))[0] == 0
    text = redis.hget("isobar:config", "2")
    redis.hdel("isobar:config", "2")
    stack.start_coordinator("coordinator-1")
    stack.start_worker("worker-1")
    wait_for("all partitions stop", lambda: stack.metric("worker-1", "isobar_worker_partitions_stopped") == 24, 30)
    assert "isobarctl rules versions" in stack.programs["worker-1"].log()
    stopped = lambda: sum(p["phase"] == "stopped" for p in (view_of(stack)[1] or {}).get("partition_list", []))
    redis.hset("isobar:config", "2", text)
    wait_for("the leader knows of it", lambda: stopped() == 24, 30)  # a resume before that would be none
    code, out, err = run(stack, "partition", "resume", "3", which=("redis", "coordinator"))
    assert code == 0 and "partition 3 runs" in out, err
    assert redis.hget("isobar:{3}:ledger", "config_version") == b"2"
