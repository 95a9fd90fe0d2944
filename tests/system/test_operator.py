"""What operators do, with the real programs: drains, the alarm of every stopped state and what resolves it, and why."""
import json
import os
import pty
import re
import signal
import subprocess
import threading
import time

import leader_view
import pytest
import redis as redis_client
import results
from conftest import SANITIZED
from feed import Feed
from ports import free_port
from stack import wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 8
CITIES = 60
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}
TOPIC = "weather.observations"


class Rig:
    """Redis, broker, coordinators and workers over a few partitions, and a feed."""

    def __init__(self, stack, workers=2, coordinators=1, options=()):
        self.stack = stack
        stack.start_devbroker(TOPICS)
        stack.start_redis()
        stack.init(PARTITIONS, None, 8)
        host, port = stack.redis.split(":")
        self.redis = redis_client.Redis(host, int(port), decode_responses=True)
        for i, endpoint in enumerate(stack.reserve_endpoints(coordinators)):
            stack.start_coordinator(f"coordinator-{i + 1}", 60, *options, bind=endpoint)
        for i in range(workers):
            self.start_worker(i + 1)
        self.feed = Feed(stack.kafka, CITIES, PARTITIONS, 10)
        self.base_ms = int(time.time() * 1000) // 600_000 * 600_000 - 6 * 3600_000
        self.steps = 0
        wait_for("all partitions run", lambda: sum(self.held().values()) == PARTITIONS and len(self.held()) == workers, 30 * SLOW)

    def start_worker(self, i):
        self.stack.start_worker(f"worker-{i}", "--journal", f"{self.stack.dir}/journal-{i}")

    def view(self):
        return leader_view.view(self.redis)

    def held(self):
        return leader_view.held(self.redis)

    def partition(self, p):
        return self.view()["partition_list"][p]

    def ledger(self, p):
        return self.redis.hgetall(f"isobar:{{{p}}}:ledger")

    def put(self, steps=3):
        """Some readings of every city, and waits until they are applied."""
        for _ in range(steps):
            self.feed.step(self.base_ms + self.steps * 600_000, self.steps)
            self.steps += 1
        self.feed.flush()
        wait_for("everything is applied", lambda: self.lag() == 0, 30 * SLOW)

    def lag(self):
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.stack.kafka, "group.id": "test"})
        ends = [consumer.get_watermark_offsets(TopicPartition(TOPIC, p), timeout=10)[1] for p in range(PARTITIONS)]
        consumer.close()
        return sum(max(0, end - int(self.ledger(p)["offset"])) for p, end in enumerate(ends))

    def ctl(self, *argv, kafka=False):
        """(exit code, stdout, stderr)."""
        done = self.stack.ctl(*argv, *self.stack.common("redis"), *(["--kafka", self.stack.kafka] if kafka else []), check=False)
        return done.returncode, done.stdout, done.stderr

    def audit(self):
        return [entry for _, entry in self.redis.xrange("isobar:audit")]

    def verify(self):
        code, out, err = self.ctl("verify", kafka=True)
        assert code == 0, out + err

    def stopped(self, p, *words):
        """Waits until the partition has stopped; the alarm, in which the words are."""
        def alarm():
            now = self.partition(p)
            return now["phase"] == "stopped" and now["alarm"]
        text = wait_for(f"partition {p} stops", alarm, 30 * SLOW)
        assert all(word in text for word in words), text
        return text

    def command_in(self, alarm):
        """The command that an alarm names, as words."""
        return alarm[alarm.index("isobarctl "):].split()[1:]


# ---- drain

