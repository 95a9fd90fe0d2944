"""Several sources in order, each a simulator of its own: whose readings cities get when one dies, refuses its key or comes back; and both at once."""
import pytest
from conftest import TOPICS
from stack import get_json, wait_for
from test_fetcher import fault, latest

CITIES = 12
FIRST, SECOND = "openweathermap", "open-meteo"


def start(stack, *fetcher):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(24, None, CITIES)
    stack.start_coordinator("coordinator-1", -1, "--quota", f"{FIRST}=600/m;{SECOND}=600/m,36000/h", "--over-quota", "warn")
    stack.start_worker("worker-1")
    stack.start_dashboard()
    for name in (FIRST, SECOND):
        stack.start_owmsim("--limits", "600/m,36000/h", name=name)
    urls = ",".join(f"{name}=http://127.0.0.1:{stack.ports[name]}" for name in (FIRST, SECOND))
    return stack.start_fetcher("fetcher-1", "--source", f"{FIRST},{SECOND}", "--base-url", urls, "--allow-http", "--interval-s", "3",
                               "--air", "off", *fetcher, ISOBAR_API_KEY="simulator")


def number(stack, name):
    return stack.metric("fetcher-1", "isobar_fetcher_" + name)


def of(stack, source):
    """How many cities' latest reading is from that source."""
    return sum(reading["provider"] in source for reading in latest(stack).values())


SIMULATED = ("openweathermap", "recorded", "simulated")  # what the simulator calls its OpenWeatherMap's rows


def go_on(stack):
    before = {city: reading["observed_at"] for city, reading in latest(stack).items()}
    wait_for("every city has a newer reading", lambda: all(r["observed_at"] > before[c] for c, r in latest(stack).items()), 40)


def windows(stack, city, series):
    body = get_json(stack.ports["dashboard"], f"/api/v1/cities/{city}/windows?size=1h&series={series}")
    return body["windows"] if body else []


@pytest.mark.takes(36)
def test_the_next_takes_over_when_the_first_dies_and_gives_back(stack):
    start(stack)
    wait_for("all cities have the first one's readings", lambda: of(stack, SIMULATED) == CITIES, 40)
    assert get_json(stack.ports[SECOND], "/control/stats")["calls"] == 0, "it is not asked while the first is good"
    stack.programs[FIRST].kill()
    wait_for("all cities have the second one's readings", lambda: of(stack, (SECOND,)) == CITIES, 40)
    assert number(stack, "cities_failed_over") == CITIES and number(stack, "failovers_total") == CITIES
    log = stack.programs["fetcher-1"].log()
    assert "event=source_changed" in log and f"from={FIRST} to={SECOND}" in log, log[-500:]
    stack.start_owmsim(name=FIRST)
    wait_for("the first is preferred again", lambda: number(stack, "cities_failed_over") == 0, 60)
    go_on(stack)
    wait_for("all cities have the first one's readings", lambda: of(stack, SIMULATED) == CITIES, 40)
    city = next(iter(latest(stack)))
    assert windows(stack, city, 1) == [], "nobody asked for a second opinion"


@pytest.mark.takes(41)
def test_a_key_that_is_refused_costs_no_readings_and_recovers(stack):
    start(stack)
    wait_for("all cities have readings", lambda: len(latest(stack)) == CITIES, 40)
    fault(stack, FIRST, kind="invalid_key")
    wait_for("all cities have the second one's readings", lambda: of(stack, (SECOND,)) == CITIES, 40)
    go_on(stack)
    fault(stack, FIRST, kind="none")
    wait_for("the first is preferred again", lambda: number(stack, "cities_failed_over") == 0, 90)


def test_a_second_opinion_stands_beside_the_first(stack):
    start(stack, "--second-opinion")
    wait_for("all cities have readings", lambda: len(latest(stack)) == CITIES, 40)
    city = next(iter(latest(stack)))
    wait_for("both have windows", lambda: windows(stack, city, 0) and windows(stack, city, 1), 40)
    assert of(stack, SIMULATED) == CITIES
    second = wait_for("the second opinion is shown", lambda: latest(stack)[city].get("second_opinion"), 20)
    assert second["provider"] == SECOND and second["series"] == 1 and "temperature" in second["values"], second
    stack.programs[FIRST].kill()
    wait_for("the second is the first opinion now", lambda: of(stack, (SECOND,)) == CITIES, 40)
