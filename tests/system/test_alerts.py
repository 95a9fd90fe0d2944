"""Alerts from the log to the webhook: every event once in the streams, whoever is killed, and told at least once."""
import json
import os
import time
import urllib.request

import oracle
import pytest
import redis as redis_client
from conftest import SANITIZED
from feed import SIMULATED
from receiver import Receiver
from stack import get_json, wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 4
CITIES = 12
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}
SECRET = "a secret of the tests"
RULES = """[windows]
10m = 2d
1h = 30d

[alert heat]
metric = temperature
above = 30
clear = 28

[alert warm-hour]
metric = temperature
window = 1h
statistic = maximum
above = 30
for = 20m
"""


@pytest.fixture
def receiver():
    made = Receiver(SECRET)
    yield made
    made.close()


def write(stack, text):
    path = os.path.join(stack.dir, "rules.ini")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def start(stack, url):
    """Redis, broker, two coordinators that know the webhook, two workers, the dashboard; returns a client of Redis."""
    rules = write(stack, RULES)
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 4, "--rules", rules)
    for i, endpoint in enumerate(stack.reserve_endpoints(2)):
        stack.start_coordinator(f"coordinator-{i + 1}", 60, "--webhook-url", url, "--insecure", bind=endpoint, ISOBAR_WEBHOOK_SECRET=SECRET)
    for i in range(2):
        stack.start_worker(f"worker-{i + 1}", "--tick-s", "1")
    stack.start_dashboard()
    host, port = stack.redis.split(":")
    client = redis_client.Redis(host, int(port))
    wait_for("the webhook's places", lambda: client.hlen("isobar:webhook") == PARTITIONS, 20 * SLOW)
    return client


class Weather:
    """Readings of some cities, minute by minute, and the events that they must bring about, by city."""

    def __init__(self, kafka):
        import confluent_kafka
        self.producer = confluent_kafka.Producer({"bootstrap.servers": kafka, "acks": "all"})
        self.start_ms = int(time.time() * 1000) // 3_600_000 * 3_600_000 - 4 * 3_600_000
        self.minute = 0
        self.heat, self.hour, self.wanted = {}, {}, {city: [] for city in range(1, CITIES + 1)}

    def step(self):
        at = self.start_ms + self.minute * 60_000
        for city in range(1, CITIES + 1):
            hot = self.minute // (7 + city) % 2
            self.put(city, at, 35 if hot else 25)
        self.minute += 1

    def put(self, city, at, degrees):
        shard = oracle.shard(city, PARTITIONS)
        batch = oracle.modules()[0].ObservationBatch(format=1, rows=1, shard=shard, city_id=[city], observed_at_ms=[at], fetched_at_ms=[at],
                                                     provider=[SIMULATED], present=[1], temperature_centi_c=[degrees * 100])
        self.producer.produce("weather.observations", batch.SerializeToString(), partition=shard)
        self.expect_heat(city, at, degrees)
        self.expect_hour(city, at, degrees)

    def tell(self, rule, city, onset, state):
        self.wanted[city].append(f"{rule}/{city}/{onset}/{state}")

    def expect_heat(self, city, at, degrees):
        onset = self.heat.get(city)
        if onset is None and degrees > 30:
            self.heat[city] = at
            self.tell("heat", city, at, "raised")
        elif onset is not None and degrees <= 28:
            del self.heat[city]
            self.tell("heat", city, onset, "cleared")

    def expect_hour(self, city, at, degrees):
        """[start of the hour, its maximum, since when it is beyond, raised]"""
        state = self.hour.setdefault(city, [0, 0, None, False])
        start = at // 3_600_000 * 3_600_000
        state[1] = max(degrees, state[1]) if start == state[0] else degrees
        state[0] = start
        if state[3] and state[1] <= 30:
            self.tell("warm-hour", city, state[2], "cleared")
            state[2:] = None, False
        elif not state[3]:
            state[2] = (at if state[2] is None else state[2]) if state[1] > 30 else None
            if state[2] is not None and at - state[2] >= 20 * 60_000:
                state[3] = True
                self.tell("warm-hour", city, state[2], "raised")

    def all(self):
        return sorted(event for events in self.wanted.values() for event in events)


def told(client):
    return sum(client.xlen(f"isobar:{{{p}}}:alerts") for p in range(PARTITIONS))


def leader_of(client):
    value = client.get("isobar:leader")
    return value.decode().split(" ")[1] if value else None