@pytest.mark.sanitized
def test_a_drain_hands_everything_over_and_survives_the_leader(stack):
    rig = Rig(stack, coordinators=2)
    rig.put()
    code, out, err = rig.ctl("drain", "worker-1")
    assert code == 0 and "worker-1 is drained: handed over 4 in" in out, out + err
    wait_for("the other holds all", lambda: rig.held() == {"worker-2": PARTITIONS}, 10 * SLOW)
    incarnation, at_ms, who = rig.redis.hget("isobar:drained", "worker-1").split(" ")
    member = {m["id"]: m for m in rig.view()["members"]}["worker-1"]
    assert (member["state"], member["drained_by"], member["incarnation"]) == ("draining", who, incarnation) and "@" in who
    assert abs(int(at_ms) - time.time() * 1000) < 60_000 * SLOW
    assert {"what": "drain", "who": who, "detail": "worker-1"} in rig.audit()
    code, out, _ = rig.ctl("members")
    assert code == 0 and who in out
    code, out, _ = rig.ctl("drain", "worker-1", "--json")
    assert code == 0 and json.loads(out)["handed_over"] == 0, "again changes nothing"
    assert sum(e["what"] == "drain" for e in rig.audit()) == 1

    first = rig.view()["leader"]
    stack.programs[first].kill()
    wait_for("the other leads", lambda: rig.view()["leader"] not in ("", first), 10 * SLOW)
    wait_for("it is still drained", lambda: rig.held() == {"worker-2": PARTITIONS}, 15 * SLOW)
    member = {m["id"]: m for m in rig.view()["members"]}["worker-1"]
    assert member["drained_by"] == who
    rig.put()

    code, out, _ = rig.ctl("undrain", "worker-1")
    assert code == 0 and "drained no more" in out
    wait_for("they share again", lambda: rig.held() == {"worker-1": 4, "worker-2": 4}, 15 * SLOW)
    assert not rig.redis.exists("isobar:drained")
    code, out, _ = rig.ctl("undrain", "worker-1")
    assert code == 0 and "not drained" in out
    rig.put()
    rig.verify()


@pytest.mark.sanitized
def test_a_drain_ends_with_the_process(stack):
    rig = Rig(stack)
    assert rig.ctl("drain", "worker-1")[0] == 0
    stack.programs["worker-1"].kill()
    rig.start_worker(1)
    wait_for("that is over with the new process", lambda: not rig.redis.exists("isobar:drained"), 20 * SLOW)
    wait_for("which works", lambda: rig.held() == {"worker-1": 4, "worker-2": 4}, 20 * SLOW)
    assert rig.ctl("drain", "worker-2")[0] == 0
    assert stack.programs["worker-2"].terminate(5 * SLOW) == 0
    wait_for("BYE ends it", lambda: not rig.redis.exists("isobar:drained"), 5 * SLOW)


def test_a_fetcher_is_drained_of_its_shards(stack):
    rig = Rig(stack, workers=1)
    stack.start_owmsim()
    for name in ("fetcher-1", "fetcher-2"):
        stack.start_fetcher(name, "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http", ISOBAR_API_KEY="replay")
    owners = lambda: sorted(s["owner"] for s in rig.view()["shard_list"])
    # by cities, not by count: a fetcher's share of the shards follows how many cities each has
    wait_for("two share", lambda: set(owners()) == {"fetcher-1", "fetcher-2"}, 20)
    code, out, err = rig.ctl("drain", "fetcher-2")
    assert code == 0 and int(re.search(r"handed over (\d+)", out)[1]) >= 1, out + err
    wait_for("one has all", lambda: owners() == ["fetcher-1"] * 8, 10)


def test_a_drain_that_cannot_end_says_so(stack):
    rig = Rig(stack, workers=1)
    code, _, err = rig.ctl("drain", "worker-9")
    assert code == 1 and "no member worker-9" in err
    stack.programs["worker-1"].signal(signal.SIGSTOP)
    started = time.monotonic()
    code, _, err = rig.ctl("drain", "worker-1", "--deadline-s", "1")
    stack.programs["worker-1"].signal(signal.SIGCONT)
    assert code == 1 and "still holds 8 of 8" in err and "stays drained" in err and time.monotonic() - started < 5
    stack.programs["coordinator-1"].kill()
    code, _, err = rig.ctl("undrain", "worker-1", "--timeout-ms", "500")
    assert code == 69 and "does not answer" in err
    wait_for("the lease is over", lambda: not rig.redis.exists("isobar:leader"), 5)
    code, _, err = rig.ctl("undrain", "worker-1", "--timeout-ms", "500")
    assert code == 69 and "no leader" in err


# ---- stopped partitions

