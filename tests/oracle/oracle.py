#!/usr/bin/python3
"""The oracle: reads the whole topic, recomputes everything that follows from it, and compares with Redis exactly.

It shares no code with the worker: docs/semantics.md is implemented a second time, with Python's unbounded integers and time zones, straight
from a list of all rows, without commits, loading or merging. Where the contract leaves a choice to log order, it follows log order.

  oracle.py --kafka HOST:PORT --redis HOST:PORT [--prefix isobar:] [--json]

Exit code: 0 equal, 1 a difference (each is printed, at most 50), 69 a dependency is missing.

What it checks, per partition:
  I1  applied + gaps = offset - first offset, and offset <= the log's end
  I2  rows and every row counter equal the recount; pane counts (closed and open) + retired = in + late
  I3  the clock equals the largest timestamp applied
  cities: watermark, what is closed, counters, latest reading, flags, facts and what later rows are judged by
  windows and panes: everything in them, and when windows became final and were revised
Rows that were retired from Redis since are counted, not compared.

decode.py, formulas.py, quality.py, zones.py and windows.py are the semantics of rows and spans, partition.py that of the log; topic.py reads,
compare.py compares. generate.py and apply.py do the same for generated logs and isobar-apply, which needs neither Kafka nor Redis.
"""
import argparse
import json
import sys

from proto import modules  # noqa: F401  (tests of other folders take these from here)
from shard import shard  # noqa: F401
from topic import read_topic, run  # noqa: F401


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--prefix", default="isobar:")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        comparison, totals = run(options.kafka, options.redis, options.prefix)
    except (RuntimeError, OSError) as error:
        print(f"oracle: {error}", file=sys.stderr)
        return 69
    if options.json:
        print(json.dumps({"differences": comparison.differences[:50], "compared": comparison.compared, "totals": totals}))
    else:
        for line in comparison.differences[:50]:
            print("DIFFERENT", line)
        print(f"oracle: {len(comparison.differences)} differences; compared {dict(comparison.compared)}; rows {dict(totals)}")
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
