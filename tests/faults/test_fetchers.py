"""Two fetchers on one shard: one that is cut off from the coordinator keeps polling while another is given its cities. What both
deliver is counted exactly once, and the rest as duplicates."""
import pytest
from stack import wait_for
from zmtp import Relay

CITIES = 24


def start_fetcher(rig, name):
    rig.stack.start_fetcher(name, "--source", "replay", "--base-url", f"http://127.0.0.1:{rig.stack.ports['owmsim']}", "--allow-http",
                            "--interval-s", "1", "--history-hours", "1", ISOBAR_API_KEY="any")
    return rig.stack.programs[name]


def fetched(rig, name, metric):
    return rig.stack.metric(name, "isobar_fetcher_" + metric) or 0


@pytest.mark.quick
def test_two_fetchers_on_one_shard_count_once(rig):
    rig.broker().start_redis().install(CITIES)
    endpoint, = rig.stack.reserve_endpoints()
    rig.stack.start_coordinator("coordinator-1", -1, bind=endpoint)
    rig.workers(2)
    rig.start_load()
    rig.stack.start_owmsim("--update-s", "1")
    relay = Relay("127.0.0.1", int(endpoint.rsplit(":", 1)[1]))
    try:
        rig.stack.endpoint = relay.endpoint
        cut_off = start_fetcher(rig, "fetcher-1")
        wait_for("the first has all cities", lambda: fetched(rig, "fetcher-1", "cities") == CITIES, 20)
        relay.cut()
        rig.stack.endpoint = endpoint
        other = start_fetcher(rig, "fetcher-2")
        wait_for("the second has all cities too", lambda: fetched(rig, "fetcher-2", "cities") == CITIES, 30)
        assert fetched(rig, "fetcher-1", "cities") == CITIES, "one that hears of no coordinator goes on"
        before = fetched(rig, "fetcher-1", "rows_produced_total"), fetched(rig, "fetcher-2", "rows_produced_total")
        wait_for("both have delivered every city ten times", lambda: all(
            fetched(rig, f"fetcher-{i + 1}", "rows_produced_total") - before[i] >= 10 * CITIES for i in range(2)), 60)
        relay.mend()
        wait_for("they share the cities again", lambda: 0 < fetched(rig, "fetcher-1", "cities") < CITIES
                 and fetched(rig, "fetcher-1", "cities") + fetched(rig, "fetcher-2", "cities") == CITIES, 30)
        delivered = []
        for program in (cut_off, other):
            delivered.append(fetched(rig, program.name, "rows_produced_total"))
            assert program.terminate(15) == 0, program.log()[-2000:]
    finally:
        relay.stop()
    totals = rig.equal()
    # The oracle counts duplicates by itself; here only that there were as many as two sources make.
    print(f"delivered {delivered}, duplicates {totals['rows_duplicate']}, accepted {totals['redis_accepted']}")
    assert totals["rows_duplicate"] >= 5 * CITIES
    assert totals["redis_accepted"] == totals["accepted"]
