"""A webhook's receiver: checks signatures as docs/operations.md says, answers as it is told, and remembers what came."""
import hashlib
import hmac
import http.server
import json
import threading
import time


class Receiver:
    """`answers`: statuses of the next requests; 200 when there are none. `told`: (event id, body) of those answered 200."""

    def __init__(self, secret):
        self.secret, self.answers, self.told, self.refused, self.bad = secret.encode(), [], [], [], []
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802: the name that http.server wants
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(self.headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/alerts"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers, body):
        at, event = headers["Isobar-Timestamp"], headers["Isobar-Event-Id"]
        wanted = "sha256=" + hmac.new(self.secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        with self.lock:
            fields = json.loads(body)
            if not hmac.compare_digest(wanted, headers["Isobar-Signature"]) or abs(time.time() - int(at)) > 60 or \
                    event != f"{fields['id']}/{fields['state']}":
                self.bad.append((event, body))
            status = self.answers.pop(0) if self.answers else 200
            (self.told if status == 200 else self.refused).append((event, fields))
            return status

    def events(self):
        """Ids in the order in which they came first, without repetitions."""
        with self.lock:
            return list(dict.fromkeys(event for event, _ in self.told))

    def close(self):
        self.server.shutdown()
        self.server.server_close()
