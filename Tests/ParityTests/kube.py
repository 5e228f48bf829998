#!/usr/bin/env python3
"""What a Kubernetes API server asks of its store, on real etcd and on the server under test.

    kube.py --reference etcd --subject path/to/server [--case NAME] [--show]

Lists in pages, transactions that compare a revision, watches with previous pairs and progress
requests, leases, the compactor's key: each story has the same outcome on both servers. The last
line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from client import Client, Failure, Stream  # noqa: E402 - the environment must be set before grpc
from protocol import METHODS, message_class  # noqa: E402
from run_parity import command  # noqa: E402
from server import Cluster, eventually, kill_everything  # noqa: E402

PAGE = 500
STORIES: dict[str, tuple[int, object]] = {}


def story(size: int = 1):
    """A story and how many members it is told on."""

    def add(body):
        STORIES[body.__name__] = (size, body)
        return body

    return add


class Store:
    """The requests of an API server's storage layer, over one connection."""

    def __init__(self, endpoint: str, root: str) -> None:
        self.client = Client(endpoint)
        self.root = f"/registry/{root}/".encode()

    def key(self, name: str) -> bytes:
        return self.root + name.encode()

    @property
    def end(self) -> bytes:
        return self.root[:-1] + b"0"

    def ask(self, method: str, **fields):
        return self.client.call(method, message_class(METHODS[method].request)(**fields))

    def must(self, method: str, **fields):
        answer = self.ask(method, **fields)
        if isinstance(answer, Failure):
            raise RuntimeError(f"{method}: {answer.code} {answer.details}")
        return answer

    # Objects

    def get(self, name: str, revision: int = 0):
        answer = self.must("KV.Range", key=self.key(name), limit=1, revision=revision)
        return answer.kvs[0] if answer.kvs else None

    def change(self, name: str, expected: int, then: dict):
        """Does `then` if the object is of that revision, else brings it along."""
        key = self.key(name)
        compare = [{"target": 2, "result": 0, "key": key, "mod_revision": expected}]
        return self.ask("KV.Txn", compare=compare, success=[then],
                        failure=[{"request_range": {"key": key, "limit": 1}}])

    def put(self, name: str, value: bytes, expected: int = 0, lease: int = 0):
        return self.change(name, expected, {
            "request_put": {"key": self.key(name), "value": value, "lease": lease}})

    def delete(self, name: str, expected: int):
        return self.change(name, expected, {"request_delete_range": {"key": self.key(name)}})

    def update(self, name: str, change) -> int:
        """Reads, changes and writes until nobody came between; how often that was tried."""
        tries, found = 0, self.get(name)
        while True:
            tries += 1
            answer = self.put(name, change(found.value), found.mod_revision)
            if isinstance(answer, Failure):
                raise RuntimeError(answer.details)
            if answer.succeeded:
                return tries
            found = answer.responses[0].response_range.kvs[0]

    # Lists and watches

    def page(self, after: bytes = b"", revision: int = 0, limit: int = PAGE):
        return self.ask("KV.Range", key=after or self.root, range_end=self.end, limit=limit,
                        revision=revision)

    def all(self) -> tuple[list, int, int]:
        """The whole list in pages of one revision; pairs, revision, pages."""
        found, revision, after, pages = [], 0, b"", 0
        while True:
            answer = self.page(after, revision)
            if isinstance(answer, Failure):
                raise RuntimeError(answer.details)
            revision, pages = revision or answer.header.revision, pages + 1
            found += answer.kvs
            if not answer.more:
                return found, revision, pages
            after = answer.kvs[-1].key + b"\0"

    def watch(self, revision: int) -> "Watcher":
        return Watcher(self, revision)

    def relative(self, kv, base: int):
        return kv and [kv.key.decode(), kv.value.decode("latin-1"), kv.version,
                       kv.create_revision - base, kv.mod_revision - base]