def stop_by(rig, p, change):
    """Changes the ledger of a partition so that its worker takes it over anew; returns the ledger as it was."""
    key = f"isobar:{{{p}}}:ledger"
    with rig.redis.pipeline(transaction=True) as pipe:
        pipe.hgetall(key)
        if change is None:
            pipe.delete(key)
        else:
            pipe.hset(key, mapping={"cid": os.urandom(16).hex(), **change})
        before = pipe.execute()[0]
    rig.feed.step(rig.base_ms + rig.steps * 600_000, rig.steps)  # the next commit is refused
    rig.steps += 1
    rig.feed.flush()
    return before


@pytest.mark.sanitized
@pytest.mark.parametrize("change,word", [
    ({"offset": "1000000", "first_offset": "1000000", "applied": "0", "gaps": "0", "record_offset": "-1"}, "beyond the log's end"),
    ({"record_hash": "0123456789abcdef"}, "made anew")], ids=["truncated", "recreated"])
def test_a_log_that_is_another_is_begun_anew(stack, change, word):
    rig = Rig(stack)
    rig.put()
    before = stop_by(rig, 0, change)
    command = rig.command_in(rig.stopped(0, word))
    assert command == ["partition", "reset", "0", "--to", "low"]
    code, _, err = rig.ctl(*command, kafka=True)
    assert code == 2 and "--yes" in err and rig.partition(0)["phase"] == "stopped", "not without being asked"
    code, out, err = rig.ctl(*command, "--yes", kafka=True)
    assert code == 0 and "partition 0 runs" in out and "stays: it never goes back" in out and "-> 0" in out, out + err
    wait_for("it is read again", lambda: rig.lag() == 0, 20 * SLOW)
    ledger = rig.ledger(0)
    assert ledger["first_offset"] == "0" and int(ledger["applied"]) + int(ledger["gaps"]) == int(ledger["offset"])
    assert int(ledger["clock_ms"]) >= int(before["clock_ms"])
    assert int(ledger["rows_duplicate"]) > int(before["rows_duplicate"]), "the same readings came again and are known"
    assert any(e["what"] == "reset" and "partition 0: offset" in e["detail"] and "@" in e["who"] for e in rig.audit())
    rig.verify()


@pytest.mark.sanitized
@pytest.mark.parametrize("change,words", [
    ({"offset": "x"}, ("offset",)), ({"applied": "7"}, ("do not add up", "isobarctl verify")),
    ({"format": "9"}, ("newer software", "upgrade")), (None, ("emptied", "isobarctl init"))], ids=["damaged", "counters", "newer", "lost"])
def test_a_ledger_that_is_repaired_is_resumed(stack, change, words):
    rig = Rig(stack)
    rig.put()
    before = stop_by(rig, 2, change)
    alarm = rig.stopped(2, "isobarctl partition resume 2", *words)
    code, out, err = rig.ctl("status")
    assert code == 1 and alarm in out
    code, _, err = rig.ctl("partition", "resume", "2")
    assert code == 1 and "has stopped again" in err and words[0] in err, "nothing was repaired"
    rig.redis.hset("isobar:{2}:ledger", mapping=before)
    code, out, err = rig.ctl("partition", "resume", "2", "--json")
    assert code == 0 and json.loads(out)["running"] and json.loads(out)["number"] > int(before["number"]), out + err
    assert {"what": "resume", "detail": "partition 2"}.items() <= rig.audit()[-1].items() and "@" in rig.audit()[-1]["who"]
    rig.put()
    assert rig.ctl("status")[0] == 0
    rig.verify()


def test_a_city_that_cannot_be_read_is_repaired_and_resumed(stack):
    rig = Rig(stack)
    rig.put()
    host, port = stack.redis.split(":")
    raw = redis_client.Redis(host, int(port))
    city = raw.hkeys("isobar:{5}:city")[0]
    stack.programs["worker-1"].signal(signal.SIGSTOP)
    stack.programs["worker-2"].signal(signal.SIGSTOP)
    good = raw.hget("isobar:{5}:city", city)
    raw.hset("isobar:{5}:city", city, b"\xff\xff")
    raw.hset("isobar:{5}:ledger", "cid", os.urandom(16).hex())
    stack.programs["worker-1"].signal(signal.SIGCONT)
    stack.programs["worker-2"].signal(signal.SIGCONT)
    rig.feed.step(rig.base_ms + rig.steps * 600_000, rig.steps)
    rig.steps += 1
    rig.feed.flush()
    alarm = rig.stopped(5, f"city {city.decode()}")
    raw.hset("isobar:{5}:city", city, good)
    code, out, err = rig.ctl(*rig.command_in(alarm))
    assert code == 0 and "partition 5 runs" in out, out + err
    rig.put()
    rig.verify()


