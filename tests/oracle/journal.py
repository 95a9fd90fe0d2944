"""Checks the commit journals of all workers (isobar-worker --journal): I4 and I5.

A line is `acquire|commit partition owner expected next offset at_ms`: the ledger's id went from `expected` to `next`, and its
offset then was `offset`. `at_ms` is monotonic. Lines of one worker and partition are in order; between workers only the ids
tell. What has no line: an acquire or commit whose answer its worker did not live to see ("unanswered").

Per partition:
  I4  a commit expects the id of the line before it of the same worker
  I4  no id has two successors: nothing is spliced in; but the id of a ledger that was put back has one more each time
  I5  a commit follows an acquire or a commit of its own owner, so that between two acquires one owner commits
      offsets never go back along the chain, and an acquire finds the offset that its predecessor left
      the ledger's id at the end is that of the last line, unless that one was put back or is unanswered
      an id that no line made is that of the first acquire, or follows one without a line: of each there are equally many
"""
import collections

Event = collections.namedtuple("Event", "what partition owner expected next offset at_ms file")


def read(paths, since=None):
    """Every line of the files; one that was cut off by a kill is left out. `since`: {path: bytes to skip}."""
    events = []
    for path in paths:
        try:
            with open(path, "rb") as f:
                f.seek((since or {}).get(path, 0))
                text = f.read().decode("ascii")
        except FileNotFoundError:
            continue
        for line in text[:text.rfind("\n") + 1].splitlines():
            what, partition, owner, expected, following, offset, at_ms = line.split(" ")
            events.append(Event(what, int(partition), owner, expected, following, int(offset), int(at_ms), path))
    return events


def check(events, final=None, restored=()):
    """What is wrong, as a list of texts. `final`: {partition: id in the ledger}; `restored`: the same of each ledger put back."""
    problems = []
    by_partition = collections.defaultdict(list)
    for event in events:
        by_partition[event.partition].append(event)
    for partition, of in sorted(by_partition.items()):
        back = [r[partition] for r in restored if r.get(partition)]
        problems += [f"p{partition} {text}" for text in _partition(of, final and final.get(partition), back)]
    return problems


def _partition(events, final, back):
    yield from _own_order(events)
    made = {}
    for event in events:
        if event.next in made:
            yield f"I4: the id {event.next} was made twice, by {made[event.next].owner} and {event.owner}"
        made[event.next] = event
    followers = collections.defaultdict(list)
    for event in events:
        followers[event.expected].append(event)
    for cid, after in followers.items():
        allowed = 1 + back.count(cid)
        if len(after) > allowed:
            who = ", ".join(f"{e.what} of {e.owner} to offset {e.offset}" for e in after)
            yield f"I4: {len(after)} lines follow the id {cid}: {who}"
    for event in events:
        before = made.get(event.expected)
        if before is None:
            if event.what == "commit":
                yield f"I4: a commit of {event.owner} to offset {event.offset} expects {event.expected}, which no line made"
            continue
        if event.what == "commit" and event.owner != before.owner:
            yield f"I5: {event.owner} commits offset {event.offset} after a line of {before.owner}"
        if event.offset < before.offset:
            yield f"I3: {event.what} of {event.owner} goes back from offset {before.offset} to {event.offset}"
        if event.what == "acquire" and event.offset != before.offset:
            yield f"I4: {event.owner} acquires offset {event.offset}, its predecessor left {before.offset}"
    ends = [e for e in events if e.next not in followers]
    begins = {e.expected for e in events if e.expected not in made}
    if final is not None and not back and final not in {e.next for e in ends}:
        yield f"I4: the ledger's id {final} is not that of a last line"
    if not back and len(ends) != len(begins):
        yield f"I4: {len(ends)} lines have no successor, but {len(begins)} have no predecessor"


def _own_order(events):
    """Of each worker's lines: a commit expects what its line before made."""
    last = {}
    for event in events:
        key = event.file, event.owner
        before = last.get(key)
        if event.what == "commit" and (before is None or event.expected != before.next):
            yield f"I4: a commit of {event.owner} to offset {event.offset} expects {event.expected}, its line before made {before.next if before else 'nothing'}"
        last[key] = event
