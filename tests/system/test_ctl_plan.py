"""isobarctl plan: what fits a provider's plan, and clear errors for what cannot be asked."""
import json

import pytest


def plan(stack, *argv):
    done = stack.ctl("plan", *argv, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.sanitized
def test_what_fits_and_what_would(stack):
    code, out, err = plan(stack, "--provider", "openweathermap", "--key-plan", "free", "--cities", "500")
    assert (code, err) == (1, "") and "Does not fit" in out and "2232000.0" in out and "223 %" in out
    assert "500 cities fit every 24m." in out and "Every 10m, 212 cities fit." in out
    code, out, _ = plan(stack, "--cities", "500", "--every", "24m")
    assert code == 0 and "Fits: 500 cities every 24m." in out and "No reading gets older than 48m" in out
    code, out, _ = plan(stack, "--cities", "212")
    assert code == 0
    assert plan(stack, "--cities", "213")[0] == 1


@pytest.mark.sanitized
def test_json_says_the_same(stack):
    code, out, _ = plan(stack, "--provider", "open-meteo", "--cities", "100", "--air", "on", "--json")
    answer = json.loads(out)
    assert code == 1 and answer["fits"] is False and answer["cost_per_call"] == 1.3 and answer["oldest_s"] == 2 * answer["every_s"]
    # 96 polls of the weather and 24 of the air a day
    assert answer["spans"]["day"] == {"needed": 14880, "allowed": 10000}
    every = answer["every_s_that_fits"]
    assert every % 60 == 0
    assert plan(stack, "--provider", "open-meteo", "--cities", "100", "--air", "on", "--every", f"{every:.0f}s")[0] == 0
    assert plan(stack, "--provider", "open-meteo", "--cities", "100", "--air", "on", "--every", f"{every - 60:.0f}s")[0] == 1


@pytest.mark.sanitized
def test_what_cannot_be_asked(stack):
    for argv, code, wanted in ((["--provider", "x"], 78, "'x' is not one of openweathermap, open-meteo"), (["--key-plan", "gold"], 78, "'gold'"),
                               (["--key-plan", "60/q"], 78, "'60/q'"), (["--cities", "0"], 2, "cities"), (["--every", "ten"], 78, "--every 'ten'"),
                               (["--every", "0s"], 78, "--every '0s'"), (["--windows", "7x:1d"], 78, "--windows '7x:1d'"),
                               (["--provider", "replay", "--key-plan", "unlimited", "--air", "on"], 78, "replay has no air quality"),
                               (["--lateness", "-1d"], 78, "--lateness '-1d'")):
        got, out, err = plan(stack, *argv)
        assert (got, out) == (code, "") and wanted in err, (argv, got, err)