def test_a_log_that_was_trimmed_away_is_gone_on_with(stack):
    from confluent_kafka import Consumer, Producer, TopicPartition
    rig = Rig(stack)
    rig.put()
    for worker in ("worker-1", "worker-2"):
        assert stack.programs[worker].terminate(5) == 0
    offset = int(rig.ledger(6)["offset"])
    producer = Producer({"bootstrap.servers": stack.kafka, "linger.ms": 0})
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "test"})
    low = lambda: consumer.get_watermark_offsets(TopicPartition(TOPIC, 6), timeout=10)[0]

    def trimmed():
        producer.produce(TOPIC, os.urandom(200_000), partition=6)
        assert producer.flush(10) == 0
        return low() > offset + 2

    wait_for("the development broker, which keeps 5 MiB, has dropped what comes next", trimmed, 60)
    rig.start_worker(1)  # alone: a partition on its way to another would be tried once more where it was
    command = rig.command_in(rig.stopped(6, "deleted from the log", "records are lost"))
    wait_for("the others run", lambda: sum(rig.held().values()) == PARTITIONS - 1, 20)
    lost = low() - offset
    first, gaps = rig.ledger(6)["first_offset"], int(rig.ledger(6)["gaps"])
    code, out, err = rig.ctl(*command, "--json", kafka=True)
    assert code == 2 and "--yes" in err and out == "" and rig.ledger(6)["gaps"] == str(gaps)
    code, out, err = rig.ctl(*command, "--yes", kafka=True)
    assert code == 0 and f"{lost} offsets are skipped and count as gaps" in out, out + err
    wait_for("it is read", lambda: rig.lag() == 0, 30)
    consumer.close()
    ledger = rig.ledger(6)
    assert ledger["first_offset"] == first and int(ledger["gaps"]) == gaps + lost
    rig.verify()


def test_reset_asks_on_a_terminal_and_refuses_what_is_no_offset(stack):
    rig = Rig(stack, workers=1)
    rig.put(1)
    for argv, word in ((["reset", "0"], "--to"), (["reset", "0", "--to", "99999999"], "from 0 to"), (["reset", "0", "--to", "-1"], "wanted"),
                       (["reset", "8", "--to", "low"], "0 to 7"), (["resume", "x"], "0 to 7"), (["restart", "0"], "resume or reset"),
                       (["resume", "0", "--to", "low"], "for reset"), (["resume"], "resume|reset <partition> wanted")):
        code, out, err = rig.ctl("partition", *argv, kafka=argv[0] != "restart")
        assert code == 2 and word in err and out == "", (argv, out, err)
    code, out, _ = rig.ctl("partition", "resume", "0")
    assert code == 0 and "is not stopped; worker-1 has it" in out
    assert stack.programs["worker-1"].terminate(5) == 0
    before = rig.ledger(0)

    def on_terminal(answer):
        master, slave = pty.openpty()
        done = subprocess.Popen([stack.binary("isobarctl"), "partition", "reset", "0", "--to", "low", "--deadline-s", "0", *stack.common("kafka", "redis")],
                                stdin=slave, stdout=slave, stderr=slave, env=stack.env())
        os.close(slave)
        os.write(master, answer)
        text = b""
        try:
            while chunk := os.read(master, 4096):
                text += chunk
        except OSError:
            pass  # the other end is closed
        os.close(master)
        return done.wait(20), text.decode()

    code, text = on_terminal(b"no\n")
    assert code == 1 and "nothing was changed" in text and "Type yes" in text and rig.ledger(0) == before
    code, text = on_terminal(b"yes\n")
    assert code == 0 and "is changed" in text and "no owner now" in text, text
    after = rig.ledger(0)
    assert after["offset"] == after["first_offset"] == after["applied"] == "0" and after["cid"] != before["cid"]


# ---- finding the leader