class Watcher:
    """A watch as the API server's cache holds it."""

    def __init__(self, store: Store, revision: int) -> None:
        self.store = store
        self.stream: Stream = store.client.stream("Watch.Watch", [("hasleader", "true")])
        self.send(create_request={
            "key": store.root, "range_end": store.end, "start_revision": revision,
            "prev_kv": True, "progress_notify": True})
        self.created = self.stream.read(10)
        self.revision = revision - 1

    def send(self, **fields) -> None:
        self.stream.send(message_class("etcdserverpb.WatchRequest")(**fields))

    def events(self, count: int, base: int) -> list:
        """The next events with their previous pairs, whatever their grouping."""
        found = []
        while len(found) < count:
            answer = self.stream.read(20)
            if isinstance(answer, (str, Failure)):
                raise RuntimeError(f"after {len(found)} events: {answer}")
            for event in answer.events:
                before = event.prev_kv if event.HasField("prev_kv") else None
                found.append([event.type, self.store.relative(event.kv, base),
                              self.store.relative(before, base)])
                self.revision = event.kv.mod_revision
            if answer.canceled:
                return [*found, ["canceled", answer.cancel_reason, answer.compact_revision - base]]
        return found

    def level_with(self, revision: int) -> tuple[int, int]:
        """Asks for progress until the watch is known to be that far."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            self.send(progress_request={})
            answer = self.stream.read(0.2)
            if isinstance(answer, (str, Failure)):
                continue
            if not answer.events and answer.header.revision >= revision:
                return answer.watch_id, len(answer.events)
        raise RuntimeError("no progress")

    def close(self) -> None:
        self.stream.cancel()


def shown(answer) -> list:
    """What a write came to."""
    if isinstance(answer, Failure):
        return [answer.code, answer.details]
    found = answer.responses[0].response_range.kvs if not answer.succeeded else []
    return [answer.succeeded, [[kv.key.decode(), kv.value.decode(), kv.version] for kv in found]]


# Stories. Each gets a store for each member and returns what is compared.


@story()
def life_of_an_object(store: Store):
    first = store.put("pods/a", b"1")
    again = store.put("pods/a", b"1")
    made = store.get("pods/a")
    changed = store.put("pods/a", b"2", made.mod_revision)
    late = store.put("pods/a", b"3", made.mod_revision)
    missing = store.delete("pods/b", 7)
    wrong = store.delete("pods/a", made.mod_revision)
    now = store.get("pods/a")
    gone = store.delete("pods/a", now.mod_revision)
    return ([shown(one) for one in (first, again, changed, late, missing, wrong, gone)],
            store.relative(now, made.mod_revision), store.get("pods/a"),
            gone.responses[0].response_delete_range.deleted,
            store.relative(store.get("pods/a", now.mod_revision), made.mod_revision))


@story()
def list_in_pages(store: Store):
    for number in range(1234):
        store.put(f"pods/{number:05}", b"%d" % number)
    first = store.page()
    after = first.kvs[-1].key + b"\0"
    # Between the pages the world goes on; the list does not.
    store.put("pods/99999", b"new")
    store.delete("pods/00700", store.get("pods/00700").mod_revision)
    revision = first.header.revision
    pages = [store.page(after, revision)]
    while pages[-1].more:
        pages.append(store.page(pages[-1].kvs[-1].key + b"\0", revision))
    names = [kv.key for page in [first, *pages] for kv in page.kvs]
    store.must("KV.Compact", revision=store.page(limit=1).header.revision)
    late = store.page(after, revision)
    whole, _, count = store.all()
    return ([(len(page.kvs), page.more, page.count) for page in [first, *pages]], len(names),
            len(set(names)), store.key("pods/00700") in names, store.key("pods/99999") in names,
            [late.code, late.details], len(whole), count)


@story()
def counts_and_limits(store: Store):
    for number in range(30):
        store.put(f"nodes/{number}", b"x")
    counted = store.must("KV.Range", key=store.root, range_end=store.end, count_only=True)
    one = store.page(limit=1)
    names = store.must("KV.Range", key=store.root, range_end=store.end, keys_only=True)
    future = store.page(revision=one.header.revision + 100)
    return (counted.count, len(counted.kvs), len(one.kvs), one.more, one.count,
            sum(len(kv.value) for kv in names.kvs), [future.code, future.details])


@story()
def watch_from_a_list(store: Store):
    store.put("pods/a", b"1")
    _, base, _ = store.all()
    store.put("pods/b", b"1")  # between the list and the watch
    watcher = store.watch(base + 1)
    store.put("pods/a", b"2", store.get("pods/a").mod_revision)
    store.delete("pods/b", store.get("pods/b").mod_revision)
    store.must("KV.Put", key=b"/registry/elsewhere/x", value=b"1")
    lease = store.must("Lease.LeaseGrant", ID=0, TTL=600).ID
    store.put("pods/e", b"event", lease=lease)
    store.must("Lease.LeaseRevoke", ID=lease)
    events = watcher.events(5, base)
    now = store.page(limit=1).header.revision
    level = watcher.level_with(now)
    watcher.close()
    return watcher.created.created, watcher.created.watch_id, events, level


@story()
def consistent_reads_from_a_cache(store: Store):
    """A reader waits until its cache is level with the store, then answers from it."""
    store.put("pods/a", b"0")
    _, base, _ = store.all()
    watcher = store.watch(base + 1)
    found = []
    for number in range(20):
        store.put("pods/a", b"%d" % number, store.get("pods/a").mod_revision)
        now = store.page(limit=1).header.revision
        found += watcher.events(1, base)
        found.append(watcher.level_with(now))
    watcher.close()
    return found


@story()
def watch_of_the_compacted_past(store: Store):
    first = store.put("pods/a", b"1").header.revision
    for number in range(5):
        store.put("pods/a", b"%d" % number, store.get("pods/a").mod_revision)
    last = store.page(limit=1).header.revision
    store.must("KV.Compact", revision=last)
    old, good = store.watch(first), store.watch(last)
    answer = [old.events(1, first), good.events(1, first)]
    old.close()
    good.close()
    return answer


@story()
def leases_of_events(store: Store):
    """Events share a lease while it covers them."""
    long = store.must("Lease.LeaseGrant", ID=0, TTL=3600 + 60).ID
    for number in range(1000):
        store.put(f"events/{number:04}", b"x", lease=long)
    short = store.must("Lease.LeaseGrant", ID=0, TTL=2).ID
    for number in range(50):
        store.put(f"events/s{number}", b"x", lease=short)
    before = store.page(limit=1).header.revision
    watcher = store.watch(before + 1)
    events = watcher.events(50, before)
    watcher.close()
    left = store.must("Lease.LeaseTimeToLive", ID=long, keys=True)
    gone = store.must("Lease.LeaseTimeToLive", ID=short)
    return (events, store.page(limit=1).count, left.grantedTTL, len(left.keys), gone.TTL,
            [shown(store.put("events/late", b"x", lease=short))])


def compactor(store: Store, version: int, revision: int):
    """One round of an API server's compactor: its word, and whether it was the one to act."""
    key = store.key("compact_rev_key")
    answer = store.must("KV.Txn", compare=[{
        "target": 0, "result": 0, "key": key, "version": version}],
        success=[{"request_put": {"key": key, "value": b"%d" % revision}}],
        failure=[{"request_range": {"key": key}}])
    if answer.succeeded:
        return True, version + 1, answer.header.revision, revision
    kv = answer.responses[0].response_range.kvs[0]
    return False, kv.version, answer.header.revision, int(kv.value)


