"""What rows of a city stand for: precipitation and covered time (docs/semantics.md). A chain keeps, for all time, which row stands for it;
parts of a span follow from that by subtraction."""
import bisect

COVERED, RAIN, SNOW = range(3)
HOUR_S, LONGEST_S = 3600, 86400
PARTS = ("rain_um", "rain_covered_ms", "snow_um", "snow_covered_ms", "covered_ms")
RAIN_BIT, SNOW_BIT = 11, 12


def share(amount, period, begun):
    """Of an amount that is spread over a period, what falls in its first `begun` ms: rounded half away from zero."""
    return (2 * amount * begun + period) // (2 * period)


class Piece:
    """A span (since, until] that a row at `at` stands for."""
    __slots__ = ("since", "until", "at", "period", "amount")

    def __init__(self, since, until, at, period, amount):
        self.since, self.until, self.at, self.period, self.amount = since, until, at, period, amount

    def part(self, since, until):
        """(amount, ms) in a span; (0, 0) when it is beside it."""
        since, until = max(since, self.since), min(until, self.until)
        if since >= until:
            return 0, 0
        begin = self.at - self.period
        return share(self.amount, self.period, until - begin) - share(self.amount, self.period, since - begin), until - since


class Chain:
    def __init__(self):
        self.times = []   # of its rows, ascending
        self.rows = {}    # at: (provider, period, amount), the row that counts
        self.pieces = {}  # at: [Piece]

    def insert(self, at, provider, period, amount, since):
        """([Piece] that go, [Piece] that come); what lies before `since` stays as it was."""
        known = self.rows.get(at)
        if known is not None and known[0] < provider:
            return [], []
        place = bisect.bisect_left(self.times, at)
        if known is None:
            self.times.insert(place, at)
        self.rows[at] = provider, period, amount
        before = self.times[place - 1] if place > 0 else None
        gone, come = self._replace(at, before, since)
        if known is None and place + 1 < len(self.times):
            more = self._replace(self.times[place + 1], at, since)
            gone, come = gone + more[0], come + more[1]
        return gone, come

    def _replace(self, at, before, since):
        """Makes a row's pieces anew from `since` on."""
        _, period, amount = self.rows[at]
        gone, kept = [], []
        for piece in self.pieces.get(at, ()):
            if piece.since < since:
                kept.append(Piece(piece.since, min(piece.until, since), at, piece.period, piece.amount))
            if piece.until > since:
                gone.append(Piece(max(piece.since, since), piece.until, at, piece.period, piece.amount))
        begin = max(at - period, since) if before is None else max(at - period, since, before)
        come = [Piece(begin, at, at, period, amount)] if begin < at else []
        self.pieces[at] = kept + come
        return gone, come

    def between(self, since, until):
        """Pieces that reach into a span."""
        place = bisect.bisect_right(self.times, since)
        for at in self.times[place:]:
            for piece in self.pieces.get(at, ()):
                if piece.since < until and piece.until > since:
                    yield piece
            if at - LONGEST_S * 1000 >= until:
                break


class Trail:
    """The three chains of a city, and in slots of a pane's length what is told of them."""

    def __init__(self, pane_ms):
        self.pane_ms = pane_ms
        self.chains = [Chain(), Chain(), Chain()]
        self.longest_s = 0

    def take(self, row, known, since):
        """An accepted row, with its values that did not fail. Returns {slot: [change of PARTS]}, slots of all time since `since`."""
        changes = {}
        for chain, period_s, amount in self._of(row, known):
            gone, come = self.chains[chain].insert(row.at, row.provider, period_s * 1000, amount, since)
            for pieces, sign in ((gone, -1), (come, 1)):
                for piece in pieces:
                    self._add(changes, chain, piece, piece.since, piece.until, sign)
        return {slot: parts for slot, parts in changes.items() if any(parts)}

    def _of(self, row, known):
        out = [] if row.of_air else [(COVERED, HOUR_S, 0)]
        for chain, bit in ((RAIN, RAIN_BIT), (SNOW, SNOW_BIT)):
            if bit in known and 0 < row.accumulation <= LONGEST_S:
                out.append((chain, row.accumulation, known[bit]))
                self.longest_s = max(self.longest_s, row.accumulation)
        return out

    def _add(self, slots, chain, piece, since, until, sign):
        since, until = max(since, piece.since), min(until, piece.until)
        for slot in range(since // self.pane_ms * self.pane_ms, until, self.pane_ms):
            amount, ms = piece.part(max(slot, since), min(slot + self.pane_ms, until))
            parts = slots.setdefault(slot, [0] * len(PARTS))
            if chain == COVERED:
                parts[4] += sign * ms
            else:
                parts[2 * (chain - RAIN)] += sign * amount
                parts[2 * (chain - RAIN) + 1] += sign * ms

    def between(self, since, until):
        """{slot: PARTS} of a span."""
        slots = {}
        for chain, rows in enumerate(self.chains):
            for piece in rows.between(since, until):
                self._add(slots, chain, piece, since, until, 1)
        return {slot: parts for slot, parts in slots.items() if any(parts)}

    def last(self, chain, until):
        """Time of the chain's newest row before `until`; 0: none."""
        place = bisect.bisect_left(self.chains[chain].times, until)
        return self.chains[chain].times[place - 1] if place else 0
