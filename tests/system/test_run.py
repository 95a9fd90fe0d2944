"""make run as a user meets it: one command, a page, Ctrl-C."""
import os
import re
import signal
import subprocess
import sys
import time

import results
from conftest import BIN, ROOT
from stack import get_json, http_get, wait_for


def processes_of(directory):
    """Processes whose working directory is below `directory`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(directory):
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
    launcher = subprocess.Popen([sys.executable, os.path.join(ROOT, "deploy/local/run.py"), "--bin", BIN, "--dir", directory], stdout=subprocess.PIPE,
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
    clean = {k: v for k, v in os.environ.items() if k not in ("OWM_API_KEY", "ISOBAR_API_KEY")}
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


def test_openweathermap_without_a_key_is_an_error_that_names_the_variable():
    done = run_py("--source", "openweathermap")
    assert done.returncode == 78 and "OWM_API_KEY" in done.stdout


def test_an_unknown_option_is_a_usage_error():
    assert run_py("--sauce", "replay").returncode == 2
