"""A whole Isobar on this machine: starts, watches and stops the real programs on loopback.

`make run` (run.py) and the system tests share it. Every program runs in a session of its own, so that Ctrl-C in
the terminal reaches only the launcher, and dies with the launcher (PR_SET_PDEATHSIG). All files stay in `dir`.
"""
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class StackError(Exception):
    """What went wrong, in a sentence for the user; `exit_code` is the launcher's."""

    def __init__(self, message, exit_code=69):
        super().__init__(message)
        self.exit_code = exit_code


def wait_for(what, condition, deadline_s=30.0, step_s=0.02):
    """Polls `condition` until it is true (its value is returned) or fails naming `what`."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise StackError(f"{what}: not within {deadline_s:g} s")
        time.sleep(step_s)


def http_get(port, path, headers=None, timeout=5):
    """(status, headers, body bytes) of a GET on loopback; None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    except OSError:
        return None
    finally:
        connection.close()


def get_json(port, path):
    answer = http_get(port, path)
    if answer is None or answer[0] != 200:
        return None
    return json.loads(answer[2])


class Program:
    """One running program, with its log in a file and, line by line, to `on_line`."""

    def __init__(self, name, argv, directory, env=None, on_line=None, stdin=None):
        self.name = name
        self.argv = argv
        self.log_path = os.path.join(directory, name + ".log")
        self.on_line = on_line
        self.expected_end = False
        parent = os.getpid()

        def in_child():
            _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        # Without a listener the file is the program's own: what it has done, it has said before anybody looks.
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdout=subprocess.PIPE if on_line else log, stderr=subprocess.STDOUT,
                                            stdin=stdin or subprocess.DEVNULL, env=env, cwd=directory, start_new_session=True,
                                            preexec_fn=in_child)
        self._reader = threading.Thread(target=self._read, daemon=True) if on_line else None
        if self._reader:
            self._reader.start()

    def _read(self):
        with open(self.log_path, "ab") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                self.on_line(self, line.decode("utf-8", "replace").rstrip("\n"))

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        """False once it has ended; its log is then whole."""
        if self.process.poll() is None:
            return True
        if self._reader and self._reader is not threading.current_thread():
            self._reader.join(5)
        return False

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def signal(self, signo):
        if self.running():
            self.process.send_signal(signo)

    def wait(self, deadline_s):
        """Exit code; raises when it still runs after the deadline."""
        try:
            code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise StackError(f"{self.name} still runs after {deadline_s:g} s") from None
        if self._reader:
            self._reader.join(5)
        return code

    def terminate(self, deadline_s=5.0):
        self.expected_end = True
        self.signal(signal.SIGTERM)
        return self.wait(deadline_s)

    def kill(self):
        self.expected_end = True
        self.signal(signal.SIGKILL)
        self.wait(5)

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024


