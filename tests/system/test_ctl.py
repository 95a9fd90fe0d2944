"""isobarctl against a real redis-server and the brokers: its commands and help, and status. init and verify have files of their own."""
import json
import re
import time

import pytest
from conftest import SANITIZED
from ctl_runs import run, started, view_of
from stack import StackError, wait_for

SLOW = 4 if SANITIZED else 1


# ---- the command line

@pytest.mark.sanitized
def test_commands_and_help(stack):
    def ctl(*argv):
        done = stack.ctl(*argv, check=False)
        return done.returncode, done.stdout, done.stderr

    for argv in (["help"], ["--help"]):
        code, out, _ = ctl(*argv)
        assert code == 0 and all(f"\n  {name} " in out for name in ("init", "status", "verify")) and "69" in out
    for argv in (["help", "init"], ["init", "--help"]):
        code, out, _ = ctl(*argv)
        assert code == 0 and "Usage: isobarctl init" in out and "--cities" in out and "Exit codes" in out
    assert ctl("--version")[:2] == (0, "isobarctl 0.1.0\n")
    for argv, wanted in ((["iint"], "did you mean 'init'?"), (["statsu"], "did you mean 'status'?"), (["help", "verfiy"], "'verify'?"),
                         (["quite-another-thing"], "isobarctl help lists all"), (["init", "x"], "unexpected argument 'x'"),
                         (["--redis", "x"], "the command comes first"), (["verify", "--kafak", "x"], "--kafka"),
                         (["init", "--partitions", "0"], "--partitions"), (["init", "--redis-password", "x"], "never as a flag"),
                         ([], "Usage: isobarctl")):
        code, out, err = ctl(*argv)
        assert (code, out) == (2, "") and wanted in err, argv


# ---- status

@pytest.mark.sanitized
def test_status_from_nothing_to_a_dead_worker(stack):
    redis = started(stack)
    for command in ("status", "verify"):
        code, _, err = run(stack, command, which=("redis",))
        assert code == 69 and "isobarctl init" in err and stack.redis in err
    stack.init(24, None, 4)
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "there is no leader" in out and "isobar-coordinator" in out
    assert view_of(stack) == (1, None)

    stack.start_coordinator("coordinator-1", 60)
    wait_for("a view", lambda: view_of(stack)[1] is not None, 10 * SLOW)
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "coordinator-1 (tcp://" in out and "partition 0 is unassigned" in out and "(none)" in out
    stack.start_worker("worker-1")
    wait_for("all partitions run", lambda: run(stack, "status", which=("redis",))[0] == 0, 20 * SLOW)
    code, out, _ = run(stack, "status", which=("redis",))
    assert "all partitions run" in out and len(re.findall(r"^ +\d+  worker-1 +running ", out, re.M)) == 24
    assert re.search(r"^worker-1 +worker +live +24 ", out, re.M) and "60 calls a minute" in out
    code, view = view_of(stack)
    assert code == 0 and view["leader"] == "coordinator-1" and view["age_ms"] < 5000 and len(view["partition_list"]) == 24

    # An alarm is shown with the command that resolves it; nothing in it can play tricks on the terminal.
    stack.programs["coordinator-1"].kill()
    view["partition_list"][3].update(phase="stopped", alarm="the log is gone; isobarctl partition reset 3 --to low\x1b[31m")
    view["at_ms"] = int(time.time() * 1000)
    redis.set("isobar:cluster", json.dumps(view))
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "partition 3 is stopped" in out and "partition 3: the log is gone; isobarctl partition reset 3 --to low" in out
    assert "\x1b" not in out
    wait_for("the leader's lease ends", lambda: redis.get("isobar:leader") is None, 10)
    view["at_ms"] -= 60000
    redis.set("isobar:cluster", json.dumps(view))
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "leader      none; the last term was 1" in out and re.search(r"the view is 6\d\.\d s old", out)
    for nonsense in ("{", "[]", "7"):
        redis.set("isobar:cluster", nonsense)
        code, _, err = run(stack, "status", which=("redis",))
        assert code == 1 and "isobar:cluster" in err
    redis.set("isobar:cluster", '{"members":7,"partition_list":[{"partition":"x"},5],"quota":[],"at_ms":"y"}')
    assert run(stack, "status", which=("redis",))[0] == 1


def test_nobody_answers(stack):
    stack.redis = stack.kafka = "127.0.0.1:1"
    for command in ("status", "verify"):
        with pytest.raises(StackError) as caught:
            stack.ctl(command, *stack.common("redis"))
        assert caught.value.exit_code == 69 and "127.0.0.1:1" in str(caught.value)
    redis = started(stack)
    assert run(stack, "init")[0] == 0
    stack.programs["broker"].kill()
    code, _, err = run(stack, "verify", "--timeout-ms", "500")
    assert code == 69 and stack.kafka in err
    assert redis.hget("isobar:meta", "format") == b"1"
