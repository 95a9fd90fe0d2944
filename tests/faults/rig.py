"""A whole Isobar under load for a fault test: broker, Redis, coordinators, workers with journals, and at the end the proof.

    with Rig(stack) as rig:
        rig.broker(partitions=12); rig.start_redis(); rig.install()
        rig.coordinator(); rig.workers(2); rig.start_load()
        ... faults ...
        rig.equal()

`equal` lets the workers read to the end of the log, drains them, and then `isobarctl verify`, the oracle (everything
recomputed from the topic) and the journals of all workers that ever ran (I4, I5) must agree with what is in Redis.
"""
import os
import shutil
import subprocess
import tempfile
import threading
import time

import journal
import oracle
from load import Load
from proxy import Proxy
from stack import StackError, wait_for

TOPIC = "weather.observations"
REDIS_TIMEOUT_MS = 500
REST_S = 1.0  # a joining worker is filled in steps of a few tens of milliseconds


class Rig:
    def __init__(self, stack):
        self.stack = stack
        self.partitions = 12
        self.load = None
        self.redis = None          # a client that goes past any proxy
        self.redis_proxy = None
        self.coordinator_proxy = None
        self.restored = []         # {partition: commit id} of every Redis that was put back
        self._journals = []
        self._proxies = []
        self._started = 0

    # ---- parts

    def broker(self, partitions=12, bootstrap=None):
        """A development broker, or the cluster that answers at `bootstrap` (the topic is made by install)."""
        self.partitions = partitions
        if bootstrap:
            self.stack.kafka = bootstrap
        else:
            self.stack.start_devbroker({TOPIC: partitions, "weather.deadletter": 1})
        return self

    def start_redis(self, **options):
        import redis as redis_client
        self.stack.start_redis(**options)
        self.redis = redis_client.Redis("127.0.0.1", self.stack.ports["redis"], socket_timeout=20)
        return self

    def redis_through_proxy(self):
        """Programs started from now on reach Redis through rig.redis_proxy."""
        self.redis_proxy = self.proxy(self.stack.ports["redis"])
        self.stack.redis = self.redis_proxy.address
        return self.redis_proxy

    def proxy(self, port):
        made = Proxy("127.0.0.1", port)
        self._proxies.append(made)
        return made

    def install(self, city_limit=4, **options):
        self.stack.init(self.partitions, None, city_limit, *[w for k, v in options.items() for w in (f"--{k.replace('_', '-')}", str(v))])
        return self

    def coordinator(self, proxy=False, name="coordinator-1", *extra):
        """`proxy`: members started afterwards reach it through rig.coordinator_proxy."""
        self.stack.start_coordinator(name, -1, *extra)
        if proxy:
            self.coordinator_proxy = self.proxy(int(self.stack.endpoint.rsplit(":", 1)[1]))
            self.stack.endpoint = "tcp://" + self.coordinator_proxy.address
        return self

    def worker(self, name=None, *extra, fail=None, mutant=None, redis_timeout_ms=REDIS_TIMEOUT_MS):
        """Starts a worker; `fail` and `mutant` are ISOBAR_FAIL and ISOBAR_MUTANT (common/failpoint.h). Returns its program."""
        self._started += 1
        name = name or f"worker-{self._started}"
        path = os.path.join(self.stack.dir, f"{name}.{self._started}.journal")
        self._journals.append(path)
        return self.stack.start_worker(name, "--redis-timeout-ms", str(redis_timeout_ms), "--journal", path, *extra,
                                       ISOBAR_FAIL=fail, ISOBAR_MUTANT=mutant)

    def workers(self, count, *extra, **env):
        made = [self.worker(None, *extra, **env) for _ in range(count)]
        self.settled(made)
        return made

    def start_load(self, flows=True, **options):
        self.load = Load(self.stack.kafka, self.partitions, **options).start()
        if flows:
            self.flows()
        return self.load

    # ---- Redis' files

    def snapshot(self):
        """A copy of Redis' append-only files as they are now; its path. Every answered write is in them."""
        path = os.path.join(self.stack.dir, f"snapshot-{time.monotonic_ns()}")
        for attempt in range(5):  # a rewrite may take a file away meanwhile
            shutil.rmtree(path, ignore_errors=True)
            try:
                shutil.copytree(os.path.join(self.stack.dir, "redis"), path)
                return path
            except (shutil.Error, OSError):
                if attempt == 4:
                    raise
        return None

    def restore(self, snapshot):
        """Kills Redis and starts it on the same port with these files (None: none)."""
        port, address, directory = self.stack.ports["redis"], self.stack.redis, os.path.join(self.stack.dir, "redis")
        if snapshot:
            self.restored.append(self._cids_of(snapshot))
        self.stack.programs["redis"].kill()
        shutil.rmtree(directory)
        if snapshot:
            shutil.copytree(snapshot, directory)
        self.stack.start_redis(port)
        self.stack.redis = address

    def _cids_of(self, snapshot):
        """Commit ids by partition in a copy of a copy, read by a Redis of its own that nobody else knows."""
        import redis as redis_client
        with tempfile.TemporaryDirectory(dir=self.stack.dir) as directory:
            copy, path = os.path.join(directory, "redis"), os.path.join(directory, "s")
            shutil.copytree(snapshot, copy)
            server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--dir", copy, "--save", "", "--appendonly", "yes"],
                                      stdout=subprocess.DEVNULL)
            try:
                client = redis_client.Redis(unix_socket_path=path)
                ready = lambda: os.path.exists(path) and client.ping()
                wait_for("the copy answers", lambda: _quietly(ready), 10)
                return {p: client.hget(f"{self.stack.prefix}{{{p}}}:ledger", "cid").decode() for p in range(self.partitions)}
            finally:
                server.kill()
                server.wait()

    # ---- looking

    def metric(self, name, of=None):
        """Sum of isobar_worker_<name> over the running workers, or of one."""
        programs = [of] if of else [p for n, p in self.stack.programs.items() if n.startswith("worker") and p.running()]
        return sum(self.stack.metric(p.name, "isobar_worker_" + name) or 0 for p in programs)

    def settled(self, workers=None, deadline_s=30):
        """Every partition runs, each of these workers has some, and nothing has moved for a while."""
        def so():
            return self.metric("partitions_running") == self.partitions and all(self.metric("partitions_running", w) for w in workers or [])

        seen = {"numbers": None, "since": 0.0}

        def rests():
            numbers = self.ledgers("number")
            if numbers != seen["numbers"]:
                seen.update(numbers=numbers, since=time.monotonic())
            return time.monotonic() - seen["since"] >= REST_S and so()

        wait_for("every partition runs", so, deadline_s)
        wait_for("nothing moves any more", rests, deadline_s)

    def ledger(self, partition):
        return {k.decode(): v.decode() for k, v in self.redis.hgetall(f"{self.stack.prefix}{{{partition}}}:ledger").items()}

    def ledgers(self, field):
        """[value of every partition], as text."""
        with self.redis.pipeline(transaction=False) as p:
            for partition in range(self.partitions):
                p.hget(f"{self.stack.prefix}{{{partition}}}:ledger", field)
            return [v.decode() if v is not None else None for v in p.execute()]

    def offsets(self):
        return [int(o) for o in self.ledgers("offset")]

    def owned(self, program):
        """Partitions whose ledger names this worker's id as the owner."""
        return [p for p, owner in enumerate(self.ledgers("owner")) if owner and owner.split("/")[0] == program.name]

    def flows(self, partitions=None, deadline_s=30):
        """Waits until every one of the partitions (all) has committed something new; returns how long that took, in seconds."""
        begun, before = time.monotonic(), self.offsets()
        wanted = range(self.partitions) if partitions is None else partitions

        def moved():
            now = self.offsets()
            return all(now[p] > before[p] for p in wanted)
        wait_for("commits on every partition", moved, deadline_s)
        return time.monotonic() - begun

    def marks(self):
        """How far the journals are, for `events`."""
        return {path: os.path.getsize(path) for path in self._journals if os.path.exists(path)}

    def events(self, since=None):
        """The lines of all journals, see journal.py, or those since `marks`."""
        return journal.read(self._journals, since)

    def highs(self):
        import confluent_kafka
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.stack.kafka, "group.id": "isobar-rig"})
        try:
            return [consumer.get_watermark_offsets(confluent_kafka.TopicPartition(TOPIC, p), timeout=10)[1] for p in range(self.partitions)]
        finally:
            consumer.close()

    # ---- the proof

    def quiet(self, deadline_s=60):
        """Ends the load; returns when everything in the log is committed and the workers have ended."""
        self.load.stop()
        highs = self.highs()
        try:
            wait_for("the whole log is committed", lambda: all(o >= h for o, h in zip(self.offsets(), highs)), deadline_s, 0.05)
        except StackError as error:
            raise StackError(f"{error}: ledgers {self.offsets()}, log {highs}") from None
        for name, program in self.stack.programs.items():
            if name.startswith("worker") and program.running():
                assert program.terminate(15) == 0, program.log()[-2000:]

    def differences(self):
        """Everything that is wrong, as text: what verify, the oracle and the journals say. The workers have ended."""
        address = f"127.0.0.1:{self.stack.ports['redis']}"
        verified = self.stack.ctl("verify", "--kafka", self.stack.kafka, "--redis", address, "--prefix", self.stack.prefix, check=False)
        found = [] if verified.returncode == 0 else [f"verify: {(verified.stdout + verified.stderr).strip()[-2000:]}"]
        comparison, self.totals = oracle.run(self.stack.kafka, address, self.stack.prefix)
        found += [f"oracle: {d}" for d in comparison.differences]
        final = dict(enumerate(self.ledgers("cid")))
        found += [f"journal: {d}" for d in journal.check(self.events(), final, self.restored)]
        return found

    def equal(self, deadline_s=60):
        """Nothing is lost, nothing counted twice, and every commit was made by the one who held the partition."""
        self.quiet(deadline_s)
        found = self.differences()
        assert found == [], f"{len(found)} differences:\n" + "\n".join(found[:20])
        assert self.totals["redis_rows"] == self.totals["rows"] > 0
        return self.totals

    # ---- the end

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.load:
            self.load.abandon()
        for proxy in self._proxies:
            proxy.close()


def _quietly(condition):
    """The condition, False while the server is not ready for it."""
    import redis as redis_client
    try:
        return condition()
    except redis_client.RedisError:
        return False


def ended_at(program, deadline_s=60):
    """Waits for the end of a program; returns its time (monotonic, s) as exactly as the kernel tells us."""
    if not program.running():
        return time.monotonic()
    woken = {}

    def wait():
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
        woken["at"] = time.monotonic()
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(deadline_s)
    if "at" not in woken:
        raise StackError(f"{program.name} still runs after {deadline_s} s")
    program.expected_end = True
    program.wait(5)
    return woken["at"]
