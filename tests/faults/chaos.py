"""Random faults by a seed, on a whole Isobar under load: what begins when, hurts whom and ends when is drawn beforehand.

    chaos = Chaos(rig, kafka, seed=7, seconds=600)
    chaos.build()                # 4 workers, 2 coordinators, 2 fetchers, a load; every member has proxies of its own
    chaos.run()                  # returns {kind of fault: how often}
    chaos.calm_down(); rig.equal(); chaos.close()

A fault is a method that does its damage and returns what mends it. No two faults hurt the same program at once, but any
number of different ones overlap. A draw whose victim is hurt already is passed over; since that depends on how fast
things start, the same seed gives the same draws, not the same interleaving. The journal of faults goes to `chaos.log`.
"""
import concurrent.futures
import heapq
import itertools
import os
import random
import signal
import time

from stack import StackError, wait_for
from zmtp import CALM, Relay, Weather

WORKERS, COORDINATORS, FETCHERS, PARTITIONS, CITIES = 4, 2, 2, 12, 40
GAP_S = (0.4, 2.8)  # between two draws
# kind of fault: (how often it is drawn, how long it lasts)
FAULTS = {"kill_worker": (22, (0.02, 2.5)), "stop_worker": (14, (0.3, 6.0)), "kill_coordinator": (9, (0.05, 4.0)),
          "stop_coordinator": (6, (0.5, 6.0)), "kill_fetcher": (8, (0.05, 3.0)), "stop_fetcher": (4, (0.3, 4.0)),
          "kill_redis": (5, (0.05, 1.5)), "stop_redis": (6, (0.1, 2.0)), "flush_scripts": (8, (0.0, 0.0)),
          "cut_redis": (8, (0.0, 1.0)), "mute_redis": (8, (0.2, 2.0)), "late_redis": (6, (0.2, 2.0)), "slow_redis": (4, (0.5, 3.0)),
          "cut_control": (7, (0.1, 5.0)), "storm_control": (6, (1.0, 6.0)), "stop_kafka": (3, (0.3, 3.0)), "kill_kafka": (2, (0.1, 1.0))}


class Draw:
    """One fault as drawn: when, what, whom (0…1, scaled to the number of victims), how long."""

    def __init__(self, at_s, kind, whom, length_s):
        self.at_s, self.kind, self.whom, self.length_s = at_s, kind, whom, length_s


def draws(seed, seconds):
    """All faults of a run; the same for the same seed."""
    dice = random.Random(seed)
    kinds, weights = list(FAULTS), [weight for weight, _ in FAULTS.values()]
    out, at_s = [], dice.uniform(*GAP_S)
    while at_s < seconds:
        kind, = dice.choices(kinds, weights)
        out.append(Draw(at_s, kind, dice.random(), dice.uniform(*FAULTS[kind][1])))
        at_s += dice.uniform(*GAP_S)
    return out


