"""isobarctl cities: what it changes, what it refuses, and what it says."""
import http.client
import json
import os
import threading
import time

import oracle
import pytest
from conftest import ROOT, SANITIZED, TOPICS
from ctl_runs import catalogue, run, started
from stack import get_json, http_get, wait_for

CITIES_CSV = os.path.join(ROOT, "data", "cities.csv")
OWN = 2 ** 40 + 1
OWN_PLACE = ("--name", "Wetterhütte Süd", "--latitude", "-46.5", "--longitude", "8.25", "--zone", "Europe/Zurich", "--country", "CH")


def cities(stack, *argv):
    return run(stack, "cities", *argv, which=("redis",))


def as_json(stack, *argv):
    code, out, err = cities(stack, *argv, "--json")
    assert code == 0 and err == "", err
    return json.loads(out)


def version(redis):
    return int(redis.hget("isobar:meta", "catalogue_version"))


def shard_versions(redis):
    return {int(k[len(b"catalogue_of_"):]): int(v) for k, v in redis.hgetall("isobar:meta").items() if k.startswith(b"catalogue_of_")}


def last_audit(redis):
    entry = redis.xrevrange("isobar:audit", count=1)[0][1]
    assert b"@" in entry[b"who"]
    return entry[b"what"].decode(), entry[b"detail"].decode()


def write(stack, text, name="table.csv"):
    path = os.path.join(stack.dir, name)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    return path


@pytest.fixture
def made(stack):
    """An installation with the first 40 cities."""
    redis = started(stack, TOPICS)
    stack.init(24)
    return redis


@pytest.mark.sanitized
def test_a_known_city_is_added_changed_and_removed(stack, made):
    known = 1850147  # Tokyo
    if known in catalogue(made):
        cities(stack, "remove", str(known))
    before, shards = version(made), shard_versions(made)
    code, out, err = cities(stack, "add", str(known))
    assert code == 0 and err == "" and out.startswith("Tokyo, JP (1850147) is added") and f"version {before + 1}" in out
    assert catalogue(made)[known].zone == "Asia/Tokyo" and version(made) == before + 1
    assert last_audit(made) == ("city_add", "Tokyo, JP (1850147): 35.68950 139.69171, Asia/Tokyo")
    # Only its shard has another version.
    changed = {p for p, v in shard_versions(made).items() if v != shards[p]}
    assert changed == {oracle.shard(known, 24)} and int(made.hget("isobar:meta", "catalogue_shards")) == before + 1
    # Again: nothing to do, and nothing is entered.
    entries = made.xlen("isobar:audit")
    code, out, _ = cities(stack, "add", str(known))
    assert code == 0 and "is unchanged" in out and version(made) == before + 1 and made.xlen("isobar:audit") == entries
    # With other coordinates it is a change, which is said.
    code, out, _ = cities(stack, "add", str(known), "--latitude", "35.7", "--elevation", "40")
    assert code == 0 and "is changed: coordinates 35.70000 139.69171 instead of 35.68950 139.69171, elevation 40 m instead of unknown" in out
    assert catalogue(made)[known].latitude_e5 == 3570000 and last_audit(made)[0] == "city_change"
    code, out, _ = cities(stack, "remove", "tokyo")
    assert code == 0 and "Tokyo, JP (1850147) is removed" in out and "windows stay" in out
    assert known not in catalogue(made) and last_audit(made) == ("city_remove", "Tokyo, JP (1850147)")


