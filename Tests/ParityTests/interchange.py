#!/usr/bin/env python3
"""Snapshots and hashes which two servers exchange.

    interchange.py --reference etcd --subject path/to/server

Snapshots of the subject must be accepted by etcdutl and served by the reference with the same
keys, leases, revision and hash; with `--reverse` also the other way round. After the same
requests both servers must tell the same HashKV at each revision. Tools are found as in
run_parity.py. The last line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from canonical import Names  # noqa: E402 - the environment must be set before grpc is loaded
from client import Client, Failure, show  # noqa: E402
from ctl import table  # noqa: E402
from differential import Generator  # noqa: E402
from protocol import METHODS, message_class  # noqa: E402
from run_parity import command, tool  # noqa: E402
from server import Cluster, kill_everything  # noqa: E402

Request = tuple[str, dict[str, Any]]
EVERYTHING = {"key": b"\x00", "range_end": b"\x00"}


class Counter:
    """Counts checks and prints those which fail."""

    def __init__(self) -> None:
        self.passed = self.failed = self.skipped = 0

    def check(self, name: str, left: Any, right: Any) -> None:
        """Both values must be equal."""
        if left == right:
            self.passed += 1
            print(f"ok      {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {name}\n    reference: {left}\n    subject:   {right}", flush=True)

    def skip(self, name: str, reason: str) -> None:
        self.skipped += 1
        print(f"SKIPPED {name}: {reason}", flush=True)


# Scripts of requests


def put(key: bytes, value: bytes = b"v", **fields: Any) -> Request:
    return "KV.Put", {"key": key, "value": value, **fields}


def delete(key: bytes, range_end: bytes = b"") -> Request:
    return "KV.DeleteRange", {"key": key, "range_end": range_end}


def compact(revision: int) -> Request:
    return "KV.Compact", {"revision": revision, "physical": True}


def plain() -> list[Request]:
    return [put(b"%d" % (n % 30), b"x" * n) for n in range(100)]


def deletes() -> list[Request]:
    return [*plain(), delete(b"1"), delete(b"2", b"3"), put(b"1"), delete(b"none"), delete(b"1")]


def txns() -> list[Request]:
    operations = [
        {"request_put": {"key": b"t", "value": b"1"}},
        {"request_delete_range": {"key": b"1", "range_end": b"2"}},
        {"request_txn": {"success": [{"request_put": {"key": b"u", "value": b"2"}}]}},
    ]
    return [*plain(), ("KV.Txn", {"success": operations}), ("KV.Txn", {"success": operations})]


def leases() -> list[Request]:
    grant = [("Lease.LeaseGrant", {"ID": n, "TTL": 6000 + 100 * n}) for n in (1, 2, 3)]
    attached = [put(b"l%d" % n, lease=1 + n % 3) for n in range(9)]
    return [*grant, *attached, put(b"l0"), ("Lease.LeaseRevoke", {"ID": 2})]


def compacted() -> list[Request]:
    return [*deletes(), compact(50), put(b"after"), compact(80), put(b"1"), delete(b"3")]


def tombstone_at_compaction() -> list[Request]:
    """Revision 4 deletes `b`; the compaction is exactly there."""
    return [put(b"a"), put(b"b"), delete(b"b"), put(b"a"), compact(4), put(b"c")]


def tombstone_below_compaction() -> list[Request]:
    return [put(b"a"), put(b"b"), delete(b"b"), put(b"a"), compact(5), put(b"c")]


def tombstone_above_compaction() -> list[Request]:
    return [put(b"a"), put(b"b"), delete(b"b"), put(b"a"), compact(3), put(b"c")]


def range_tombstones_at_compaction() -> list[Request]:
    """Revision 12 deletes five keys; one of them lives again afterwards."""
    keys = [put(b"%d" % n) for n in range(10)]
    return [*keys, delete(b"2", b"7"), compact(12), put(b"3"), delete(b"3"), compact(14)]


def everything() -> list[Request]:
    return [*leases(), *txns(), *[put(b"%d" % n) for n in range(40)], compact(60), delete(b"5")]


SCRIPTS: list[Callable[[], list[Request]]] = [
    plain, deletes, txns, leases, compacted, tombstone_at_compaction,
    tombstone_below_compaction, tombstone_above_compaction, range_tombstones_at_compaction,
    everything,
]


def random_script(seed: int, count: int) -> Iterator[Request]:
    """Writes of the differential generator; revisions are only guessed at."""
    generator = Generator(seed)
    while count:
        method, fields = generator.request()
        if method in ("KV.Put", "KV.DeleteRange", "KV.Txn", "Lease.LeaseGrant",
                      "Lease.LeaseRevoke"):
            generator.revision += 1
            count -= 1
            yield method, fields


# One server


class Server:
    """A cluster of one member and a client for it."""

    def __init__(self, words: list[str], restored: Cluster | None = None) -> None:
        self.cluster = restored or Cluster(words)
        self.cluster.start()
        self.client = Client(self.cluster.members[0].endpoint)
        self.names = Names(0, b"", exact_hash=True)
        self.names.chosen_leases.update(range(10))

    def ask(self, method: str, **fields: Any) -> Any:
        return self.client.call(method, message_class(METHODS[method].request)(**fields))

    def play(self, script) -> None:
        for method, fields in script:
            self.ask(method, **fields)

    def hash(self, revision: int) -> Any:
        """HashKV without the header."""
        answer = self.ask("Maintenance.HashKV", revision=revision)
        if isinstance(answer, Failure):
            return answer.code, answer.details
        return answer.hash, answer.compact_revision

    def hashes(self) -> dict[int, Any]:
        """The hash at each of the last revisions and at the current one.

        Except at the compacted revision itself, where 3.5.1 refuses to tell it.
        """
        now = self.ask("KV.Range", **EVERYTHING).header.revision
        compacted = self.ask("Maintenance.HashKV").compact_revision
        revisions = [0, *(n for n in range(max(1, now - 12), now + 1) if n != compacted)]
        return {revision: self.hash(revision) for revision in revisions}

    def state(self) -> dict[str, Any]:
        """Keys, revision, leases and hash."""
        keys = show(self.ask("KV.Range", **EVERYTHING), self.names)
        ids = sorted(lease.ID for lease in self.ask("Lease.LeaseLeases").leases)
        details = [self.ask("Lease.LeaseTimeToLive", ID=number, keys=True) for number in ids]
        return {
            "keys": keys.get("kvs", []),
            "revision": keys["header"]["revision"],
            "leases": [(item.ID, item.grantedTTL, sorted(item.keys)) for item in details],
            "hash": self.hash(0),
        }

    def snapshot(self, path: Path) -> None:
        """Write the answer of the Snapshot RPC to a file."""
        stream = self.client.stream("Maintenance.Snapshot")
        stream.send(b"")
        stream.half_close()
        with open(path, "wb") as file:
            while not isinstance(answer := stream.read(30.0), (str, Failure)):
                file.write(answer.blob)

    def stop(self) -> None:
        self.client.close()
        self.cluster.stop()


# The checks


def check_hashes(words: tuple[list[str], list[str]], counter: Counter, seed: int) -> None:
    """The same requests on two fresh servers must give the same hashes."""
    scripts = [(script.__name__, script) for script in SCRIPTS]
    scripts += [(f"random_{seed + n}", lambda n=n: random_script(seed + n, 400)) for n in range(2)]
    for name, script in scripts:
        servers = [Server(word) for word in words]
        try:
            for server in servers:
                server.play(script())
            hashes = [server.hashes() for server in servers]
            counter.check(f"hashkv {name}", *hashes)
        finally:
            for server in servers:
                server.stop()


def check_snapshot(source: list[str], target: list[str], tools: dict, counter: Counter,
                   name: str) -> None:
    """A snapshot of `source` is read by etcdutl and served by `target`."""
    server = Server(source)
    try:
        server.play(everything())
        before = server.state()
        paths = {"rpc": server.cluster.directory / "rpc.db"}
        server.snapshot(paths["rpc"])
        if tools["etcdctl"]:
            paths["etcdctl"] = server.cluster.directory / "etcdctl.db"
            endpoint = f"--endpoints={server.cluster.members[0].endpoint}"
            saved = run(tools["etcdctl"], endpoint, "snapshot", "save", str(paths["etcdctl"]))
            counter.check(f"{name} etcdctl snapshot save", 0, saved.returncode)
        else:
            counter.skip(f"{name} etcdctl snapshot save", "etcdctl 3.5 is missing")
        for how, path in paths.items():
            check_file(path, before, target, tools["etcdutl"], counter, f"{name} {how}")
    finally:
        server.stop()


def check_file(path: Path, before: dict, target: list[str], etcdutl: str, counter: Counter,
               name: str) -> None:
    """Status, restore and serve one snapshot file."""
    status = run(etcdutl, "snapshot", "status", str(path), "-w", "json")
    counter.check(f"{name} status exit", 0, status.returncode)
    if status.returncode:
        print(status.stderr)
        return
    facts = json.loads(status.stdout)
    counter.check(f"{name} status keys", ["hash", "revision", "totalKey", "totalSize"],
                  sorted(facts))
    counter.check(f"{name} status revision", before["revision"], f"R+{facts['revision']}")
    counter.check(f"{name} status counts keys", True, facts["totalKey"] >= len(before["keys"]))
    rows = table(run(etcdutl, "snapshot", "status", str(path), "-w", "table").stdout)
    counter.check(f"{name} status table", {"HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"},
                  set(rows[0]))
    counter.check(f"{name} status table revision", str(facts["revision"]), rows[0]["REVISION"])
    restored = Cluster(target)
    member = restored.members[0]
    result = run(etcdutl, "snapshot", "restore", str(path), f"--name={member.name}",
                 f"--data-dir={member.data_directory}", f"--initial-cluster={restored.initial}",
                 f"--initial-advertise-peer-urls={member.peer_url}",
                 "--initial-cluster-token=parity")
    counter.check(f"{name} restore exit", 0, result.returncode)
    if result.returncode:
        print(result.stderr)
        restored.stop()
        return
    check_served(restored, target, before, counter, name)


def check_served(restored: Cluster, target: list[str], before: dict, counter: Counter,
                 name: str) -> None:
    """The restored directory is served with the same state and can be written to."""
    server = Server(target, restored)
    try:
        after = server.state()
        for part in before:
            counter.check(f"{name} restored {part}", before[part], after[part])
        answer = server.ask("KV.Put", key=b"after restore", value=b"1")
        counter.check(f"{name} restored writable", False, isinstance(answer, Failure))
    finally:
        server.stop()


def run(*words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "ETCDCTL_API": "3"}
    return subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)


def main() -> int:
    """Run all checks; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="command of the reference server")
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--reverse", action="store_true", help="also restore for the subject")
    parser.add_argument("--only", choices=["snapshot", "hashes"], help="one kind of checks")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--etcdctl35")
    parser.add_argument("--etcdutl")
    options = parser.parse_args()
    reference = command(options.reference or os.environ.get("KEELSON_ETCD35") or "etcd")
    subject = command(options.subject)
    tools = {
        "etcdctl": tool(options.etcdctl35, "KEELSON_ETCDCTL35", "etcdctl", "3.5"),
        "etcdutl": tool(options.etcdutl, "KEELSON_ETCDUTL35", "etcdutl", "3.5"),
    }
    counter = Counter()
    if options.only != "hashes":
        snapshots(reference, subject, tools, counter, options.reverse)
    if options.only != "snapshot":
        print(f"seed {options.seed}")
        check_hashes((reference, subject), counter, options.seed)
    print(f"{counter.passed} passed, {counter.failed} failed, {counter.skipped} skipped")
    return 1 if counter.failed else 0


def snapshots(reference, subject, tools: dict, counter: Counter, reverse: bool) -> None:
    if not tools["etcdutl"]:
        counter.skip("all snapshot checks", "etcdutl 3.5 is missing")
        return
    check_snapshot(subject, reference, tools, counter, "snapshot")
    if reverse:
        check_snapshot(reference, subject, tools, counter, "reverse snapshot")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        kill_everything()
        os._exit(130)
    finally:
        kill_everything()
