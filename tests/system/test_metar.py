"""The fetcher against the simulator as aviationweather.gov: many stations a call, one that is unknown, cities without one, broken answers, failover."""
import oracle
import pytest
from conftest import TOPICS
from ctl_runs import client, run
from stack import get_json, wait_for
from test_fetcher import fault, latest, stats

CITIES = 12
SEATTLE, BOGOTA, MADRID = 5809844, 3688689, 3117735  # the first of data/cities.csv, which all have a station


def start(stack, *fetcher, source="metar", quota="metar=free", first=None):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(24, None, CITIES)
    for city, station in (first or {}).items():
        station_of(stack, city, station)
    stack.start_coordinator("coordinator-1", -1, "--quota", quota)
    stack.start_worker("worker-1")
    stack.start_dashboard()
    stack.start_owmsim()
    base = ",".join(f"{name}=http://127.0.0.1:{stack.ports['owmsim']}" for name in source.split(","))
    return stack.start_fetcher("fetcher-1", "--source", source, "--base-url", base, "--allow-http", "--interval-s", "1", *fetcher)


def station_of(stack, city, station):
    code, _, err = run(stack, "cities", "add", str(city), "--station", station, which=("redis",))
    assert code == 0, err


def number(stack, name):
    return stack.metric("fetcher-1", "isobar_fetcher_" + name)


def go_on(stack, but=()):
    """Waits until every city but some has a newer reading."""
    before = {city: reading["observed_at"] for city, reading in latest(stack).items()}
    wait_for("the others go on", lambda: all(r["observed_at"] > before[c] for c, r in latest(stack).items() if c not in but), 40)


def test_reports_of_many_stations_come_through(stack):
    start(stack)
    wait_for("all cities have weather", lambda: len(latest(stack)) == CITIES, 40)
    reading = latest(stack)[SEATTLE]
    assert reading["provider"] == "metar", reading
    assert {"temperature", "dew_point", "humidity", "pressure_sea_level", "pressure_station", "wind_speed", "visibility", "cloud"} <= set(reading["values"])
    assert 0 < reading["values"]["humidity"] <= 100
    state = oracle.modules()[2].CityState.FromString(client(stack).hget(f"isobar:{{{oracle.shard(SEATTLE, 24)}}}:city", SEATTLE))
    assert state.interval_s == 3600, "as stations report, not as they are asked"
    go_on(stack)
    counted = stats(stack)
    assert counted["stations"] >= 2 * CITIES and counted["calls"] * 3 < counted["stations"], counted
    wait_for("both count the same calls", lambda: number(stack, "calls_total") == stats(stack)["calls"] == number(stack, "cost_milli_total") / 1000, 20, 0.02)
    assert number(stack, "cities_without_station") == 0
    about = get_json(stack.ports["dashboard"], "/api/v1/about")
    credit = next(c for c in about["attribution"] if c["provider"] == "metar")
    assert "NOAA/NWS" in credit["text"] and credit["url"] == "https://aviationweather.gov/"


def test_cities_without_a_station_and_with_an_unknown_one(stack):
    program = start(stack, first={BOGOTA: "none", MADRID: "ZZ01"})
    wait_for("all others have weather", lambda: len(latest(stack)) == CITIES - 2, 40)
    assert not {BOGOTA, MADRID} & set(latest(stack))
    go_on(stack)
    assert number(stack, "cities_without_station") == 1 and number(stack, "cities_failing") == number(stack, "cities_parked") == 0
    assert number(stack, "places_empty_total") >= 1, "what is unknown is asked for, and missing in the answer"
    said = [line for line in program.log().splitlines() if "event=cities_without_station" in line]
    assert len(said) == 1 and "cities=1 of=12" in said[0], said
    assert "call_failed" not in program.log() and number(stack, "calls_narrowed_total") == 0
    # It gets one, while everything runs, and the other a right one; a third loses its.
    station_of(stack, BOGOTA, "SKBO")
    station_of(stack, MADRID, "LEMD")
    station_of(stack, SEATTLE, "none")
    wait_for("they have weather, too", lambda: {BOGOTA, MADRID} <= set(latest(stack)), 40)
    wait_for("the third is not asked for", lambda: number(stack, "cities_without_station") == 1, 20)
    go_on(stack, {SEATTLE})


@pytest.mark.takes(18)
def test_broken_answers_are_named_and_got_over(stack):
    start(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == CITIES, 40)

    def ended(outcome):
        return stack.metric("fetcher-1", "isobar_fetcher_answers_total", f'outcome="{outcome}"')
    for kind, outcome in (("midstream", "broken_body"), ("wrong_shape", "unexpected_shape")):
        before = ended(outcome)
        fault(stack, kind=kind, station="KSEA")
        wait_for(f"{kind} was answered", lambda: ended(outcome) > before, 40)
        go_on(stack, {SEATTLE})
        fault(stack, kind="none")
        go_on(stack)


def test_a_report_that_goes_missing_is_nobodys_error(stack):
    start(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == CITIES, 40)
    for kind in ("not_found", "nulls"):
        empty = number(stack, "places_empty_total")
        fault(stack, kind=kind, station="KSEA")
        wait_for(f"{kind} was answered", lambda: number(stack, "places_empty_total") > empty, 40)
        go_on(stack, {SEATTLE})
        fault(stack, kind="none")
    go_on(stack)
    assert number(stack, "calls_narrowed_total") == number(stack, "cities_failing") == 0


def test_who_calls_too_often_waits(stack):
    program = start(stack)
    wait_for("all cities have values", lambda: len(latest(stack)) == CITIES, 40)
    fault(stack, kind="rate_limited", count=1, retry_after=5)
    wait_for("it was answered", lambda: stats(stack)["answers"].get("429", 0) == 1, 20)
    assert "rate_limited" in program.log()
    go_on(stack)


@pytest.mark.takes(14)
def test_where_no_station_is_a_model_takes_its_place(stack):
    """Reports first, a model for cities that have none: by city, and nothing fails for it."""
    start(stack, "--air", "off", source="metar,open-meteo", quota="metar=free;open-meteo=600/m,36000/h", first={BOGOTA: "none", MADRID: "ZZ01"})
    wait_for("all cities have weather", lambda: len(latest(stack)) == CITIES, 60)
    providers = {city: reading["provider"] for city, reading in latest(stack).items()}
    assert providers.pop(BOGOTA) == providers.pop(MADRID) == "open-meteo" and set(providers.values()) == {"metar"}, providers
    wait_for("both are counted", lambda: number(stack, "cities_failed_over") == 2, 10)
    assert number(stack, "failovers_total") == 1, "that one has no station is no failure"
    station_of(stack, BOGOTA, "SKBO")
    wait_for("it has reports", lambda: latest(stack)[BOGOTA]["provider"] == "metar", 40)
    go_on(stack)
