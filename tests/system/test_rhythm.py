"""The fetcher learns from real answers when they change: it polls a simulated API that has something new every 6 s."""
import time

import pytest
from conftest import TOPICS
from stack import wait_for

CITIES, INTERVAL_S, UPDATE_S, SECONDS = 12, 2, 6, 24


def start(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(24, None, CITIES)
    stack.start_coordinator("coordinator-1", -1)
    stack.start_owmsim("--update-s", str(UPDATE_S))


def fetch(stack, name, *more):
    stack.start_fetcher(name, "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http", "--history-hours", "0",
                        "--interval-s", str(INTERVAL_S), *more, ISOBAR_API_KEY="rhythm")


def counts(stack, name):
    return {m: stack.metric(name, f"isobar_fetcher_{m}") or 0
            for m in ("calls_total", "observations_total", "checked_total", "rhythm_hits_total", "rhythm_misses_total", "polls_saved")}


def watch(stack, name):
    """What SECONDS of polling change."""
    before, begun = counts(stack, name), time.monotonic()
    wait_for("it has polled for a while", lambda: time.monotonic() - begun >= SECONDS, 2 * SECONDS, 0.5)
    return {m: value - before[m] for m, value in counts(stack, name).items()}


@pytest.mark.takes(57)
def test_a_rhythm_is_learnt_and_saves_calls(stack):
    start(stack)
    fetch(stack, "fetcher-1")
    wait_for("every city's readings have come as expected, twice", lambda: counts(stack, "fetcher-1")["rhythm_hits_total"] >= 2 * CITIES, 90, 0.2)
    learnt = watch(stack, "fetcher-1")
    fixed, readings = CITIES * SECONDS / INTERVAL_S, CITIES * SECONDS / UPDATE_S
    print(learnt)
    assert learnt["calls_total"] <= 0.7 * fixed, "fewer calls than a fixed interval makes"
    assert learnt["observations_total"] >= readings - CITIES, "and no reading less"
    assert learnt["rhythm_hits_total"] > 2 * learnt["rhythm_misses_total"] and learnt["polls_saved"] >= 0.3 * fixed


@pytest.mark.takes(34)
def test_without_rhythm_the_interval_is_kept(stack):
    start(stack)
    fetch(stack, "fetcher-1", "--rhythm", "off")
    wait_for("all cities are polled", lambda: counts(stack, "fetcher-1")["observations_total"] >= 2 * CITIES, 60, 0.2)
    seen = watch(stack, "fetcher-1")
    assert seen["calls_total"] >= 0.75 * CITIES * SECONDS / INTERVAL_S
    assert seen["checked_total"] > seen["observations_total"] > 0
    assert counts(stack, "fetcher-1")["rhythm_hits_total"] == counts(stack, "fetcher-1")["polls_saved"] == 0
