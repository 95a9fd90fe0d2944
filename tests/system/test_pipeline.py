"""From the API to Redis and the page, on both brokers, through the death of a worker; the oracle judges at the end."""
import json
import time

import oracle
import pytest
import results
from conftest import SANITIZED
from stack import get_json, http_get, wait_for

CITIES = 40
SLOW = 4 if SANITIZED else 1


def start_all(stack, topic, workers=2):
    stack.start_redis()
    stack.init(24, None, CITIES, "--topic", topic)
    stack.start_coordinator("coordinator-1", -1)
    for i in range(workers):
        stack.start_worker(f"worker-{i + 1}")
    stack.start_dashboard()
    stack.start_owmsim()
    stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                        "--topic", topic, ISOBAR_API_KEY="any")


def latest(stack):
    body = get_json(stack.ports["dashboard"], "/api/v1/latest")
    return body["latest"] if body else []


def history_lengths(stack):
    """Windows of 10 minutes per city."""
    cities = get_json(stack.ports["dashboard"], "/api/v1/cities")["cities"]
    return [len(get_json(stack.ports["dashboard"], f"/api/v1/cities/{c['id']}/windows?size=10m")["windows"]) for c in cities]


def cluster(stack):
    return get_json(stack.ports["dashboard"], "/api/v1/cluster") or {"partition_list": [], "members": []}


def owners(stack):
    return {p["owner"] for p in cluster(stack)["partition_list"] if p["phase"] == "running"}


def settled(stack, count=24):
    """All partitions run and nothing is left to read."""
    partitions = cluster(stack)["partition_list"]
    return len(partitions) == count and all(p["phase"] == "running" and p["lag"] == 0 for p in partitions)


def quiet_end(stack):
    """Stops the source, lets the workers finish, and stops them by drain."""
    assert stack.programs["fetcher-1"].terminate(10) == 0
    wait_for("all partitions read to the end", lambda: settled(stack), 30 * SLOW)
    for name, program in stack.programs.items():
        if name.startswith("worker") and program.running():
            assert program.terminate(10) == 0, program.log()[-2000:]


