"""make run: the whole system on this machine, in the foreground, until Ctrl-C.

Kafka and Redis are private ones unless KAFKA= and REDIS= name real ones. The private Kafka is the development broker,
which forgets at its end, so the private Redis starts empty too.
"""
import argparse
import fcntl
import os
import queue
import re
import shlex
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

from ports import take_port
from stack import ROOT, Stack, StackError, get_json, wait_for

PAGE_PORT = 8080
TOPICS = {"weather.observations": 24, "weather.deadletter": 1}
REDIS_LINE = re.compile(r"\d+:[A-Za-z-]+ (?:\d+ \w+ \d+ ([\d:]+)\.\d+|\(\d+\)) ?([.*#-]?) ?(.*)")
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


# One place and one variable: one call of the 10,000 that the free limits allow a day.
OPEN_METEO = "https://api.open-meteo.com/v1/forecast?latitude=47.6&longitude=-122.3&current=temperature_2m"
OPEN_METEO_S = 4
LIVE = {"openweathermap": "live data. Weather data provided by OpenWeather (https://openweathermap.org)",
        "open-meteo": "live model data by Open-Meteo.com, CC BY 4.0, free for non-commercial use (https://open-meteo.com)",
        "metar": "aerodrome reports by the NOAA/NWS Aviation Weather Center, of the cities that have a station (https://aviationweather.gov)"}
# A city weighs 1.3 calls each 15 minutes, and one an hour for its air; 95 % of a limit count as usable (docs/planning.md).
OPEN_METEO_CITIES = int(0.95 * 10000 / (1.3 * 96 + 24))


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


class Parser(argparse.ArgumentParser):
    """Speaks of the options as `make run` has them: WORKERS=, not --workers."""

    def error(self, message):
        message = re.sub(r"(?:argument )?--([a-z]+)", lambda name: name.group(1).upper(), message, count=1)
        self.exit(2, f"make run: {message}\n")


def port_number(text):
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"'{text}' is not a port: a whole number from 0 to 65535")
    return int(text)


def source_list(text):
    """auto, replay, or live sources in order."""
    names = text.split(",")
    if text not in ("auto", "replay") and (set(names) - set(LIVE) or len(set(names)) < len(names)):
        raise argparse.ArgumentTypeError(f"'{text}' is not auto, replay, {' or '.join(LIVE)}, or several with a comma between")
    return text


def parse(argv):
    p = Parser(prog="make run", description="Isobar on this machine, until Ctrl-C", allow_abbrev=False)
    p.add_argument("--kafka", default="", help="host:port of a real Kafka; empty: a private development broker")
    p.add_argument("--redis", default="", help="host:port of a real Redis; empty: a private one")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--fetchers", type=int, default=1)
    p.add_argument("--cities", type=int, default=40, help="how many cities of data/cities.csv")
    p.add_argument("--source", default="auto", type=source_list, metavar="auto|openweathermap|open-meteo|metar|replay",
                   help="where the weather comes from; openweathermap,open-meteo: in that order")
    p.add_argument("--port", type=port_number, default=0, help="of the page; 0: 8080, or a free one when that is taken")
    p.add_argument("--bin", default=None)
    p.add_argument("--dir", default=os.path.join(ROOT, "build", "run"))
    p.add_argument("--seconds", type=float, default=0, help="stop by itself after so long (tests)")
    options = p.parse_args(argv)
    for name, low, high in (("workers", 1, 64), ("fetchers", 1, 16), ("cities", 1, 100000)):
        if not low <= getattr(options, name) <= high:
            p.error(f"--{name} must be {low} to {high}")
    return options


