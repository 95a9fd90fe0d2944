"""Redis that answers not, late, with errors, after a restart, or with an older or an empty memory: partitions pause and go on,
or stop with an alarm, and what is counted stays exact."""
import os
import signal
import subprocess
import threading
import time

import pytest
import results
from stack import wait_for



def start(rig, workers=2, proxy=False, partitions=12):
    rig.broker(partitions).start_redis().install().coordinator()
    if proxy:
        rig.redis_through_proxy()  # the workers' only
    made = rig.workers(workers)
    rig.start_load()
    return made


# ---- answers and requests on the way

@pytest.mark.quick
def test_answers_to_commits_are_lost(rig):
    start(rig, proxy=True)
    for _ in range(5):
        failures = rig.metric("commit_failures_total")
        rig.redis_proxy.down.drop = True
        wait_for("commits get no answer", lambda: rig.metric("commit_failures_total") >= failures + rig.partitions / 2, 10)
        rig.redis_proxy.down.drop = False
        rig.flows()
    assert rig.metric("memory_kept_total") > 0 and rig.metric("rollbacks_total") == 0
    rig.equal()


@pytest.mark.quick
def test_a_commit_is_executed_after_it_was_given_up(rig):
    start(rig, proxy=True)
    for _ in range(5):
        rig.redis_proxy.freeze()
        rig.flows()  # on new connections
        assert rig.redis_proxy.held() > 0
        rig.redis_proxy.thaw()
        wait_for("the old commits arrive", lambda: rig.redis_proxy.held() == 0, 10)
        rig.flows()
    rig.equal()


def test_redis_is_stopped_and_executes_late(rig):
    start(rig)
    for _ in range(3):
        failures = rig.metric("commit_failures_total")
        rig.stack.programs["redis"].signal(signal.SIGSTOP)
        try:
            wait_for("commits time out", lambda: rig.metric("commit_failures_total") > failures, 10)
        finally:
            rig.stack.programs["redis"].signal(signal.SIGCONT)
        rig.flows()
    rig.equal()


def test_redis_is_slow_and_its_connections_break(rig):
    start(rig, proxy=True)
    rig.redis_proxy.up.delay_s = 0.05
    rig.flows()
    for _ in range(20):
        rig.redis_proxy.cut()
        time.sleep(0.05)  # paces the faults, waits for nothing
    rig.redis_proxy.up.delay_s = 0.0
    rig.flows()
    rig.equal()


# ---- restart, older state, no state

def restart(rig, down_s):
    """Kills Redis, starts it again after a while. Seconds from its first answer until every partition has committed."""
    port = rig.stack.ports["redis"]
    address = rig.stack.redis
    rig.stack.programs["redis"].kill()
    before = rig.marks()
    killed = time.monotonic()
    wait_for("a while", lambda: time.monotonic() - killed > down_s, down_s + 5)
    rig.stack.start_redis(port)
    rig.stack.redis = address
    answers = time.monotonic()
    committed = lambda: {e.partition: e.at_ms / 1000 - answers for e in reversed(rig.events(before)) if e.what == "commit" and e.at_ms / 1000 > answers}
    wait_for("every partition commits", lambda: len(committed()) == rig.partitions, 20)
    return max(committed().values())


@pytest.mark.quick
def test_redis_is_killed_and_restarted(rig, full):
    start(rig)
    took = [restart(rig, down_s) for down_s in ((0, 1, 3, 6, 12) * 4 if full else (0, 1, 6))]
    assert rig.metric("partitions_stopped") == 0 and rig.metric("rollbacks_total") == 0
    print("resumed after", ["%.2f" % t for t in took], "s")
    results.write("faults", [("faults.redis_resume_s", round(max(took), 2), len(took))])
    rig.equal()


@pytest.mark.quick
def test_redis_is_put_back_to_an_older_state(rig):
    start(rig)
    for _ in range(2):
        rollbacks = rig.metric("rollbacks_total")
        snapshot = rig.snapshot()
        rig.flows()
        rig.flows()
        rig.restore(snapshot)
        wait_for("every partition goes back once", lambda: rig.metric("rollbacks_total") == rollbacks + rig.partitions, 20)
        rig.flows()
        assert rig.metric("rollbacks_total") == rollbacks + rig.partitions
    assert rig.metric("partitions_stopped") == 0
    rig.equal()


@pytest.mark.quick
def test_an_emptied_redis_stops_everything_with_an_alarm(rig):
    start(rig)
    snapshot = rig.snapshot()
    workers = [p for n, p in rig.stack.programs.items() if n.startswith("worker")]
    rig.restore(None)
    wait_for("every partition is stopped", lambda: rig.metric("partitions_stopped") == rig.partitions, 20)
    assert all("Redis was emptied" in w.log() for w in workers)
    fresh = rig.worker("worker-fresh")
    assert fresh.wait(10) == 69 and "redis_not_initialised" in fresh.log()
    made = [k.decode() for k in rig.redis.keys("*{*}*")]
    assert made == [], made
    for worker in workers:
        assert worker.terminate(15) == 0
    rig.restore(snapshot)
    rig.workers(2)
    rig.flows()
    rig.equal()


# ---- no room

@pytest.mark.quick
def test_redis_is_out_of_memory(rig):
    start(rig)
    for _ in range(5):
        failures = rig.metric("commit_failures_total")
        rig.redis.config_set("maxmemory", "1")
        wait_for("commits are refused", lambda: rig.metric("commit_failures_total") >= failures + rig.partitions, 10)
        assert rig.metric("partitions_stopped") == 0
        rig.redis.config_set("maxmemory", "0")
        rig.flows()
    rig.equal()


@pytest.mark.quick
def test_the_disk_of_redis_is_full(rig):
    directory = os.path.join(rig.stack.dir, "redis")
    os.makedirs(directory)
    tmpfs = ["mount", "-t", "tmpfs", "-o", "size=1m", "isobar-faults", directory]
    made = subprocess.run(tmpfs, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"a full disk needs the right to mount a tmpfs: {made.stderr.strip()}")
    try:
        start(rig)
        port, address = rig.stack.ports["redis"], rig.stack.redis
        for size in ("3m", "64m"):
            failures = rig.metric("commit_failures_total")
            wait_for("commits are refused", lambda: rig.metric("commit_failures_total") >= failures + rig.partitions, 60)
            assert rig.metric("partitions_stopped") == 0
            subprocess.run(["mount", "-o", f"remount,size={size}", directory], check=True)
            rig.flows()
        rig.stack.programs["redis"].kill()  # what is on the disk is whole
        rig.stack.start_redis(port)
        rig.stack.redis = address
        rig.flows()
        rig.equal()
    finally:
        rig.stack.programs["redis"].kill()
        subprocess.run(["umount", "-l", directory], check=False)


def test_scripts_are_flushed_all_the_time(rig):
    start(rig)
    ended = threading.Event()

    def flush():
        import redis as redis_client
        client = redis_client.Redis("127.0.0.1", rig.stack.ports["redis"], socket_timeout=20)
        while not ended.wait(0.02):
            client.execute_command("SCRIPT", "FLUSH")

    thread = threading.Thread(target=flush, daemon=True)
    thread.start()
    try:
        for _ in range(5):
            rig.flows()
    finally:
        ended.set()
        thread.join(10)
    rig.equal()