@pytest.mark.takes(13)
def test_commands_find_the_leader_by_its_coordinators_as_members_do(stack):
    rig = Rig(stack, coordinators=2)
    leader = rig.view()["endpoint"]
    standby = next(e for e in stack.endpoint.split(",") if e != leader)
    nobody, no_redis = f"tcp://127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"

    def drain(coordinator, redis=no_redis, command="drain", timeout_ms=5000):
        done = stack.ctl(command, "--coordinator", coordinator, "--redis", redis, "--prefix", stack.prefix, "--timeout-ms", str(timeout_ms), "worker-1",
                         check=False)
        return done.returncode, done.stdout, done.stderr

    for number, where in enumerate((leader, standby, f"{nobody},{leader}", f"{nobody},{standby}", f"{standby},{nobody}", stack.endpoint)):
        command = ("drain", "undrain")[number % 2]
        code, out, err = drain(where, command=command)
        assert code == 0 and "worker-1" in out and err == "", (where, out, err)
    code, out, err = drain(nobody, redis=stack.redis)
    assert code == 0 and "worker-1 is drained" in out, err  # by Redis, when nobody of the list answers
    code, _, err = drain(f"http://{nobody}")
    assert code == 78 and "--coordinator" in err
    code, _, err = drain("tcp://192.0.2.1:7070")
    assert code == 78 and "loopback" in err and "--insecure" in err
    code, out, err = rig.ctl("partition", "resume", "0", "--coordinator", standby, "--deadline-s", "0")
    assert code == 0 and "is not stopped" in out, err
    name = rig.view()["leader"]
    stack.programs["redis"].signal(signal.SIGSTOP)  # nobody can lead
    wait_for("there is no leader", lambda: "event=standing_by" in stack.programs[name].log(), 10)
    code, _, err = drain(f"{nobody},{standby}", timeout_ms=4000)
    stack.programs["redis"].signal(signal.SIGCONT)
    assert code == 69 and "there is no leader" in err, err
    assert f"{nobody} (does not answer)" in err and standby in err and f"Redis {no_redis} (" in err and err.count("\n") == 1, err


# ---- explanations

@pytest.mark.takes(12)
@pytest.mark.sanitized
def test_why_tells_the_moves_of_a_partition_over_leaders(stack):
    rig = Rig(stack, coordinators=2)
    p = next(x["partition"] for x in rig.view()["partition_list"] if x["owner"] == "worker-1")
    assert rig.ctl("drain", "worker-1")[0] == 0
    first = rig.view()["leader"]
    stack.programs[first].kill()
    wait_for("the other leads", lambda: rig.view()["leader"] not in ("", first) and sum(rig.held().values()) == PARTITIONS, 20 * SLOW)
    code, out, _ = rig.ctl("why", str(p), "--json")
    answer = json.loads(out)
    assert code == 0 and (answer["owner"], answer["phase"]) == ("worker-2", "running")
    assert [m["to"] for m in answer["moves"]][0] == "worker-2" and answer["moves"][0]["from"] == "worker-1"
    assert "worker-1 is drained by" in answer["reason"] and answer["since_ms"] == answer["moves"][0]["at_ms"]
    assert any("holds 8, its share by capacity is 8.0 of 8" in line for line in answer["moves_when"])
    rig.put()
    wait_for("the rate is known", lambda: sum(m["records_per_s"] for m in rig.view()["members"] if m["id"] == "worker-2") > 0, 30 * SLOW)
    loads = {x["member"]: x for x in json.loads(rig.ctl("why", str(p), "--json")[1])["loads"]}
    assert set(loads) == {"worker-1", "worker-2"} and loads["worker-1"]["load_percent"] == -1, "a drained one is not planned with"
    two = loads["worker-2"]
    assert (two["held"], two["lag"], two["load_percent"]) == (8, 0, 100) and two["records_per_s"] > 0 and two["load"] > 0, two
    code, out, _ = rig.ctl("why", str(p))
    assert re.search(r"^measured load of +capacity +held +records/s +lag +of its part$", out, re.M), out
    assert re.search(r"^worker-2 +\d+ +8 +[0-9.]+ +0 +100%$", out, re.M) and "worker-2 carries 100% of its part" in out, out
    assert code == 0 and "owner       worker-2, running" in out and "is drained by" in out and "it moves when" in out
    assert rig.ctl("why", "8")[0] == 2 and rig.ctl("why", "x")[0] == 2 and rig.ctl("why")[0] == 2
    code, out, _ = rig.ctl("partitions", "--json")
    assert code == 0 and [x["partition"] for x in json.loads(out)] == list(range(PARTITIONS))
    code, out, _ = rig.ctl("members", "--json")
    assert code == 0 and {m["id"] for m in json.loads(out)} == {"worker-1", "worker-2"}
    code, out, _ = rig.ctl("partitions")
    assert code == 0 and out.count("worker-2") == PARTITIONS and "watermark" in out