@story()
def two_compactors(store: Store):
    base = store.page(limit=1).header.revision
    mine, yours, compacted, told = 0, 0, [], []
    revision = 0
    for turn in range(6):
        for number in range(5):
            store.must("KV.Put", key=store.key(f"pods/{number}"), value=b"%d" % turn)
        won, mine, now, previous = compactor(store, mine, revision)
        lost, yours, _, _ = compactor(store, yours, revision)
        told.append((won, lost, mine, yours))
        if previous:
            answer = store.ask("KV.Compact", revision=previous)
            compacted.append(getattr(answer, "details", "done"))
        revision = now
    old = store.page(revision=base + 1)
    return told, compacted, [old.code, old.details], store.get("compact_rev_key").version


@story()
def too_large(store: Store):
    answer = store.put("pods/big", b"x" * 1_600_000)
    fits = store.put("pods/big", b"x" * 1_400_000)
    return [answer.code, answer.details], fits.succeeded, len(store.get("pods/big").value)


@story()
def health(store: Store):
    """What is asked to know that the store lives, and how large it is."""
    found = store.must("KV.Range", key=store.key("health"))
    status = store.must("Maintenance.Status")
    parts = status.version.split(".")
    return found.count, status.dbSize > 0, len(parts), all(part.isdigit() for part in parts)


@story()
def many_updates_of_one_object(store: Store):
    store.put("leases/node", b"0")
    stores = [Store(store.client.endpoint, "many_updates_of_one_object") for _ in range(8)]

    def work(one: Store) -> int:
        return sum(one.update("leases/node", lambda value: b"%d" % (int(value) + 1))
                   for _ in range(25))

    with ThreadPoolExecutor(8) as pool:
        tries = sum(pool.map(work, stores))
    found = store.get("leases/node")
    return found.value.decode(), found.version, tries >= 200


@story()
def election_by_an_object(store: Store):
    """Candidates write themselves into one object; each round has one winner."""
    store.put("leases/leader", b"nobody")
    wins = []
    for turn in range(10):
        seen = store.get("leases/leader").mod_revision
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(
                lambda number: store.put("leases/leader", b"%d/%d" % (turn, number), seen), range(4)))
        wins.append(sum(answer.succeeded for answer in answers))
    return wins, store.get("leases/leader").version


