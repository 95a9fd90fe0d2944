"""Each planted error of mutants.py is noticed by the unit tests, which pass without it.

The tree is copied with what was built, so that an error costs the compilation of one file and the linking of a test or two.
"""
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests")]

import results  # noqa: E402
from mutants import MUTANTS  # noqa: E402

TREE = os.path.join(ROOT, "build", "mutation")
SOURCES = ("common", "coordinator", "ctl", "dashboard", "fetcher", "proto", "worker")
TESTS = sorted({test for mutant in MUTANTS for test in mutant.tests})


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(os.path.join(TREE, path), "w", encoding="utf-8") as f:
        f.write(text)


def build(tests):
    programs = [f"build/gcc/unit/{test}" for test in tests]
    # no -Werror: an error may leave something unused
    return subprocess.run(["make", "-s", "-j2", *programs], cwd=TREE, capture_output=True, text=True, timeout=300, check=False,
                          env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})


def run(test):
    """The exit code and what the program said; it runs in a directory of its own."""
    directory = os.path.join(TREE, "run", test)
    os.makedirs(directory, exist_ok=True)
    try:
        done = subprocess.run([os.path.join(TREE, "build", "gcc", "unit", test)], cwd=directory, capture_output=True, text=True,
                              errors="replace", timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return 124, "it did not end"
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def tree():
    shutil.rmtree(TREE, ignore_errors=True)
    os.makedirs(TREE)
    shutil.copy2(os.path.join(ROOT, "Makefile"), TREE)
    skip = shutil.ignore_patterns("node_modules")
    for name in SOURCES:
        shutil.copytree(os.path.join(ROOT, name), os.path.join(TREE, name), ignore=skip)
        objects = os.path.join(ROOT, "build", "gcc", name)
        if os.path.isdir(objects):
            shutil.copytree(objects, os.path.join(TREE, "build", "gcc", name))
    for name in ("gen", os.path.join("gcc", "gen")):
        shutil.copytree(os.path.join(ROOT, "build", name), os.path.join(TREE, "build", name))
    shutil.copy2(os.path.join(ROOT, "build", "gcc", "libisobar.a"), os.path.join(TREE, "build", "gcc"))
    shutil.copytree(os.path.join(ROOT, "tests", "unit"), os.path.join(TREE, "tests", "unit"))
    shutil.copytree(os.path.join(ROOT, "tests", "compat"), os.path.join(TREE, "tests", "compat"))
    yield
    shutil.rmtree(TREE, ignore_errors=True)


def test_without_an_error_they_pass():
    built = build(TESTS)
    assert built.returncode == 0, built.stderr[-3000:]
    for test in TESTS:
        code, said = run(test)
        assert code == 0, f"{test}:\n{said[-3000:]}"


caught = []


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_it_is_noticed(mutant):
    before = read(mutant.file)
    assert before.count(mutant.old) == 1, f"{mutant.file}: the line to change is there {before.count(mutant.old)} times"
    try:
        write(mutant.file, before.replace(mutant.old, mutant.new))
        built = build(mutant.tests)
        assert built.returncode == 0, built.stderr[-3000:]
        failed = [test for test in mutant.tests if run(test)[0] != 0]
        assert failed, f"none of {', '.join(mutant.tests)} fails"
        caught.append(mutant.name)
    finally:
        write(mutant.file, before)


def test_the_figure():
    assert len(caught) == len(MUTANTS)
    results.write("semantics", [("semantics.planted_errors_caught", len(caught), len(MUTANTS))])
