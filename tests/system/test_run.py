"""make run as a user meets it: one command, a page, Ctrl-C."""
import http.server
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import types

import pytest
import results
from conftest import BIN, ROOT
from ports import free_port
from stack import get_json, http_get, wait_for


def launcher_module():
    """deploy/local/run.py; tests/run.py has the same name."""
    spec = importlib.util.spec_from_file_location("launcher", os.path.join(ROOT, "deploy/local/run.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = launcher_module()


def processes_of(directory):
    """Processes whose working directory is below `directory`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (os.readlink(f"/proc/{pid}/cwd") + "/").startswith(directory + "/"):
                found.append(int(pid))
        except OSError:
            pass
    return found


def tracked_state():
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_one_command_a_page_and_ctrl_c(tmp_path):
    directory = os.path.join(ROOT, "build", "system", "make-run")
    before = tracked_state()
    started = time.monotonic()
    launcher = subprocess.Popen([sys.executable, os.path.join(ROOT, "deploy/local/run.py"), "--bin", BIN, "--dir", directory, "--source", "replay"], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env={k: v for k, v in os.environ.items() if k != "OWM_API_KEY"})
    lines = []
    port = None
    try:
        for line in launcher.stdout:
            lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
            if found and "page" in line:
                port = int(found.group(1))
            if line.startswith("First values"):
                break
        page_s = time.monotonic() - started
        assert port, "".join(lines)
        assert http_get(port, "/")[0] == 200
        assert any("SIMULATED DATA" in line for line in lines)
        wait_for("all cities have values", lambda: len(get_json(port, "/api/v1/latest")["latest"]) == 40, 30)
        stopping = time.monotonic()
        launcher.send_signal(signal.SIGINT)
        rest = launcher.communicate(timeout=15)[0]
        stop_s = time.monotonic() - stopping
        assert launcher.returncode == 0, "".join(lines) + rest
        assert "by force" not in rest, rest
    finally:
        if launcher.poll() is None:
            launcher.kill()
    left = len(processes_of(directory)) + (tracked_state() != before)
    results.write("light", [("light.first_page_built_s", round(page_s, 2), 1), ("light.stop_s", round(stop_s, 2), 1), ("light.left_behind", left, 1)])
    assert left == 0
    assert stop_s <= 2.5 and page_s <= 20


def run_py(*argv, **env):
    clean = {k: v for k, v in os.environ.items() if k not in ("OWM_API_KEY", "ISOBAR_API_KEY", "ISOBAR_API_KEY_FILE")}
    return subprocess.run([sys.executable, os.path.join(ROOT, "deploy/local/run.py"), "--bin", BIN, "--dir", os.path.join(ROOT, "build", "system", "make-run-error"), *argv],
                          capture_output=True, text=True, timeout=60, env=dict(clean, **env), check=False)


def test_a_taken_port_is_an_error_that_names_it():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = run_py("--port", str(port))
    assert done.returncode == 69 and f"port {port} is taken" in done.stdout


def test_a_port_that_another_run_has_taken_for_later_is_not_taken_twice():
    port = free_port()
    done = run_py("--port", str(port))
    assert done.returncode == 69 and f"port {port} is taken" in done.stdout


def test_the_usual_port_goes_to_one_of_two_runs(monkeypatch):
    monkeypatch.setattr(run, "PAGE_PORT", free_port())
    assert run.page_port(types.SimpleNamespace(port=0)) is None, "the runs that start here draw another"


def test_openweathermap_without_a_key_is_an_error_that_names_the_variable():
    done = run_py("--source", "openweathermap")
    assert done.returncode == 78 and "OWM_API_KEY" in done.stdout


def auto(key="", cities=40, why=""):
    """(what auto takes, what it says of it); Open-Meteo refuses for `why`."""
    said = []
    options = types.SimpleNamespace(source="auto", cities=cities)
    return run.auto_source(options, key, said.append, lambda: why), said


def test_auto_takes_open_meteo_before_the_replay():
    assert auto(key="k") == ("openweathermap", [])
    assert auto() == ("open-meteo", [])
    source, said = auto(why="Name or service not known")
    assert source == "replay" and said == ["Open-Meteo is not used (Name or service not known): a replay instead."]
    source, said = auto(cities=run.OPEN_METEO_CITIES + 1)
    assert source == "replay" and len(said) == 1 and f"carry {run.OPEN_METEO_CITIES} cities" in said[0]
    assert auto(cities=run.OPEN_METEO_CITIES)[0] == "open-meteo"


def test_a_name_server_that_is_silent_does_not_hold_up_the_start(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    started = time.monotonic()
    try:
        assert run.open_meteo_refuses(deadline_s=0.3) == "no answer within 0.3 s"
        assert time.monotonic() - started < 10
    finally:
        over.set()


def test_sources_in_order():
    names = "openweathermap,open-meteo"
    assert run.parse(["--source", names]).source == names
    assert run.choose_source(types.SimpleNamespace(source=names), "k", print) == (names, f"{run.LIVE['openweathermap']}; when that fails: {run.LIVE['open-meteo']}")
    assert run.choose_source(types.SimpleNamespace(source="metar"), "", print) == ("metar", run.LIVE["metar"])
    for bad in ("odd", "auto,replay", "open-meteo,open-meteo", "open-meteo,"):
        done = run_py("--source", bad)
        assert done.returncode == 2 and f"'{bad}' is not auto, replay" in done.stdout + done.stderr, done
    done = run_py("--source", "open-meteo,openweathermap")
    assert done.returncode == 78 and "OWM_API_KEY" in done.stdout


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(self.path[1:])
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"current":{}}' if status == 200 else b'{"error":true}')

    def log_message(self, *_):
        pass


def test_why_open_meteo_is_not_there_is_said_in_a_few_words(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # not asked: the fetcher does not either
    with http.server.HTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}/"
        assert run.open_meteo_refuses(base + "200") == ""
        assert run.open_meteo_refuses(base + "204") == "it answers something else"
        assert "limit" in run.open_meteo_refuses(base + "429")
        assert run.open_meteo_refuses(base + "503") == "HTTP 503"
        server.shutdown()
    assert "refused" in run.open_meteo_refuses(base + "200")


def test_a_key_file_is_as_good_as_a_key(tmp_path):
    missing, empty, good = tmp_path / "none", tmp_path / "empty", tmp_path / "key"
    empty.write_text("\n")
    good.write_text("a-key-of-the-user\nmore\n")
    for path in (missing, empty):
        done = run_py(ISOBAR_API_KEY_FILE=str(path))
        assert done.returncode == 78 and str(path) in done.stdout and "ISOBAR_API_KEY_FILE" in done.stdout, done.stdout
    # The data are live with it; Kafka that is not there ends the start before any call goes out.
    done = run_py("--kafka", "127.0.0.1:1", "--source", "openweathermap", ISOBAR_API_KEY_FILE=str(good))
    assert done.returncode == 69 and "127.0.0.1:1" in done.stdout and "a-key-of-the-user" not in done.stdout, done.stdout


def test_an_unknown_option_is_a_usage_error():
    assert run_py("--sauce", "replay").returncode == 2


@pytest.mark.parametrize("name, value", [("port", "65536"), ("port", "-5"), ("port", "http"), ("workers", "0"), ("workers", "two"), ("source", "moon")])
def test_a_bad_value_is_a_usage_error_in_the_words_of_make_run(name, value):
    done = run_py(f"--{name}={value}")
    assert done.returncode == 2 and f"make run: {name.upper()}" in done.stderr and "--" not in done.stderr


def test_a_redis_of_ones_own_needs_a_kafka_of_ones_own():
    done = run_py("--redis", "127.0.0.1:1")
    assert done.returncode == 78 and "REDIS= needs KAFKA=" in done.stdout


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_py("--dir", str(tmp_path / "file" / "run"))
    assert done.returncode == 69 and str(tmp_path / "file") in done.stdout and "Traceback" not in done.stderr


class Launcher:
    """One make run in the background; `lines` is what it has said so far."""

    def __init__(self, directory, *argv):
        self.lines = []
        self.process = subprocess.Popen([sys.executable, os.path.join(ROOT, "deploy/local/run.py"), "--bin", BIN, "--dir", directory, "--source", "replay", *argv], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={k: v for k, v in os.environ.items() if k != "OWM_API_KEY"})
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def find(self, pattern, deadline_s=60):
        """The match in what it has said or will say; an end before that fails with all it said."""
        def said():
            ended = self.process.poll() is not None
            if ended:
                self.reader.join(5)
            match = next((m for line in list(self.lines) if (m := re.search(pattern, line))), None)
            assert match or not ended, f"it ended without {pattern}:\n" + "".join(self.lines)
            return match

        return wait_for(pattern, said, deadline_s)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(15)
        self.reader.join(5)
        return code


def process_of(directory, text):
    return next(p for p in processes_of(directory) if text in open(f"/proc/{p}/cmdline", encoding="utf-8").read())


def worker_of(directory, name):
    return process_of(directory, f"--id\0{name}\0")


def test_a_broker_that_dies_ends_the_run_cleanly():
    directory = os.path.join(ROOT, "build", "system", "make-run-broker")
    launcher = Launcher(directory)
    try:
        launcher.find("^First values")
        os.kill(process_of(directory, "isobar-devbroker"), signal.SIGKILL)
        launcher.find("make run: broker was killed by signal 9")
        assert launcher.process.wait(15) == 1
        launcher.reader.join(5)
        assert launcher.lines[-1] == "Stopped.\n", "".join(launcher.lines[-40:])
    finally:
        if launcher.process.poll() is None:
            launcher.process.kill()


def test_two_at_once_keep_apart_and_a_killed_worker_is_replaced():
    directory = os.path.join(ROOT, "build", "system", "make-run-two")
    launchers = [Launcher(directory, "--cities", "5")]
    try:
        launchers[0].find("^First values")
        launchers.append(Launcher(directory, "--cities", "5"))
        launchers[1].find("^First values")
        assert launchers[1].find(r"Logs: +(\S+)").group(1).endswith("make-run-two-2/*.log")
        assert os.path.exists(os.path.join(directory, "redis", "appendonlydir")), "the second has taken the first one's folder"
        os.kill(worker_of(directory, "worker-2"), signal.SIGKILL)
        launchers[0].find("worker-2 was killed by signal 9; the others take over")
        launchers[0].find("member_silent id=worker-2")
        verify = launchers[0].find(r"Check it: +(.+)").group(1)
        done = subprocess.run(verify, shell=True, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0 and "all invariants hold" in done.stdout, done.stdout + done.stderr
        os.kill(worker_of(directory, "worker-1"), signal.SIGKILL)
        launchers[0].find("make run: worker-1 was killed by signal 9")
        assert launchers[0].process.wait(15) == 1
        assert launchers[1].stop() == 0, "".join(launchers[1].lines)
    finally:
        for launcher in launchers:
            if launcher.process.poll() is None:
                launcher.process.kill()
