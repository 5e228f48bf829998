"""etcd3-py, the client over the JSON gateway: the examples of its README, and more."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings

warnings.simplefilter("ignore")

from etcd3 import AioClient, Client  # noqa: E402 - its import warns
from etcd3.models import authpbPermissionType as Kind  # noqa: E402
from etcd3.models import RangeRequestSortOrder as Order  # noqa: E402
from etcd3.models import RangeRequestSortTarget as Target  # noqa: E402
from tell import PLACE, case, key, raised, run, watched, watcher_count  # noqa: E402

TLS = {"protocol": "https", "cert": (PLACE.get("cert"), PLACE.get("key")),
       "verify": PLACE.get("ca")} if PLACE.get("ca") else {}


def connect(user=PLACE.get("user"), password=PLACE.get("password")):
    made = Client(PLACE["host"], PLACE["port"], timeout=15, **TLS)
    if user:
        made.auth(user, password)
    return made


etcd = connect()


def field(one, name: str):
    """A field of an answer, None where the server left it out."""
    return getattr(one, name, None)


def kv(one):
    return one and {name: field(one, name) for name in ("key", "value", "version")}


def kvs(answer):
    return [kv(one) for one in field(answer, "kvs") or []]


@case
def readme():
    etcd.put(key("foo"), "bar")
    return kvs(etcd.range(key("foo"))), etcd.health()


@case
def put_options():
    etcd.put(key("a"), "1")
    second = etcd.put(key("a"), "2", prev_kv=True)
    etcd.put(key("a"), "", ignore_value=True)
    return (kv(second.prev_kv), kvs(etcd.range(key("a"))),
            raised(etcd.put, key("none"), "", ignore_value=True))


@case
def ranges():
    for name in "cab":
        etcd.put(key(name), name * 2)
    down = etcd.range(key(), prefix=True, sort_order=Order.DESCEND, sort_target=Target.KEY)
    page = etcd.range(key(), prefix=True, limit=2)
    return (kvs(down), kvs(page), page.more, page.count,
            kvs(etcd.range(key(), prefix=True, keys_only=True)),
            etcd.range(key(), prefix=True, count_only=True).count,
            kvs(etcd.range(key("a"), range_end=key("c"), serializable=True)))


@case
def old_revisions():
    first = etcd.put(key("a"), "1").header.revision
    second = etcd.put(key("a"), "2").header.revision
    seen = kvs(etcd.range(key("a"), revision=first))
    etcd.compact(second, physical=True)
    return (seen, raised(etcd.range, key("a"), revision=first),
            raised(etcd.range, key("a"), revision=second + 1000), raised(etcd.compact, first))


@case
def deletes():
    for name in "abc":
        etcd.put(key(name), name)
    one = etcd.delete_range(key("a"), prev_kv=True)
    rest = etcd.delete_range(key(), prefix=True)
    return one.deleted, [kv(item) for item in one.prev_kvs], rest.deleted


@case
def transaction_util():
    etcd.put(key("foo"), "bar")
    txn = etcd.Txn()
    txn.compare(txn.key(key("foo")).value == "bar")
    txn.compare(txn.key(key("foo")).version > 0)
    txn.success(txn.put(key("foo"), "bra"))
    txn.success(txn.range(key("foo")))
    txn.failure(txn.delete(key("foo")))
    won = txn.commit()
    lost = etcd.Txn()
    lost.compare(lost.key(key("foo")).mod == 1)
    lost.failure(lost.delete(key("foo"), prev_kv=True))
    answer = lost.commit()
    bad = etcd.Txn()
    bad.success(bad.put(key("x"), "1"))
    bad.success(bad.put(key("x"), "2"))
    return (won.succeeded, kvs(won.responses[1].response_range), bool(field(answer, "succeeded")),
            answer.responses[0].response_delete_range.deleted, raised(bad.commit))


@case
def lease_util():
    with etcd.Lease(ttl=5) as lease:
        etcd.put(key("foo"), "bar", lease=lease.ID)
        etcd.put(key("fizz"), "buzz", lease=lease.ID)
        seen = lease.time_to_live(keys=True)
        names = sorted(field(seen, "keys") or [])
        granted, alive = seen.grantedTTL, lease.alive()
        lease.keepalive_once()
    gone = lease.time_to_live()
    return names, granted, alive, gone.TTL, kvs(etcd.range(key("foo")))


@case
def lease_calls():
    lease = etcd.lease_grant(600).ID
    chosen = etcd.lease_grant(600, ID=815)
    again = raised(etcd.lease_grant, 600, ID=815)
    renewed = etcd.lease_keep_alive_once(lease)
    etcd.lease_revoke(lease)
    etcd.lease_revoke(815)
    return chosen.ID, again, renewed.TTL, raised(etcd.lease_revoke, lease)


@case
def watch_util():
    found, done = [], threading.Event()

    def saw(event):
        found.append((event.type.value, event.key, field(event, "value"),
                      kv(event.prev_kv) if event.prev_kv else None))
        if len(found) == 3:
            done.set()

    watcher = etcd.Watcher(key=key(), prefix=True, progress_notify=True, prev_kv=True)
    watcher.onEvent(saw)
    before = watcher_count()
    watcher.runDaemon()
    watched(before)
    etcd.put(key("a"), "1")
    etcd.put(key("a"), "2")
    etcd.delete_range(key("a"))
    came = done.wait(15)
    watcher.stop()
    return came, found


@case
def watch_history():
    first = etcd.put(key("a"), "1").header.revision
    etcd.put(key("b"), "2")
    watcher = etcd.Watcher(key=key(), prefix=True, start_revision=first)
    seen = []
    with watcher:
        for event in watcher:
            seen.append((event.type.value, event.key, event.value))
            if len(seen) == 2:
                break
    return seen


@case
def lock_util():
    order = []
    other = connect()
    isWaitedFor = threading.Event()

    def user(name: str, client) -> None:
        with client.Lock(key("l")[8:], lock_ttl=10):
            order.append(f"{name} got it")
            isWaitedFor.wait(20)
            order.append(f"{name} gives it back")

    first = threading.Thread(target=user, args=("user1", etcd))
    first.start()
    while not order:
        time.sleep(0.01)
    before = watcher_count()
    second = threading.Thread(target=user, args=("user2", other))
    second.start()
    watched(before)
    isWaitedFor.set()
    first.join(20)
    second.join(20)
    return order


@case
def lock_service():
    held = etcd.lock(key("s")).key
    etcd.unlock(held)
    return len(held) > len(key("s")), held.decode().startswith(key("s") + "/")


@case
def cluster():
    members = etcd.member_list().members
    return ([member.name for member in members], raised(etcd.member_remove, 1234),
            raised(etcd.member_add, ["nothing"]))


@case
def maintenance():
    status = etcd.status()
    etcd.defragment()
    member = etcd.member_list().members[0].ID
    return int(status.dbSize) > 0, "hash" in etcd.hash(), field(etcd.alarm_get(member, "NOSPACE"), "alarms")


@case
def alarms():
    member = etcd.member_list().members[0].ID
    etcd.alarm_activate(member, "NOSPACE")
    refused = raised(etcd.put, key("a"), "1")
    etcd.alarm_deactivate(member, "NOSPACE")
    etcd.put(key("a"), "1")
    return refused


@case
def users_and_roles():
    etcd.role_add("clerk")
    etcd.role_grant_permission("clerk", key(), Kind.READWRITE, prefix=True)
    etcd.user_add("eve", "secret")
    etcd.user_grant_role("eve", "clerk")
    seen = [sorted(etcd.user_list().users), sorted(etcd.role_list().roles),
            list(etcd.user_get("eve").roles), len(etcd.role_get("clerk").perm),
            raised(etcd.user_add, "eve", "again"), raised(etcd.role_add, "clerk")]
    if PLACE.get("user"):
        eve = connect("eve", "secret")
        eve.put(key("a"), "1")
        seen += [kvs(eve.range(key("a"))), raised(eve.range, "elsewhere"),
                 raised(eve.user_add, "mallory", "x"), raised(connect, "eve", "wrong")]
        etcd.user_change_password("eve", "other")
        seen.append(raised(connect, "eve", "secret"))
        seen.append(kvs(connect("eve", "other").range(key("a"))))
        nobody = Client(PLACE["host"], PLACE["port"], timeout=15, **TLS)
        seen += [raised(nobody.range, key("a")), raised(nobody.put, key("a"), "1")]
        nobody.token = "forged.1"
        seen.append(raised(nobody.range, key("a")))
    etcd.user_revoke_role("eve", "clerk")
    etcd.user_delete("eve")
    etcd.role_delete("clerk")
    return seen, raised(etcd.user_get, "eve"), raised(etcd.role_get, "clerk")


@case
def many_at_a_time():
    def work(number: int):
        for turn in range(10):
            etcd.put(key(f"{number}/{turn}"), str(turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return etcd.range(key(), prefix=True, count_only=True).count


@case
def big_value():
    etcd.put(key("a"), "x" * 1_000_000)
    return len(etcd.range(key("a")).kvs[0].value), raised(etcd.put, key("a"), "x" * 1_600_000)


if not TLS:
    @case
    async def asynchronous():
        client = AioClient(PLACE["host"], PLACE["port"])
        await client.put(key("foo"), "bar")
        answer = await client.range(key("foo"))
        client.close()
        return kvs(answer)


run()