@pytest.mark.sanitized
def test_a_place_of_ones_own(stack, made):
    assert as_json(stack, "add", str(OWN), *OWN_PLACE)["what"] == "added"
    city = catalogue(made)[OWN]
    assert (city.name, city.ascii_name, city.country, city.zone) == ("Wetterhütte Süd", "Wetterhutte Sud", "CH", "Europe/Zurich")
    assert (city.latitude_e5, city.longitude_e5, city.elevation_known, city.population) == (-4650000, 825000, False, 0)
    code, out, _ = cities(stack, "add", str(OWN), "--name", "東京", "--ascii-name", "Tokyo")
    assert code == 0 and "name 東京 instead of Wetterhütte Süd, ASCII name Tokyo instead of Wetterhutte Sud" in out
    before = version(made)
    for argv, wanted in (((str(OWN + 1), *OWN_PLACE[2:]), "--name is wanted"),
                         ((str(OWN + 1), *OWN_PLACE[:-2]), "--country is wanted"),
                         ((str(OWN + 1), *OWN_PLACE, "--latitude", "91"), '--latitude "91": degrees'),
                         ((str(OWN + 1), *OWN_PLACE, "--zone", "Europe/Nowhere"), '--zone "Europe/Nowhere": there is no such time zone'),
                         ((str(OWN + 1), *OWN_PLACE, "--zone", "../../etc/passwd"), '--zone "../../etc/passwd": '),
                         ((str(OWN + 1), *OWN_PLACE, "--country", "ch"), '--country "ch": two capitals'),
                         ((str(OWN + 1), *OWN_PLACE, "--name", "東京"), "--ascii-name is wanted"),
                         ((str(OWN + 1), *OWN_PLACE, "--elevation", "9001"), '--elevation "9001": '),
                         (("5", *OWN_PLACE), "5: the table of known places has no such id"),
                         (("0",), '"0": a whole number'), (("12x",), '"12x": a whole number'), (("9007199254740992",), '"9007199254740992": ')):
        code, _, err = cities(stack, "add", *argv)
        assert code == 2 and wanted in err, (argv, err)
    assert version(made) == before and OWN + 1 not in catalogue(made)


@pytest.mark.sanitized
def test_the_aerodrome_of_a_city(stack, made):
    seattle, own = 5809844, as_json(stack, "add", str(OWN), *OWN_PLACE)["city"]
    assert catalogue(made)[seattle].station == "KSEA" and "station" not in own and catalogue(made)[OWN].station == ""
    code, out, _ = cities(stack, "add", str(OWN), "--station", "LSZA")
    assert code == 0 and "is changed: station LSZA instead of none" in out and catalogue(made)[OWN].station == "LSZA"
    assert as_json(stack, "list", "Wetterh")["cities"][0]["station"] == "LSZA"
    head, line = cities(stack, "list", "Wetterh")[1].splitlines()
    assert head.split()[5:] == ["station", "shard", "state"] and line.split()[-2] == "LSZA"
    for wrong in ("lsza", "LSZ", "LSZAX", "LS/A"):
        code, _, err = cities(stack, "add", str(OWN), "--station", wrong)
        assert code == 2 and f'--station "{wrong}": empty, or 4 capitals or digits' in err
    assert "station none instead of LSZA" in cities(stack, "add", str(OWN), "--station", "none")[1] and catalogue(made)[OWN].station == ""
    code, _, err = cities(stack, "pause", "Seattle", "--station", "KBFI")
    assert code == 2 and "are for add" in err
    head = "id,name,country,lat,lon,zone,station\n"
    code, _, err = cities(stack, "import", write(stack, head + "1,A,DE,1,2,Europe/Berlin,EDDB\n2,B,DE,1,2,Europe/Berlin,eddb\n"))
    assert code == 78 and 'table.csv:3: station "eddb": empty, or 4 capitals or digits' in err
    assert as_json(stack, "import", write(stack, head + "1,A,DE,1,2,Europe/Berlin,EDDB\n2,B,DE,1,2,Europe/Berlin,\n"))["added"] == 2
    assert (catalogue(made)[1].station, catalogue(made)[2].station) == ("EDDB", "")


