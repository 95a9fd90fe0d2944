"""The message classes, made from proto/ on demand by protoc: all that the oracle shares with the programs."""
import functools
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROTO_DIR = os.path.join(ROOT, "build", "oracle")
NAMES = ("observation", "window", "alert", "city", "control")


def fresh(sources, outputs):
    return all(os.path.exists(o) and os.path.getmtime(o) >= os.path.getmtime(s) for o, s in zip(outputs, sources))


@functools.lru_cache(None)
def modules():
    """(observation_pb2, window_pb2, city_pb2)"""
    os.makedirs(PROTO_DIR, exist_ok=True)
    sources = [os.path.join(ROOT, "proto", n + ".proto") for n in NAMES]
    if not fresh(sources, [os.path.join(PROTO_DIR, n + "_pb2.py") for n in NAMES]):
        subprocess.run(["protoc", "-I" + os.path.join(ROOT, "proto"), "--python_out=" + PROTO_DIR, *sources], check=True)
    if PROTO_DIR not in sys.path:
        sys.path.insert(0, PROTO_DIR)
    import city_pb2
    import observation_pb2
    import window_pb2
    return observation_pb2, window_pb2, city_pb2
