"""What the dashboard lets whom do, with the real programs: tokens, sessions, users of a proxy, commands and cities over HTTP."""
import http.client
import json
import os
import signal

import pytest
from conftest import SANITIZED, TOPICS
from ctl_runs import started
from ports import free_port
from stack import StackError, get_json, http_get, wait_for
from test_curve import Keys
from test_operator import PARTITIONS, Rig

SLOW = 4 if SANITIZED else 1
TOKEN = "operators-token-of-the-test"
READ = "readers-token-of-the-test"
JSON = {"Content-Type": "application/json"}
BEARER = {"Authorization": f"Bearer {TOKEN}", **JSON}


def ask(port, method, path, headers=None, body=None, source=None):
    """(status, headers in lower case, body): JSON as what it says, else bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(source, 0) if source else None)
    try:
        connection.request(method, path, body=json.dumps(body) if isinstance(body, dict) else body, headers=headers or {})
        answer = connection.getresponse()
        text, kind = answer.read(), answer.getheader("Content-Type", "")
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, json.loads(text) if "json" in kind else text
    finally:
        connection.close()


def token_file(stack, name, token):
    path = os.path.join(stack.dir, name)
    with open(path, "w", encoding="ascii") as f:
        f.write(token + "\n")
    os.chmod(path, 0o600)
    return path


def signed_in(port, token=TOKEN, name="ana"):
    """The headers of a page that has signed in, and what the server said."""
    status, headers, session = ask(port, "POST", "/api/v1/session", {"Authorization": f"Bearer {token}", **JSON}, {"name": name})
    assert status == 201, session
    cookie = headers["set-cookie"]
    assert "; HttpOnly" in cookie and "; SameSite=Strict" in cookie and "; Path=/" in cookie
    return {"Cookie": cookie.split(";")[0], "X-Isobar-CSRF": session["csrf"], **JSON}, session


@pytest.fixture
def rig(stack):
    made = Rig(stack, coordinators=2)
    stack.start_dashboard(None, "--operator-token-file", token_file(stack, "operator", TOKEN))
    made.port = stack.ports["dashboard"]
    return made


@pytest.mark.sanitized
def test_a_drain_over_http_moves_partitions_and_the_audit_names_who(stack, rig):
    page, session = signed_in(rig.port)
    assert (session["role"], session["via"], session["who"]) == ("operator", "session", "ana (token)")
    status, _, answer = ask(rig.port, "POST", "/api/v1/members/worker-1/drain", page)
    assert (status, answer) == (200, {"text": "worker-1 is drained", "number": 4})
    wait_for("the other holds all", lambda: rig.held() == {"worker-2": PARTITIONS}, 15 * SLOW)
    assert {"what": "drain", "who": "ana (token)", "detail": "worker-1"} in rig.audit()
    assert {m["id"]: m for m in rig.view()["members"]}["worker-1"]["drained_by"] == "ana (token)"
    status, _, audit = ask(rig.port, "GET", "/api/v1/audit?limit=20", page)
    assert status == 200 and ["drain", "ana (token)", "worker-1"] in [[e["what"], e["who"], e["detail"]] for e in audit["audit"]]
    assert ask(rig.port, "GET", "/api/v1/audit")[0] == 401

    status, _, answer = ask(rig.port, "POST", "/api/v1/members/worker-1/undrain", BEARER)
    assert (status, answer["text"]) == (200, "worker-1 is drained no more")
    assert {"what": "undrain", "who": "operator (token)", "detail": "worker-1"} in rig.audit()
    wait_for("they share again", lambda: rig.held() == {"worker-1": 4, "worker-2": 4}, 15 * SLOW)
    status, _, problem = ask(rig.port, "POST", "/api/v1/members/nobody/drain", BEARER)
    assert status == 409 and "there is no member nobody" in problem["detail"]
    assert stack.programs["dashboard"].terminate(10 * SLOW) == 0


@pytest.mark.sanitized
def test_a_stopped_partition_is_resumed(stack, rig):
    before = rig.ledger(3)
    rig.redis.hset("isobar:{3}:ledger", mapping={"cid": "0" * 32, "offset": "x"})
    rig.stopped(3)
    rig.redis.hset("isobar:{3}:ledger", mapping=before)
    page, _ = signed_in(rig.port)
    status, _, answer = ask(rig.port, "POST", "/api/v1/partitions/3/resume", page)
    assert status == 200 and "partition 3 is tried again by worker-" in answer["text"]
    wait_for("it runs", lambda: rig.partition(3)["phase"] == "running", 15 * SLOW)
    assert {"what": "resume", "who": "ana (token)", "detail": "partition 3"} in rig.audit()
    assert ask(rig.port, "POST", f"/api/v1/partitions/{PARTITIONS}/resume", page)[0] == 409
    for bad in ("x", "-1", "4096x", "99999999999"):
        assert ask(rig.port, "POST", f"/api/v1/partitions/{bad}/resume", page)[0] == 400, bad


def test_without_a_leader_it_says_so_and_goes_on_afterwards(stack, rig):
    for name in ("coordinator-1", "coordinator-2"):
        stack.programs[name].kill()
    status, headers, problem = ask(rig.port, "POST", "/api/v1/members/worker-1/drain", BEARER)
    assert status == 503 and "leader" in problem["detail"] and headers["retry-after"], problem
    assert http_get(rig.port, "/livez")[0] == 200
    stack.start_coordinator("coordinator-1", 60, bind=stack.endpoint.split(",")[0])
    def drained():
        status, _, answer = ask(rig.port, "POST", "/api/v1/members/worker-1/drain", BEARER)
        assert status in (200, 409, 503), answer  # 409 while it has not heard of the member yet
        return status == 200
    wait_for("the new leader takes it", drained, 30)
    wait_for("the other holds all", lambda: rig.held() == {"worker-2": PARTITIONS}, 20)


def test_commands_with_keys(stack):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(24, None, 4)
    keys = Keys(stack)
    stack.start_coordinator("coordinator-1", 60, *keys.server())
    stack.start_worker("worker-1", *keys.member("worker-1"))
    token = ["--operator-token-file", token_file(stack, "operator", TOKEN)]
    drain = "/api/v1/members/worker-1/drain"
    stack.start_dashboard(None, *token, "--id", "admin", *keys.member("admin"))
    port = stack.ports["dashboard"]
    wait_for("the leader takes it", lambda: ask(port, "POST", drain, BEARER)[0] == 200, 30)
    for options in [], ["--id", "worker-2", *keys.member("worker-2")]:
        stack.programs["dashboard"].terminate()
        stack.start_dashboard(port, *token, *options)
        status, _, problem = ask(port, "POST", "/api/v1/members/worker-1/undrain", BEARER)
        assert status == 503, (options, problem)
    stack.programs["dashboard"].terminate()
    for options in ["--id", "admin", "--curve-key-file", "/nowhere", *keys.member("admin")[2:]], keys.member("admin"):
        with pytest.raises(StackError):
            stack.start_dashboard(free_port(), *token, *options)
        assert stack.programs["dashboard"].wait(5) == 78


def test_nothing_waits_for_a_leader_that_does_not_answer(stack, rig):
    for name in ("coordinator-1", "coordinator-2"):
        stack.programs[name].kill()
    slow = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=20)
    slow.request("POST", "/api/v1/members/worker-1/drain", headers=BEARER, body=b"")
    assert get_json(rig.port, "/api/v1/cities")["cities"], "while the command waits"
    status, _, added = ask(rig.port, "POST", "/api/v1/cities", BEARER, {"id": 1850147})
    assert status in (200, 201), added
    assert slow.getresponse().status == 503
    slow.close()


def test_other_sites_are_refused(rig):
    page, _ = signed_in(rig.port)
    path = "/api/v1/members/worker-1/drain"
    cookie = {"Cookie": page["Cookie"]}
    host = f"127.0.0.1:{rig.port}"
    for headers, status in (
            ({**cookie, "Content-Type": "text/plain"}, 415), (cookie, 415), ({**cookie, **JSON}, 403),
            ({**cookie, "Content-Type": "application/x-www-form-urlencoded"}, 415),
            ({**page, "X-Isobar-CSRF": "0" * 32}, 403), ({**page, "Sec-Fetch-Site": "cross-site"}, 403),
            ({**page, "Sec-Fetch-Site": "same-site"}, 403), ({**page, "Origin": "https://evil.example"}, 403),
            ({**page, "Origin": "null"}, 403), ({**BEARER, "Origin": "https://evil.example"}, 403), (JSON, 401)):
        got, _, problem = ask(rig.port, "POST", path, headers)
        assert got == status, (headers, problem)
    assert not any(e["what"] == "drain" for e in rig.audit())
    assert ask(rig.port, "OPTIONS", path, {"Origin": "https://evil.example"})[0] == 405
    assert ask(rig.port, "POST", path, {**page, "Sec-Fetch-Site": "same-origin", "Origin": f"http://{host}"})[0] == 200


@pytest.fixture
def plain(stack):
    """An installation without coordinators and workers; start() starts the dashboard."""
    redis = started(stack, TOPICS)
    stack.init(24)
    def start(*options):
        stack.start_dashboard(stack.ports.get("dashboard"), *options)
        wait_for("it is ready", lambda: http_get(stack.ports["dashboard"], "/readyz")[0] == 200, 20 * SLOW)
        return stack.ports["dashboard"]
    start.redis = redis
    return start


@pytest.mark.sanitized
def test_reading_needs_the_token_and_sessions_end_with_it(stack, plain):
    port = plain("--operator-token-file", token_file(stack, "operator", TOKEN), "--read-token-file", token_file(stack, "read", READ))
    for path in ("/api/v1/cities", "/api/v1/latest", "/api/v1/events", "/api/v1/cluster", "/api/v1/about", "/api/v1/nothing"):
        status, headers, problem = ask(port, "GET", path)
        assert status == 401 and headers["content-type"] == "application/problem+json" and "Bearer" in headers["www-authenticate"], problem
    for path in ("/", "/livez", "/readyz", "/api/v1/session", "/api/v1/openapi.json"):
        assert ask(port, "GET", path)[0] == 200, path
    assert ask(port, "GET", "/api/v1/session")[2] == {"role": "nobody", "via": "none", "who": "", "sign_in": True, "commands": True, "public": False}
    assert ask(port, "GET", "/api/v1/cities", {"Authorization": f"Bearer {READ}"})[0] == 200
    reader, session = signed_in(port, READ)
    assert session["role"] == "reader" and "ends" in session
    assert ask(port, "GET", "/api/v1/latest", {"Cookie": reader["Cookie"]})[0] == 200
    assert ask(port, "POST", "/api/v1/cities", reader, {"id": 1850147})[0] == 403
    operator, _ = signed_in(port)
    forged = {"Cookie": operator["Cookie"][:-1] + ("0" if operator["Cookie"][-1] != "0" else "1")}
    assert ask(port, "GET", "/api/v1/latest", forged)[0] == 401
    status, headers, _ = ask(port, "DELETE", "/api/v1/session", operator)
    assert status == 200 and "Max-Age=0" in headers["set-cookie"]

    stream = http.client.HTTPConnection("127.0.0.1", port, timeout=20 * SLOW)
    stream.request("GET", "/api/v1/events", headers={"Cookie": reader["Cookie"]})
    events = stream.getresponse()
    assert events.status == 200 and events.readline()
    stack.programs["dashboard"].signal(signal.SIGHUP)
    wait_for("the tokens were read", lambda: "tokens_read" in stack.programs["dashboard"].log(), 10)
    beat = next(line for line in iter(events.readline, b"") if line.startswith(b"event: state"))
    assert beat, "the tokens are as they were, the stream goes on"
    token_file(stack, "read", READ + "-new")
    stack.programs["dashboard"].signal(signal.SIGHUP)
    wait_for("sessions of the token have ended", lambda: ask(port, "GET", "/api/v1/latest", {"Cookie": reader["Cookie"]})[0] == 401, 10)
    assert ask(port, "GET", "/api/v1/latest", {"Cookie": operator["Cookie"]})[0] == 200, "the other token is as it was"
    while events.readline():
        pass  # what it was sent before it ended; it times out when it does not
    stream.close()
    token_file(stack, "read", "short")
    stack.programs["dashboard"].signal(signal.SIGHUP)
    wait_for("it says what is wrong", lambda: "tokens_kept" in stack.programs["dashboard"].log(), 10)
    assert ask(port, "GET", "/api/v1/latest", {"Authorization": f"Bearer {READ}-new"})[0] == 200
    assert TOKEN not in stack.programs["dashboard"].log() and READ not in stack.programs["dashboard"].log()


def test_wrong_tokens_are_limited_by_address(stack, plain):
    port = plain("--operator-token-file", token_file(stack, "operator", TOKEN))
    wrong = {"Authorization": "Bearer wrong-wrong-wrong-wrong", **JSON}
    assert [ask(port, "POST", "/api/v1/session", wrong, source="127.0.0.2")[0] for _ in range(6)] == [401] * 5 + [429]
    status, headers, _ = ask(port, "POST", "/api/v1/session", BEARER, source="127.0.0.2")
    assert status == 429 and 0 < int(headers["retry-after"]) <= 10
    assert ask(port, "POST", "/api/v1/session", BEARER, source="127.0.0.3")[0] == 201
    assert ask(port, "GET", "/api/v1/cities", source="127.0.0.2")[0] == 200, "who shows none is not limited"


def test_users_of_a_proxy(stack, plain):
    port = plain("--proxy-user-header", "X-Remote-User", "--proxy-from", "127.0.0.2", "--operators", "ana,luis")
    ana = {"X-Remote-User": "ana"}
    assert ask(port, "GET", "/api/v1/cities", ana)[0] == 401, "not from the proxy"
    assert ask(port, "GET", "/api/v1/cities", ana, source="127.0.0.2")[0] == 200
    assert ask(port, "GET", "/api/v1/cities", source="127.0.0.2")[0] == 401
    session = ask(port, "GET", "/api/v1/session", ana, source="127.0.0.2")[2]
    assert (session["role"], session["via"], session["who"], session["sign_in"]) == ("operator", "proxy", "ana (proxy)", False)
    assert ask(port, "GET", "/api/v1/session", {"X-Remote-User": "eva"}, source="127.0.0.2")[2]["role"] == "reader"
    city = {"name": "Wetterhütte", "country": "CH", "lat": 46.5, "lon": 8.25, "zone": "Europe/Zurich"}
    assert ask(port, "POST", "/api/v1/cities", {**ana, **JSON}, city, source="127.0.0.2")[0] == 403, "without the page's value"
    page = {**ana, **JSON, "X-Isobar-CSRF": session["csrf"]}
    assert ask(port, "POST", "/api/v1/cities", page, city, source="127.0.0.2")[0] == 201
    assert plain.redis.xrevrange("isobar:audit", count=1)[0][1][b"who"] == b"ana (proxy)"
    assert ask(port, "POST", "/api/v1/cities", page, city)[0] == 401


def asked_with(port, lines, source="127.0.0.2"):
    """The answer's status and JSON to a request for the session, with header lines that may repeat a name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(source, 0))
    connection.putrequest("GET", "/api/v1/session")
    for name, value in lines:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    status, body = answer.status, json.loads(answer.read())
    connection.close()
    return status, body


