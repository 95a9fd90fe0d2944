"""What must not matter does not: where commits and hand-overs come, in which order rows come, how they are split into panes, and which of them
are late. All through the worker's own state code (apply.c), to the last bit of what is stored."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import apply
import generate
import results
from proto import modules

FULL = os.environ.get("FULL") == "1"
SEEDS = range(40) if FULL else range(4)
HELD = []
LATER = ("revision", "updated_at_ms", "final_at_ms", "revised_at_ms")  # what tells of the order


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    if FULL:
        results.write("semantics", [("semantics.properties", len(HELD), len(HELD))])


def parts(data, *others):
    """{name: value} of what is stored, without keys that one of the dumps has retired, the counters of commits and figures."""
    stored = [apply.stored_of(one)[0] for one in (data, *others)]
    since = max(s.number("pane_cursor_ms") for s in stored)
    out = {f"ledger {name}": value for name, value in stored[0].ledger.items() if "cursor" not in name and name not in ("commits", "retired")}
    out.update({f"city {field}": value for field, value in stored[0].cities.items()})
    for start, fields in stored[0].panes.items():
        out.update({f"pane {start} {field}": value for field, value in fields.items() if start >= since})
    for (size, key), fields in stored[0].windows.items():
        if not any(s.retired(size, key) for s in stored):
            out.update({f"window {size} {key} {field}": value for field, value in fields.items()})
    return out


def same(one, other):
    differ = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    assert differ == [], f"{len(differ)} differ: {differ[:5]}"


@pytest.mark.parametrize("seed", SEEDS)
def test_commits_and_owners_do_not_matter(seed):
    """The log at once with one commit; with many; with owners that change before nearly every commit; with hardly any memory."""
    log = generate.Log(seed + 50, 2500)
    whole = apply.dump(log)
    for more in ({"commit_permille": 5, "handover_permille": 1}, {"commit_permille": 300, "handover_permille": 100}, {"cache_bytes": 1}):
        pieces = apply.dump(log, seed=seed + 7, **more)
        same(parts(whole, pieces), parts(pieces, whole))
        assert set(apply.stored_of(whole)[1]) == set(apply.stored_of(pieces)[1])
    HELD.append(("commits", seed))


def calm_of(seed):
    return generate.Calm(seed, 1500)


def windows_of(data, names=None):
    """{(size, key, field): WindowState without what tells of the order}"""
    out = {}
    for (size, key), fields in apply.stored_of(data)[0].windows.items():
        for field, value in fields.items():
            state = modules()[1].WindowState.FromString(value)
            for name in LATER:
                state.ClearField(name)
            if names is None or size in names:
                out[size, key, field] = state.SerializeToString(deterministic=True)
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_and_how_they_are_batched_do_not_matter(seed):
    log = calm_of(seed)
    want = windows_of(apply.dump(log))
    assert want
    for other in (log.shuffled(1), log.shuffled(2, batch=1), log.reversed()):
        same(want, windows_of(apply.dump(other, seed=3)))
    HELD.append(("order", seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_how_rows_are_split_into_panes_does_not_matter(seed):
    """The day and the hour are folded from panes of 1, 5, 10, 15 and 20 minutes, and of an hour."""
    log = calm_of(seed)
    want = windows_of(apply.dump(log), ("3h", "1h"))
    assert want
    for finer in ("1m:90d", "5m:90d", "10m:90d", "15m:90d", "20m:90d"):
        same(want, windows_of(apply.dump(log, windows=f"{finer},1h:90d,3h:90d"), ("3h", "1h")))
    HELD.append(("split", seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_which_rows_are_late_does_not_matter(seed):
    """Late rows, one by one, into windows that were folded: the same bits as of rows in time. Revisions differ, and only they."""
    log = calm_of(seed)
    want = windows_of(apply.dump(log))
    late = apply.dump(log.shuffled(1, batch=3), seed=9, allowed_delay_ms=0)
    assert apply.stored_of(late)[0].number("rows_late") > 100
    same(want, windows_of(late))
    HELD.append(("late", seed))
