"""What the fault tests share: the stack of the system tests on programs built with fail points, and a rig on it."""
import importlib.util
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("ISOBAR_BIN", os.path.join(ROOT, "build", "faults", "bin"))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

_spec = importlib.util.spec_from_file_location("system_conftest", os.path.join(ROOT, "tests", "system", "conftest.py"))
_system = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_system)
stack, real_kafka = _system.stack, _system.real_kafka

from rig import Rig  # noqa: E402


@pytest.fixture
def rig(stack):  # noqa: F811
    """A rig that nothing was started in; its load and its proxies end with the test."""
    with Rig(stack) as made:
        yield made


def pytest_generate_tests(metafunc):
    """FULL=1 (make faults) runs the counts of the acceptance, otherwise a tenth of them."""
    if "full" in metafunc.fixturenames:
        metafunc.parametrize("full", [os.environ.get("FULL") == "1"], ids=["full" if os.environ.get("FULL") == "1" else "few"])