@pytest.mark.sanitized
def test_cities_are_paused_and_go_on(stack, made):
    code, out, _ = cities(stack, "pause", "Seattle", "bogota", "5809844")
    assert code == 0 and "Seattle, US (5809844) is paused\nBogotá, CO (3688689) is paused\n" in out and out.count("Seattle") == 1
    assert {c.city_id for c in catalogue(made).values() if c.paused} == {5809844, 3688689}
    assert last_audit(made) == ("city_pause", "Seattle, US (5809844); Bogotá, CO (3688689)")
    before = version(made)
    assert "is already paused" in cities(stack, "pause", "Seattle")[1] and version(made) == before
    # A change and an import leave it so.
    assert "it stays paused" in cities(stack, "add", "5809844", "--latitude", "47.5")[1]
    assert cities(stack, "import", CITIES_CSV)[0] == 0 and catalogue(made)[5809844].paused
    assert [c["id"] for c in as_json(stack, "list", "--paused")["cities"]] == [3688689, 5809844]
    assert as_json(stack, "resume", "3688689")["cities"] == [{"id": 3688689, "name": "Bogotá", "what": "resumed"}]
    # One that is not there: nothing is changed.
    before = version(made)
    for words in (("Seattle", "Nowhere"), ("Seattle", "77")):
        code, _, err = cities(stack, "resume", *words)
        assert code == 2 and "no city" in err and version(made) == before and catalogue(made)[5809844].paused


@pytest.mark.sanitized
def test_cities_are_found(stack, made):
    assert [c["name"] for c in as_json(stack, "search", "BOGOTA")["cities"]] == ["Bogotá"]
    assert [c["id"] for c in as_json(stack, "search", "sao", "--known", "--country", "br", "--limit", "1")["cities"]] == [3448439]
    code, out, _ = cities(stack, "search", "zzzz")
    assert code == 1 and "no city" in out
    listed = as_json(stack, "list")["cities"]
    assert [c["id"] for c in listed] == sorted(catalogue(made)) and all(c["shard"] == oracle.shard(c["id"], 24) for c in listed)
    code, out, _ = cities(stack, "list", "--country", "US", "--limit", "1")
    assert code == 0 and "more: --limit shows them" in out and out.splitlines()[0].split()[:2] == ["id", "name"]
    for argv, wanted in ((("search", "a", "--country", "USA"), "two letters"), (("search", "a" * 300), "at most 200 bytes"), (("search",), "search wants"),
                         (("sing",), "'sing': add, remove"), (("list", "--known"), "--known is for search"), (("pause", "Seattle", "--zone", "UTC"), "are for add"),
                         (("remove",), "remove wants"), (("add", "1", "2"), "add wants an id")):
        code, _, err = cities(stack, *argv)
        assert code == 2 and wanted in err, err


@pytest.mark.sanitized
def test_a_table_is_imported_whole_or_not_at_all(stack, made):
    head = "id,name,country,lat,lon,zone\n"
    path = write(stack, head + "1,A,DE,1,2,Europe/Berlin\n2,B,DE,91,2,Europe/Berlin\n3,C,DE,1,2,Mars/Base\n")
    before, there = version(made), catalogue(made)
    code, out, err = cities(stack, "import", path)
    assert code == 78 and out == "" and "table.csv:3: lat \"91\": degrees" in err and 'table.csv:4: zone "Mars/Base" is not in' in err
    assert version(made) == before and catalogue(made) == there
    code, out, err = cities(stack, "import", path, "--skip-bad")
    assert code == 0 and "1 added, 0 changed, 0 as they were, 2 rows left out" in out and "table.csv:3: lat" in err
    assert set(catalogue(made)) == set(there) | {1}
    path = write(stack, head + "1,Ä,DE,1,2.5,Europe/Berlin\n4,D,DE,1,2,Europe/Berlin\n")
    assert as_json(stack, "import", path) == {"added": 1, "changed": 1, "unchanged": 0, "left_out": 0, "catalogue_version": before + 2}
    assert last_audit(made) == ("city_import", f"{path}: 1 added, 1 changed, 0 as they were, 0 rows left out")
    assert as_json(stack, "import", path)["unchanged"] == 2 and version(made) == before + 2
    code, _, err = cities(stack, "import", path + ".not")
    assert code == 78 and "No such file" in err


