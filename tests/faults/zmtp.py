"""A relay between members and a coordinator that loses, delays, doubles and reorders whole ZeroMQ messages.

    relay = Relay("127.0.0.1", coordinator_port, seed=7)
    ... members dial relay.endpoint ...
    relay.weather = Weather(lost=0.2, late=0.3, late_s=(0.2, 2.0), twice=0.2)
    relay.weather = CALM        # from now on all is well
    relay.names = {b"tcp://127.0.0.1:7070": b"tcp://127.0.0.1:7171"}   # endpoints that messages name, and what to call them
    relay.cut()                 # closes what is open, refuses what comes, until mend()
    relay.stop()

Names must be as long as what they stand for. With them, members that are told who leads keep to their relays.

A byte proxy cannot do this: a byte that is missing breaks the stream, and the connection with it. So the relay knows the frames of
ZMTP 3 with the NULL mechanism: a greeting of 64 bytes, then frames (flags, length, body); a message is all frames up to
the one without MORE. Commands (READY, PING, PONG) pass as they are. Late messages overtake each other.
"""
import asyncio
import collections
import random
import threading

GREETING_BYTES = 64
MORE, LONG, COMMAND = 1, 2, 4

# Chances of a message to be lost, to come late (by a time within late_s), to come twice (the second one later by that time, too).
Weather = collections.namedtuple("Weather", "lost late late_s twice")
CALM = Weather(0, 0, (0, 0), 0)


async def read_frame(reader):
    """(flags, bytes of the whole frame)."""
    head = await reader.readexactly(1)
    size = await reader.readexactly(8 if head[0] & LONG else 1)
    return head[0], head + size + await reader.readexactly(int.from_bytes(size, "big"))


async def read_message(reader):
    """(is it a command, bytes of all its frames)."""
    flags, data = await read_frame(reader)
    command = bool(flags & COMMAND)
    while flags & MORE:
        flags, more = await read_frame(reader)
        data += more
    return command, data


class Relay:
    """Listens on a free port of loopback. Everything but the attributes `weather`, `names` and `counts` belongs to its own thread."""

    def __init__(self, host, port, seed=1):
        self.to = (host, port)
        self.weather = CALM
        self.names = {}
        self.counts = collections.Counter()
        self.open = True
        self.writers = set()
        self.dice = random.Random(seed)
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def on_loop(self, function):
        """Runs a function on the relay's thread and waits for its end."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (function(), done.set()))
        done.wait(5)

    def hang_up(self):
        for writer in list(self.writers):
            writer.transport.abort()

    def cut(self):
        self.open = False
        self.on_loop(self.hang_up)

    def mend(self):
        self.open = True

    def stop(self):
        self.cut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        far = None
        try:
            if not self.open:
                return
            far_reader, far = await asyncio.open_connection(*self.to)
            self.writers.add(far)
            tasks = [asyncio.ensure_future(self.relay(reader, far)), asyncio.ensure_future(self.relay(far_reader, writer))]
            _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
        except OSError:
            pass
        finally:
            for end in (writer, far):
                if end:
                    self.writers.discard(end)
                    end.transport.abort()

    async def relay(self, reader, writer):
        """One direction, until it ends."""
        try:
            greeting = GREETING_BYTES  # piece by piece: each side waits for the beginning of the other's
            while greeting:
                piece = await reader.read(greeting)
                if not piece:
                    return
                greeting -= len(piece)
                writer.write(piece)
            while True:
                command, message = await read_message(reader)
                if command:
                    self.write(writer, message)
                else:
                    self.judge(writer, message)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass

    def judge(self, writer, message):
        weather, dice = self.weather, self.dice
        self.counts["messages"] += 1
        for name, instead in self.names.items():
            assert len(name) == len(instead)
            message = message.replace(name, instead)
        if dice.random() < weather.lost:
            self.counts["lost"] += 1
            return
        if dice.random() < weather.late:
            self.counts["late"] += 1
            self.loop.call_later(dice.uniform(*weather.late_s), self.write, writer, message)
        else:
            self.write(writer, message)
        if dice.random() < weather.twice:
            self.counts["twice"] += 1
            self.loop.call_later(dice.uniform(*weather.late_s), self.write, writer, message)

    @staticmethod
    def write(writer, data):
        if not writer.transport.is_closing():
            writer.write(data)
