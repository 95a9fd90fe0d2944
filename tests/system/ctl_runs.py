"""What the tests of isobarctl share: its runs, and what is in Redis then."""
import json

import oracle
import redis as redis_client
from conftest import TOPICS


def client(stack):
    host, port = stack.redis.split(":")
    return redis_client.Redis(host, int(port))


def run(stack, command, *argv, which=("kafka", "redis")):
    """(exit code, stdout, stderr)."""
    done = stack.ctl(command, *stack.common(*which), *argv, check=False)
    return done.returncode, done.stdout, done.stderr


def started(stack, topics=None):
    stack.start_redis()
    stack.start_devbroker(topics or TOPICS)
    return client(stack)


def catalogue(redis, prefix="isobar:", partitions=24):
    """{id: City} of all shards, each in its shard."""
    city_pb2 = oracle.modules()[2]
    cities = {}
    for p in range(partitions):
        for field, raw in redis.hgetall(f"{prefix}{{{p}}}:cities").items():
            city = city_pb2.City.FromString(raw)
            assert city.city_id == int(field) and oracle.shard(city.city_id, partitions) == p
            cities[city.city_id] = city
    return cities


def view_of(stack):
    code, out, _ = run(stack, "status", "--json", which=("redis",))
    return code, json.loads(out) if out.startswith("{") else None
