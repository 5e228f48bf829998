"""python-etcd, the client of the second API: the examples of its README, and more."""

from __future__ import annotations

import threading

import etcd
from etcd.auth import Auth
from tell import PLACE, case, key, later, raised, run

TLS = {"protocol": "https", "cert": (PLACE["cert"], PLACE["key"]),
       "ca_cert": PLACE["ca"]} if PLACE.get("ca") else {}


def connect(**more):
    return etcd.Client(host=PLACE["host"], port=PLACE["port"], **TLS, **more)


client = connect()


def k(text: str = "") -> str:
    return ("/" + key(text)).rstrip("/")


def node(one):
    return one.action, one.key, one.value, one.dir, one.newKey


def leaf(one):
    return one.key, one.value, one.dir


@case
def readme_write_and_read():
    made = client.write(k("nodes/n1"), 1)
    client.write(k("nodes/n2"), 2, ttl=100)
    client.set(k("nodes/n3"), 3)
    read = client.read(k("nodes/n2"))
    return (node(made), leaf(read), 95 < read.ttl <= 100, client.get(k("nodes/n1")).value,
            sorted(leaf(one) for one in client.read(k("nodes"), recursive=True, sorted=True).leaves))


@case
def readme_refresh():
    client.write(k("a"), "1", ttl=20)
    client.refresh(k("a"), ttl=600)
    one = client.read(k("a"))
    return one.value, 590 < one.ttl <= 600, raised(client.refresh, k("none"), ttl=6)


@case
def readme_delete():
    client.write(k("a"), "1")
    client.write(k("d/e/f"), "1")
    one = client.delete(k("a"))
    many = client.delete(k("d"), recursive=True)
    client.write(k("empty"), None, dir=True)
    client.delete(k("empty"), dir=True)
    return (node(one), node(many), raised(client.read, k("a")), raised(client.delete, k("a")),
            k("a") in client)


@case
def readme_pop():
    client.write(k("a"), "1")
    return node(client.pop(k("a"))), raised(client.pop, k("a"))


@case
def readme_locking():
    lock, rival = etcd.Lock(client, key("l")), etcd.Lock(connect(), key("l"))
    seen = [lock.acquire(blocking=True, lock_ttl=None), lock.is_acquired,
            rival.acquire(blocking=False)]
    later(0.3, lock.release)
    seen += [rival.acquire(blocking=True, lock_ttl=60), rival.is_acquired]
    rival.release()
    seen.append(rival.is_acquired)
    with etcd.Lock(client, key("m")) as held:
        seen.append(held.is_acquired)
    return seen


@case
def readme_members():
    members = [(one["name"], len(one["clientURLs"])) for one in client.members.values()]
    return members, client.leader["name"], len(client.machines)


@case
def readme_watch():
    client.write(k("a"), "1")
    later(0.2, lambda: client.write(k("a"), "2"))
    seen = [node(client.watch(k("a"), timeout=20))]
    later(0.2, lambda: client.write(k("d/x/y"), "3"))
    seen.append(node(client.watch(k("d"), recursive=True, timeout=20)))
    return seen, raised(client.watch, k("a"), timeout=1)["class"]


@case
def watch_history():
    first = client.write(k("a"), "1").modifiedIndex
    client.write(k("a"), "2")
    client.delete(k("a"))
    found = []
    for one in client.eternal_watch(k("a"), index=first):
        found.append(node(one))
        if len(found) == 3:
            return found


@case
def watch_of_many():
    found, lock = [], threading.Lock()

    def wait():
        one = node(connect().watch(k("a"), timeout=20, index=start))
        with lock:
            found.append(one)

    start = client.write(k("x"), "1").modifiedIndex + 1
    threads = [threading.Thread(target=wait) for _ in range(20)]
    for one in threads:
        one.start()
    client.write(k("a"), "2")
    for one in threads:
        one.join(20)
    return found


@case
def compare_and_swap():
    first = client.write(k("a"), "1", prevExist=False)
    seen = [node(first), node(client.write(k("a"), "2", prevValue="1")),
            raised(client.write, k("a"), "3", prevValue="1")["class"],
            raised(client.write, k("a"), "3", prevExist=False)["class"],
            raised(client.write, k("none"), "3", prevExist=True)["class"],
            raised(client.write, k("a"), "3", prevIndex=first.modifiedIndex)["class"],
            node(client.test_and_set(k("a"), "4", "2")),
            node(client.delete(k("a"), prevValue="4"))]
    return seen


@case
def update():
    client.write(k("a"), "1")
    one = client.read(k("a"))
    one.value = "2"
    done = node(client.update(one))
    client.write(k("a"), "3")
    return done, raised(client.update, one)["class"]


@case
def in_order():
    for number in range(3):
        client.write(k("q"), number, append=True)
    return [one.value for one in client.read(k("q"), sorted=True).leaves]


@case
def directories():
    client.write(k("d"), None, dir=True)
    client.write(k("d/a"), "1")
    return (leaf(client.read(k("d"))), raised(client.write, k("d"), "1")["class"],
            raised(client.write, k("d/a/b"), "1")["class"], raised(client.delete, k("d"))["class"],
            raised(client.delete, k("d"), dir=True)["class"], client.read(k("d")).dir)


@case
def expiry():
    client.write(k("a"), "1", ttl=1)
    gone = client.watch(k("a"), timeout=20)
    return gone.action, raised(client.read, k("a"))["class"]


@case
def quorum_reads():
    client.write(k("a"), "1")
    return leaf(client.read(k("a"), quorum=True))


@case
def statistics():
    return (sorted(client.store_stats), client.stats["state"], "followers" in client.leader_stats,
            bool(client.version), Auth(client).active)


run()
