"""Civil days of a zone (docs/semantics.md, "Windows"), by Python's zoneinfo; offsets are rounded down to quarter hours."""
import datetime
import functools
import zoneinfo

DAY_MS = 86400000
QUARTER_MS = 15 * 60000
EPOCH = datetime.date(1970, 1, 1).toordinal()
UTC = datetime.timezone.utc
START = datetime.datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = 253402300799999 - 2 * DAY_MS  # Python's calendar ends with the year 9999


@functools.lru_cache(None)
def zone_of(name):
    """The zone, or None when there is none of that name; "" is UTC."""
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


@functools.lru_cache(1 << 16)
def offset_at(name, quarter):
    """The offset (ms) at the instant `quarter` quarter hours after 1970. Laws change clocks at full quarter hours."""
    if quarter * QUARTER_MS > LAST_MS:
        quarter = LAST_MS // QUARTER_MS
    moment = START + datetime.timedelta(milliseconds=quarter * QUARTER_MS)
    seconds = moment.astimezone(zone_of(name)).utcoffset().total_seconds()
    return int(seconds * 1000) // QUARTER_MS * QUARTER_MS


def date_at(name, at_ms):
    """Number of the local date since 1970-01-01."""
    return (at_ms + offset_at(name, at_ms // QUARTER_MS)) // DAY_MS


@functools.lru_cache(1 << 16)
def date_start(name, date):
    """The first instant (ms) whose local date is `date` or later."""
    at = date * DAY_MS - 36 * 3600000
    while date_at(name, at) < date:
        at += QUARTER_MS
    return at


@functools.lru_cache(1 << 16)
def day_span(name, at_ms, days):
    """(first date, start, end) of the window of so many civil days that holds the instant. Where clocks go back over midnight, the hour
    that comes twice belongs to the day that ends: so the date is that of the last date begun."""
    date = date_at(name, at_ms)
    if at_ms < date_start(name, date):
        raise AssertionError("no instant has a date that has not begun")
    while date_start(name, date + 1) <= at_ms:
        date += 1
    first = date // days * days
    return first, date_start(name, first), date_start(name, first + days)


def iso(date):
    return datetime.date.fromordinal(EPOCH + date).isoformat()


def number(date):
    """Of a date as text."""
    return datetime.date.fromisoformat(date).toordinal() - EPOCH
