"""make run: the whole system on this machine, in the foreground, until Ctrl-C.

Kafka and Redis are private ones unless KAFKA= and REDIS= name real ones. The private Kafka is the development broker,
which forgets at its end, so the private Redis starts empty too.
"""
import argparse
import os
import re
import signal
import sys
import threading
import time

from stack import ROOT, Stack, StackError, get_json, port_taken, wait_for

TOPICS = {"weather.observations": 24, "weather.deadletter": 1}
REDIS_LINE = re.compile(r"\d+:[A-Za-z-]+ (?:\d+ \w+ \d+ ([\d:]+)\.\d+|\(\d+\)) ?([.*#-]?) ?(.*)")
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


class Console:
    """Merges the programs' logfmt lines into one readable log: time, program, level, event, fields."""

    COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)

    def __init__(self, out=sys.stdout):
        self.out = out
        self.lock = threading.Lock()
        self.colour = out.isatty()
        self.seen = {}

    def paint(self, text, code):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def line(self, program, text):
        if text.startswith("bootstrap="):
            return
        fields = dict(PAIR.findall(text)) if text.startswith("ts=") else None
        if fields and "event" in fields:
            moment, level, event = fields["ts"][11:19], fields.get("level", "info"), fields["event"]
            rest = " ".join(f"{k}={v}" for k, v in fields.items() if k not in ("ts", "level", "component", "event"))
        else:
            moment, level, event, rest = time.strftime("%H:%M:%S", time.gmtime()), "info", text, ""
            if program.name == "redis" and (line := REDIS_LINE.match(text)):
                if not line.group(3).startswith("WARNING"):
                    return  # its comings and goings; the log file has them
                level, event = "warn", line.group(3).split(". ")[0]
        level_text = {"warn": self.paint("warn ", 33), "error": self.paint("error", 31)}.get(level, level.ljust(5))
        code = self.COLOURS[self.seen.setdefault(program.name, len(self.seen)) % len(self.COLOURS)]
        self.say(f"{moment} {self.paint(program.name.ljust(13), code)} {level_text} {event} {rest}".rstrip())

    def say(self, text):
        with self.lock:
            self.out.write(text + "\n")
            self.out.flush()


def parse(argv):
    p = argparse.ArgumentParser(prog="make run", description="Isobar on this machine, until Ctrl-C")
    p.add_argument("--kafka", default="", help="host:port of a real Kafka; empty: a private development broker")
    p.add_argument("--redis", default="", help="host:port of a real Redis; empty: a private one")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--fetchers", type=int, default=1)
    p.add_argument("--cities", type=int, default=40, help="how many cities of data/cities.csv")
    p.add_argument("--source", default="auto", choices=("auto", "openweathermap", "replay"))
    p.add_argument("--port", type=int, default=0, help="of the page; 0: 8080, or a free one when that is taken")
    p.add_argument("--bin", default=None)
    p.add_argument("--dir", default=os.path.join(ROOT, "build", "run"))
    p.add_argument("--seconds", type=float, default=0, help="stop by itself after so long (tests)")
    options = p.parse_args(argv)
    for name, low, high in (("workers", 1, 64), ("fetchers", 1, 16), ("cities", 1, 100000)):
        if not low <= getattr(options, name) <= high:
            p.error(f"--{name} must be {low} to {high}")
    return options


def choose_source(options, key):
    """(source, what the user is told about the data)."""
    source = options.source
    if source == "auto":
        source = "openweathermap" if key else "replay"
    if source == "openweathermap":
        if not key:
            raise StackError("SOURCE=openweathermap needs an API key in the environment variable OWM_API_KEY", 78)
        return source, "live data. Weather data provided by OpenWeather (https://openweathermap.org)"
    return source, "SIMULATED DATA: a replay made from climate normals, not the weather outside. Set OWM_API_KEY for live data"


def page_port(options):
    if options.port:
        if port_taken(options.port):
            raise StackError(f"port {options.port} is taken; choose another with PORT=")
        return options.port
    return None if port_taken(8080) else 8080


def start(stack, options, say):
    key = os.environ.get("OWM_API_KEY", "") or os.environ.get("ISOBAR_API_KEY", "")
    source, label = choose_source(options, key)
    port = page_port(options)
    if options.redis:
        stack.redis = options.redis
    else:
        stack.start_redis()
    if options.kafka:
        stack.kafka = options.kafka
    else:
        stack.start_devbroker(TOPICS)
    stack.init(TOPICS["weather.observations"], None, options.cities)
    stack.start_coordinator("coordinator-1", -1 if source == "replay" else 60)
    for i in range(options.workers):
        stack.start_worker(f"worker-{i + 1}")
    stack.start_dashboard(port)
    say("")
    say(f"  Isobar's page:  http://127.0.0.1:{stack.ports['dashboard']}/")
    say(f"  Data:           {label}")
    say("  Stop:           Ctrl-C")
    say("")
    if source == "replay":
        stack.start_owmsim()
        flags = ["--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http"]
    else:
        flags = ["--source", "openweathermap"]
    for i in range(options.fetchers):
        stack.start_fetcher(f"fetcher-{i + 1}", *flags, ISOBAR_API_KEY=key if source == "openweathermap" else "simulator")


def watch(stack, options, done, say):
    """Until Ctrl-C, the time limit, or a program's unexpected end."""
    started = time.monotonic()
    first = None
    while not done.wait(0.2):
        if options.seconds and time.monotonic() - started > options.seconds:
            return 0
        for program in stack.programs.values():
            if not program.running() and not program.expected_end:
                say(f"{program.name} ended with exit code {program.process.returncode}; its log: {program.log_path}")
                return 1
        if first is None and (latest := get_json(stack.ports["dashboard"], "/api/v1/latest")) and latest.get("latest"):
            first = time.monotonic() - started
            say(f"First values on the page: {len(latest['latest'])} cities")
    return 0


def main(argv):
    options = parse(argv)
    console = Console()
    done = threading.Event()
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, lambda *_: done.set())
    stack = Stack(options.dir, options.bin, console.line)
    code = 0
    try:
        start(stack, options, console.say)
        code = watch(stack, options, done, console.say)
    except StackError as error:
        console.say(f"make run: {error}")
        code = error.exit_code
    finally:
        console.say("Stopping ...")
        forced = stack.stop(1.7)
        console.say("Stopped." if not forced else f"Stopped; ended by force: {', '.join(forced)}.")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
