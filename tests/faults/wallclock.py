"""A wall clock of one program that a test can move (libfaketime). The monotonic clock stays as it is, as at a real jump."""
import glob
import os

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")


class WallClock:
    """`env` goes to the program; `jump` takes effect at its next look at the clock."""

    def __init__(self, directory, name):
        self.path = os.path.join(directory, f"{name}.clock")
        found = [path for pattern in LIBRARIES for path in glob.glob(pattern)]
        assert found, "libfaketime is missing: apt-get install faketime"
        self.env = {"LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        self.jump(0)

    def jump(self, seconds):
        """The clock is now this much ahead of the true one."""
        with open(self.path + ".new", "w", encoding="ascii") as f:
            f.write(f"{seconds:+d}\n")
        os.replace(self.path + ".new", self.path)