@pytest.mark.takes(28)
@pytest.mark.sanitized
def test_history_then_live_through_the_death_of_a_worker(any_kafka):
    stack = any_kafka
    topic = "weather.observations" if stack.broker_kind == "devbroker" else "observations.pipeline"
    started = time.monotonic()
    start_all(stack, topic)
    wait_for("every city has a reading", lambda: len(latest(stack)) == CITIES, 60 * SLOW)
    wait_for("two days of history", lambda: min(history_lengths(stack)) >= 286, 60 * SLOW, 0.2)
    history_s = time.monotonic() - started
    assert all(r["observed_at"] <= time.time() * 1000 for r in latest(stack)), "an observation lies in the future"
    assert {r["provider"] for r in latest(stack)} <= {"simulated", "recorded"}
    wait_for("both workers hold partitions", lambda: owners(stack) == {"worker-1", "worker-2"}, 15 * SLOW)

    stack.programs["worker-1"].kill()
    wait_for("the other worker holds all", lambda: owners(stack) == {"worker-2"} and settled_running(stack), 15 * SLOW)
    before = {r["city"]: r["observed_at"] for r in latest(stack)}
    wait_for("every city moves on", lambda: all(r["observed_at"] > before[r["city"]] for r in latest(stack)), 30 * SLOW)
    stack.start_worker("worker-3")
    wait_for("the new worker takes its share", lambda: owners(stack) == {"worker-2", "worker-3"}, 15 * SLOW)

    quiet_end(stack)
    verified = stack.ctl("verify", *stack.common("kafka", "redis"), check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    comparison, totals = oracle.run(stack.kafka, stack.redis)
    assert comparison.differences == []
    assert comparison.compared["window"] > CITIES * 286, "the oracle compared too little"
    assert totals["redis_rows"] == totals["rows"] > CITIES * 288
    if not SANITIZED:
        tail = "_kafka" if stack.broker_kind == "kafka" else ""
        lost = max(0, totals["accepted"] - totals["redis_accepted"])
        double = max(0, totals["redis_accepted"] - totals["accepted"])
        results.write("light", [(f"light.kill_lost_rows{tail}", lost, totals["rows"]), (f"light.kill_double_rows{tail}", double, totals["rows"])])
        if not tail:
            results.write("light", [("light.history_s", round(history_s, 2), 1)])


def settled_running(stack):
    partitions = cluster(stack)["partition_list"]
    return len(partitions) == 24 and all(p["phase"] == "running" for p in partitions)


@pytest.mark.takes(17)
def test_verify_names_the_partition_whose_numbers_do_not_add_up(stack):
    """The check can fail: a ledger edited by hand is found."""
    import redis as redis_client
    stack.start_devbroker({"weather.observations": 24, "weather.deadletter": 1})
    start_all(stack, "weather.observations", workers=1)
    wait_for("every city has a reading", lambda: len(latest(stack)) == CITIES, 60)
    quiet_end(stack)
    host, port = stack.redis.split(":")
    client = redis_client.Redis(host, int(port))
    with_rows = next(p for p in range(24) if int(client.hget(f"isobar:{{{p}}}:ledger", "rows")) > 0)
    client.hincrby(f"isobar:{{{with_rows}}}:ledger", "rows_in", 1)
    verified = stack.ctl("verify", *stack.common("redis"), check=False)
    assert verified.returncode == 1
    assert f"{with_rows}" in verified.stdout + verified.stderr
    assert oracle.run(stack.kafka, stack.redis)[0].differences


def test_memory_of_the_default_run(stack):
    stack.start_devbroker({"weather.observations": 24, "weather.deadletter": 1})
    start_all(stack, "weather.observations")
    wait_for("two days of history", lambda: len(latest(stack)) == CITIES and min(history_lengths(stack)) >= 286, 60, 0.2)
    resident = {kind: max(p.rss_bytes() for n, p in stack.programs.items() if n.startswith(kind)) / 1e6
                for kind in ("coordinator", "worker", "fetcher", "dashboard")}
    results.write("light", [(f"light.rss_{kind}_mb", round(mb, 1), 1) for kind, mb in resident.items()])
    assert all(mb <= 30 for mb in resident.values()), resident


@pytest.mark.takes(11)
@pytest.mark.sanitized
def test_workers_started_and_stopped_in_any_order_share_the_partitions(stack):
    stack.start_devbroker({"weather.observations": 24, "weather.deadletter": 1})
    stack.start_redis()
    stack.init(24, None, 4)
    endpoint, = stack.reserve_endpoints()
    stack.start_worker("worker-1", "--journal", stack.dir + "/journal-1")  # before any coordinator
    wait_for("the worker runs", lambda: "event=started" in stack.programs["worker-1"].log(), 5 * SLOW)
    stack.start_coordinator("coordinator-1", -1, bind=endpoint)
    assert stack.programs["worker-1"].terminate(10) == 0
    stack.start_worker("worker-1")
    stack.start_dashboard()

    def held():
        view = {}
        for p in cluster(stack)["partition_list"]:
            if p["phase"] == "running":
                view.setdefault(p["owner"], []).append(p["partition"])
        return {k: len(v) for k, v in view.items()}

    wait_for("one worker holds all", lambda: held() == {"worker-1": 24}, 15 * SLOW)
    stack.start_worker("worker-2")
    wait_for("two share", lambda: held() == {"worker-1": 12, "worker-2": 12}, 15 * SLOW)
    stack.start_worker("worker-3")
    wait_for("three share", lambda: sorted(held().values()) == [8, 8, 8], 15 * SLOW)
    assert stack.programs["worker-1"].terminate(10) == 0
    wait_for("two are left", lambda: held() == {"worker-2": 12, "worker-3": 12}, 15 * SLOW)
    stack.programs["worker-2"].kill()
    wait_for("one is left", lambda: held() == {"worker-3": 24}, 15 * SLOW)
    assert stack.programs["worker-3"].terminate(10) == 0


def test_the_api_is_what_the_contract_says(stack):
    stack.start_devbroker({"weather.observations": 24, "weather.deadletter": 1})
    start_all(stack, "weather.observations", workers=1)
    port = stack.ports["dashboard"]
    wait_for("every city has a reading", lambda: len(latest(stack)) == CITIES and min(history_lengths(stack)) > 280, 60, 0.2)
    cities = get_json(port, "/api/v1/cities")["cities"]
    assert len(cities) == CITIES and {"id", "name", "country", "lat", "lon", "zone", "partition"} <= set(cities[0])
    assert all(c["partition"] == oracle.shard(c["id"], 24) for c in cities)
    city = cities[0]["id"]
    one = get_json(port, f"/api/v1/cities/{city}")
    assert one["latest"]["city"] == city and one["rows"]["in"] + one["rows"]["late"] > 280
    windows = get_json(port, f"/api/v1/cities/{city}/windows?size=1h")["windows"]
    assert windows == sorted(windows, key=lambda w: w["start"]) and windows[0]["status"] in ("final", "revised") and windows[-1]["status"] == "provisional"
    assert len([w for w in windows if w["rows"]]) >= 47
    for window in windows:
        if window["rows"] == 0:  # a part of what a reading after it stands for
            assert window["metrics"] == {} and window["covered"] > 0
            continue
        t = window["metrics"]["temperature"]
        assert t["min"] <= t["mean"] <= t["max"] and window["start"] <= t["min_at"] < window["end"]
    for path, status in ((f"/api/v1/cities/{city}/windows?size=7m", 400), (f"/api/v1/cities/{city}/windows?limit=0", 400),
                         (f"/api/v1/cities/{city}/windows?from=9&to=3", 400), ("/api/v1/cities/1", 404), ("/api/v1/cities/x", 400),
                         ("/api/v1/nothing", 404), ("/api/v1/events?cities=a", 400)):
        answer = http_get(port, path)
        body = json.loads(answer[2])
        assert answer[0] == status == body["status"] and answer[1]["Content-Type"] == "application/problem+json", path
    plain = http_get(port, "/api/v1/cities")
    assert http_get(port, "/api/v1/cities", {"If-None-Match": plain[1]["ETag"]})[0] == 304
    packed = http_get(port, "/api/v1/cities", {"Accept-Encoding": "gzip"})
    assert packed[1]["Content-Encoding"] == "gzip" and len(packed[2]) < len(plain[2])
    csv = http_get(port, f"/api/v1/cities/{city}/windows?size=1h", {"Accept": "text/csv"})
    assert csv[1]["Content-Type"].startswith("text/csv") and csv[2].startswith(b"city,name,start,end,")
    page = http_get(port, "/")
    assert "unsafe" not in page[1]["Content-Security-Policy"] and page[1]["X-Content-Type-Options"] == "nosniff"
