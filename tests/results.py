"""Results as data: suites write figures, `make results` judges them.

A suite calls `write(suite, rows)`; each row names the figure's id in tests/targets.json. build/results/<suite>.json is
an array of {"id","what","value","unit","target","pass","commit","n"}. Run as a program it prints one table of all
figures and exits 1 when an id of targets.json is missing, a row is from another commit, or an exact target is missed;
missed targets of kind `time` count only with STRICT=1, since shared machines are noisy.
"""
import fcntl
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = os.path.join(ROOT, "build", "results")


def commit():
    """The commit of the checkout, with `-dirty` when tracked files differ from it."""
    out = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--match", "no-tag"], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    return out.stdout.strip() or "unknown"


def targets():
    with open(os.path.join(ROOT, "tests", "targets.json"), encoding="utf-8") as f:
        return {row["id"]: row for row in json.load(f)}


def meets(value, target):
    """`target` is like "<= 30", ">= 1000" or "== 0"."""
    sign, bound = target.split()
    bound = float(bound)
    return {"<=": value <= bound, ">=": value >= bound, "==": value == bound}[sign]


def write(suite, rows):
    """Adds or replaces rows (id, value, n) of a suite. The text and the target come from tests/targets.json."""
    os.makedirs(RESULTS, exist_ok=True)
    with open(os.path.join(RESULTS, ".lock"), "w", encoding="ascii") as lock:  # test files run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        _write_locked(os.path.join(RESULTS, f"{suite}.json"), rows)


def _write_locked(path, rows):
    known = targets()
    kept = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            kept = [r for r in json.load(f) if r["id"] not in {row[0] for row in rows}]
    for identity, value, n in rows:
        row = known[identity]
        kept.append({"id": identity, "what": row["what"], "value": value, "unit": row["unit"], "target": row["target"],
                     "pass": meets(value, row["target"]), "commit": commit(), "n": n})
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(sorted(kept, key=lambda r: r["id"]), f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)


def judge(rows, known, head, strict):
    """(lines of the table, complaints)."""
    lines, complaints = [], []
    for identity, target in known.items():
        row = rows.get(identity)
        if row is None:
            complaints.append(f"{identity}: no result; {target['command']} writes it")
            continue
        mark = "ok" if row["pass"] else "MISSED"
        lines.append(f"{identity:<28} {row['value']:>12g} {row['unit']:<10} {row['target']:<12} {mark:<7} n={row['n']:<7} {row['what']}")
        if row["commit"] != head:
            complaints.append(f"{identity}: measured on {row['commit']}, this is {head}")
        if not row["pass"] and (target["kind"] == "exact" or strict):
            complaints.append(f"{identity}: {row['value']:g} {row['unit']}, wanted {row['target']}")
    return lines, complaints


def main():
    rows = {}
    for path in glob.glob(os.path.join(RESULTS, "*.json")):
        with open(path, encoding="utf-8") as f:
            rows.update({row["id"]: row for row in json.load(f)})
    lines, complaints = judge(rows, targets(), commit(), os.environ.get("STRICT") == "1")
    print("\n".join(lines + [f"! {c}" for c in complaints]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
