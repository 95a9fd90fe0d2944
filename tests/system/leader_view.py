"""The leader's view as Redis has it."""
import json
import time

EMPTY = {"term": 0, "at_ms": 0, "leader": "", "members": [], "partition_list": [], "rebalances": []}


def view(client):
    """The view, or an empty one."""
    text = client.get("isobar:cluster")
    return json.loads(text) if text else EMPTY


def held(client):
    """How many partitions run, by owner, in a view that is fresh."""
    now, counts = view(client), {}
    if time.time() * 1000 - now["at_ms"] > 3000:
        return {}
    for p in now["partition_list"]:
        if p["phase"] == "running":
            counts[p["owner"]] = counts.get(p["owner"], 0) + 1
    return counts
