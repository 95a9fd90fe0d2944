"""The fetcher against the simulator: every error has its reaction, the quota holds, the key stays secret."""
import time

import pytest
from conftest import TOPICS
from ports import free_port
from stack import get_json, http_get, wait_for

KEY = "0123456789abcdef0123456789abcdef"


def start(stack, calls_per_minute, cities=6, *sim):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(24, None, cities)
    stack.start_coordinator("coordinator-1", calls_per_minute)
    stack.start_worker("worker-1")
    stack.start_dashboard()
    stack.start_owmsim("--key", KEY, *sim)


def fetch(stack, name="fetcher-1", *more, key=KEY):
    return stack.start_fetcher(name, "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                               "--history-hours", "0", *more, ISOBAR_API_KEY=key)


def stats(stack):
    return get_json(stack.ports["owmsim"], "/control/stats")


def fault(stack, simulator="owmsim", **query):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports[simulator], timeout=5)
    connection.request("POST", "/control/fault?" + "&".join(f"{k}={v}" for k, v in query.items()))
    assert connection.getresponse().status == 200
    connection.close()


def latest(stack):
    body = get_json(stack.ports["dashboard"], "/api/v1/latest")
    return {r["city"]: r for r in body["latest"]} if body else {}


@pytest.mark.takes(67)
def test_the_quota_holds_at_any_number_of_fetchers_and_through_a_restart(stack):
    """30 calls a minute for 40 cities that want one each 5 s: the simulator counts, and never sees more."""
    start(stack, 30, 40, "--calls-per-minute", "30")
    fetch(stack)
    wait_for("calls come", lambda: stats(stack)["calls"] >= 3, 20)
    fetch(stack, "fetcher-2")
    wait_for("more calls come", lambda: stats(stack)["calls"] >= 8, 30)
    stack.programs["fetcher-1"].kill()
    end = time.monotonic() + 45
    wait_for("45 s pass", lambda: time.monotonic() > end, 60, 0.5)
    counted = stats(stack)
    assert counted["refused"] == 0 and counted["busiest_minute"] <= 30, counted


@pytest.mark.takes(16)
def test_bad_answers_do_not_stop_the_good_ones_and_recover(stack):
    start(stack, -1)
    fetch(stack, "fetcher-1", "--interval-s", "1")
    wait_for("all cities have values", lambda: len(latest(stack)) == 6, 30)
    first = get_json(stack.ports["dashboard"], "/api/v1/cities")["cities"][0]
    for kind in ("not_found", "server_error", "truncated", "not_json", "wrong_shape", "huge", "redirect"):
        fault(stack, kind="none")
        fault(stack, kind=kind, lat=first["lat"], lon=first["lon"], count=1)
        seen = stats(stack)["faults"]
        before = {c: r["observed_at"] for c, r in latest(stack).items()}
        if kind != "not_found":
            wait_for(f"{kind} was answered", lambda: stats(stack)["faults"] > seen, 40)
        wait_for(f"the others go on after {kind}", lambda: all(r["observed_at"] > before[c] for c, r in latest(stack).items() if c != first["id"]), 30)
        if kind == "not_found":
            continue
    assert stack.programs["fetcher-1"].running()
    log = stack.programs["fetcher-1"].log()
    assert KEY not in log and "appid" not in log


def test_the_key_is_in_no_log_and_no_argv(stack):
    start(stack, -1)
    program = fetch(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == 6, 30)
    with open(f"/proc/{program.pid}/cmdline", "rb") as f:
        assert KEY.encode() not in f.read()
    assert all(KEY not in p.log() for p in stack.programs.values())
    assert KEY.encode() not in stack.admin("fetcher-1", "/metrics")[2]


def test_a_refused_key_is_said_and_tried_slowly(stack):
    start(stack, -1)
    program = fetch(stack, key="wrong")
    wait_for("the log says it", lambda: "key" in program.log() and "401" in program.log(), 20)
    calls = stats(stack)["calls"]
    end = time.monotonic() + 5
    wait_for("5 s pass", lambda: time.monotonic() > end, 10, 0.2)
    assert stats(stack)["calls"] <= calls + 6, "a refused key is not tried at full speed"
    assert program.running()


@pytest.mark.takes(15)
def test_too_many_requests_stops_all_calls_for_as_long_as_asked(stack):
    start(stack, -1)
    fetch(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == 6, 30)
    fault(stack, kind="rate_limited", count=1, retry_after=8)
    wait_for("it was answered", lambda: stats(stack)["answers"].get("429", 0) == 1, 20)
    calls = stats(stack)["calls"]
    end = time.monotonic() + 6
    wait_for("6 s pass", lambda: time.monotonic() > end, 10, 0.2)
    assert stats(stack)["calls"] <= calls + 6, "calls under way may end, no new ones may start"


def test_no_kafka(stack):
    start(stack, -1)
    stack.kafka = f"127.0.0.1:{free_port()}"
    program = fetch(stack)
    wait_for("the log names the broker", lambda: stack.kafka in program.log(), 20)
    assert program.running() and http_get(stack.ports["fetcher-1"], "/livez")[0] == 200
