"""The tests see what they are there to see: each wrong variant of the protocol (worker/mutant.h) is caught by the scenario
written for it, and the true programs pass the same scenario."""
import signal

import pytest
from rig import ended_at
from stack import StackError, wait_for
from test_worker import state_of

PATIENT_MS = 60_000  # of a worker that shall not give up its request because it was stopped


def both(mutant):
    """Runs a scenario twice: for the mutant, and (in `make faults`) without, when it gets None."""
    return pytest.mark.parametrize("mutant", [pytest.param(None, id="true"), pytest.param(mutant, id=mutant, marks=pytest.mark.quick)])


def judge(found, mutant, *words):
    """The true program has no difference; the mutant has some, and among them all of the words."""
    if mutant is None:
        assert found == [], "\n".join(found[:20])
        return
    text = "\n".join(found)
    assert found, f"{mutant} was not caught"
    for word in words:
        assert word in text, f"{mutant} was caught, but not by {word}:\n{text[:3000]}"


def differences(rig):
    """What the proof says; a worker that gives up, or a partition that does not get to the end, is a difference, too."""
    try:
        rig.quiet(20)
    except (StackError, AssertionError) as error:
        for name, program in rig.stack.programs.items():
            if name.startswith("worker") and program.running():
                program.kill()
        return [f"run: {error}"] + rig.differences()
    return rig.differences()


def start(rig, mutant, fails, partitions=4, proxy=False, load=None, **options):
    """One worker per entry of `fails`, with that fail point, all of the same kind."""
    rig.broker(partitions).start_redis().install().coordinator()
    if proxy:
        rig.redis_through_proxy()
    made = [rig.worker(None, fail=fail, mutant=mutant, **options) for fail in fails]
    rig.settled(made)
    rig.start_load(**(load or {"rate": 20}))
    return made


@both("cid_unchecked")
def test_commits_without_the_check_of_the_id(rig, mutant):
    victim, _ = start(rig, mutant, ["commit-before:100=stop", None], redis_timeout_ms=PATIENT_MS)
    wait_for("it stops with a commit in its hands", lambda: state_of(victim) == "T", 30)
    rig.flows()
    rig.load.stop()  # what the next commit would write anew stays as it is
    highs = rig.highs()
    wait_for("the other has all", lambda: rig.offsets() == highs, 30)
    victim.signal(signal.SIGCONT)
    wait_for("its commit is in", lambda: rig.offsets() != highs if mutant else rig.metric("commit_mismatches_total", victim) >= 1, 10)
    judge(differences(rig), mutant, "oracle: ", "journal: ", "lines follow the id")


@both("unchecked_load")
def test_state_without_the_check_of_the_id(rig, mutant):
    """The sequence that the model found: A acquires; B acquires and commits; A loads B's state; Redis goes back to A's acquire;
    A's commit counts twice what B had counted."""
    rig.broker(1).start_redis().install().coordinator()
    first = rig.worker(None, mutant=mutant)
    rig.settled([first])
    rig.start_load(rate=20)
    direct = rig.stack.endpoint
    gate = rig.proxy(int(direct.rsplit(":", 1)[1]))  # between the coordinator and the loser
    rig.stack.endpoint = "tcp://" + gate.address
    loser = rig.worker(None, fail="acquire-after=stop,commit-before=stop", mutant=mutant, redis_timeout_ms=PATIENT_MS)
    rig.stack.endpoint = direct
    wait_for("it is known", lambda: "member_joined" in rig.stack.programs["coordinator-1"].log().rsplit("id=" + loser.name, 1)[0], 10)
    assert first.terminate(15) == 0
    wait_for("it has acquired, and stops", lambda: state_of(loser) == "T", 20)
    gate.down.drop = True  # it does not hear that the partition is another's
    snapshot = rig.snapshot()
    taker = rig.worker(None, mutant=mutant)
    rig.flows()
    rig.flows()
    rig.stack.programs["coordinator-1"].signal(signal.SIGSTOP)  # it shall not take the partition back before the end
    loser.signal(signal.SIGCONT)
    wait_for("it has loaded", lambda: (rig.metric("commit_mismatches_total", loser) >= 1) if mutant is None else state_of(loser) == "T", 20)
    taker.kill()
    rig.restore(snapshot)
    loser.signal(signal.SIGCONT)
    if mutant:
        rig.flows()
    gate.down.drop = False
    gate.cut()
    rig.stack.programs["coordinator-1"].signal(signal.SIGCONT)
    if mutant is None:
        wait_for("it stops again at its first commit", lambda: state_of(loser) == "T", 30)
        loser.signal(signal.SIGCONT)
    rig.flows()
    judge(differences(rig), mutant, "oracle: ")


@both("increments_after")
def test_counts_that_are_added_after_the_commit(rig, mutant):
    for at in (1, 2):
        if at == 1:
            victim, _ = start(rig, mutant, ["commit-replied:100", None])
        else:
            victim = rig.worker(None, fail="commit-replied:100", mutant=mutant)
        ended_at(victim, 30)
        rig.settled()
    judge(differences(rig), mutant, "oracle: ", "#n")


@both("blind_resend")
def test_commits_made_again_without_looking(rig, mutant):
    start(rig, mutant, [None], partitions=8, proxy=True, load={"rate": 25, "mixed": True})
    # A commit of late rows comes after the answer to a load: on a slow way, about half of what is under way are commits.
    rig.redis_proxy.up.delay_s = 0.03
    for _ in range(6):
        late = rig.metric("rows_late_total")  # they add to the counts of panes that are in Redis
        wait_for("late rows flow", lambda: rig.metric("rows_late_total") > late + 50, 20)
        failures = rig.metric("commit_failures_total")
        rig.redis_proxy.down.drop = True
        wait_for("commits get no answer", lambda: rig.metric("commit_failures_total") > failures, 10)
        rig.redis_proxy.down.drop = False
        rig.flows()
    judge(differences(rig), mutant, "oracle: ", "#n")


@both("offset_reset")
def test_an_offset_that_kafka_does_not_have(rig, mutant):
    """The broker says once that it has no such offset; meanwhile the log grows, since the worker is stopped."""
    worker, = start(rig, mutant, [None], partitions=1, load={"rate": 100})
    for _ in range(3):
        worker.signal(signal.SIGSTOP)  # for less than the coordinator takes to notice
        delivered = rig.load.delivered
        wait_for("the log grows", lambda: rig.load.delivered > delivered + 40, 20)
        rig.stack.broker_command("push-error FETCH OFFSET_OUT_OF_RANGE 1")
        worker.signal(signal.SIGCONT)
        rig.flows()
    judge(differences(rig), mutant, "oracle: ", "applied")
