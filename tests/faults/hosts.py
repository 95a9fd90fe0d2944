"""Several hosts on one machine: network namespaces, each with a link of its own to the machine. Needs root.

    with Hosts(2) as hosts:
        hosts.core                      # address of the machine that every host reaches
        stack.start_on(hosts[0], ...)   # argv with hosts[0].argv(...)
        hosts[0].link(False)            # the cable is out
        hosts[0].block(port)            # packets to and from that port of the core vanish: no reset, no error
        hosts[0].unblock(port)
        hosts[0].run(function)          # runs in the host's network, e.g. to ask an admin port there

Names and networks have the process id in them. A namespace takes its link with it when it is deleted, so nothing is left.
"""
import ctypes
import os
import subprocess
import threading

_LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
MADE = 0  # by this process


def tool(*argv, check=True):
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(os.environ, PATH=path))
    if check and done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done


def why_not():
    """None when hosts can be made here; else the reason."""
    name = f"isobar-probe-{os.getpid()}"
    try:
        tool("ip", "netns", "add", name)
        tool("ip", "link", "add", f"ibp{os.getpid()}", "type", "veth", "peer", "name", "eth0", "netns", name)
        tool("ip", "netns", "exec", name, "iptables", "-w", "-A", "INPUT", "-j", "DROP")
    except OSError as error:
        return str(error)
    finally:
        tool("ip", "netns", "del", name, check=False)
    return None


class Host:
    """One namespace. Its address is .2 of a network of its own; the core's is .1 of the first."""

    def __init__(self, name, network, core):
        self.name = name
        self.outside = "ib" + name.removeprefix("isobar-")
        self.near = f"{network}.1"
        self.address = f"{network}.2"
        self.core = core or self.near

    def make(self):
        tool("ip", "netns", "add", self.name)
        tool("ip", "link", "add", self.outside, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        tool("ip", "addr", "add", f"{self.near}/24", "dev", self.outside)
        tool("ip", "link", "set", self.outside, "up")
        self.ip("addr", "add", f"{self.address}/24", "dev", "eth0")
        self.ip("link", "set", "lo", "up")
        self.link(True)

    def remove(self):
        tool("ip", "link", "del", self.outside, check=False)  # at once; with the namespace it goes a moment later
        tool("ip", "netns", "del", self.name, check=False)

    def ip(self, *argv):
        tool("ip", "-n", self.name, *argv)

    def link(self, up):
        """Plugs the cable in or out. Routes go with it."""
        self.ip("link", "set", "eth0", "up" if up else "down")
        if up:
            self.ip("route", "replace", "default", "via", self.near)

    def tables(self, action, port):
        for chain, match in (("INPUT", "--sport"), ("OUTPUT", "--dport")):
            tool("ip", "netns", "exec", self.name, "iptables", "-w", action, chain, "-p", "tcp", match, str(port), "-j", "DROP")

    def block(self, port):
        self.tables("-A", port)

    def unblock(self, port):
        self.tables("-D", port)

    def argv(self, argv):
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, function):
        """The value of a function that is called on a thread inside the host's network."""
        result = []

        def inside():
            with open(f"/run/netns/{self.name}", "rb") as place:
                if _LIBC.setns(place.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns {self.name}")
            result.append(function())

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        return result[0]


class Hosts(list):
    """A number of hosts, removed at the end whatever happens."""

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.core = None

    def __enter__(self):
        global MADE  # pylint: disable=global-statement
        try:
            for _ in range(self.count):
                MADE += 1
                number = (os.getpid() * 7 + MADE) % 60000
                host = Host(f"isobar-{os.getpid()}-{MADE}", f"10.{100 + number // 250 % 100}.{1 + number % 250}", self.core)
                self.append(host)
                host.make()
                self.core = host.core
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for host in self:
            host.remove()
