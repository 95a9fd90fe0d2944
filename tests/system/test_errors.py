"""What goes wrong before anything works: a clear line and the documented exit code, or a retry that says so."""
import os

import pytest
from conftest import TOPICS
from ports import free_port
from stack import wait_for

DAEMONS = ("isobar-coordinator", "isobar-worker", "isobar-fetcher", "isobar-dashboard")


def outcome(stack, name, argv, deadline_s=15, **env):
    program = stack.start(name, [stack.binary(argv[0]), *argv[1:]], **env)
    code = program.wait(deadline_s)
    return code, program.log()


@pytest.mark.sanitized
@pytest.mark.parametrize("name", DAEMONS + ("isobarctl",))
def test_unknown_options_are_usage_errors_that_suggest_the_right_one(stack, name):
    code, log = outcome(stack, "unknown", [name, *(["init"] if name == "isobarctl" else []), "--rediss" if name != "isobar-fetcher" else "--kafkaa", "x"])
    assert code == 2 and ("--redis" in log or "--kafka" in log)


@pytest.mark.parametrize("name", DAEMONS)
def test_help_and_version(stack, name):
    for flag, want in (("--help", "Usage:"), ("--version", name)):
        code, log = outcome(stack, "answer" + flag, [name, flag])
        assert code == 0 and want in log


def test_a_taken_port(stack):
    import socket
    stack.start_redis()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        code, log = outcome(stack, "dashboard", ["isobar-dashboard", "--redis", stack.redis, "--port", str(port)])
        assert code == 69 and f":{port}" in log and "in use" in log
        code, log = outcome(stack, "coordinator", ["isobar-coordinator", "--redis", stack.redis, "--bind", f"tcp://127.0.0.1:{port}"])
        assert code == 69 and str(port) in log


def test_init_without_kafka_or_redis(stack):
    stack.start_redis()
    nobody = f"127.0.0.1:{free_port()}"
    done = stack.ctl("init", "--kafka", nobody, "--redis", stack.redis, check=False)
    assert done.returncode == 69 and nobody in done.stderr
    stack.start_devbroker(TOPICS)
    done = stack.ctl("init", "--kafka", stack.kafka, "--redis", nobody, check=False)
    assert done.returncode == 69 and nobody in done.stderr


@pytest.mark.sanitized
def test_a_bad_city_table_is_named_with_file_and_line(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    path = os.path.join(stack.dir, "cities.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write("id,name,ascii_name,country,lat,lon,elevation_m,population,zone\n"
                "5809844,Seattle,Seattle,US,47.60621,-122.33207,,737015,America/Los_Angeles\n"
                "5809845,Nowhere,Nowhere,US,147.6,-122.3,,1,America/Los_Angeles\n")
    done = stack.ctl("init", *stack.common("kafka", "redis"), "--cities", path, check=False)
    assert done.returncode == 78 and f"{path}:3" in done.stderr


@pytest.mark.sanitized
def test_a_redis_without_an_installation(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.endpoint = f"tcp://127.0.0.1:{free_port()}"
    code, log = outcome(stack, "worker", ["isobar-worker", "--id", "w", *stack.common("kafka", "redis", "coordinator")])
    assert code == 69 and "isobarctl init" in log and stack.redis in log
    done = stack.ctl("verify", *stack.common("redis"), check=False)
    assert done.returncode == 69 and "init" in done.stderr


def test_a_worker_waits_for_redis_and_says_so(stack):
    port = free_port()
    stack.redis = f"127.0.0.1:{port}"
    stack.start_devbroker(TOPICS)
    stack.endpoint = f"tcp://127.0.0.1:{free_port()}"
    worker = stack.start_worker("worker-1")
    wait_for("the worker says what it waits for", lambda: stack.redis in worker.log(), 10)
    assert worker.running()
    wait_for("not ready", lambda: stack.admin("worker-1", "/readyz?verbose")[0] == 503, 10)
    assert b"redis" in stack.admin("worker-1", "/readyz?verbose")[2]
    stack.start_redis(port)
    stack.init(24, None, 4)


def test_a_fetcher_without_a_key(stack):
    code, log = outcome(stack, "fetcher", ["isobar-fetcher", "--kafka", "127.0.0.1:1", "--coordinator", "tcp://127.0.0.1:1"])
    assert code == 78 and "ISOBAR_API_KEY" in log


def test_what_holds_connections_does_not_hold_up_a_probe(stack):
    """The admin port of a daemon with all its places taken, and three times as many in the queue."""
    import socket
    import time
    from stack import http_get
    stack.start_redis()
    stack.start_coordinator("coordinator-1")
    port = stack.ports["coordinator-1"]
    wait_for("it lives", lambda: http_get(port, "/livez") is not None, 10)
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        for path in ("/livez", "/metrics", "/livez"):
            began = time.monotonic()
            assert http_get(port, path)[0] == 200
            assert time.monotonic() - began < 1
        assert http_get(port, "/livez%00")[0] == 404
    finally:
        for s in held:
            s.close()


def test_a_nul_in_a_path_is_not_the_page(stack):
    from stack import http_get
    stack.start_redis()
    stack.start_dashboard()
    assert http_get(stack.ports["dashboard"], "/")[0] == 200
    assert http_get(stack.ports["dashboard"], "/%00")[0] in (400, 404)


@pytest.mark.parametrize("name", DAEMONS + ("isobarctl",))
def test_a_configuration_file_that_never_ends_is_refused(stack, name):
    code, log = outcome(stack, "endless", [name, *(["init"] if name == "isobarctl" else []), "--config", "/dev/zero"], 5)
    assert code == 78 and "/dev/zero" in log and "regular" in log


def test_binding_wider_than_loopback_is_refused(stack):
    stack.start_redis()
    for argv in (["isobar-dashboard", "--bind", "0.0.0.0", "--redis", stack.redis, "--port", "0"],
                 ["isobar-dashboard", "--admin-bind", "0.0.0.0", "--redis", stack.redis, "--port", "0"],
                 ["isobar-coordinator", "--bind", "tcp://0.0.0.0:0", "--redis", stack.redis]):
        code, log = outcome(stack, "wide-" + argv[1][2:] + argv[0], argv)
        assert code == 78 and "--insecure" in log


def test_limits_that_do_not_suffice_are_refused_at_the_start_with_the_nearest_that_do(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(24, None, 300)
    program = stack.start_coordinator("coordinator-1", 60, "--quota", "openweathermap=free")
    assert program.wait(20) == 78
    line = next(line for line in program.log().splitlines() if "event=over_quota" in line)
    assert "300 cities every 10m need 1339200 calls of openweathermap in any month" in line and "1000000 are allowed" in line
    assert "300 cities fit every 15m" in line and "every 10m, 212 cities fit" in line
    program = stack.start_coordinator("coordinator-2", 60, "--quota", "openweathermap=free", "--every", "15m")
    wait_for("a rarer rhythm is taken", lambda: stack.metric("coordinator-2", "isobar_coordinator_leader") == 1, 20)
    assert program.running() and "event=over_quota" not in program.log() and program.terminate(10) == 0
    program = stack.start_coordinator("coordinator-3", 60, "--quota", "openweathermap=free", "--over-quota", "warn")
    wait_for("it says so and goes on", lambda: "event=over_quota" in program.log(), 20)
    wait_for("it leads", lambda: stack.metric("coordinator-3", "isobar_coordinator_leader") == 1, 20)
    code, log = outcome(stack, "coordinator-4", ["isobar-coordinator", "--redis", stack.redis, "--every", "soon"])
    assert code == 78 and "every 'soon'" in log