@pytest.mark.sanitized
def test_a_line_that_the_client_sent_beside_the_proxys_gives_nothing(stack, plain):
    port = plain("--proxy-user-header", "X-Remote-User", "--proxy-from", "127.0.0.2", "--operators", "ana",
                 "--operator-token-file", token_file(stack, "operator", TOKEN))
    user = "X-Remote-User"
    assert asked_with(port, [(user, "ana")])[1]["role"] == "operator"
    for lines in [(user, "ana"), (user, "eva")], [(user, "eva"), (user, "ana")], [(user, "ana"), (user, "")]:
        assert asked_with(port, lines)[1]["role"] == "nobody", lines
    wrong = ("Authorization", "Bearer wrong-wrong-wrong-wrong")
    def tried(i):
        return asked_with(port, [wrong, ("X-Forwarded-For", f"198.51.100.{i}"), ("X-Forwarded-For", "203.0.113.1")])[0]
    assert [tried(i) for i in range(6)] == [401] * 5 + [429], "a new name each time is not a new client"
    assert asked_with(port, [wrong, ("X-Forwarded-For", "198.51.100.1")])[0] == 401, "nor is its owner kept out"
    assert "event=wrong_token address=203.0.113.1" in stack.programs["dashboard"].log()


@pytest.mark.sanitized
def test_a_city_is_added_and_taken_away(stack, plain):
    port = plain("--operator-token-file", token_file(stack, "operator", TOKEN))
    page, _ = signed_in(port, name="Ana María")
    place = {"name": "Wetterhütte <b>Süd</b>", "country": "CH", "lat": -46.5, "lon": "8.25", "zone": "Europe/Zurich"}
    for change, field in (({"name": ""}, "name"), ({"lat": 91}, "lat"), ({"lat": 0.1234567}, "lat"), ({"lon": "x"}, "lon"), ({"zone": "Europe/Nowhere"}, "zone"),
                          ({"country": "ch"}, "country"), ({"elevation_m": 9001}, "elevation_m"), ({"station": "ksea"}, "station"), ({"id": 5}, "id"),
                          ({"name": "=x\n"}, "name"), ({"zone": None}, "zone"), ({"name": ["a"]}, "name"), ({"name": "東京"}, "ascii_name"), ({"name": "x" * 300}, "name")):
        status, _, problem = ask(port, "POST", "/api/v1/cities", page, {**place, **change})
        assert status == 400 and problem.get("field") == field, (change, problem)
    for body in (b"", b"[]", b"{", b'{"name":"a","name":"b"}', json.dumps({**place, "population": 1}).encode(), b"{" + b" " * 5000 + b"}"):
        assert ask(port, "POST", "/api/v1/cities", page, body)[0] == 400, body[:60]

    status, _, added = ask(port, "POST", "/api/v1/cities", page, place)
    assert status == 201 and added["what"] == "added", added
    city = added["city"]["id"]
    assert 2 ** 40 < city < 2 ** 53
    wait_for("the API has it", lambda: get_json(port, f"/api/v1/cities/{city}"), 10)
    assert get_json(port, f"/api/v1/cities/{city}")["name"] == place["name"]
    entry = plain.redis.xrevrange("isobar:audit", count=1)[0][1]
    assert (entry[b"what"], entry[b"who"].decode()) == (b"city_add", "Ana María (token)")
    status, _, again = ask(port, "POST", "/api/v1/cities", page, {**place, "lon": 8.25})
    assert (status, again["what"], again["city"]["id"]) == (200, "unchanged", city)
    status, _, answer = ask(port, "DELETE", f"/api/v1/cities/{city}", page)
    assert status == 200 and answer["cities"][0]["what"] == "removed"
    wait_for("it is gone", lambda: http_get(port, f"/api/v1/cities/{city}")[0] == 404, 10)
    assert ask(port, "DELETE", f"/api/v1/cities/{city}", page)[0] == 404