@pytest.mark.takes(12)
@pytest.mark.sanitized
def test_every_event_is_stored_once_and_told_at_least_once(stack, receiver):
    client = start(stack, receiver.url)
    weather = Weather(stack.kafka)
    receiver.answers = [500, 503, 429, 408]
    for _ in range(60):
        weather.step()
    weather.producer.flush(30)
    wait_for("some are told", lambda: len(receiver.events()) > 10, 20 * SLOW)
    first = leader_of(client)
    stack.programs[first].kill()
    stack.programs["worker-1"].kill()
    for _ in range(120):
        weather.step()
    weather.producer.flush(30)
    wait_for("another leads", lambda: leader_of(client) not in (None, first), 10 * SLOW)
    receiver.answers = [502] * 5
    wanted = weather.all()
    wait_for("all are stored", lambda: told(client) == len(wanted), 30 * SLOW)
    wait_for("all are told", lambda: len(receiver.events()) >= len(wanted), 60 * SLOW)
    assert sorted(receiver.events()) == wanted and not receiver.bad
    assert len(receiver.refused) == 9
    order = receiver.events()
    for city, events in weather.wanted.items():
        assert [e for e in order if e.split("/")[1] == str(city)] == events, "of a city in its order"
    second = leader_of(client)
    assert stack.metric(second, "isobar_coordinator_webhook_parked_total") == 0
    assert told(client) == len(wanted)
    stack.ctl("verify", *stack.common("kafka", "redis"))
    shown(stack, client, weather)


def shown(stack, client, weather):
    """The API tells of the same alerts."""
    port = stack.ports["dashboard"]
    active = {f"heat/{city}/{onset}" for city, onset in weather.heat.items()} | {
        f"warm-hour/{city}/{state[2]}" for city, state in weather.hour.items() if state[3]}
    seen = wait_for("what is active", lambda: (lambda a: a and {x["id"] for x in a["alerts"]} == active and a)(
        get_json(port, "/api/v1/alerts?state=raised&limit=1000")), 10 * SLOW)
    assert seen["alerts_total"] == len(active)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/events", timeout=10) as events:
        snapshot = next(line for line in events if line.startswith(b"data: "))
    assert {x["id"] for x in json.loads(snapshot[6:])["active"]["alerts"]} == active
    everything = get_json(port, "/api/v1/alerts?limit=1000")["history"]
    assert sorted(f"{e['id']}/{e['state']}" for e in everything) == weather.all()
    assert all(e["unit"] == "degC" and e["threshold"] == 30 for e in everything)
    assert all(x["value"] == (35 if x["state"] == "raised" else x["value"]) for x in everything)
    city = int(next(iter(weather.heat)))
    own = get_json(port, f"/api/v1/alerts?city={city}")
    assert {e["city"] for e in own["history"]} == {city} and own["history"][0]["at"] >= own["history"][-1]["at"]
    assert get_json(port, "/api/v1/alerts?state=red") is None


def test_what_is_refused_is_parked(stack, receiver):
    client = start(stack, receiver.url)
    weather = Weather(stack.kafka)
    receiver.answers = [404, 302, 410]
    for _ in range(40):
        weather.step()
    weather.producer.flush(30)
    wanted = weather.all()
    wait_for("all are told or parked", lambda: len(receiver.events()) == len(wanted) - 3, 30 * SLOW)
    parked = client.xrange("isobar:webhook:parked")
    assert sorted(fields[b"http_status"] for _, fields in parked) == [b"302", b"404", b"410"]
    assert sorted(receiver.events() + [fields[b"event"].decode() for _, fields in parked]) == wanted
    assert stack.metric(leader_of(client), "isobar_coordinator_webhook_parked_total") == 3


def test_rules_that_change_end_what_they_raised(stack, receiver):
    client = start(stack, receiver.url)
    weather = Weather(stack.kafka)
    for _ in range(10):
        weather.step()
    weather.producer.flush(30)
    wait_for("the first are told", lambda: len(receiver.events()) == len(weather.all()), 30 * SLOW)
    raised = dict(weather.heat)
    assert raised
    only_the_other = RULES.replace("[alert heat]", "[alert torrid]").replace("above = 30\nclear = 28", "above = 50")
    stack.ctl("rules", "set", write(stack, only_the_other), *stack.common("kafka", "redis"))
    wanted = sorted([*weather.all(), *(f"heat/{city}/{onset}/cleared" for city, onset in raised.items())])
    wait_for("they are cleared", lambda: sorted(receiver.events()) == wanted, 30 * SLOW)
    causes = {fields["cause"] for event, fields in receiver.told if event.endswith("/cleared") and event.startswith("heat/") and
              int(event.split("/")[1]) in raised and int(event.split("/")[2]) == raised[int(event.split("/")[1])]}
    assert causes == {"rule"} and not receiver.bad
    active = wait_for("the page knows", lambda: (lambda a: a and a["alerts_total"] == 0 and a)(
        get_json(stack.ports["dashboard"], "/api/v1/alerts?state=raised")), 10 * SLOW)
    assert active["alerts"] == [] and told(client) == len(wanted)


def test_a_webhook_that_cannot_be(stack):
    stack.start_redis()
    for name, argv, env, words in (("a", ["http://example.org/"], {"ISOBAR_WEBHOOK_SECRET": "s"}, "only https"),
                                   ("b", ["https://example.org/"], {}, "ISOBAR_WEBHOOK_SECRET"),
                                   ("c", ["https://me:key@example.org/"], {"ISOBAR_WEBHOOK_SECRET": "s"}, "user")):
        program = stack.start_coordinator(name, 60, "--webhook-url", *argv, **env)
        program.expected_end = True
        assert program.wait(10 * SLOW) == 78
        assert words in program.log() and "key@" not in program.log()
