"""A record of the topic as rows (proto/observation.proto, docs/semantics.md "What becomes of a row")."""
import struct
import warnings

from proto import modules
from shard import murmur2

OBSERVATION, CHECKED, TICK, CONTROL = range(4)
GROUP = 3  # wire type
TIME_MAX_MS = 253402300799999  # the year 9999 ends
MAX_ROWS, MAX_BYTES = 512, 256 * 1024

# Value columns by bit of `present`.
VALUES = dict(enumerate((
    "temperature_centi_c", "feels_like_centi_c", "temperature_min_centi_c", "temperature_max_centi_c", "pressure_sea_level_pa",
    "pressure_station_pa", "humidity_centi_percent", "dew_point_centi_c", "wind_speed_cm_s", "wind_direction_centi_deg",
    "wind_gust_cm_s", "rain_um", "snow_um", "cloud_centi_percent", "visibility_m", "condition", "air_quality_index", "pm2_5_ng_m3",
    "pm10_ng_m3", "no2_ng_m3", "o3_ng_m3", "so2_ng_m3", "co_ng_m3", "nh3_ng_m3")))
CUSTOM_BIT = 32
CUSTOM = {CUSTOM_BIT + k: f"custom_{k}" for k in range(16)}
VALUES.update(CUSTOM)
# Columns of every row; a value outside makes the record bad.
FIXED = {"city_id": (0, None), "observed_at_ms": (0, TIME_MAX_MS), "fetched_at_ms": (0, TIME_MAX_MS), "kind": (OBSERVATION, CONTROL),
         "provider": (0, None), "series": (0, None), "accumulation_s": (0, None), "quality": (None, None), "present": (None, None)}
DIRECTION, FULL_CIRCLE = 9, 36000


class Bad(Exception):
    """A worker must refuse the whole record."""


AIR = range(16, 24)


class Row:
    """A row with the values that are known, by bit."""
    __slots__ = ("city", "at", "fetched", "kind", "provider", "series", "quality", "accumulation", "values", "controls")

    def __init__(self, kind=OBSERVATION, city=0, at=0, provider=0, series=0, values=None, quality=0, accumulation=0, fetched=0):
        self.kind, self.city, self.at, self.fetched = kind, city, at, fetched
        self.provider, self.series, self.quality, self.accumulation = provider, series, quality, accumulation
        self.values = values or {}
        self.controls = []

    @property
    def of_air(self):
        """All that it says, right or wrong, is of the air."""
        return bool(self.values) and all(bit in AIR for bit in self.values)


def parse(payload):
    """The message, read strictly: Python's runtime only warns of an end of group that comes too early, and keeps what has another wire type
    than the contract says as unknown fields."""
    batch = modules()[0].ObservationBatch()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            batch.ParseFromString(payload)
    except Exception as error:
        raise Bad("not a batch") from error
    known = batch.DESCRIPTOR.fields_by_number
    unknown = batch.UnknownFields()
    if len(unknown) and any(field.field_number in known or field.wire_type == GROUP for field in unknown):
        raise Bad("not a batch")
    return batch


def outside(value, low, high):
    return (low is not None and value < low) or (high is not None and value > high)


def column_of(batch, name, n):
    column = getattr(batch, name)
    if len(column) not in (0, n):
        raise Bad("column length")
    return list(column)


def fixed_columns(batch, n):
    columns = {}
    for name, (low, high) in FIXED.items():
        column = column_of(batch, name, n)
        if column and (outside(min(column), low, None) or outside(max(column), None, high)):
            raise Bad("kind, place, source or time")
        columns[name] = column or [0] * n
    return columns


def fill_values(batch, rows, present):
    """Gives the rows what they know."""
    n = len(rows)
    for bit, name in VALUES.items():
        column = column_of(batch, name, n) or [0] * n
        for row, bits, value in zip(rows, present, column):
            if bits >> bit & 1:
                row.values[bit] = value
    for row in rows:
        if row.values.get(DIRECTION) == FULL_CIRCLE:
            row.values[DIRECTION] = 0


def attach_controls(batch, rows):
    for control in batch.controls:
        if not 0 <= control.row < len(rows) or rows[control.row].kind != CONTROL:
            raise Bad("control without its row")
        rows[control.row].controls.append(control)


def decode(payload):
    """(shard, rows)"""
    if len(payload) > MAX_BYTES:
        raise Bad("too large")
    batch = parse(payload)
    n = batch.rows
    if batch.format != 1 or not 1 <= n <= MAX_ROWS or batch.shard < 0:
        raise Bad("format, rows or shard")
    columns = fixed_columns(batch, n)
    rows = []
    for kind, city, at, fetched, provider, series, quality, accumulation in zip(*(columns[name] for name in (
            "kind", "city_id", "observed_at_ms", "fetched_at_ms", "provider", "series", "quality", "accumulation_s"))):
        if kind in (OBSERVATION, CHECKED) and city == 0:
            raise Bad("reading without a city")
        rows.append(Row(kind, city, at, provider, series, None, quality, accumulation, fetched))
    fill_values(batch, rows, columns["present"])
    attach_controls(batch, rows)
    return batch.shard, rows


def body(row):
    """The hash of a row's values."""
    flat = [part for known in sorted(row.values.items()) for part in known]
    return murmur2(struct.pack("<" + "Bi" * len(row.values) + "i", *flat, row.accumulation)) or 1
