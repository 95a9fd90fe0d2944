#!/usr/bin/env python3
"""Turns a table with a column per metric and a time per row into normals for `isobarctl normals import` (docs/normals.md).

    normals_wide.py TABLE.csv --time date temperature=temperature:degC wind_speed=wind:m/s >normals.csv

Each METRIC=COLUMN[:UNIT] names a metric of Isobar and the table's column it is in. The time is ISO 8601, of local standard time,
of any year: month, day and hour of it count. With --daily the hour does not. Cells that are empty are left out.
"""
import argparse
import csv
import datetime
import sys


def mapping(text):
    metric, equals, source = text.partition("=")
    column, _, unit = source.partition(":")
    if not (metric and equals and column):
        raise argparse.ArgumentTypeError(f"{text}: METRIC=COLUMN[:UNIT] wanted")
    return metric, column, unit


def convert(source, name, time_column, mappings, daily, out):
    """Writes the rows; the first fault, as "name:line: what", or None."""
    table = csv.DictReader(source)
    missing = [c for c in [time_column] + [c for _, c, _ in mappings] if c not in (table.fieldnames or [])]
    if missing:
        return f"{name}:1: no column {', '.join(missing)}"
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["month", "day", "hour", "metric", "unit", "mean"])
    for row in table:
        try:
            at = datetime.datetime.fromisoformat(row[time_column])
        except (ValueError, TypeError):
            return f"{name}:{table.line_num}: {row[time_column]!r} is no time"
        for metric, column, unit in mappings:
            if row[column]:
                writer.writerow([at.month, at.day, "" if daily else at.hour, metric, unit, row[column]])
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("mappings", nargs="+", type=mapping, metavar="METRIC=COLUMN[:UNIT]")
    parser.add_argument("--time", default="date", help="column of the time")
    parser.add_argument("--daily", action="store_true", help="the normals are of whole days")
    options = parser.parse_args()
    with open(options.table, newline="", encoding="utf-8-sig") as source:
        fault = convert(source, options.table, options.time, options.mappings, options.daily, sys.stdout)
    if fault:
        sys.exit(fault)


if __name__ == "__main__":
    main()