class Chaos:
    """See the top. `counts` has the faults that were done, `passed_over` the draws that were not."""

    def __init__(self, rig, kafka, seed, seconds):
        """`kafka`: a kafka.Kafka that was not started."""
        self.rig, self.stack, self.kafka = rig, rig.stack, kafka
        self.seed, self.seconds = seed, seconds
        self.counts, self.passed_over = {}, 0
        self.hurt = set()
        self.mending = []  # (what still goes on, victim)
        self.relays, self.proxies, self.endpoints = {}, {}, {}
        self.keeper = concurrent.futures.ThreadPoolExecutor(1)  # a node of Kafka dies with the thread that started it

    # ---- what it works on

    def build(self):
        rig = self.rig
        self.keeper.submit(self.kafka.start).result()
        rig.broker(PARTITIONS, bootstrap=self.kafka.bootstrap).start_redis().install(CITIES)
        self.redis_address = self.stack.redis
        for i, endpoint in enumerate(self.stack.reserve_endpoints(COORDINATORS)):
            name = f"coordinator-{i + 1}"
            self.endpoints[name] = endpoint
            self.start_coordinator(name)
        for i in range(WORKERS):
            name = f"worker-{i + 1}"
            self.member(name)
            self.proxies[name] = rig.proxy(self.stack.ports["redis"])
            self.start_worker(name)
        self.stack.start_owmsim()
        for i in range(FETCHERS):
            self.member(f"fetcher-{i + 1}")
            self.start_fetcher(f"fetcher-{i + 1}")
        rig.settled([self.stack.programs[f"worker-{i + 1}"] for i in range(WORKERS)], 60)
        rig.start_load(rate=8.0)
        return self

    def member(self, name):
        """Its own way to each coordinator."""
        self.relays[name] = [Relay("127.0.0.1", int(endpoint.rsplit(":", 1)[1]), self.seed + len(self.relays))
                             for endpoint in self.endpoints.values()]
        for relay in self.relays[name]:
            relay.names = {e.encode(): r.endpoint.encode() for e, r in zip(self.endpoints.values(), self.relays[name])}

    def start_coordinator(self, name):
        self.stack.redis = self.redis_address
        self.stack.start_coordinator(name, -1, bind=self.endpoints[name])

    def start_worker(self, name):
        self.stack.redis = self.proxies[name].address
        self.stack.endpoint = ",".join(r.endpoint for r in self.relays[name])
        self.rig.worker(name)
        self.stack.redis = self.redis_address

    def start_fetcher(self, name):
        self.stack.endpoint = ",".join(r.endpoint for r in self.relays[name])
        self.stack.start_fetcher(name, "--source", "replay", "--base-url", f"http://127.0.0.1:{self.stack.ports['owmsim']}", "--allow-http",
                                 "--interval-s", "1", "--history-hours", "2", ISOBAR_API_KEY="any")

    # ---- the run

    def run(self):
        log_path = os.path.join(self.stack.dir, "chaos.log")
        begun, number = time.monotonic(), itertools.count()
        mends = []  # heap of (time, number, victim, what to do)
        with open(log_path, "w", encoding="utf-8") as self.log:
            for draw in draws(self.seed, self.seconds):
                while time.monotonic() - begun < draw.at_s:
                    self.mend_due(mends, time.monotonic() - begun)
                    self.look()
                    time.sleep(0.01)
                mend = self.strike(draw, time.monotonic() - begun)
                if mend:
                    heapq.heappush(mends, (time.monotonic() - begun + draw.length_s, next(number), *mend))
            while mends or self.mending:
                self.mend_due(mends, time.monotonic() - begun)
                time.sleep(0.01)
            self.look()
        return dict(sorted(self.counts.items()))

    def strike(self, draw, now_s):
        """Does the damage; returns (victim, what mends it), or None when the victim is hurt already."""
        victims = self.victims(draw.kind)
        victim = victims[int(draw.whom * len(victims))]
        if victim in self.hurt:
            self.passed_over += 1
            return None
        self.hurt.add(victim)
        print(f"{now_s:8.3f} {draw.kind} {victim} for {draw.length_s:.3f} s", file=self.log, flush=True)
        self.counts[draw.kind] = self.counts.get(draw.kind, 0) + 1
        return victim, getattr(self, draw.kind)(victim)

    def mend_due(self, mends, now_s):
        while mends and mends[0][0] <= now_s:
            _, _, victim, mend = heapq.heappop(mends)
            self.mending.append((mend(), victim))
        for going_on, victim in list(self.mending):
            if isinstance(going_on, concurrent.futures.Future):
                if not going_on.done():
                    continue
                going_on.result()
            self.mending.remove((going_on, victim))
            self.hurt.discard(victim)
            print(f"{now_s:8.3f} mended {victim}", file=self.log, flush=True)

    def look(self):
        """A program that has ended by itself is a finding."""
        for name, program in self.stack.programs.items():
            if not program.running() and not program.expected_end:
                raise StackError(f"{name} ended by itself with {program.process.returncode}:\n{program.log()[-3000:]}")

    def victims(self, kind):
        what = kind.split("_")[1]
        if what in ("redis", "scripts") and kind not in ("kill_redis", "stop_redis", "flush_scripts"):
            return [f"{name}'s redis" for name in self.proxies]
        if what == "control":
            return [f"{name}'s control" for name in self.relays]
        names = {"worker": list(self.proxies), "coordinator": list(self.endpoints), "kafka": ["kafka"],
                 "fetcher": [n for n in self.relays if n not in self.proxies]}
        return names.get(what, ["redis"])

    # ---- faults: each returns what mends it

    def kill(self, name, start):
        self.stack.programs[name].kill()
        return lambda: start(name)

    def pause(self, name):
        program = self.stack.programs[name]
        program.signal(signal.SIGSTOP)
        return lambda: program.signal(signal.SIGCONT)

    def kill_worker(self, name):
        return self.kill(name, self.start_worker)

    def kill_coordinator(self, name):
        return self.kill(name, self.start_coordinator)

    def kill_fetcher(self, name):
        return self.kill(name, self.start_fetcher)

    stop_worker = stop_coordinator = stop_fetcher = stop_redis = pause

    def kill_redis(self, _):
        self.stack.programs["redis"].kill()

        def back():
            self.stack.start_redis(self.stack.ports["redis"])
            self.stack.redis = self.redis_address
        return back

    def flush_scripts(self, _):
        self.rig.redis.execute_command("SCRIPT", "FLUSH")
        return lambda: None

    def proxy_of(self, victim):
        return self.proxies[victim.removesuffix("'s redis")]

    def cut_redis(self, victim):
        proxy = self.proxy_of(victim)
        proxy.refuse = True
        proxy.cut()
        return lambda: setattr(proxy, "refuse", False)

    def mute_redis(self, victim):
        """Redis does what it is told, but its answers are lost."""
        proxy = self.proxy_of(victim)
        proxy.down.drop = True

        def again():
            proxy.down.drop = False
            proxy.cut()  # a stream with a hole in it is of no use
        return again

    def late_redis(self, victim):
        """Requests are kept, and come when the worker has long given them up."""
        proxy = self.proxy_of(victim)
        proxy.up.hold = True
        return lambda: setattr(proxy.up, "hold", False)

    def slow_redis(self, victim):
        proxy = self.proxy_of(victim)
        proxy.down.delay_s = 0.15
        return lambda: setattr(proxy.down, "delay_s", 0.0)

    def relays_of(self, victim):
        return self.relays[victim.removesuffix("'s control")]

    def cut_control(self, victim):
        relays = self.relays_of(victim)
        for relay in relays:
            relay.cut()
        return lambda: [relay.mend() for relay in relays]

    def storm_control(self, victim):
        relays = self.relays_of(victim)
        for relay in relays:
            relay.weather = Weather(lost=0.3, late=0.3, late_s=(0.05, 2.5), twice=0.3)

        def calm():
            for relay in relays:
                relay.weather = CALM
        return calm

    def kill_kafka(self, _):
        self.kafka.kill9()
        return lambda: self.keeper.submit(self.kafka.start)  # takes seconds, and the other faults go on

    def stop_kafka(self, _):
        process = self.kafka.nodes[0].process
        process.send_signal(signal.SIGSTOP)
        return lambda: process.send_signal(signal.SIGCONT)

    # ---- the end

    def calm_down(self, deadline_s=60):
        """Ends the sources and waits until every partition runs; then the workers can read to the end."""
        for name in self.relays:
            if name not in self.proxies:
                assert self.stack.programs[name].terminate(15) == 0, self.stack.programs[name].log()[-3000:]
        wait_for("every partition runs", lambda: self.rig.metric("partitions_running") == PARTITIONS, deadline_s)
        assert self.rig.metric("partitions_stopped") == 0

    def close(self):
        for relays in self.relays.values():
            for relay in relays:
                relay.stop()
        self.keeper.submit(self.kafka.remove).result()
        self.keeper.shutdown()
