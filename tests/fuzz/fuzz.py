"""Runs fuzz targets (tests/fuzz/README.md), each over its seeds and what libFuzzer makes of them.

  fuzz.py [--time SECONDS | --runs N] [--only NAME,...] [--jobs N]

Prints a line for each target and ends with 1 when one of them has found something; then the input is in
build/fuzz/findings, and running the target on it shows it again. With --time what was learnt stays in
build/fuzz/corpus, and the next run goes on there; --runs plays the same inputs each time.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "fuzz")
BUILD = os.path.join(ROOT, "build", "fuzz")
INPUT_S, MEMORY_MB = 10, 1024  # of one input: more is a finding
COMPAT = {"batch": "observation_batch", "citystate": "city_state", "entry": "city", "envelope": "envelope", "pane": "pane",
          "window": "window_state"}
MESSAGES = {"alert_event": "AlertEvent", "batch": "ObservationBatch", "entry": "City", "letter": "DeadLetter", "normals": "Normals",
            "quota": "QuotaLedger"}
ZONES = ("UTC", "Asia/Kathmandu", "Europe/Dublin", "Africa/Casablanca", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe")


# ---- seeds ----

def encode(message, text):
    protos = sorted(glob.glob(os.path.join(ROOT, "proto", "*.proto")))
    return subprocess.run(["protoc", f"-I{ROOT}/proto", f"--encode={message}", *protos], input=text.encode(),
                          stdout=subprocess.PIPE, check=True).stdout


def steps(text):
    """Lines "<letter or hex byte> [<message> <text of it> | <hex>]" as a byte, a length of two bytes, and the bytes."""
    out = b""
    for line in text.splitlines():
        head, _, rest = line.partition(" ")
        message, _, fields = rest.partition(" ")
        body = encode(message, fields) if message.startswith("isobar.") else bytes.fromhex(rest)
        out += (bytes.fromhex(head) if len(head) == 2 else head.encode()) + len(body).to_bytes(2, "little") + body
    return out


def seed_bytes(target, path):
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".textproto"):
        return encode(f"isobar.v1.{MESSAGES[target]}", data.decode())
    if path.endswith(".steps"):
        return steps(data.decode())
    return bytes.fromhex(data.decode()) if path.endswith(".hex") else data


def fixtures(name):
    """Recorded answers of weather APIs, when ISOBAR_FIXTURES says where: they are not part of the repository."""
    folder = os.environ.get("ISOBAR_FIXTURES")
    if folder and name.startswith("provider"):
        for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
            with open(path, "rb") as f:
                data = f.read()
            if len(data) > 8192:  # forecasts, which are refused alike: they only make it slow
                continue
            for letter in (b"c", b"m", b"a", b"n", b"h"):
                yield f"{letter.decode()}_{os.path.basename(path)}", letter + data


def seeds(target, name):
    """(file name, bytes) of each seed."""
    for path in sorted(glob.glob(os.path.join(HERE, "corpus", name, "*"))):
        yield os.path.basename(path), seed_bytes(target, path)
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "compat", f"{COMPAT.get(target, '-')}_*.hex"))):
        yield os.path.basename(path), seed_bytes(target, path)
    for zone in ZONES if target == "tzif" else ():
        with open(os.path.join("/usr/share/zoneinfo", zone), "rb") as f:
            yield zone.replace("/", "_"), f.read()
    if target == "city_table":
        with open(os.path.join(ROOT, "data", "cities.csv"), "rb") as f:
            yield "cities.csv", b"".join(f.readlines()[:12])
    yield from fixtures(name)


def write_seeds(target, name, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for file, data in seeds(target, name):
        with open(os.path.join(folder, file), "wb") as f:
            f.write(data)


# ---- targets ----

def targets():
    """(target, variant, name) of all; a variant is a corpus of its own, named "<target>-<variant>"."""
    for source in sorted(glob.glob(os.path.join(HERE, "fuzz_*.c"))):
        target = os.path.basename(source)[len("fuzz_"):-len(".c")]
        listed = subprocess.run([os.path.join(BUILD, "bin", target)], env=dict(os.environ, ISOBAR_FUZZ_LIST="1"),
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
        for variant in re.split(r",\s*", listed.strip()):
            yield target, variant, f"{target}-{variant}" if variant else target


def command(target, name, options, corpus):
    folder = os.path.join(BUILD, "seeds", name)
    write_seeds(target, name, folder)
    largest = max([os.path.getsize(p) for p in glob.glob(os.path.join(folder, "*"))] or [0])
    argv = [os.path.join(BUILD, "bin", target), f"-timeout={INPUT_S}", f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1",
            f"-artifact_prefix={BUILD}/findings/{name}-", f"-max_len={max(4096, 2 * largest)}", "-verbosity=1"]
    words = os.path.join(HERE, f"{target}.dict")
    argv += [f"-dict={words}"] if os.path.exists(words) else []
    argv += [f"-max_total_time={options.time}"] if options.time else [f"-runs={options.runs}", "-seed=1"]
    return argv + [corpus, folder]


def play(which, options):
    """Runs one target: (name, whether it found nothing, output)."""
    target, variant, name = which
    with tempfile.TemporaryDirectory() as scratch:
        corpus = os.path.join(BUILD, "corpus", name) if options.time else scratch
        os.makedirs(corpus, exist_ok=True)
        started = time.monotonic()
        done = subprocess.run(command(target, name, options, corpus), env=dict(os.environ, ISOBAR_FUZZ_VARIANT=variant),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", "replace")
    runs = re.search(r"number_of_executed_units: (\d+)", text)
    cover = re.findall(r"cov: (\d+)", text)
    print(f"fuzz {name}: {'ok' if done.returncode == 0 else 'FOUND SOMETHING'}, {runs[1] if runs else '?'} inputs, "
          f"{cover[-1] if cover else '?'} edges, {time.monotonic() - started:.0f} s", flush=True)
    with open(os.path.join(BUILD, f"{name}.log"), "w", encoding="utf-8") as f:
        f.write(text)
    return name, done.returncode == 0, text


def play_all(options):
    """Runs the targets that are wanted: a list of what `play` returns."""
    os.makedirs(os.path.join(BUILD, "findings"), exist_ok=True)
    wanted = [w for w in targets() if not options.only or set(options.only.split(",")) & {w[0], w[2]}]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(lambda which: play(which, options), wanted))


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("--time", type=int, default=0, help="seconds per target")
    p.add_argument("--runs", type=int, default=1000, help="inputs per target, always the same ones")
    p.add_argument("--only", default="", help="targets, comma-separated")
    p.add_argument("--jobs", type=int, default=1, help="targets at a time")
    results = play_all(p.parse_args(argv))
    for name, good, text in results:
        if not good:
            print(f"--- {name}\n{text[-4000:]}")
    if not results:
        print("fuzz: no such target", file=sys.stderr)
    return 0 if results and all(r[1] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