@story()
def informer_over_random_changes(store: Store):
    """A cache fed by list and watch is the store, also when its connection is cut now and then."""
    chance = random.Random(7)
    _, base, _ = store.all()
    watcher, cache, trace = store.watch(base + 1), {}, []
    for turn in range(300):
        name = f"pods/{chance.randrange(20)}"
        found = store.get(name)
        if found is None:
            store.put(name, b"%d" % turn)
        elif chance.random() < 0.3:
            store.delete(name, found.mod_revision)
        else:
            store.put(name, b"%d" % turn, found.mod_revision)
        for event in watcher.events(1, base):
            trace.append(event)
            kind, kv, _ = event
            cache.pop(kv[0], None) if kind else cache.update({kv[0]: kv})
        if turn % 37 == 36:
            watcher.close()
            watcher = store.watch(watcher.revision + 1)
    watcher.close()
    now = {kv.key.decode(): store.relative(kv, base) for kv in store.all()[0]}
    return cache == now, trace


@story(size=3)
def several_api_servers(*stores: Store):
    """Each at a member of its own; all caches see the same, also across the loss of the leader."""
    _, base, _ = stores[0].all()
    watchers = [store.watch(base + 1) for store in stores]
    for turn in range(60):
        store = stores[turn % 3]
        found = store.get(f"pods/{turn % 7}")
        store.put(f"pods/{turn % 7}", b"%d" % turn, found.mod_revision if found else 0)
    traces = [watcher.events(60, base) for watcher in watchers]
    now = stores[2].page(limit=1).header.revision
    levels = [watcher.level_with(now) for watcher in watchers]
    for watcher in watchers:
        watcher.close()
    return traces[0] == traces[1] == traces[2], traces[0], levels


@story(size=3)
def the_leader_is_lost(*stores: Store):
    """Writes go on at the others, and a watch there misses nothing."""
    cluster = stores[0].cluster
    leader = stores[0].must("Maintenance.Status").leader
    ids = [store.must("Maintenance.Status").header.member_id for store in stores]
    lost = ids.index(leader)
    left = [store for number, store in enumerate(stores) if number != lost]
    _, base, _ = left[0].all()
    watcher = left[1].watch(base + 1)
    done = []

    def write(number: int) -> None:
        while True:
            found = left[0].ask("KV.Range", key=left[0].key("pods/a"), limit=1)
            if not isinstance(found, Failure):
                revision = found.kvs[0].mod_revision if found.kvs else 0
                if found.kvs and found.kvs[0].value == b"%d" % number:
                    break  # written, though nobody said so
                answer = left[0].put("pods/a", b"%d" % number, revision)
                if not isinstance(answer, Failure) and answer.succeeded:
                    break
        done.append(number)

    for number in range(40):
        if number == 20:
            cluster.members[lost].stop()
        write(number)
    events = watcher.events(40, base)
    watcher.close()
    return done, [event[1][1] for event in events], [event[2] and event[2][1] for event in events]


# Both sides


def tell(words: list[str], names: list[str]) -> dict[str, object]:
    """The outcomes of the stories on one server."""
    outcomes: dict[str, object] = {}
    shared = None
    try:
        for name in names:
            size, body = STORIES[name]
            if size == 1 and shared is None:
                shared = Cluster(words)
                shared.start()
            cluster = shared if size == 1 else Cluster(words, size)
            try:
                if size > 1:
                    cluster.start()
                stores = [Store(member.endpoint, name) for member in cluster.members]
                stores[0].cluster = cluster
                outcomes[name] = json.loads(json.dumps(body(*stores)))
            except Exception as error:  # noqa: BLE001 - a failure of this side
                outcomes[name] = {"raised": f"{type(error).__name__}: {error}"}
            finally:
                if size > 1:
                    cluster.stop()
    finally:
        if shared:
            shared.stop()
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="command of real etcd")
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--case", action="append", help="only stories whose name contains this")
    parser.add_argument("--show", action="store_true", help="print the outcomes on etcd")
    options = parser.parse_args()
    names = [name for name in STORIES
             if not options.case or any(word in name for word in options.case)]
    sides = [command(options.reference), command(options.subject)]
    try:
        with ThreadPoolExecutor(2) as pool:
            theirs, ours = pool.map(lambda words: tell(words, names), sides)
    finally:
        kill_everything()
    failed = 0
    for name in names:
        if options.show:
            print(f"{name}: {json.dumps(theirs[name])[:2000]}")
        is_broken = isinstance(theirs[name], dict) or isinstance(ours[name], dict)
        if is_broken or theirs[name] != ours[name]:
            failed += 1
            print(f"FAILED {name}\n    etcd: {json.dumps(theirs[name])[:1500]}\n"
                  f"    ours: {json.dumps(ours[name])[:1500]}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed, 0 skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
