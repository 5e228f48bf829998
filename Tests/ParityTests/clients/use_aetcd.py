"""aetcd, the asyncio client over gRPC: the examples of its documentation, and more."""

from __future__ import annotations

import asyncio
import io

import aetcd
from aetcd import rtypes
from tell import PLACE, case, key, run, watched, watcher_count, words


def connect():
    return aetcd.Client(host=PLACE["host"], port=PLACE["port"], username=PLACE.get("user"),
                        password=PLACE.get("password"), timeout=10)


def k(text: str = "") -> bytes:
    return key(text).encode()


def kv(one):
    return one and (one.key, one.value, one.version, one.mod_revision - one.create_revision)


async def failing(what):
    try:
        return {"did not fail": str(await what)}
    except Exception as error:  # noqa: BLE001 - compared
        return words(error)


def when_watched(what) -> asyncio.Task:
    """Does something as soon as there is a watcher more than now."""
    before = watcher_count()

    async def do():
        await asyncio.to_thread(watched, before)
        return await what

    return asyncio.create_task(do())


async def take(watch, count: int):
    found = []
    async for event in watch:
        found.append((event.kind, kv(event.kv), kv(event.prev_kv)))
        if len(found) == count:
            break
    await watch.cancel()
    return found


@case
async def readme():
    async with connect() as client:
        await client.put(k("a"), b"bar")
        first = kv(await client.get(k("a")))
        gone = await client.delete(k("a"), prev_kv=True)
        return first, kv(gone.prev_kv), await client.get(k("a")), await client.delete(k("a"))


@case
async def previous():
    async with connect() as client:
        await client.put(k("a"), b"1")
        return kv((await client.put(k("a"), b"2", prev_kv=True)).prev_kv)


@case
async def ranges():
    async with connect() as client:
        for name in "cab":
            await client.put(k(name), name.encode() * 2)
        down = [kv(one) for one in await client.get_prefix(k(), sort_order="descend")]
        some = [kv(one) for one in await client.get_range(k("a"), k("c"))]
        up = [kv(one) for one in await client.get_prefix(k(), "ascend", sort_target="value")]
        names = [kv(one) for one in await client.get_prefix(k(), keys_only=True)]
        count = (await client.get_prefix(k())).count
        deleted = await client.delete_range(k("a"), k("b"), prev_kv=True)
        rest = await client.delete_prefix(k())
        return (down, some, up, names, count,
                deleted.deleted, rest.deleted, bool(await client.get_prefix(k())))


@case
async def replace():
    async with connect() as client:
        await client.put(k("a"), b"1")
        return (await client.replace(k("a"), b"1", b"2"), await client.replace(k("a"), b"1", b"3"),
                kv(await client.get(k("a"))))


@case
async def transactions():
    async with connect() as client:
        await client.put(k("a"), b"1")
        t = client.transactions
        won, answers = await client.transaction(
            compare=[t.value(k("a")) == b"1", t.version(k("a")) > 0, t.mod(k("a")) != 1],
            success=[t.put(k("b"), b"yes"), t.get(k("a")), t.delete(k("a"))],
            failure=[t.put(k("b"), b"no")])
        twice = await failing(client.transaction(
            compare=[], success=[t.put(k("a"), b"1"), t.put(k("a"), b"2")], failure=[]))
        return won, len(answers), [value for value, _ in answers[1]], kv(await client.get(k("b"))), twice


@case
async def leases():
    async with connect() as client:
        lease = await client.lease(600)
        await client.put(k("a"), b"1", lease=lease)
        seen = (await lease.granted_ttl(), 590 < await lease.remaining_ttl() <= 600,
                list(await lease.keys()), (await lease.refresh()).TTL)
        await lease.revoke()
        return seen, await client.get(k("a")), await failing(lease.revoke())


@case
async def lease_expires():
    async with connect() as client:
        lease = await client.lease(1)
        await client.put(k("a"), b"1", lease=lease)
        event = await client.watch_once(k("a"), timeout=20, kind=rtypes.EventKind.DELETE)
        return event.kind, await client.get(k("a"))


@case
async def watch():
    async with connect() as client:
        watch = await client.watch_prefix(k(), prev_kv=True)
        await client.put(k("a"), b"1")
        await client.put(k("a"), b"2")
        await client.delete(k("a"))
        return await asyncio.wait_for(take(watch, 3), 20)


@case
async def watch_from_the_past():
    async with connect() as client:
        first = (await client.put(k("a"), b"1")).header.revision
        await client.put(k("a"), b"2")
        return await asyncio.wait_for(take(await client.watch(k("a"), start_revision=first), 2), 20)


@case
async def watch_once():
    async with connect() as client:
        task = when_watched(client.put(k("a"), b"1"))
        event = await client.watch_once(k("a"), timeout=10)
        await task
        none = await failing(client.watch_once(k("b"), timeout=1))
        return event.kind, kv(event.kv), none["class"]


@case
async def watch_filter():
    async with connect() as client:
        first = (await client.put(k("a"), b"1")).header.revision
        await client.delete(k("a"))
        watch = await client.watch(k("a"), start_revision=first, kind=rtypes.EventKind.DELETE)
        return await asyncio.wait_for(take(watch, 1), 20)


@case
async def locks():
    async with connect() as client, connect() as other:
        lock, rival = client.lock(k("l"), ttl=20), other.lock(k("l"), ttl=20)
        seen = [await lock.acquire(), await lock.is_acquired(), await rival.acquire(timeout=1)]
        task = when_watched(lock.release())
        seen += [await rival.acquire(timeout=10), await lock.is_acquired(), await task]
        seen += [await rival.release(), await rival.release()]
        async with client.lock(k("l"), ttl=20) as held:
            seen.append(await held.is_acquired())
        return seen


@case
async def members():
    async with connect() as client:
        found = [one async for one in client.members()]
        status = await client.status()
        return ([one.name for one in found], status.db_size > 0,
                await failing(client.remove_member(1234)))


if not PLACE.get("user"):  # this client forgets its token there
    @case
    async def maintenance():
        async with connect() as client:
            await client.defragment()
            file = io.BytesIO()
            await client.snapshot(file)
            return isinstance(await client.hash(), int), len(file.getvalue()) % 512 == 32


@case
async def compaction():
    async with connect() as client:
        first = (await client.put(k("a"), b"1")).header.revision
        last = (await client.put(k("a"), b"2")).header.revision
        await client.compact(last, physical=True)
        return await failing(client.compact(first)), await failing(client.compact(last + 1000))


@case
async def many_at_a_time():
    async with connect() as client:
        await asyncio.gather(*(client.put(k(str(one)), b"x") for one in range(200)))
        return len(await client.get_prefix(k()))


@case
async def refusals():
    async with connect() as client:
        return await failing(client.get(b"")), await failing(client.put(k("a"), b"x" * 1_600_000))


run()
