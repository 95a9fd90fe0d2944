"""A source that stands still, changes its answers or fails: a named alarm in the log, the metrics, the view and isobarctl, and it ends."""
import pytest
from ports import free_port
from stack import get_json, wait_for

import test_fetcher


def alarm(stack, name):
    return stack.metric("fetcher-1", "isobar_fetcher_alarm", f'name="{name}",source="replay"')


def view_alarms(stack):
    view = get_json(stack.ports["dashboard"], "/api/v1/cluster")
    return {a["name"]: a for a in view.get("alarms", [])} if view else {}


def status(stack):
    done = stack.ctl("status", *stack.common("redis"), check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.takes(54)
@pytest.mark.parametrize("kind,name,text", [("frozen", "source_stale", "though calls succeed"),
                                            ("renamed", "schema_changed", "missing: humidity"),
                                            ("server_error", "source_failing", "server_error")])
def test_a_source_that_goes_wrong_raises_its_alarm_and_ends_it(stack, kind, name, text):
    test_fetcher.start(stack, -1)
    program = test_fetcher.fetch(stack, "fetcher-1", "--interval-s", "1")
    rows = lambda: stack.metric("fetcher-1", "isobar_fetcher_observations_total") or 0  # noqa: E731
    wait_for("it is known what is usual", lambda: rows() >= 80, 60)
    assert alarm(stack, name) == 0 and not view_alarms(stack)
    test_fetcher.fault(stack, kind=kind)
    wait_for(f"{name} is raised", lambda: alarm(stack, name) == 1, 90)
    log = program.log()
    assert log.count(f"event=source_alarm name={name}") == 1 and text in log and "do=" in log
    wait_for("the leader's view has it", lambda: name in view_alarms(stack), 10)
    seen = view_alarms(stack)[name]
    assert (seen["source"], seen["member"]) == ("replay", "fetcher-1") and text in seen["text"] and seen["since"] > 0
    wait_for("isobarctl says it", lambda: status(stack)[0] == 1 and name in status(stack)[1] and text in status(stack)[1], 10)
    test_fetcher.fault(stack, kind="none")
    wait_for(f"{name} is over", lambda: alarm(stack, name) == 0, 120)
    assert program.log().count(f"event=source_alarm name={name}") == 1 and "event=source_alarm_over" in program.log()
    wait_for("the view forgets it", lambda: name not in view_alarms(stack), 10)


def test_ages_of_every_stage_are_told(stack):
    test_fetcher.start(stack, -1)
    test_fetcher.fetch(stack, "fetcher-1", "--interval-s", "1")
    wait_for("all cities have values", lambda: len(test_fetcher.latest(stack)) == 6, 30)
    sources = lambda: {s["source"]: s for s in (get_json(stack.ports["dashboard"], "/api/v1/cluster") or {}).get("sources", [])}  # noqa: E731
    wait_for("the view tells ages", lambda: sources(), 10)
    (source, ages), = [(s, a) for s, a in sources().items() if s in ("simulated", "recorded")][:1]
    assert 0 <= ages["committed_age_ms"] <= ages["produced_age_ms"] + 50 <= ages["fetched_age_ms"] + 100 < 60000
    assert source in status(stack)[1] and "committed" in status(stack)[1]
    for stage in ("observed", "fetched", "produced"):
        labels = f'provider="{source}",stage="{stage}"'
        assert stack.metric("worker-1", "isobar_worker_age_seconds_count", labels) > 0
        assert stack.metric("worker-1", "isobar_worker_age_seconds_bucket", labels + ',le="+Inf"') > 0
    assert stack.metric("worker-1", "isobar_worker_newest_age_seconds", f'provider="{source}",stage="committed"') < 60
    city = get_json(stack.ports["dashboard"], "/api/v1/cities")["cities"][0]["id"]
    ages = get_json(stack.ports["dashboard"], f"/api/v1/cities/{city}")["ages"]
    assert 0 <= ages["committed_ms"] < 60000 and set(ages) == {"observed_ms", "fetched_ms", "produced_ms", "committed_ms"}
    stack.ports["dashboard-2"] = free_port()
    stack.start("dashboard-2", [stack.binary("isobar-dashboard"), *stack.common("redis"), "--port", str(free_port()),
                                "--admin-port", str(stack.ports["dashboard-2"])])
    for stage in ("observed", "fetched", "produced", "committed"):
        labels = f'provider="{source}",stage="{stage}",quantile="1"'
        age = wait_for(f"it is known how long ago all was {stage}", lambda labels=labels: stack.metric("dashboard-2", "isobar_dashboard_age_seconds", labels), 20)
        assert 0 <= age < 120
