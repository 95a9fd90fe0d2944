"""A TCP proxy between the programs and Redis, a coordinator or Kafka that can make a network's faults.

    proxy = Proxy("127.0.0.1", 6379)      # listens on proxy.port
    proxy.down.drop = True                # what the server answers is read and thrown away; a connection that has lost
                                          # something gives nothing more this way, as TCP has no holes
    proxy.up.hold = True                  # what clients send is kept, and sent when hold is False again,
                                          # even when the client has gone meanwhile: a request executed late
    proxy.freeze(); proxy.thaw()          # the same for what is open now; new connections pass
    proxy.up.delay_s = 0.1                # every piece waits; order within a connection stays
    proxy.cut()                           # resets all connections
    proxy.refuse = True                   # new connections are reset at once
    proxy.close()

`up` is from clients to the server, `down` back. Changes count for all connections, also those that are open. One thread.
"""
import collections
import contextlib
import selectors
import socket
import struct
import threading
import time

PIECE = 256 * 1024
END = b""


class Way:
    """How one direction behaves. `bytes` counts what came in, `dropped` what was thrown away."""

    def __init__(self):
        self.hold = False
        self.drop = False
        self.delay_s = 0.0
        self.bytes = 0
        self.dropped = 0


class Flow:
    """One direction of one connection: from a socket to a socket, with what is on the way."""

    def __init__(self, way, source, sink):
        self.way, self.source, self.sink = way, source, sink
        self.pieces = collections.deque()  # (time due, bytes; END: the source has ended)
        self.reading = True
        self.lost = False                  # bytes were dropped
        self.frozen = False
        self.ended = False                 # END was passed on, or the sink does not take any more


class Proxy:
    def __init__(self, host, port):
        self.up, self.down = Way(), Way()
        self.refuse = False
        self.accepted = 0
        self._target = (host, port)
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._pairs = []       # [flow up, flow down]
        self._cut = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        """Resets every connection now open; what was on the way is lost. Returns when that is done."""
        self._cut = True
        while self._cut and self._thread.is_alive():
            time.sleep(0.001)

    def freeze(self):
        for up, _ in list(self._pairs):
            up.frozen = True

    def thaw(self):
        for up, _ in list(self._pairs):
            up.frozen = False

    def close(self):
        self._closing = True
        self._thread.join(5)

    def held(self):
        """Bytes from clients that wait to be forwarded."""
        return sum(len(piece) for up, _ in list(self._pairs) for _, piece in list(up.pieces))

    # ---- the thread

    def _run(self):
        while not self._closing:
            if self._cut:
                for pair in list(self._pairs):
                    self._drop(pair)
                self._cut = False
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ)
                for pair in self._pairs:
                    for flow in pair:
                        if flow.reading:
                            selector.register(flow.source, selectors.EVENT_READ, (pair, flow))
                waiting = any(flow.pieces for pair in self._pairs for flow in pair)
                events = selector.select(0.001 if waiting else 0.01)
            for key, _ in events:
                if key.data is None:
                    self._accept()
                else:
                    self._read(*key.data)
            for pair in list(self._pairs):
                self._forward(pair)
        for pair in list(self._pairs):
            self._drop(pair)
        self._listener.close()

    def _accept(self):
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        self.accepted += 1
        server = None
        try:
            if not self.refuse:
                server = socket.create_connection(self._target, 2)
        except OSError:
            pass
        if server is None:
            _reset(client)
            return
        for s in (client, server):
            s.setblocking(False)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append([Flow(self.up, client, server), Flow(self.down, server, client)])

    def _read(self, pair, flow):
        if pair not in self._pairs:
            return
        try:
            data = flow.source.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = END
        flow.way.bytes += len(data)
        if data == END:
            flow.reading = False
        elif flow.way.drop or flow.lost or flow.ended:
            flow.lost = True
            flow.way.dropped += len(data)
            return
        flow.pieces.append((time.monotonic() + flow.way.delay_s, data))

    def _forward(self, pair):
        for flow in pair:
            while flow.pieces and not flow.way.hold and not flow.frozen and flow.pieces[0][0] <= time.monotonic():
                due, data = flow.pieces.popleft()
                if data == END:
                    flow.ended = True
                    with contextlib.suppress(OSError):
                        flow.sink.shutdown(socket.SHUT_WR)
                    continue
                try:
                    sent = flow.sink.send(data)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    flow.ended = True
                    flow.pieces.clear()
                    break
                if sent < len(data):
                    flow.pieces.appendleft((due, data[sent:]))
                    break
        up, down = pair
        # A client that has gone does not end the pair: what it sent is still forwarded, and the server's end awaited.
        if up.ended and down.ended:
            self._drop(pair)

    def _drop(self, pair):
        self._pairs.remove(pair)
        for flow in pair:
            _reset(flow.source)


def _reset(s):
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
