"""etcd3 (kragniz), the gRPC client: the examples of its README and documentation, and more."""

from __future__ import annotations

import io
import itertools
import threading

import etcd3
from tell import PLACE, case, key, later, plain, raised, run


def connect(**more):
    return etcd3.client(
        host=PLACE["host"], port=PLACE["port"], ca_cert=PLACE.get("ca"), timeout=10,
        cert_cert=PLACE.get("cert"), cert_key=PLACE.get("key"), user=PLACE.get("user"),
        password=PLACE.get("password"), **more)


etcd = connect()


def pair(answer):
    """Value, key and version of what `get` returns."""
    value, meta = answer
    return value, meta and (meta.key, meta.version, meta.mod_revision - meta.create_revision)


def event(one):
    return type(one).__name__, one.key, one.value, one.version


@case
def readme():
    etcd.put(key("bar"), "doot")
    first = pair(etcd.get(key("bar")))
    gone = etcd.delete(key("bar"))
    return first, gone, pair(etcd.get(key("bar"))), etcd.delete(key("bar"))


@case
def put_with_previous():
    etcd.put(key("a"), "1")
    answer = etcd.put(key("a"), "2", prev_kv=True)
    return answer.prev_kv.value, answer.prev_kv.version


@case
def binary_values():
    data = bytes(range(256)) * 40
    etcd.put(key("\x01ü"), data)
    value, meta = etcd.get(key("\x01ü"))
    return value == data, meta.key


@case
def prefixes():
    for name in "cab":
        etcd.put(key(name), name * 2)
    by_key = [(value, meta.key) for value, meta in etcd.get_prefix(key(), sort_order="descend")]
    by_value = [value for value, _ in
                etcd.get_prefix(key(), sort_order="ascend", sort_target="value")]
    some = [value for value, _ in etcd.get_range(key("a"), key("c"))]
    names = [(value, meta.key) for value, meta in etcd.get_prefix(key(), keys_only=True)]
    response = etcd.get_prefix_response(key())
    deleted = etcd.delete_prefix(key()).deleted
    return by_key, by_value, some, names, response.count, deleted, list(etcd.get_prefix(key()))


@case
def serializable():
    etcd.put(key("a"), "1")
    return pair(etcd.get(key("a"), serializable=True))


@case
def everything():
    etcd.put(key("a"), "1")
    return key("a").encode() in [meta.key for _, meta in etcd.get_all()]


@case
def put_if_absent_and_replace():
    return (etcd.put_if_not_exists(key("a"), "1"), etcd.put_if_not_exists(key("a"), "2"),
            etcd.replace(key("a"), "1", "3"), etcd.replace(key("a"), "1", "4"),
            pair(etcd.get(key("a"))))


@case
def transactions():
    etcd.put(key("a"), "dootdoot")
    t = etcd.transactions
    won = etcd.transaction(
        compare=[t.value(key("a")) == "dootdoot", t.version(key("a")) > 0,
                 t.create(key("a")) > 0, t.mod(key("a")) != 1],
        success=[t.put(key("b"), "success"), t.get(key("a")), t.delete(key("a"))],
        failure=[t.put(key("b"), "failure")])
    lost = etcd.transaction(compare=[t.version(key("a")) > 0], success=[],
                            failure=[t.get(key("b")), t.txn([], [t.put(key("c"), "n")], [])])
    kinds = [type(one).__name__ for one in won[1]]
    return (won[0], kinds, [value for value, _ in won[1][1]], lost[0],
            [value for value, _ in lost[1][0]], pair(etcd.get(key("c"))))


@case
def transaction_refused():
    t = etcd.transactions
    return raised(etcd.transaction, compare=[], failure=[],
                  success=[t.put(key("a"), "1"), t.put(key("a"), "2")])


@case
def leases():
    lease = etcd.lease(600)
    etcd.put(key("a"), "1", lease=lease)
    etcd.put(key("b"), "1", lease=lease.id)
    seen = (lease.granted_ttl, 590 < lease.remaining_ttl <= 600, sorted(lease.keys),
            [answer.TTL for answer in lease.refresh()])
    lease.revoke()
    return seen, pair(etcd.get(key("a"))), lease.remaining_ttl, raised(lease.revoke)


@case
def lease_expires():
    lease = etcd.lease(1)
    etcd.put(key("a"), "1", lease=lease)
    events, cancel = etcd.watch(key("a"))
    gone = next(events)
    cancel()
    return type(gone).__name__, pair(etcd.get(key("a")))


