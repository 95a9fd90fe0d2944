"""What a fault test asks the cluster: who leads, who shall hold what and holds it, and how long partitions paused."""
import collections
import json
import time


def view(rig):
    """The leader's view, or an empty one."""
    text = rig.redis.get(rig.stack.prefix + "cluster")
    return json.loads(text) if text else {"at_ms": 0, "members": [], "partition_list": [], "shard_list": []}


def leader(rig):
    """Name of the coordinator that has the lease; None: nobody."""
    value = rig.redis.get(rig.stack.prefix + "leader")
    return value.decode().split(" ")[1] if value else None


def target_is_held(rig, workers):
    """Every partition belongs to one of these workers in the leader's fresh view, to the same one in its ledger, and runs there; the
    workers run as many as they shall, and all have the same number but for one."""
    now = view(rig)
    if time.time() * 1000 - now["at_ms"] > 2500 or len(now["partition_list"]) != rig.partitions:
        return False
    shall = collections.Counter(p["owner"] for p in now["partition_list"])
    owners = [(o or "").split("/")[0] for o in rig.ledgers("owner")]
    return (set(shall) == {w.name for w in workers} and max(shall.values()) - min(shall.values()) <= 1
            and all(p["phase"] == "running" and owners[p["partition"]] == p["owner"] for p in now["partition_list"])
            and all(rig.metric("partitions_running", w) == shall[w.name] for w in workers))


def pauses(events, partitions, begin_s, end_s):
    """{partition: longest time between two commits, of whatever owner, in seconds}, the ends of the time looked at included."""
    times = {p: [] for p in range(partitions)}
    for event in events:
        if event.what == "commit" and begin_s * 1000 <= event.at_ms <= end_s * 1000:
            times[event.partition].append(event.at_ms / 1000)
    longest = {}
    for p, of in times.items():
        marks = [begin_s, *sorted(of), end_s]
        longest[p] = max(b - a for a, b in zip(marks, marks[1:]))
    return longest
