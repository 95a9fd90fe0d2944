"""The fetcher against the simulator as Open-Meteo: many places a call, every error its reaction, weather and air through to the page."""
import time

import pytest
from conftest import TOPICS
from stack import get_json, wait_for
from test_fetcher import fault, latest, stats

CITIES = 12


def start(stack, *sim, calls_per_minute=-1, quota="", fetcher=("--interval-s", "1", "--air", "off")):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(24, None, CITIES)
    stack.start_coordinator("coordinator-1", calls_per_minute, "--quota", quota)
    stack.start_worker("worker-1")
    stack.start_dashboard()
    stack.start_owmsim(*sim)
    return stack.start_fetcher("fetcher-1", "--source", "open-meteo", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                               *fetcher)


def number(stack, name):
    return stack.metric("fetcher-1", "isobar_fetcher_" + name)


def go_on(stack, but=()):
    """Waits until every city but some has a newer reading."""
    before = {city: reading["observed_at"] for city, reading in latest(stack).items()}
    wait_for("the others go on", lambda: all(r["observed_at"] > before[c] for c, r in latest(stack).items() if c not in but), 40)


def test_weather_and_air_of_many_places(stack):
    start(stack, "--limits", "600/m,5000/h,10000/d", quota="open-meteo=free", fetcher=())
    wait_for("all cities have weather", lambda: sum("temperature" in r["values"] for r in latest(stack).values()) == CITIES, 40)
    reading = next(iter(latest(stack).values()))
    assert reading["provider"] == "open-meteo" and reading["accumulation_s"] == 900, reading
    for name in ("temperature", "humidity", "pressure_sea_level", "pressure_station", "wind_speed", "wind_gust", "cloud", "rain", "snow"):
        assert name in reading["values"], name
    assert "pm2_5" not in reading["values"], "air does not hide the weather"
    wait_for("the air was asked for", lambda: stats(stack)["air"] >= 1, 20)
    counted = stats(stack)
    assert counted["places"] == CITIES and counted["calls"] - counted["air"] < CITIES, counted
    # What the fetcher says that its calls weigh is what the simulator counted, once no call is on its way.
    wait_for("both count the same weight", lambda: number(stack, "cost_milli_total") == stats(stack)["weight_milli"], 20, 0.02)
    city = reading["city"]

    def windows():
        body = get_json(stack.ports["dashboard"], f"/api/v1/cities/{city}/windows?size=1h")
        return body["windows"] if body else []
    wait_for("the air is in a window", lambda: any("pm2_5" in w["metrics"] for w in windows()), 30)
    with_air = [w for w in windows() if "pm2_5" in w["metrics"]]
    assert sum(w["air_rows"] for w in with_air) == sum(w["metrics"]["pm2_5"]["count"] for w in with_air) >= 1
    about = get_json(stack.ports["dashboard"], "/api/v1/about")
    assert {"open-meteo", "open-meteo-air"} <= {credit["provider"] for credit in about["attribution"]}


@pytest.mark.takes(75)
def test_each_error_of_one_place_leaves_the_others_alone(stack):
    program = start(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == CITIES, 40)
    cities = get_json(stack.ports["dashboard"], "/api/v1/cities")["cities"]
    for kind, bad in zip(("midstream", "truncated", "wrong_shape", "nulls"), cities):
        fault(stack, kind=kind, lat=bad["lat"], lon=bad["lon"])
        seen = stats(stack)["faults"]
        wait_for(f"{kind} was answered", lambda: stats(stack)["faults"] > seen, 40)
        go_on(stack, {bad["id"]})
        fault(stack, kind="none")
        go_on(stack)
    bad = cities[5]
    fault(stack, kind="bad_request", lat=bad["lat"], lon=bad["lon"])
    wait_for("the one bad place is parked", lambda: number(stack, "cities_parked") == 1, 60)
    go_on(stack, {bad["id"]})
    narrowed = number(stack, "calls_narrowed_total")
    for _ in range(3):
        go_on(stack, {bad["id"]})
    assert number(stack, "calls_narrowed_total") == narrowed, "a place that is parked is asked alone"
    fault(stack, kind="none")
    wait_for("it comes back", lambda: number(stack, "cities_parked") == 0, 60)
    assert program.running()


def test_a_server_in_trouble_is_not_hammered_and_comes_back(stack):
    start(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == CITIES, 40)
    fault(stack, kind="unavailable")
    wait_for("it was answered", lambda: stats(stack)["answers"].get("503", 0) >= 3, 40)
    fault(stack, kind="none")
    go_on(stack)


@pytest.mark.takes(11)
def test_a_limit_that_is_named_is_waited_for(stack):
    program = start(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == CITIES, 40)
    fault(stack, kind="limited_day", count=1)
    wait_for("it was answered", lambda: stats(stack)["answers"].get("429", 0) == 1, 20)
    wait_for("calls are stopped", lambda: number(stack, "stopped") == 2, 10)
    calls, left = stats(stack)["calls"], number(stack, "stopped_milliseconds") / 1000
    midnight = 86400 - time.time() % 86400
    assert abs(left - max(midnight, 60)) < 10, (left, midnight)
    end = time.monotonic() + 6
    wait_for("6 s pass", lambda: time.monotonic() > end, 10, 0.2)
    assert stats(stack)["calls"] == calls
    assert "rate_limited" in program.log()


@pytest.mark.takes(30)
def test_a_share_counts_what_places_weigh(stack):
    """12 cities weigh 15.6 calls: with 10 a minute the simulator, which allows as much, never refuses."""
    start(stack, "--limits", "10/m", calls_per_minute=10)
    end = time.monotonic() + 30
    wait_for("30 s pass", lambda: time.monotonic() > end, 60, 0.5)
    counted = stats(stack)
    assert counted["refused"] == 0 and 1300 <= counted["weight_milli"] <= 10000, counted
