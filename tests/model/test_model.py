"""The ledger's model under SPIN: what the protocol holds on, and that every weaker one is found to break.

A search that ends without an error is a proof within its bounds only if it was complete, so that is asserted too.
"""
import os
import re
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
DEPTH = 1_000_000
LIMIT_S = 110

BREAKS = {
    "epoch and offset, commits sent again": ["-DCHECK=1", "-DROLLBACKS=0", "-DCHECKED_LOAD", "-DRESEND"],
    "epoch and offset, Redis goes back once": ["-DCHECK=1", "-DCHECKED_LOAD"],
    "epoch and sequence number, Redis goes back once": ["-DCHECK=2", "-DCHECKED_LOAD"],
    "owner's token and offset, Redis goes back once": ["-DCHECK=3", "-DCHECKED_LOAD"],
    "commit ids, but loads that are not checked": ["-DCHECK=4"],
}
HOLDS = {
    "epoch and offset, while nothing is sent again and Redis never goes back": ["-DCHECK=1", "-DROLLBACKS=0", "-DCHECKED_LOAD"],
    "commit ids and checked loads, Redis goes back once": ["-DCHECK=4", "-DCHECKED_LOAD"],
}


def search(directory, flags):
    """The output of a search of the model with these definitions."""
    shutil.copy(os.path.join(HERE, "ledger.pml"), directory)
    subprocess.run(["spin", "-a", *flags, "ledger.pml"], cwd=directory, check=True, capture_output=True, timeout=LIMIT_S)
    subprocess.run(["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=directory, check=True, timeout=LIMIT_S)
    done = subprocess.run(["./pan", f"-m{DEPTH}"], cwd=directory, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return done.stdout + done.stderr


def errors(output):
    return int(re.search(r"errors: (\d+)", output).group(1))


@pytest.mark.parametrize("what", BREAKS)
def test_a_weaker_protocol_is_found_to_break(tmp_path, what):
    output = search(tmp_path, BREAKS[what])
    assert errors(output) == 1 and "assertion violated" in output, output


@pytest.mark.parametrize("what", HOLDS)
def test_the_protocol_holds_and_the_search_was_complete(tmp_path, what):
    output = search(tmp_path, HOLDS[what])
    assert errors(output) == 0, output
    assert "max search depth too small" not in output and "Search not completed" not in output and "out of memory" not in output, output
    assert int(re.search(r"(\d+) states, stored", output).group(1)) > 100_000, "the search was too small to mean anything"
