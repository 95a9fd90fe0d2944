"""What the load tests share: a dashboard with a Redis that the test itself writes (rig.py)."""
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
for part in ("deploy/local", "tests/oracle", "tests"):
    sys.path.insert(0, os.path.join(ROOT, part))

import rig as rigs  # noqa: E402


@pytest.fixture
def rig(request):
    """A dashboard of 40 cities that have a reading each; everything that was started is ended after the test."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    with rigs.Rig(os.path.join(ROOT, "build", "load", name)) as made:
        yield made