@pytest.mark.sanitized
def test_the_limit_of_cities_holds(stack):
    redis = started(stack, TOPICS)
    stack.init(24, None, 40, "--city-max", "41")
    assert cities(stack, "add", str(OWN), *OWN_PLACE)[0] == 0
    code, _, err = cities(stack, "add", str(OWN + 1), *OWN_PLACE)
    assert code == 77 and "has 41 cities and may have 41, so 1 more do not fit: isobarctl init --city-max raises that" in err
    code, _, err = cities(stack, "import", CITIES_CSV)
    assert code == 77 and len(catalogue(redis)) == 41
    assert cities(stack, "add", str(OWN), "--latitude", "1")[0] == 0  # a change is no city more
    assert run(stack, "init", "--city-max", "42")[0] == 0
    assert cities(stack, "add", str(OWN + 1), *OWN_PLACE)[0] == 0


@pytest.mark.sanitized
def test_a_change_that_ended_half_way_takes_effect_with_the_next(stack, made):
    """The shard was written and the version not raised: whoever comes next raises it, even if that has nothing to change."""
    cities(stack, "remove", "Seattle")
    before = version(made)
    assert cities(stack, "add", "5809844")[0] == 0
    raised = version(made)
    made.hset("isobar:meta", mapping={"catalogue_version": before, "catalogue_shards": before, "catalogue_pending": "1"})
    code, out, _ = cities(stack, "add", "5809844")
    assert code == 0 and "unchanged" in out and version(made) == raised and set(shard_versions(made).values()) == {raised}
    assert not made.hexists("isobar:meta", "catalogue_pending")
    # An older isobarctl raises the version without saying which shard: the next one names all.
    made.hincrby("isobar:meta", "catalogue_version")
    assert cities(stack, "pause", "Seattle")[0] == 0 and set(shard_versions(made).values()) == {raised + 2}


@pytest.mark.sanitized
def test_hostile_names_do_nothing(stack, made):
    name = "<img src=x onerror=alert(1)>\"'&%s%n$(reboot){}"
    assert cities(stack, "add", str(OWN), *OWN_PLACE, "--name", name)[0] == 0
    assert as_json(stack, "search", "<img")["cities"][0]["name"] == name
    for bad in ("a\x1b[2Jb", "a\nb", "\u0085x", " x", "x" * 201):
        code, out, err = cities(stack, "add", str(OWN + 1), *OWN_PLACE, "--name", bad)
        assert code == 2 and "\x1b" not in err and "name" in err
    # What others wrote into Redis is shown without control characters, and damaged records cost nothing.
    city_pb2 = oracle.modules()[2]
    evil = city_pb2.City(format=1, city_id=OWN + 2, name="e\x1b]0;x\x07vil", ascii_name="e\nvil", country="X\x1b", zone="\x1b[31m")
    key = f"isobar:{{{oracle.shard(OWN + 2, 24)}}}:cities"
    made.hset(key, mapping={str(OWN + 2): evil.SerializeToString(), "7": b"\xff\xff"})
    for argv in (("list",), ("search", "vil"), ("list", "--json"), ("pause", str(OWN + 2))):
        code, out, err = cities(stack, *argv)
        assert code == 0 and "\x1b" not in out + err and "\x07" not in out + err, out
    code, out, err = cities(stack, "list", "evil")
    assert code == 0 and "1 damaged record" in err


