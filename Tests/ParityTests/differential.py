"""Random requests on both servers; every answer must be equal.

The generator is seeded and works over a small key space, so that keys, leases and revisions
meet often. Revisions are chosen around the current one of the reference.
"""

from __future__ import annotations

import random
import time
from typing import Any

from canonical import Names
from client import Client, Failure, finish, show
from compare import difference
from protocol import METHODS, message_class
from server import Cluster, kill_everything

KEYS = [b"a", b"aa", b"ab", b"b", b"ba", b"c"]
ENDS = [b"", b"", b"", b"\x00", b"ab", b"b", b"c", b"d"]
VALUES = [b"", b"1", b"2", b"33", b"\x00\xff"]
LEASES = [0, 0, 0, 1, 2, 3]
SHOWN = 10


class Generator:
    """Makes requests from a seed; `revision` is kept up to date by the run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.revision = 1
        self.compacted = 0

    def request(self) -> tuple[str, dict[str, Any]]:
        """The next method and the fields of its request."""
        kinds = [
            (28, "KV.Put", self.put),
            (24, "KV.Range", self.range),
            (10, "KV.DeleteRange", self.delete),
            (26, "KV.Txn", lambda: _without_risk(self.txn(3))),
            (3, "Lease.LeaseGrant", self.grant),
            (2, "Lease.LeaseRevoke", lambda: {"ID": self.random.randint(0, 5)}),
            (4, "Lease.LeaseTimeToLive", self.time_to_live),
            (1, "Lease.LeaseLeases", dict),
            (1, "KV.Compact", self.compact),
        ]
        weights = [weight for weight, _, _ in kinds]
        _, method, make = self.random.choices(kinds, weights)[0]
        return method, make()

    def put(self) -> dict[str, Any]:
        fields = {"key": self._key(), "prev_kv": self._often(0.3)}
        if self._often(0.1):
            fields["ignore_value"] = True
        if self._often(0.1):
            fields["ignore_lease"] = True
        if not fields.get("ignore_value") or self._often(0.1):
            fields["value"] = self.random.choice(VALUES)
        if not fields.get("ignore_lease") or self._often(0.1):
            fields["lease"] = self.random.choice(LEASES)
        return fields

    def range(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"key": self._key(), "range_end": self.random.choice(ENDS)}
        if self._often(0.3):
            fields["limit"] = self.random.randint(-1, 5)
        if self._often(0.4):
            fields["revision"] = self._revision()
        if self._often(0.5):
            fields["sort_order"] = self.random.randint(0, 2)
            fields["sort_target"] = self.random.randint(0, 4)
        for name in ("serializable", "keys_only", "count_only"):
            fields[name] = self._often(0.15)
        for name in ("min_mod", "max_mod", "min_create", "max_create"):
            if self._often(0.1):
                fields[f"{name}_revision"] = self._revision()
        return fields

    def delete(self) -> dict[str, Any]:
        return {
            "key": self._key(),
            "range_end": self.random.choice(ENDS),
            "prev_kv": self._often(0.5),
        }

    def txn(self, depth: int) -> dict[str, Any]:
        return {
            "compare": [self._compare() for _ in range(self.random.choice([0, 1, 1, 2]))],
            "success": [self._operation(depth) for _ in range(self.random.randint(0, 3))],
            "failure": [self._operation(depth) for _ in range(self.random.randint(0, 3))],
        }

    def grant(self) -> dict[str, Any]:
        return {"ID": self.random.randint(1, 5), "TTL": self.random.choice([900, 1000, 2**40])}

    def time_to_live(self) -> dict[str, Any]:
        return {"ID": self.random.randint(0, 6), "keys": self._often(0.7)}

    def compact(self) -> dict[str, Any]:
        """Mostly keep some history, so that most revisions can still be read."""
        if self._often(0.7):
            return {"revision": max(1, self.revision - 30), "physical": self._often(0.3)}
        return {"revision": self._revision(), "physical": self._often(0.3)}

    def _operation(self, depth: int) -> dict[str, Any]:
        kind = self.random.random()
        if kind < 0.4:
            return {"request_put": self.put()}
        if kind < 0.65:
            return {"request_range": self.range()}
        if kind < 0.85 or depth == 0:
            return {"request_delete_range": self.delete()}
        return {"request_txn": self.txn(depth - 1)}

    def _compare(self) -> dict[str, Any]:
        target = self.random.randint(0, 4)
        values = {
            0: ("version", self.random.randint(0, 3)),
            1: ("create_revision", self._revision()),
            2: ("mod_revision", self._revision()),
            3: ("value", self.random.choice(VALUES)),
            4: ("lease", self.random.choice(LEASES)),
        }
        name, value = values[target]
        return {
            "key": self._key(),
            "range_end": self.random.choice(ENDS) if self._often(0.3) else b"",
            "target": target,
            "result": self.random.randint(0, 3),
            name: value,
        }

    def _key(self) -> bytes:
        return b"" if self._often(0.01) else self.random.choice(KEYS)

    def _revision(self) -> int:
        if self._often(0.2):
            return self.random.choice([0, -1, 1, self.compacted])
        return max(0, self.revision + self.random.randint(-20, 1))

    def _often(self, share: float) -> bool:
        return self.random.random() < share


def _without_risk(txn: dict[str, Any]) -> dict[str, Any]:
    """Real etcd crashes when a put keeps the value of a key deleted before in the same txn.

    So a txn with a delete loses its ignore flags.
    """
    if "request_delete_range" in repr(txn):
        _drop_ignore_flags(txn)
    return txn


def _drop_ignore_flags(txn: dict[str, Any]) -> None:
    for operation in [*txn["success"], *txn["failure"]]:
        put = operation.get("request_put", {})
        put.pop("ignore_value", None)
        put.pop("ignore_lease", None)
        if "request_txn" in operation:
            _drop_ignore_flags(operation["request_txn"])


class Pair:
    """Both servers, their clients and the differences seen."""

    def __init__(self, commands: tuple[list[str], list[str]]) -> None:
        self.clusters = [Cluster(command) for command in commands]
        for cluster in self.clusters:
            cluster.start()
        self.clients = [Client(cluster.members[0].endpoint) for cluster in self.clusters]
        self.names = [Names(0, b"", exact_hash=True) for _ in self.clusters]
        for names in self.names:
            names.chosen_leases.update(range(10))
        self.began = time.monotonic()
        self.differences = 0
        self.refused = 0

    def ask(self, number: int, method: str, fields: dict[str, Any]) -> list:
        """Send one request to both at the same time and compare the answers."""
        request = message_class(METHODS[method].request)(**fields)
        futures = [client.start(method, request) for client in self.clients]
        answers = [finish(future) for future in futures]
        for names in self.names:
            # No lease here is older than the run.
            names.lease_slack = 4 + int(time.monotonic() - self.began)
        shown = [show(answer, names) for answer, names in zip(answers, self.names)]
        for side in shown:
            side.pop("hash_revision", None)  # only servers from 3.6 on tell it
        self.refused += isinstance(answers[0], Failure)
        if shown[0] != shown[1]:
            self.differences += 1
            label = f"request {number}: {method} {fields}"
            sides = [[{"step": label, "answer": answer}] for answer in shown]
            print(*difference(*sides), sep="\n", flush=True)
        return answers

    def events(self, revision: int) -> None:
        """Compare the whole history from a revision as a watch tells it."""
        shown = [self._history(n, revision) for n in range(2)]
        if shown[0] != shown[1]:
            self.differences += 1
            sides = [[{"step": "history", "answer": answer}] for answer in shown]
            print(*difference(*sides)[:80], sep="\n", flush=True)

    def _history(self, side: int, start: int) -> list[dict[str, Any]]:
        """All events up to a last put, which marks the end."""
        stream = self.clients[side].stream("Watch.Watch")
        create = {"key": b"\x00", "range_end": b"\x00", "start_revision": start, "prev_kv": True}
        stream.send(message_class("etcdserverpb.WatchRequest")(create_request=create))
        put = message_class("etcdserverpb.PutRequest")(key=b"end of history")
        last = self.clients[side].call("KV.Put", put).header.revision
        events: list[dict[str, Any]] = []
        while not events or events[-1]["kv"]["mod_revision"] != f"R+{last}":
            answer = stream.read(10.0)
            if isinstance(answer, (str, Failure)) or answer.canceled:
                events.append({"kv": {"mod_revision": f"R+{last}"}, "end": str(answer)})
                break
            events += show(answer, self.names[side]).get("events", [])
        stream.cancel()
        return events

    def stop(self, keep: bool) -> None:
        for client in self.clients:
            client.close()
        for cluster in self.clusters:
            cluster.stop(keep)


def main(reference: list[str], subject: list[str], options) -> int:
    """Run `options.differential` requests; the exit code."""
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}", flush=True)
    pair = Pair((reference, subject))
    started = time.monotonic()
    try:
        count = run(pair, Generator(seed), options)
    finally:
        pair.stop(options.keep)
        kill_everything()
    passed = count - pair.differences
    print(f"seed {seed}: {count} comparisons, {pair.refused} refused by the reference, "
          f"{time.monotonic() - started:.1f} s")
    print(f"{passed} passed, {pair.differences} failed, 0 skipped", flush=True)
    return 1 if pair.differences else 0


def run(pair: Pair, generator: Generator, options) -> int:
    """All requests, then hashes and the history; the number of comparisons."""
    for number in range(1, options.differential + 1):
        method, fields = generator.request()
        answer = pair.ask(number, method, fields)[0]
        if not isinstance(answer, Failure):
            generator.revision = max(generator.revision, answer.header.revision)
            if method == "KV.Compact":
                generator.compacted = fields["revision"]
        if pair.differences >= SHOWN:
            print(f"gave up after {SHOWN} differences")
            return number
    pair.ask(0, "KV.Range", {"key": b"\x00", "range_end": b"\x00"})
    if not options.no_hash:
        pair.ask(0, "Maintenance.HashKV", {})
    pair.events(generator.compacted + 1)
    return options.differential + 3