@case
def lease_of_chosen_id():
    lease = etcd.lease(600, lease_id=4711)
    again = raised(etcd.lease, 600, lease_id=4711)
    lease.revoke()
    return lease.id, again


@case
def watch_with_iterator():
    events, cancel = etcd.watch_prefix(key())

    def change():
        etcd.put(key("a"), "1")
        etcd.put(key("a"), "2")
        etcd.delete(key("a"))

    later(0.1, change)
    seen = [event(one) for one in itertools.islice(events, 3)]
    cancel()
    return seen


@case
def watch_with_callback():
    found, done = [], threading.Event()

    def callback(response):
        found.extend(event(one) for one in response.events)
        if len(found) >= 2:
            done.set()

    number = etcd.add_watch_callback(key("a"), callback)
    etcd.put(key("a"), "1")
    etcd.delete(key("a"))
    came = done.wait(10)
    etcd.cancel_watch(number)
    return came, found


@case
def watch_history_with_previous():
    begun = etcd.put(key("a"), "1").header.revision
    etcd.put(key("a"), "2")
    events, cancel = etcd.watch(key("a"), start_revision=begun, prev_kv=True)
    seen = [(event(one), one.prev_value) for one in itertools.islice(events, 2)]
    cancel()
    return seen


@case
def watch_once():
    later(0.1, lambda: etcd.put(key("a"), "1"))
    one = etcd.watch_once(key("a"), timeout=10)
    return event(one), raised(etcd.watch_once, key("b"), timeout=0.2)["class"]


@case
def watch_compacted():
    for number in range(3):
        last = etcd.put(key("a"), str(number)).header.revision
    etcd.compact(last)
    events, cancel = etcd.watch(key("a"), start_revision=last - 2)
    failure = raised(next, events)
    cancel()
    return failure["class"]


@case
def locks():
    other = connect()
    lock, rival = etcd.lock(key("l"), ttl=20), other.lock(key("l"), ttl=20)
    seen = [lock.acquire(), lock.is_acquired(), rival.acquire(timeout=0.3), rival.is_acquired(),
            [answer.TTL for answer in lock.refresh()]]
    later(0.2, lock.release)
    seen += [rival.acquire(timeout=10), lock.is_acquired(), rival.release(), rival.release()]
    with etcd.lock(key("l"), ttl=20) as held:
        seen.append(held.is_acquired())
    return seen


@case
def members():
    one = next(iter(etcd.members))
    status = etcd.status()
    return (one.name, len(list(one.client_urls)), one.active_alarms and [], status.db_size > 0,
            status.leader.name, status.raft_term > 0, raised(etcd.remove_member, 1234),
            raised(etcd.add_member, ["nothing"]))


@case
def alarms():
    made = [one.alarm_type for one in etcd.create_alarm()]
    listed = [one.alarm_type for one in etcd.list_alarms()]
    refused = raised(etcd.put, key("a"), "1")
    gone = [one.alarm_type for one in etcd.disarm_alarm()]
    etcd.put(key("a"), "1")
    return made, listed, refused, gone, list(etcd.list_alarms())


if not PLACE.get("user"):  # this client forgets its token there
    @case
    def maintenance():
        etcd.put(key("a"), "1")
        etcd.defragment()
        file = io.BytesIO()
        etcd.snapshot(file)
        data = file.getvalue()
        return isinstance(etcd.hash(), int), len(data) % 512 == 32, data[16:20].hex()


@case
def compaction():
    first = etcd.put(key("a"), "1").header.revision
    last = etcd.put(key("a"), "2").header.revision
    etcd.compact(last, physical=True)
    return (plain(raised(etcd.compact, first)), raised(etcd.compact, last + 1000),
            pair(etcd.get(key("a"))))


@case
def many_at_a_time():
    def work(number: int):
        for turn in range(20):
            etcd.put(key(f"{number}/{turn}"), str(turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return len(list(etcd.get_prefix(key())))


@case
def refusals():
    return raised(etcd.get, ""), raised(etcd.put, key("a"), "x" * 1_600_000)


@case
def wrong_password():
    if not PLACE.get("user"):
        return raised(etcd3.client, host=PLACE["host"], port=PLACE["port"], user="root",
                      password="pw", timeout=10)["text"]
    wrong = dict(PLACE, password="wrong")
    return raised(etcd3.client, host=wrong["host"], port=wrong["port"], ca_cert=wrong.get("ca"),
                  cert_cert=wrong.get("cert"), cert_key=wrong.get("key"), user=wrong["user"],
                  password="wrong", timeout=10)["text"]


run()