@pytest.mark.skipif(SANITIZED, reason="a matter of speed")
def test_a_hundred_thousand_cities_are_imported_quickly(stack, made):
    rows = [f"{i},Place {i},DE,{i % 180 - 90}.{i % 100000:05d},{i % 360 - 180}.5,Europe/Berlin\n" for i in range(1, 100001) if i % 180]
    path = write(stack, "id,name,country,lat,lon,zone\n" + "".join(rows))
    answer = as_json(stack, "import", path)
    assert answer["added"] == len(rows) and len(catalogue(made)) == len(rows) + 40
    assert [c["id"] for c in as_json(stack, "search", "Place 77777")["cities"]][:1] == [77777]


# ---- a running system

AT_ONCE_S = 1.0
SLACK_S = 4.0 if SANITIZED else 1.0  # of a machine that does other things as well


def within(what, since, condition):
    """Waits for the condition, and says how long after `since` it came."""
    wait_for(what, condition, 10, 0.01)
    return time.monotonic() - since


class Page(threading.Thread):
    """An open page: hears which number the catalogue has."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.request("GET", "/api/v1/events")
        self.answer = self.connection.getresponse()
        self.catalogue = 0
        self.start()

    def run(self):
        try:
            for line in self.answer:
                if line.startswith(b"data: "):
                    self.catalogue = json.loads(line[6:]).get("catalogue", self.catalogue)
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # the test is over


class Pulse(threading.Thread):
    """How long the dashboard takes to answer a question that is none."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.worst, self.over = port, 0.0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.005):
            since = time.monotonic()
            http_get(self.port, "/livez")
            self.worst = max(self.worst, time.monotonic() - since)

    def end(self):
        self.over.set()
        self.join()
        return self.worst


