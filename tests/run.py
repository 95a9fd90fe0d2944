"""Runs the test suites and prints one closing line: `N passed, N failed, N skipped`.

  run.py [--only SUITE,...] [--list]

A suite is a function that returns a list of (name, outcome, detail). Everything a suite needs was built by make. Output
of a suite that passes goes to build/tests/<suite>.log, of one that fails also to the terminal. Under CI (CI=true) a
skip of anything but the fixtures folder's absence counts as a failure where the suite says so.

Most suites wait most of the time, for programs that wait for intervals. Beside them, with the processor time that they
leave (nice 19), run those that only compute and whose outcome no clock has a part in. Suites that measure run alone.
"""
import argparse
import concurrent.futures
import glob
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import xml.etree.ElementTree as ElementTree

import results

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "tests")
PYTHON = "/usr/bin/python3"
CI = os.environ.get("CI") == "true"
LANE = threading.local()  # .nice: what goes before the commands of this thread's suites


def run(argv, log, timeout, cwd=ROOT, **env):
    """(exit code, output); output also goes to the log file. A time-out is code 124."""
    full = dict(os.environ, **env)
    started = time.monotonic()
    with subprocess.Popen([*getattr(LANE, "nice", ()), *argv], cwd=cwd, env=full, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            out, _ = process.communicate(timeout=timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            out, _ = process.communicate()
            out += f"\n[ended after {timeout} s]\n".encode()
            code = 124
    text = out.decode("utf-8", "replace")
    with open(os.path.join(LOGS, log), "a", encoding="utf-8") as f:
        f.write(f"$ {' '.join(argv)}  [exit {code}, {time.monotonic() - started:.1f} s]\n{text}\n")
    return code, text


def unit_program(build, program):
    """One cmocka program, in a process and an empty directory of its own."""
    with tempfile.TemporaryDirectory(dir=LOGS) as directory:
        code, text = run([program], f"unit-{build}.log", 300, cwd=directory, CMOCKA_MESSAGE_OUTPUT="STDOUT")
    name = f"{build}:{os.path.basename(program)}"
    passed = re.findall(r"^\[       OK \] (\w+)", text, re.M)
    failed = sorted(set(re.findall(r"^\[  FAILED  \] (\w+)", text, re.M)))
    skipped = sorted(set(re.findall(r"^\[  SKIPPED \] (\w+)", text, re.M)))
    results = [(f"{name}.{t}", "passed", "") for t in passed]
    results += [(f"{name}.{t}", "skipped", f"build/tests/unit-{build}.log says why") for t in skipped]
    results += [(f"{name}.{t}", "failed", text) for t in failed]
    if code != 0 and not failed:
        results.append((name, "failed", f"exit {code}\n{text}"))
    if not results:
        results.append((name, "failed", "ran no test\n" + text))
    return results


# Unit programs that take more than ten seconds, of which most is waiting; the longest first.
LONG = ["test_" + name for name in ("fetcher_sources", "fetcher", "session_owners", "fetcher_narrow", "fetcher_places", "lease", "kafka_consumer", "link",
                                    "link_leader", "webhook", "accept")]


def unit(build):
    """The cmocka programs of one build, one for each source; most of them wait, so six run at once, the long ones first."""
    names = sorted((os.path.basename(source)[:-2] for source in glob.glob(os.path.join(ROOT, "tests", "unit", "test_*.c"))),
                   key=lambda name: (LONG.index(name) if name in LONG else len(LONG), name))
    programs = [os.path.join(ROOT, "build", build, "unit", name) for name in names]  # it may keep some whose source has gone
    missing = [(f"{build}:{os.path.basename(p)}", "failed", "was not built") for p in programs if not os.path.exists(p)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        rows = [row for rows in pool.map(lambda p: unit_program(build, p), filter(os.path.exists, programs)) for row in rows]
    return missing + rows


def pytest(suite, paths, timeout, *extra, **env):
    report = os.path.join(LOGS, f"{suite}.xml")
    if os.path.exists(report):
        os.unlink(report)
    code, text = run([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
                      *extra, *paths], f"{suite}.log", timeout, PYTHONDONTWRITEBYTECODE="1", **env)
    if not os.path.exists(report):
        return [(suite, "failed", f"exit {code}\n{text}")]
    results = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{suite}:{case.get('classname')}.{case.get('name')}"
        bad = [e for e in case if e.tag in ("failure", "error")]
        skip = [e for e in case if e.tag == "skipped"]
        if bad:
            results.append((name, "failed", (bad[0].text or "") + (bad[0].get("message") or "")))
        elif skip:
            results.append((name, "failed" if CI else "skipped", skip[0].get("message") or ""))
        else:
            results.append((name, "passed", ""))
    if code not in (0, 1) or not results:
        results.append((suite, "failed", f"exit {code}\n{text}"))
    return results


def node(suite, paths, timeout, **env):
    code, text = run(["node", "--test", "--test-reporter=tap", *paths], f"{suite}.log", timeout, **env)
    results = []
    for not_ok, name, directive in re.findall(r"^(?:    )?(not )?ok \d+ - (.*?)( # SKIP.*)?$", text, re.M):
        if name.endswith((".mjs", ".js")):
            continue
        outcome = "failed" if not_ok else ("failed" if CI else "skipped") if directive else "passed"
        results.append((f"{suite}:{name}", outcome, text if not_ok else directive))
    if code != 0 and not any(r[1] == "failed" for r in results):
        results.append((suite, "failed", f"exit {code}\n{text}"))
    return results or [(suite, "failed", "ran no test\n" + text)]


# Files of browser tests whose results are times: one after the other, before the rest, which run two by two.
MEASURED = ("test_map.mjs", "test_page.mjs", "test_restart.mjs")


def browser():
    paths = sorted(glob.glob(os.path.join(ROOT, "tests", "browser", "test_*.mjs")))
    measured = [p for p in paths if os.path.basename(p) in MEASURED]
    others = sorted((p for p in paths if p not in measured), key=lambda p: not p.endswith("test_views.mjs"))  # the longest first
    outcomes = node("browser", measured, 600)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return outcomes + [row for rows in pool.map(lambda path: node("browser", [path], 300), others) for row in rows]


def one(name, argv, timeout=120):
    code, text = run(argv, f"{name}.log", timeout)
    return [(name, "passed" if code == 0 else "failed", text)]


# System tests mostly wait: six at once leave two processors idle a third of the time. conftest.py says which keep together.
SIDE_BY_SIDE = ("-n", "6", "--dist", "loadgroup")
FAULTS_SIDE_BY_SIDE = ("-n", "3", "--dist", "loadfile")  # these wait for times that are their result


def sim_run(name, seeds, *extra, build="gcc"):
    """Plays seeds of isobar-sim: (exit code, output, seeds played, seconds of processors)."""
    binary = os.path.join(ROOT, "build", build, "bin", "isobar-sim")
    code, text = run([binary, "--seeds", seeds, "--jobs", "2", *extra], "sim.log", 900)
    played = re.search(r"^(\d+) seeds, [\d.]+ s, of processors ([\d.]+) s", text, re.M)
    return code, f"{name}: seeds {seeds}\n{text}", *((int(played[1]), float(played[2])) if played else (0, 0.0))


# What must tell of each mutant; the others by anything but that a world does not settle.
SIM_MUTANTS = {"cid": "", "load": "", "resend": "", "after": "", "reset": "", "stall": "not settled",
               "shard": "not settled", "quota": "shares in force"}

def sim_mutant(mutant, tale):
    """A guard of the protocol is left out: some seed must show it, and show it again when it is played again."""
    code, text, _, _ = sim_run(mutant, "1-4000", "--mutant", mutant)
    told = tale in text and (tale == "not settled" or "not settled" not in text)
    caught = code == 1 and "VIOLATION" in text and told and "played again" not in text
    return (f"sim:mutant_{mutant}_is_caught", "passed" if caught else "failed", text)


def sim_repeats():
    """The account of a seed is the same to the last byte."""
    binary = os.path.join(ROOT, "build", "gcc", "bin", "isobar-sim")
    accounts = [run([binary, "--seed", str(seed), "--verbose"], "sim.log", 60)[1] for seed in (7, 7, 8, 8)]
    same = accounts[0] == accounts[1] and accounts[2] == accounts[3] and accounts[0] != accounts[2]
    return ("sim:a_seed_repeats", "passed" if same else "failed", "two accounts of one seed differ")


def sim():
    """Worlds of the simulator: seeds that are always the same, and others; then its mutants."""
    base = random.randrange(10**6, 10**9)
    print(f"sim: seeds 1-2000 and {base}-{base + 7999}", flush=True)
    worlds = [sim_run("fixed", "1-2000"), sim_run("random", f"{base}-{base + 7999}")]
    outcomes = [(f"sim:{name}", "passed" if w[0] == 0 else "failed", w[1]) for name, w in zip(("fixed", "random"), worlds)]
    good = sum(w[2] for w in worlds)
    results.write("faults", [("faults.sim_seeds", good, good), ("faults.sim_s", round(sum(w[3] for w in worlds) / 2, 1), good)])
    sanitized = sim_run("sanitized", "1-300", build="address")
    outcomes.append(("sim:sanitized", "passed" if sanitized[0] == 0 else "failed", sanitized[1]))
    return outcomes + [sim_repeats()] + [sim_mutant(*row) for row in SIM_MUTANTS.items()]


def fuzz():
    """Each fuzz target over its seeds and a few mutations, the same ones every time."""
    code, text = run([PYTHON, os.path.join("tests", "fuzz", "fuzz.py"), "--runs", "1500", "--jobs", "2"], "fuzz.log", 900)
    rows = re.findall(r"^fuzz (\S+): (ok|FOUND SOMETHING)", text, re.M)
    outcomes = [(f"fuzz:{name}", "passed" if what == "ok" else "failed", text) for name, what in rows]
    if not rows or (code != 0 and all(row[1] == "passed" for row in outcomes)):
        outcomes.append(("fuzz", "failed", f"exit {code}\n{text}"))
    return outcomes


def quota():
    """Months of accounts with all faults: no call over any limit. A leader that forgets what was used must be noticed."""
    binary = os.path.join(ROOT, "build", "gcc", "bin", "isobar-quota")
    code, text = run([binary], "quota.log", 900)
    line = re.search(r"^figures: over (\d+), calls (\d+), faults (\d+), usable ([\d.]+), oldest ([\d.]+)", text, re.M)
    if line:
        calls = int(line[2])
        results.write("sources", [("sources.quota_over", int(line[1]), calls), ("sources.quota_usable_percent", float(line[4]), calls),
                                  ("sources.quota_oldest_percent", float(line[5]), int(line[3]))])
    mutant, told = run([binary, "--mutant"], "quota.log", 900)
    return [("quota:months", "passed" if code == 0 and line else "failed", text),
            ("quota:a_ledger_that_forgets_is_noticed", "passed" if mutant == 1 else "failed", told)]


SUITES = {
    "unit": lambda: unit("gcc"),
    "unit-asan": lambda: unit("address"),
    "sim": sim,
    "quota": quota,
    "fuzz": fuzz,
    "data": lambda: one("data", ["node", "data/make/check.mjs"]),
    "model": lambda: pytest("model", ["tests/model"], 900),
    "oracle": lambda: pytest("oracle", ["tests/oracle"], 1800 if os.environ.get("FULL") == "1" else 900),
    "rhythm": lambda: pytest("rhythm", ["tests/rhythm"], 300),
    "bench": lambda: pytest("bench", ["tests/bench"], 300),
    "mutation": lambda: pytest("mutation", ["tests/mutation"], 600),
    "system": lambda: pytest("system", ["tests/system"], 900, *SIDE_BY_SIDE),
    "system-asan": lambda: pytest("system-asan", ["tests/system"], 900, "-m", "sanitized", *SIDE_BY_SIDE,
                                  ISOBAR_BIN=os.path.join(ROOT, "build", "address", "bin")),
    "faults": lambda: pytest("faults", ["tests/faults"], 1200, *FAULTS_SIDE_BY_SIDE, "-m", "quick"),
    "load": lambda: pytest("load", ["tests/load"], 900, *(() if os.environ.get("FULL") == "1" else ("-n", "3"))),
    "browser": browser,
    "soak": lambda: node("soak", [os.path.join(ROOT, "tests", "browser", "soak.mjs")], 1800),
}


# Run when they are named, or with FULL=1: they test the tests, or take long.
EXTRA = {"mutation", "soak"}
# Their outcome does not depend on how long anything takes.
COMPUTING = ("sim", "oracle", "quota", "model", "fuzz", "data", "rhythm")
# What they measure would be worse beside others.
ALONE = ("faults", "load", "browser", "bench", "mutation", "soak")


class Run:
    """Plays suites and prints what came of each; several threads may play at once."""

    def __init__(self):
        self.total = {"passed": 0, "failed": 0, "skipped": 0}
        self.failed = []
        self.lock = threading.Lock()

    def play(self, names, nice=()):
        """One after the other. A suite that breaks off counts as failed."""
        LANE.nice = nice
        for name in names:
            for old in glob.glob(os.path.join(LOGS, f"{name}*.log")):
                os.unlink(old)
            started = time.monotonic()
            try:
                outcomes = SUITES[name]()
            except Exception:  # pylint: disable=broad-except - whatever it is, the other suites are still to run
                outcomes = [(name, "failed", traceback.format_exc())]
            with self.lock:
                self.tell(name, outcomes, time.monotonic() - started)

    def tell(self, name, outcomes, seconds):
        count = {k: sum(r[1] == k for r in outcomes) for k in self.total}
        for k in self.total:
            self.total[k] += count[k]
        print(f"{name}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped ({seconds:.0f} s)", flush=True)
        for test, outcome, detail in outcomes:
            if outcome == "failed":
                self.failed.append(test)
                print(f"--- FAILED {test}\n{detail[-6000:]}", flush=True)
            elif outcome == "skipped":
                print(f"--- skipped {test}: {detail.strip()}", flush=True)


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("--only", default="", help="suites, comma-separated")
    p.add_argument("--list", action="store_true")
    options = p.parse_args(argv)
    if options.list:
        print("\n".join(SUITES))
        return 0
    names = options.only.split(",") if options.only else [n for n in SUITES if os.environ.get("FULL") == "1" or n not in EXTRA]
    unknown = [n for n in names if n not in SUITES]
    if unknown:
        p.error(f"no such suite: {', '.join(unknown)}; there are {', '.join(SUITES)}")
    os.makedirs(LOGS, exist_ok=True)
    played = Run()
    begun = time.monotonic()
    waiting = [n for n in names if n not in COMPUTING and n not in ALONE]
    beside = threading.Thread(target=played.play, args=([n for n in names if n in COMPUTING], ("nice", "-n", "19") if waiting else ()))
    beside.start()
    played.play(waiting)
    beside.join()
    played.play([n for n in names if n in ALONE])
    total, failed = played.total, played.failed
    if not options.only:
        results.write("test", [("light.test_s", round(time.monotonic() - begun), total["passed"])])
    for test in failed:  # once more, where it is seen
        print(f"failed: {test}")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
