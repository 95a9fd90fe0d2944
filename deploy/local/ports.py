"""TCP ports on loopback for programs that are told theirs.

A port that was free a moment ago can be gone when the program binds it: another run asked at the same time, or the kernel
gave it to an outgoing connection. So ports lie below the range that the kernel gives out by itself, and each is reserved
among all runs on this host by an abstract Unix socket of its number, which needs no file and ends with this process.
"""
import random
import socket
import threading

LOWEST = 10_000
TRIES = 1_000
_held = {}
_lock = threading.Lock()


def _highest():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
            first = int(f.read().split()[0])
    except (OSError, ValueError):
        first = 32_768
    return first - 1 if first > LOWEST + TRIES else 65_535


def _reserve(port):
    """The socket that holds the number; None when another run holds it."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0isobar-port-{port}")
        return holder
    except OSError:
        holder.close()
        return None


def port_taken(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def take_port(port):
    """Whether nobody listens on `port`, and no other caller on this host has it; from then on it is this process's."""
    with _lock:
        return _take(port)


def _take(port):
    holder = None if port in _held else _reserve(port)
    if holder and not port_taken(port):
        _held[port] = holder
        return True
    if holder:
        holder.close()
    return False


def free_port():
    """A port that nobody listens on, and that no other caller on this host is given while this process runs."""
    highest = _highest()
    with _lock:
        for _ in range(TRIES):
            port = random.randint(LOWEST, highest)
            if _take(port):
                return port
    raise OSError(f"no free port between {LOWEST} and {highest} on loopback")