def test_what_is_not_configured_is_refused_at_the_start(stack, plain):
    port = plain()
    assert ask(port, "POST", "/api/v1/members/worker-1/drain", BEARER)[0] == 405
    assert ask(port, "POST", "/api/v1/session", BEARER)[0] == 401
    assert ask(port, "GET", "/api/v1/session")[2] == {"role": "reader", "via": "none", "who": "", "sign_in": False, "commands": False, "public": True}
    stack.programs["dashboard"].terminate()
    short, long = token_file(stack, "short", "short"), token_file(stack, "long", TOKEN)
    for options, words in ((["--operator-token-file", short], "16 to 256"), (["--operator-token-file", "/nowhere"], "/nowhere"),
                           (["--proxy-user-header", "X-User"], "--proxy-from"), (["--operators", "ana"], "--proxy-user-header"),
                           (["--proxy-user-header", "X-User", "--proxy-from", "10.0.0.1/8"], "10.0.0.1/8"), (["--bind", "0.0.0.0"], "--read-token-file"),
                           (["--bind", "0.0.0.0", "--operator-token-file", long], "everybody could read"),
                           (["--operator-token-file", long, "--read-token-file", long], "have to differ")):
        with pytest.raises(StackError):
            stack.start_dashboard(free_port(), *options)
        assert stack.programs["dashboard"].wait(5) == 78
        assert words in stack.programs["dashboard"].log(), options
        assert TOKEN not in stack.programs["dashboard"].log()
    stack.start_dashboard(free_port(), "--bind", "0.0.0.0", "--read-token-file", long)
    stack.programs["dashboard"].terminate()
    stack.start("dashboard", [stack.binary("isobar-dashboard"), *stack.common("redis"), "--port", str(port)], ISOBAR_OPERATOR_TOKEN=TOKEN)
    wait_for("it listens", lambda: http_get(port, "/livez"), 10)
    assert signed_in(port)[1]["role"] == "operator"