# ---- hand-over under load

class Commits:
    """When each partition committed, as heard on the channel `updates`."""

    def __init__(self, rig):
        host, port = rig.stack.redis.split(":")
        self.times = {p: [] for p in range(PARTITIONS)}
        self.pubsub = redis_client.Redis(host, int(port)).pubsub(ignore_subscribe_messages=True)
        self.pubsub.subscribe("isobar:updates")
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.listen, daemon=True), threading.Thread(target=self.produce, args=(rig,), daemon=True)]
        for thread in self.threads:
            thread.start()

    def listen(self):
        while not self.stopping.is_set():
            message = self.pubsub.get_message(timeout=0.2)
            if message:
                self.times[int(message["data"].split(b" ", 1)[0])].append(time.monotonic())

    def produce(self, rig):
        """A record per partition each 10 ms."""
        while not self.stopping.is_set():
            rig.feed.step(rig.base_ms + rig.steps * 1000, rig.steps)
            rig.steps += 1
            self.stopping.wait(0.01)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)
        self.pubsub.close()

    def pauses(self, partitions, since, until):
        """The longest pause of each partition in that time, ms."""
        result = []
        for p in partitions:
            times = [t for t in self.times[p] if since - 0.1 <= t <= until]
            result.append(1000 * max(b - a for a, b in zip(times, times[1:] + [until])))
        return result


def test_hand_over_is_quick_under_load(stack):
    rig = Rig(stack)
    commits = Commits(rig)
    pauses, moves = [], []

    def shared():
        """Both work and nothing is under way; counts follow the load."""
        held = rig.held()
        return sum(held.values()) == PARTITIONS and min(held.get("worker-1", 0), held.get("worker-2", 0)) >= 2

    def hand_over(name, act):
        moved = [x["partition"] for x in rig.view()["partition_list"] if x["owner"] == name]
        moves.extend(moved)
        begun = time.monotonic()
        act()
        wait_for("the other commits all of them", lambda: all(sum(t > begun + 0.5 for t in commits.times[p]) > 5 for p in moved), 20)
        pauses.extend(commits.pauses(moved, begun, min(commits.times[p][-1] for p in moved)))

    wait_for("it flows", lambda: all(len(t) > 20 for t in commits.times.values()), 20)
    wait_for("they share", shared, 20)
    for _ in range(3):
        hand_over("worker-1", lambda: rig.ctl("drain", "worker-1"))
        assert rig.ctl("undrain", "worker-1")[0] == 0
        wait_for("they share again", shared, 20)
    hand_over("worker-1", lambda: stack.programs["worker-1"].terminate(5))
    commits.stop()
    rig.feed.flush()
    wait_for("everything is applied", lambda: rig.lag() == 0, 60)
    pauses.sort()
    print("pauses of hand-overs, ms:", " ".join(f"{p:.0f}" for p in pauses))
    assert len(pauses) == len(moves) >= 8
    for _, applied in sorted((p, rig.ledger(p)) for p in range(PARTITIONS)):
        assert int(applied["applied"]) + int(applied["gaps"]) == int(applied["offset"]) - int(applied["first_offset"])
    code, out, err = rig.ctl("verify", "--full", "--journal", f"{stack.dir}/journal-1,{stack.dir}/journal-2", kafka=True)
    assert code == 0 and "acquires and commits in the journals" in out, out + err
    assert pauses[len(pauses) // 2] <= 300
    results.write("faults", [("faults.handover_p50_ms", round(pauses[len(pauses) // 2]), len(pauses)),
                             ("faults.handover_max_ms", round(pauses[-1]), len(pauses))])
