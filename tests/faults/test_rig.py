"""The rig's own parts: the proxy does what it says, test builds alone have fail points, and the proof sees what is wrong."""
import contextlib
import os
import socket
import subprocess
import threading

import pytest
from proxy import Proxy
from stack import ROOT, wait_for

pytestmark = pytest.mark.quick


class Server:
    """Answers every line with itself in capitals; keeps all that it read."""

    def __init__(self):
        self.read = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(ConnectionError):
            while data := connection.recv(4096):
                self.read += data
                connection.sendall(data.upper())


@pytest.fixture
def proxied():
    server = Server()
    proxy = Proxy("127.0.0.1", server.port)
    yield server, proxy
    proxy.close()
    server.listener.close()


def dial(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), 5)


def test_the_proxy_passes_and_delays(proxied):
    server, proxy = proxied
    with dial(proxy) as client:
        client.sendall(b"one")
        assert client.recv(10) == b"ONE"
        proxy.down.delay_s = 0.3
        client.settimeout(0.1)
        client.sendall(b"two")
        with pytest.raises(TimeoutError):
            client.recv(10)
        client.settimeout(5)
        assert client.recv(10) == b"TWO"


def test_the_proxy_drops_answers(proxied):
    server, proxy = proxied
    with dial(proxy) as client:
        proxy.down.drop = True
        client.sendall(b"lost")
        wait_for("the request arrives", lambda: server.read == b"lost", 5)
        wait_for("the answer is dropped", lambda: proxy.down.dropped == 4, 5)
        proxy.down.drop = False
        client.sendall(b" and more")
        wait_for("its connection has no holes", lambda: proxy.down.dropped == 13, 5)
    with dial(proxy) as client:
        client.sendall(b"next")
        assert client.recv(10) == b"NEXT"


def test_the_proxy_forwards_late_what_a_client_sent_that_has_gone(proxied):
    server, proxy = proxied
    with dial(proxy) as client:
        client.sendall(b"now ")
        assert client.recv(10) == b"NOW "
        proxy.up.hold = True
        client.sendall(b"late")
        wait_for("it is held", lambda: proxy.held() == 4, 5)
    assert server.read == b"now "
    proxy.up.hold = False
    wait_for("it arrives", lambda: server.read == b"now late", 5)


def test_the_proxy_freezes_what_is_open(proxied):
    server, proxy = proxied
    with dial(proxy) as old:
        old.sendall(b"1")
        assert old.recv(1) == b"1"
        proxy.freeze()
        old.sendall(b"late")
        with dial(proxy) as new:
            new.sendall(b"new ")
            assert new.recv(10) == b"NEW "
        proxy.thaw()
        assert old.recv(10) == b"LATE" and server.read == b"1new late"


def test_the_proxy_cuts_and_refuses(proxied):
    _, proxy = proxied
    with dial(proxy) as client:
        client.sendall(b"a")
        assert client.recv(10) == b"A"
        proxy.cut()
        with pytest.raises(ConnectionError):
            client.recv(10)
            client.sendall(b"b")
            client.recv(10)
    proxy.refuse = True
    with pytest.raises(ConnectionError), dial(proxy) as client:  # it may be refused as early as that
        client.sendall(b"c")
        if client.recv(10) == b"":
            raise ConnectionError


def contents(build, program, directory):
    """All text in a program, its symbols included, but for the debugger's notes, which name source files."""
    bare = os.path.join(directory, program)
    subprocess.run(["strip", "--strip-debug", "-o", bare, os.path.join(ROOT, "build", build, "bin", program)], check=True)
    return "".join(subprocess.run([*tool, bare], capture_output=True, text=True, check=True).stdout for tool in (["strings", "-a"], ["nm"]))


def test_only_test_builds_have_fail_points(tmp_path):
    words = ("ISOBAR_FAIL", "ISOBAR_MUTANT", "failpoint_", "commit-before", "cid_unchecked", "mutant_")
    for program in ("isobar-worker", "isobar-coordinator", "isobar-fetcher", "isobar-dashboard", "isobarctl"):
        found = contents("gcc", program, tmp_path)
        assert [w for w in words if w in found] == [], program
    found = contents("faults", "isobar-worker", tmp_path)
    assert [w for w in words if w not in found] == []
