"""The fetcher against servers that are not who they say they are: over TLS with certificates of an authority of the test's own."""
import http.server
import json
import os
import ssl
import subprocess
import threading
import time

import pytest
from stack import get_json, wait_for

import test_fetcher

KEY = test_fetcher.KEY


def openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, capture_output=True)


class Authority:
    """Certificates in a directory: `ca.pem` vouches for those that it signs."""

    def __init__(self, directory):
        self.directory = directory
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.path("ca.key"),
                "-out", self.path("ca.pem"), "-days", "30", "-subj", "/CN=Test authority")

    def path(self, name):
        return os.path.join(self.directory, name)

    def certificate(self, name, subject, days=30, signed=True):
        """Path of a PEM file with key and certificate for `subject` (an alternative name like IP:127.0.0.1)."""
        with open(self.path(name + ".ext"), "w", encoding="utf-8") as f:
            f.write(f"subjectAltName={subject}\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.path(name + ".key"),
                "-out", self.path(name + ".csr"), "-subj", f"/CN={name}")
        by = ["-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"), "-CAcreateserial"] if signed else ["-signkey", self.path(name + ".key")]
        openssl("x509", "-req", "-in", self.path(name + ".csr"), *by, "-out", self.path(name + ".crt"), "-days", str(days),
                "-extfile", self.path(name + ".ext"))
        with open(self.path(name + ".pem"), "w", encoding="utf-8") as out:
            for part in (".key", ".crt"):
                with open(self.path(name + part), encoding="utf-8") as f:
                    out.write(f.read())
        return self.path(name + ".pem")


class Api:
    """Answers every GET with weather, over TLS with the certificate of `pem`."""

    def __init__(self, pem, newest=ssl.TLSVersion.MAXIMUM_SUPPORTED):
        api, self.requests, self.agents = self, 0, set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802: the name that http.server wants
                api.requests += 1
                api.agents.add(self.headers["User-Agent"])
                body = json.dumps({"base": "simulated", "main": {"temp": 4}, "dt": int(time.time()), "cod": 200}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
        context.load_cert_chain(pem)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def authority(tmp_path):
    return Authority(str(tmp_path))


def fetch(stack, name, base, *more):
    return stack.start_fetcher(name, "--source", "replay", "--base-url", base, "--history-hours", "0", *more, ISOBAR_API_KEY=KEY)


def answers(stack, name, outcome):
    line = f'isobar_fetcher_answers_total{{outcome="{outcome}"}} '
    answer = stack.admin(name, "/metrics")
    text = answer[2].decode() if answer else ""
    return sum(int(float(row[len(line):])) for row in text.splitlines() if row.startswith(line))


@pytest.mark.takes(15)
@pytest.mark.sanitized
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_must_be_who_it_says_it_is(stack, authority):
    test_fetcher.start(stack, -1)
    cases = {"good": Api(authority.certificate("good", "IP:127.0.0.1")),
             "self-signed": Api(authority.certificate("self-signed", "IP:127.0.0.1", signed=False)),
             "other-name": Api(authority.certificate("other-name", "DNS:api.example.org")),
             "expired": Api(authority.certificate("expired", "IP:127.0.0.1", days=-1)),
             "old-tls": Api(authority.certificate("old-tls", "IP:127.0.0.1"), ssl.TLSVersion.TLSv1_1)}
    try:
        for name, api in cases.items():
            program = fetch(stack, name, f"https://127.0.0.1:{api.port}", "--ca-file", authority.path("ca.pem"))
            outcome = "ok" if name == "good" else "network"
            wait_for(f"{name} ends in {outcome}", lambda name=name, outcome=outcome: answers(stack, name, outcome) >= 1, 30)
            if name == "good":
                assert {agent.split("/")[0] for agent in api.agents} == {"isobar-fetcher"}
                assert all(agent.split("/")[1][0].isdigit() for agent in api.agents)
            else:
                assert api.requests == 0 and answers(stack, name, "ok") == 0, f"{name}: the key was sent"
                assert "why=network" in program.log() and KEY not in program.log()
            program.kill()
        # The system's authorities are not trusted beside --ca-file, nor is ours without it.
        fetch(stack, "strange", f"https://127.0.0.1:{cases['good'].port}")
        wait_for("an unknown authority is refused", lambda: answers(stack, "strange", "network") >= 1, 30)
    finally:
        for api in cases.values():
            api.close()


@pytest.mark.sanitized
def test_a_name_that_leads_inside_is_refused_and_named(stack):
    """The machine's own name leads to an address that is not public; the operator can allow it, and then it is called."""
    import socket
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's name has no address")
    test_fetcher.start(stack, -1)
    base = f"http://{name}:{stack.ports['owmsim']}"
    program = fetch(stack, "fetcher-1", base, "--allow-http")
    wait_for("it is refused", lambda: answers(stack, "fetcher-1", "address_refused") >= 1, 30)
    assert "why=address_refused" in program.log() and address in program.log()
    assert test_fetcher.stats(stack)["calls"] == 0
    program.kill()
    program = fetch(stack, "fetcher-2", base, "--allow-http", "--allow-net", address)
    wait_for("it is called", lambda: answers(stack, "fetcher-2", "ok" if address.startswith("127.") else "network") >= 1, 30)
    program.kill()


@pytest.mark.sanitized
def test_a_network_that_is_none_is_a_configuration_error(stack):
    program = stack.start("bad", [stack.binary("isobar-fetcher"), "--kafka", "127.0.0.1:1", "--coordinator", "tcp://127.0.0.1:1",
                                  "--source", "replay", "--base-url", "http://127.0.0.1:1", "--allow-http", "--allow-net", "10.1.2.3/8"],
                          ISOBAR_API_KEY=KEY)
    assert program.wait(15) == 78 and "10.1.2.3/8" in program.log()


def test_a_name_without_an_address_is_named(stack):
    test_fetcher.start(stack, -1)
    program = fetch(stack, "fetcher-1", "https://nowhere.invalid")
    wait_for("it is named", lambda: answers(stack, "fetcher-1", "name_not_found") + answers(stack, "fetcher-1", "timeout") >= 1, 60)
    assert program.running() and get_json(stack.ports["owmsim"], "/control/stats")["calls"] == 0
