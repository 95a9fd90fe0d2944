#!/usr/bin/python3
"""A fresh Debian, a fresh clone, one command: what a newcomer meets.

    fresh.py [--suite bookworm|trixie] [--only run,test] [--ca FILE] [--mirror URL]

Makes a minimal Debian in build/fresh/<suite> with debootstrap, installs git and make, clones the commit that is checked out, and
runs `make run` until the page has values, then `make test`, in a mount and process namespace of their own, so that nothing stays
behind. Needs root. --ca is for networks whose proxy has an authority of its own: the file is added to the fresh system's trusted
ones. Prints a line per step; the figure of `make run` goes to build/results/fresh.json.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
import results  # noqa: E402

ENTER = ("mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && mount -t tmpfs tmpfs {root}/dev/shm && "
         "mount -t tmpfs tmpfs {root}/tmp && exec chroot {root} sh -c {command}")


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


class Fresh:
    """A minimal Debian in a folder; `start` runs a command inside."""

    def __init__(self, suite, mirror, ca):
        self.suite, self.mirror, self.ca = suite, mirror, ca
        self.root = os.path.join(ROOT, "build", "fresh", suite)
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "CI": "true"}

    def make(self):
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(self.root)
        subprocess.run(["debootstrap", "--variant=minbase", self.suite, self.root, self.mirror], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.root, "etc/apt/sources.list"), "w", encoding="ascii") as f:
            f.write(f"deb {self.mirror} {self.suite} main\ndeb {self.mirror} {self.suite}-updates main\n"
                    f"deb {self.mirror}-security {self.suite}-security main\n")
        if self.ca:
            folder = os.path.join(self.root, "usr/local/share/ca-certificates")
            os.makedirs(folder, exist_ok=True)
            shutil.copy(self.ca, os.path.join(folder, "local.crt"))
            self.env["NODE_EXTRA_CA_CERTS"] = "/usr/local/share/ca-certificates/local.crt"
        if os.path.exists("/etc/resolv.conf"):
            shutil.copy("/etc/resolv.conf", os.path.join(self.root, "etc/resolv.conf"))
        self.run("apt-get update -qq && apt-get install -y -qq --no-install-recommends git make >/dev/null 2>&1")
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, os.path.join(self.root, "root/isobar")], check=True)

    def start(self, command, **options):
        inside = ENTER.format(root=quote(self.root), command=quote(command))
        return subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", inside], env=self.env, **options)

    def run(self, command):
        with self.start(command) as process:
            if process.wait() != 0:
                raise SystemExit(f"fresh: failed: {command}")


def make_run(fresh):
    """Seconds from the command to the first values on the page; a fresh system installs and builds first."""
    started = time.monotonic()
    process = fresh.start("cd /root/isobar && exec make run", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    took, lines = None, []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("First values"):
            took = time.monotonic() - started
            process.send_signal(signal.SIGKILL)  # the namespace's first process: everything in it ends
            break
    process.stdout.close()
    process.wait()
    if took is None:
        raise SystemExit("fresh: make run showed no values:\n" + "".join(lines[-30:]))
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="bookworm", choices=("bookworm", "trixie"))
    parser.add_argument("--only", default="run,test")
    parser.add_argument("--ca", default="")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    options = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        print("fresh: needs root and debootstrap (apt-get install debootstrap)", file=sys.stderr)
        return 69
    fresh = Fresh(options.suite, options.mirror, options.ca)
    print(f"fresh: making a minimal {options.suite}", flush=True)
    fresh.make()
    if "run" in options.only.split(","):
        took = make_run(fresh)
        print(f"fresh: make run showed values after {took:.0f} s, packages and build included", flush=True)
        if (figure := f"light.fresh_{options.suite}_s") in results.targets():
            results.write("fresh", [(figure, round(took, 1), 1)])
    if "test" in options.only.split(","):
        fresh.run("cd /root/isobar && make test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