def reserve(directory):
    """(`directory`, or `directory`-2 and so on, whichever no other launcher uses; the lock that keeps it)."""
    for number in range(1, 100):
        candidate = directory if number == 1 else f"{directory}-{number}"
        try:
            os.makedirs(os.path.dirname(candidate), exist_ok=True)
            lock = open(candidate + ".lock", "w", encoding="ascii")
        except OSError as error:
            raise StackError(f"{error.filename}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return candidate, lock
        except BlockingIOError:
            lock.close()
    raise StackError(f"too many launchers use {directory}")


def open_meteo_refuses(url=OPEN_METEO, deadline_s=OPEN_METEO_S):
    """Why Open-Meteo does not answer from here, in a few words; "" when it does. A name server that is silent has the deadline, too."""
    said = queue.SimpleQueue()
    threading.Thread(target=lambda: said.put(asked(url, deadline_s)), daemon=True).start()
    try:
        return said.get(timeout=deadline_s)
    except queue.Empty:
        return f"no answer within {deadline_s:g} s"


def asked(url, deadline_s):
    """As the fetcher asks: without the proxies of the environment. Waits for a name as long as the system does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers={"User-Agent": "isobar-run"}), timeout=deadline_s) as answer:
            return "" if b'"current"' in answer.read(65536) else "it answers something else"
    except urllib.error.HTTPError as error:
        return "its limit for this address is used up" if error.code == 429 else f"HTTP {error.code}"
    except (OSError, ValueError) as error:
        return f"{getattr(error, 'reason', error)}"


def auto_source(options, key, say, refuses=open_meteo_refuses):
    """OpenWeatherMap with a key; else Open-Meteo, when it can be reached and its free limits carry the cities; else the replay."""
    if key:
        return "openweathermap"
    if options.cities > OPEN_METEO_CITIES:
        why = f"its free limits carry {OPEN_METEO_CITIES} cities"
    else:
        why = refuses()
    if not why:
        return "open-meteo"
    say(f"Open-Meteo is not used ({why}): a replay instead.")
    return "replay"


def choose_source(options, key, say):
    """(source, what the user is told about the data)."""
    source = options.source
    if source == "auto":
        source = auto_source(options, key, say)
    if source == "replay":
        return source, "SIMULATED DATA: a replay made from climate normals, not the weather outside. Set OWM_API_KEY for live data"
    names = source.split(",")
    if "openweathermap" in names and not key:
        raise StackError(f"SOURCE={source} needs an API key in the environment variable OWM_API_KEY, or in a file that ISOBAR_API_KEY_FILE names", 78)
    return source, "; when that fails: ".join(LIVE[name] for name in names)


def api_key():
    """The user's key, or what the first line of the file that ISOBAR_API_KEY_FILE names has; "" when there is none."""
    key = os.environ.get("OWM_API_KEY", "") or os.environ.get("ISOBAR_API_KEY", "")
    path = os.environ.get("ISOBAR_API_KEY_FILE", "")
    if key or not path:
        return key
    try:
        with open(path, encoding="utf-8") as f:
            key = f.readline(4096).strip()
    except (OSError, ValueError) as error:
        raise StackError(f"ISOBAR_API_KEY_FILE: {path}: {getattr(error, 'strerror', None) or 'not text'}", 78) from None
    if not key:
        raise StackError(f"ISOBAR_API_KEY_FILE: {path} has no first line", 78)
    return key


def page_port(options):
    """The port asked for, or 8080; None, which stands for any, when that has another. Two runs that start at once do not both get it."""
    if take_port(options.port or PAGE_PORT):
        return options.port or PAGE_PORT
    if options.port:
        raise StackError(f"port {options.port} is taken; choose another with PORT=")
    return None


def start(stack, options, say):
    key = api_key()
    source, label = choose_source(options, key, say)
    port = page_port(options)
    if options.redis:
        if not options.kafka:
            raise StackError("REDIS= needs KAFKA=: the private Kafka forgets at its end, and what your Redis then counts would not fit the next one", 78)
        stack.redis = options.redis
        stack.passed = ("ISOBAR_REDIS_USER", "ISOBAR_REDIS_PASSWORD", "ISOBAR_REDIS_PASSWORD_FILE")
    else:
        stack.start_redis()
    if options.kafka:
        stack.kafka = options.kafka
    else:
        stack.start_devbroker(TOPICS)
    stack.init(TOPICS["weather.observations"], None, options.cities)
    limits = {"openweathermap": "openweathermap=60/m", "open-meteo": "open-meteo=free", "metar": "metar=free"}
    quota = ["--quota", ";".join(limits[name] for name in source.split(","))] if source not in ("replay", "openweathermap") else []
    stack.start_coordinator("coordinator-1", -1 if source == "replay" else 60, *quota)
    for i in range(options.workers):
        stack.start_worker(f"worker-{i + 1}")
    stack.start_dashboard(port)
    say("")
    say(f"  Isobar's page:  http://127.0.0.1:{stack.ports['dashboard']}/")
    say(f"  Data:           {label}")
    say(f"  Kafka, Redis:   {stack.kafka}, {stack.redis}")
    ctl = shlex.quote(os.path.relpath(stack.binary("isobarctl")))
    say(f"  Ask it:         {ctl} status --redis {stack.redis}")
    say(f"  Check it:       {ctl} verify --redis {stack.redis}")
    say(f"  Logs:           {os.path.relpath(stack.dir)}/*.log")
    say("  Stop:           Ctrl-C")
    say("")
    if source == "replay":
        stack.start_owmsim()
        flags = ["--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http"]
    else:
        flags = ["--source", source]
    for i in range(options.fetchers):
        stack.start_fetcher(f"fetcher-{i + 1}", *flags, ISOBAR_API_KEY="simulator" if source == "replay" else key if "openweathermap" in source else "")


def replaced(stack, program):
    """True when the program was killed and one of its kind goes on: that is what Isobar is made for."""
    kind = program.name.rsplit("-", 1)[0]
    return kind in ("worker", "fetcher") and program.process.returncode < 0 and any(
        p.running() for n, p in stack.programs.items() if n.rsplit("-", 1)[0] == kind)


def watch(stack, options, done, say):
    """Until Ctrl-C, the time limit, or a program's unexpected end."""
    started = time.monotonic()
    first = None
    while not done.wait(0.2):
        if options.seconds and time.monotonic() - started > options.seconds:
            return 0
        for program in stack.programs.values():
            if program.running() or program.expected_end:
                continue
            code = program.process.returncode
            how = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
            if not replaced(stack, program):
                say(f"make run: {program.name} {how}; its log: {program.log_path}")
                return 1
            program.expected_end = True
            say(f"{program.name} {how}; the others take over")
        if first is None and (latest := get_json(stack.ports["dashboard"], "/api/v1/latest")) and latest.get("latest"):
            first = time.monotonic() - started
            say(f"First values on the page: http://127.0.0.1:{stack.ports['dashboard']}/")
    return 0


def main(argv):
    options = parse(argv)
    console = Console()
    done = threading.Event()
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, lambda *_: done.set())
    stack = None
    code = 0
    try:
        directory, _lock = reserve(os.path.abspath(options.dir))
        stack = Stack(directory, options.bin, console.line)
        start(stack, options, console.say)
        code = watch(stack, options, done, console.say)
    except StackError as error:
        console.say(f"make run: {error}")
        code = error.exit_code
    finally:
        if stack and stack.programs:
            console.say("Stopping ...")
            forced = stack.stop(1.7)
            console.say("Stopped." if not forced else f"Stopped; ended by force: {', '.join(forced)}.")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