def running(stack, calls_per_minute=-1):
    stack.start_coordinator("coordinator-1", calls_per_minute)
    stack.start_worker("worker-1")
    stack.start_dashboard()
    stack.start_owmsim()
    for name in ("fetcher-1", "fetcher-2"):
        stack.start_fetcher(name, "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                            ISOBAR_API_KEY="simulator")


def told(stack, number):
    """A fetcher has taken over a catalogue of that version."""
    return any(f"event=catalogue version={number} " in stack.programs[name].log() for name in ("fetcher-1", "fetcher-2"))


def held(stack):
    return sum(stack.metric(name, "isobar_fetcher_cities") or 0 for name in ("fetcher-1", "fetcher-2"))


@pytest.mark.takes(10)
@pytest.mark.sanitized
def test_a_change_is_everywhere_within_a_second(stack, made):
    running(stack)
    port = stack.ports["dashboard"]
    wait_for("both fetchers have their cities", lambda: held(stack) == 40, 30)
    wait_for("the dashboard has them", lambda: len((get_json(port, "/api/v1/cities") or {"cities": []})["cities"]) == 40, 30)
    page = Page(port)
    wait_for("the page is told", lambda: page.catalogue, 10)
    took = []
    for n in range(4):
        before, number = page.catalogue, OWN + n
        assert cities(stack, "add", str(number), *OWN_PLACE)[0] == 0
        since = time.monotonic()
        took.append(within("the page is told of it", since, lambda b=before: page.catalogue > b))
        answer = get_json(port, f"/api/v1/cities?since={before}")
        assert [c["id"] for c in answer["cities"]] == [number] and answer["gone"] == [] and answer["catalogue"] == page.catalogue
        took.append(within("its fetcher has it", since, lambda: told(stack, version(made))))
        wait_for("fetchers have it", lambda n=n: held(stack) == 41 + n, 10)
    wait_for("it is polled, and processed", lambda: "latest" in (get_json(port, f"/api/v1/cities/{OWN}") or {}), 20)
    before = page.catalogue
    assert cities(stack, "pause", str(OWN))[0] == 0
    since = time.monotonic()
    took.append(within("the page says paused", since, lambda: get_json(port, f"/api/v1/cities/{OWN}")["paused"]))
    took.append(within("its fetcher knows", since, lambda: told(stack, version(made))))
    wait_for("no fetcher polls it", lambda: held(stack) == 43, 10)
    assert cities(stack, "remove", str(OWN + 1))[0] == 0
    since = time.monotonic()
    took.append(within("it left the page", since, lambda: get_json(port, f"/api/v1/cities?since={before}")["gone"] == [OWN + 1]))
    took.append(within("its fetcher knows", since, lambda: told(stack, version(made))))
    wait_for("no fetcher has it", lambda: held(stack) == 42, 10)
    print("took", [round(t, 2) for t in took])
    assert max(took) < AT_ONCE_S + SLACK_S and sorted(took)[len(took) // 2] < AT_ONCE_S, took
    # A number that this dashboard never gave: all cities.
    assert len(get_json(port, "/api/v1/cities?since=7")["cities"]) == 43 and "gone" not in get_json(port, "/api/v1/cities?since=7")
    # Redis is away in between, and comes back with the change.
    redis_port = int(stack.redis.rsplit(":", 1)[1])
    assert cities(stack, "resume", str(OWN))[0] == 0
    wait_for("it is polled again", lambda: held(stack) == 43, 10)
    stack.programs["redis"].terminate()
    stack.start_redis(redis_port)
    assert cities(stack, "remove", str(OWN), str(OWN + 2), str(OWN + 3))[0] == 0
    wait_for("fetchers have no more than there are", lambda: held(stack) == 40, 30)
    wait_for("nor has the dashboard", lambda: len((get_json(port, "/api/v1/cities") or {"cities": []})["cities"]) == 40, 30)


@pytest.mark.skipif(SANITIZED, reason="a matter of speed and memory")
def test_one_city_among_a_hundred_thousand(stack, made):
    path = write(stack, "id,name,country,lat,lon,zone\n" + "".join(f"{i},Place {i},DE,{i % 90}.5,{i % 180}.5,Europe/Berlin\n" for i in range(1, 100001)))
    running(stack, 600)
    port = stack.ports["dashboard"]
    wait_for("both fetchers have their cities", lambda: held(stack) == 40, 30)
    cities(stack, "pause", "Seattle")  # whose id is none of the table
    since = time.monotonic()
    assert as_json(stack, "import", path)["added"] == 100000
    took = {"import": time.monotonic() - since}
    since = time.monotonic()
    took["fetchers"] = within("fetchers have all", since, lambda: held(stack) == 100039)
    took["dashboard"] = within("the dashboard has all", since, lambda: all(get_json(port, f"/api/v1/cities/{i}") for i in range(1, 100001, 999)))
    since = time.monotonic()
    whole = http_get(port, "/api/v1/cities", {"Accept-Encoding": "gzip"}, 20)
    took["all cities"] = time.monotonic() - since
    assert whole[0] == 200 and len(get_json(port, "/api/v1/cities")["cities"]) == 100040
    page = Page(port)
    wait_for("the page is told", lambda: page.catalogue, 10)
    before = page.catalogue
    pulse = Pulse(port)
    assert cities(stack, "add", str(OWN), *OWN_PLACE)[0] == 0
    since = time.monotonic()
    took["one, page"] = within("the page is told of one", since, lambda: page.catalogue > before)
    assert [c["id"] for c in get_json(port, f"/api/v1/cities?since={before}")["cities"]] == [OWN]
    took["one, fetchers"] = within("its fetcher has it", since, lambda: told(stack, version(made)))
    took["one, stall"] = pulse.end()
    rss = {name: stack.programs[name].rss_bytes() >> 20 for name in ("coordinator-1", "fetcher-1", "fetcher-2", "dashboard")}
    print("took", {k: round(v, 2) for k, v in took.items()}, "MiB", rss)
    assert took["import"] < 20 and took["fetchers"] < 20 and took["one, page"] < AT_ONCE_S + SLACK_S and took["one, fetchers"] < AT_ONCE_S + SLACK_S, took
    assert rss["coordinator-1"] < 80 and rss["fetcher-1"] < 100 and rss["dashboard"] < 400, rss