class Stack:
    """The programs of one installation. Parts are started one by one; `stop` ends all of them."""

    def __init__(self, directory, bin_dir=None, on_line=None, prefix="isobar:"):
        self.dir = os.path.abspath(directory)
        self.bin = os.path.abspath(bin_dir or os.path.join(ROOT, "build", "gcc", "bin"))
        self.on_line = on_line
        self.prefix = prefix
        self.programs = {}
        self.kafka = None
        self.redis = None
        self.endpoint = None
        self.ports = {}
        self.passed = ()  # variables of Isobar's own that children shall have from the user
        shutil.rmtree(self.dir, ignore_errors=True)
        try:
            os.makedirs(self.dir)
        except OSError as error:
            raise StackError(f"{self.dir} cannot be made anew ({error.strerror}): does it belong to another user?") from None

    # ---- plumbing

    def env(self, **extra):
        """The environment of a child: nothing of Isobar's or the user's keys but what is given."""
        env = {k: v for k, v in os.environ.items() if k in self.passed or not k.startswith("ISOBAR_") and k != "OWM_API_KEY"}
        env.setdefault("ASAN_OPTIONS", "abort_on_error=0:detect_leaks=1")
        env.update({k: v for k, v in extra.items() if v})
        return env

    def start(self, name, argv, stdin=None, **env):
        old = self.programs.get(name)
        if old and old.running():
            raise StackError(f"{name} runs already", 1)
        program = Program(name, argv, self.dir, env=self.env(**env), on_line=self.on_line, stdin=stdin)
        self.programs[name] = program
        return program

    def binary(self, name):
        return os.path.join(self.bin, name)

    def common(self, *which):
        """Flags for the parts a program talks to."""
        flags = []
        if "kafka" in which:
            flags += ["--kafka", self.kafka]
        if "redis" in which:
            flags += ["--redis", self.redis, "--prefix", self.prefix]
        if "coordinator" in which:
            flags += ["--coordinator", self.endpoint]
        return flags

    # ---- dependencies

    def start_redis(self, port=None, appendonly=True):
        """A private redis-server with the settings Isobar wants; empty unless `redis/` is kept."""
        port = port or free_port()
        directory = os.path.join(self.dir, "redis")
        os.makedirs(directory, exist_ok=True)
        self.start("redis", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", directory,
                             "--save", "", "--appendonly", "yes" if appendonly else "no",
                             "--maxmemory-policy", "noeviction", "--daemonize", "no", "--loglevel", "warning"])
        self.redis = f"127.0.0.1:{port}"
        self.ports["redis"] = port

        def answers():
            if not self.programs["redis"].running():
                raise StackError("redis-server ended: " + self.programs["redis"].log().strip()[-300:])
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as s:
                    s.sendall(b"PING\r\n")
                    return s.recv(16).startswith(b"+PONG")
            except OSError:
                return False

        wait_for("redis-server answers", answers, 10)

    def start_devbroker(self, topics):
        port_file = os.path.join(self.dir, "devbroker.port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        argv = [self.binary("isobar-devbroker"), "--port-file", port_file]
        for name, partitions in topics.items():
            argv += ["--topic", f"{name}:{partitions}"]
        self.start("broker", argv, stdin=subprocess.PIPE)
        wait_for("the development broker listens", lambda: os.path.exists(port_file), 10)
        with open(port_file, encoding="ascii") as f:
            self.kafka = f.read().strip().removeprefix("bootstrap=")

    def broker_command(self, line):
        """Tells the development broker to misbehave (tests/devbroker/command.h); raises when it does not understand."""
        broker = self.programs["broker"]
        answers = lambda: [a for a in broker.log().splitlines() if a.startswith(("ok", "error"))]
        before = len(answers())
        broker.process.stdin.write(line.encode() + b"\n")
        broker.process.stdin.flush()
        wait_for("the development broker answers", lambda: len(answers()) > before, 10)
        if not answers()[before].startswith("ok"):
            raise StackError(f"devbroker: {line}: {answers()[before]}")

    # ---- Isobar

    def ctl(self, *argv, check=True, timeout=60):
        """Runs isobarctl; returns the completed process."""
        done = subprocess.run([self.binary("isobarctl"), *argv], capture_output=True, text=True, timeout=timeout,
                              env=self.env(), cwd=self.dir, check=False)
        if check and done.returncode != 0:
            raise StackError(f"isobarctl {argv[0]}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}", done.returncode)
        return done

    def init(self, partitions=24, cities=None, city_limit=40, *extra):
        return self.ctl("init", *self.common("kafka", "redis"), "--partitions", str(partitions), "--cities",
                        cities or os.path.join(ROOT, "data", "cities.csv"), "--city-limit", str(city_limit), *extra)

    def reserve_endpoints(self, count=1):
        """Endpoints of coordinators that start later, for members that start before them; returns them."""
        endpoints = [f"tcp://127.0.0.1:{free_port()}" for _ in range(count)]
        self.endpoint = ",".join(endpoints)
        return endpoints

    def start_coordinator(self, name="coordinator-1", calls_per_minute=60, *extra, bind=None, **env):
        """Binds to `bind`, one of those reserved, or to a free port, which members started later dial."""
        bind = bind or self.reserve_endpoints()[0]
        self.ports[name] = free_port()
        return self.start(name, [self.binary("isobar-coordinator"), "--id", name, *self.common("redis"), "--bind", bind,
                                 "--admin-port", str(self.ports[name]), "--calls-per-minute", str(calls_per_minute), *extra], **env)

    def start_worker(self, name, *extra, **env):
        self.ports[name] = free_port()
        return self.start(name, [self.binary("isobar-worker"), "--id", name, *self.common("kafka", "redis", "coordinator"),
                                 "--admin-port", str(self.ports[name]), *extra], **env)

    def start_fetcher(self, name, *extra, **env):
        self.ports[name] = free_port()
        return self.start(name, [self.binary("isobar-fetcher"), "--id", name, *self.common("kafka", "coordinator"),
                                 "--admin-port", str(self.ports[name]), *extra], **env)

    def start_owmsim(self, *extra, name="owmsim"):
        port = self.ports.setdefault(name, free_port())
        program = self.start(name, [self.binary("isobar-owmsim"), "--port", str(port), "--data", os.path.join(ROOT, "data"), *extra])
        wait_for("the simulator listens", lambda: http_get(port, "/livez") is not None or not program.running(), 10)
        return program

    def start_dashboard(self, port=None, *extra):
        port = port or free_port()
        self.ports["dashboard"] = port
        program = self.start("dashboard", [self.binary("isobar-dashboard"), *self.common("redis"), "--port", str(port), *extra])

        def listens():
            if not program.running():
                raise StackError("isobar-dashboard ended: " + program.log().strip()[-300:])
            return http_get(port, "/livez") is not None

        wait_for("the dashboard listens", listens, 10)
        return program

    def admin(self, name, path):
        return http_get(self.ports[name], path)

    def metric(self, name, metric, labels=None):
        """Value of a metric of a program's admin port; None when it is not there."""
        answer = self.admin(name, "/metrics")
        if answer is None:
            return None
        want = metric + ("{" + labels + "}" if labels else "")
        for line in answer[2].decode().splitlines():
            if line.startswith(want + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    # ---- the end

    ORDER = ("fetcher", "worker", "dashboard", "coordinator", "owmsim", "broker", "redis")

    def stop(self, deadline_s=1.8):
        """Ends everything in order within `deadline_s`, by force at the end. Returns names that had to be killed."""
        end = time.monotonic() + deadline_s
        forced = []
        for kind in self.ORDER:
            group = [p for n, p in self.programs.items() if n.startswith(kind) and p.running()]
            for program in group:
                program.expected_end = True
                program.signal(signal.SIGTERM)
                program.signal(signal.SIGCONT)
            for program in group:
                try:
                    program.process.wait(max(0.05, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    forced.append(program.name)
                    program.kill()
        return forced

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(10)
