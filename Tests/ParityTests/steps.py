"""The vocabulary of the cases: unary calls, streams, HTTP and processes of members.

In requests a `str` key is put behind the key prefix of the case and a `bytes` key is taken
literally; see `World.build`.
"""

from __future__ import annotations

import time
from typing import Any

from case import Step
from client import Failure, show
from protocol import METHODS
from server import eventually
from world import World

READ_SECONDS = 10.0


# Unary calls


def call(
    method: str, at: str = "m1", save: str | None = None, metadata=(), seconds=15.0, **fields: Any
) -> Step:
    """A unary call. `save` remembers the id in the answer under that name."""

    def run(world: World) -> Any:
        answer = _call(world, method, at, fields, metadata, seconds)
        _save(world, save, answer)
        return show(answer, world.names)

    return Step(f"{method} {_brief(fields)}", run)


def quiet(step: Step) -> Step:
    """The same step without a comparison of its outcome."""

    def run(world: World) -> None:
        step.run(world)

    return Step(step.label, run)


def rebase() -> Step:
    """Count revisions from here: what came before moved them by an unknown number."""

    def run(world: World) -> None:
        world.names.base = world.ask("KV.Range", key=b"rebase").header.revision

    return Step("count revisions from here", run)


def call_until(
    method: str, accept, at: str = "m1", wait: float = 15.0, save: str | None = None, **fields: Any
) -> Step:
    """Repeat a call until `accept(answer)`; only the last answer is compared."""

    def run(world: World) -> Any:
        last = None

        def attempt() -> bool:
            nonlocal last
            last = _call(world, method, at, fields, (), 15.0)
            return accept(last)

        eventually(attempt, wait, f"{method} as expected")
        _save(world, save, last)
        return show(last, world.names)

    return Step(f"{method} {_brief(fields)} until as expected", run)


def succeeds(answer: Any) -> bool:
    """For `call_until`: any answer that is not a failure."""
    return not isinstance(answer, Failure)


def _save(world: World, name: str | None, answer: Any) -> None:
    """Remember the id of the new lease or member."""
    if name is None or isinstance(answer, Failure):
        return
    if hasattr(answer, "member"):
        world.ids[name] = answer.member.ID
        world.names.know("member", answer.member.ID, f"<{name}>")
    else:
        world.ids[name] = answer.ID


def _call(world: World, method: str, at: str, fields: dict, metadata, seconds: float) -> Any:
    request = world.build(METHODS[method].request, fields)
    return world.client(at).call(method, request, metadata, seconds)


def _brief(fields: dict[str, Any]) -> str:
    text = " ".join(f"{name}={_short(value)}" for name, value in fields.items())
    return text if len(text) < 100 else text[:97] + "..."


def _short(value: Any) -> str:
    if isinstance(value, (str, bytes)) and len(value) > 30:
        return f"{value[:8]!r}x{len(value)}"
    return repr(value)


# KV, by short names


def put(key: Any, value: Any = "", **fields: Any) -> Step:
    return call("KV.Put", key=key, value=value, **fields)


def puts(*pairs: str) -> list[Step]:
    """Several puts written as `key=value`."""
    return [quiet(put(*pair.split("=", 1))) for pair in pairs]


def get(key: Any, range_end: Any = b"", **fields: Any) -> Step:
    return call("KV.Range", key=key, range_end=range_end, **fields)


def delete(key: Any, range_end: Any = b"", **fields: Any) -> Step:
    return call("KV.DeleteRange", key=key, range_end=range_end, **fields)


def txn(compare=(), success=(), failure=(), **fields: Any) -> Step:
    lists = {"compare": list(compare), "success": list(success), "failure": list(failure)}
    return call("KV.Txn", **lists, **fields)


def compact(revision: Any, **fields: Any) -> Step:
    return call("KV.Compact", revision=revision, **fields)


def op_put(key: Any, value: Any = "", **fields: Any) -> dict:
    return {"request_put": {"key": key, "value": value, **fields}}


def op_get(key: Any, range_end: Any = b"", **fields: Any) -> dict:
    return {"request_range": {"key": key, "range_end": range_end, **fields}}


def op_delete(key: Any, range_end: Any = b"", **fields: Any) -> dict:
    return {"request_delete_range": {"key": key, "range_end": range_end, **fields}}


def op_txn(compare=(), success=(), failure=()) -> dict:
    lists = {"compare": list(compare), "success": list(success), "failure": list(failure)}
    return {"request_txn": lists}


UNION = {
    "VERSION": "version",
    "CREATE": "create_revision",
    "MOD": "mod_revision",
    "VALUE": "value",
    "LEASE": "lease",
}


def compare(key: Any, target: str, result: str, value: Any, range_end: Any = b"") -> dict:
    """One guard of a txn."""
    fields = {"key": key, "target": target, "result": result, "range_end": range_end}
    return {**fields, UNION[target]: value}


# Leases


def grant(lease_id: int, ttl: int = 600, **fields: Any) -> Step:
    return call("Lease.LeaseGrant", ID=lease_id, TTL=ttl, **fields)


def revoke(lease_id: Any, **fields: Any) -> Step:
    return call("Lease.LeaseRevoke", ID=lease_id, **fields)


def time_to_live(lease_id: Any, keys: bool = False, **fields: Any) -> Step:
    return call("Lease.LeaseTimeToLive", ID=lease_id, keys=keys, **fields)


def leases(**fields: Any) -> Step:
    return call("Lease.LeaseLeases", **fields)


# Streams


def open_stream(name: str, method: str = "Watch.Watch", at: str = "m1", metadata=()) -> Step:
    def run(world: World) -> None:
        world.streams[name] = world.client(at).stream(method, metadata)

    return Step(f"open {method} as {name}", run)


def send(name: str, message: str, **fields: Any) -> Step:
    """Send one request on an open stream."""

    def run(world: World) -> None:
        world.streams[name].send(world.build(message, fields))

    return Step(f"send {_brief(fields)} on {name}", run)


def send_bytes(name: str, data: bytes) -> Step:
    return Step(f"send {data!r} on {name}", lambda world: world.streams[name].send(data))


def read(name: str, count: int = 1, seconds: float = READ_SECONDS) -> Step:
    """Read exactly `count` answers."""

    def run(world: World) -> Any:
        answers = []
        for _ in range(count):
            answer = world.streams[name].read(seconds)
            answers.append(answer if isinstance(answer, str) else show(answer, world.names))
            if isinstance(answer, (str, Failure)):
                break
        return answers

    return Step(f"read {count} from {name}", run)


def read_events(name: str, count: int) -> Step:
    """Read until `count` events came, whatever their grouping; only events are compared."""

    def run(world: World) -> Any:
        events: list[Any] = []
        deadline = time.monotonic() + READ_SECONDS
        while len(events) < count:
            answer = world.streams[name].read(max(0.0, deadline - time.monotonic()))
            if isinstance(answer, (str, Failure)) or answer.canceled:
                events.append(answer if isinstance(answer, str) else show(answer, world.names))
                break
            shown = show(answer, world.names)
            events += [{"watch_id": answer.watch_id, **item} for item in shown.get("events", [])]
        return events

    return Step(f"read {count} events from {name}", run)


def half_close(name: str) -> Step:
    return Step(f"half close {name}", lambda world: world.streams[name].half_close())


def cancel_stream(name: str) -> Step:
    return Step(f"cancel {name}", lambda world: world.streams[name].cancel())


def watch(key: Any, range_end: Any = b"", on: str = "w", **fields: Any) -> Step:
    request = {"key": key, "range_end": range_end, **fields}
    return send(on, "etcdserverpb.WatchRequest", create_request=request)


def watch_cancel(watch_id: int, on: str = "w") -> Step:
    return send(on, "etcdserverpb.WatchRequest", cancel_request={"watch_id": watch_id})


def watch_progress(on: str = "w") -> Step:
    return send(on, "etcdserverpb.WatchRequest", progress_request={})


def keep_alive(lease_id: Any, on: str = "k") -> list[Step]:
    return [send(on, "etcdserverpb.LeaseKeepAliveRequest", ID=lease_id), read(on)]


# Raw bytes


def raw(path: str, data: bytes = b"", response: str = "etcdserverpb.RangeResponse", **how) -> Step:
    """A unary call with any path and any bytes."""

    def run(world: World) -> Any:
        answer = world.client().raw(path, data, response, **how)
        return show(answer, world.names)

    brief = data if len(data) < 40 else f"{len(data)} bytes"
    return Step(f"raw {path} {brief!r}", run)


# HTTP


def http(method: str, path: str, show_body=True, headers=(), at="m1", request_headers=None) -> Step:
    """One HTTP request: status, named headers and body are compared."""

    def run(world: World) -> Any:
        status, fields, body = world.member(at).http(method, path, request_headers)
        outcome = {"status": status, **{name: fields.get(name) for name in headers}}
        if show_body:
            outcome["body"] = world.names.text(body)
        return outcome

    return Step(f"{method} {path}", run)


# Members as processes


def stop_member(name: str, force: bool = True) -> Step:
    """End a member's process; a role is looked up first."""

    def run(world: World) -> None:
        world.member(name).stop(force)

    return Step(f"stop {name}", run)


def restart_member(name: str = "m1", force: bool = True) -> Step:
    """Stop a member and start it again on its data."""

    def run(world: World) -> None:
        member = world.member(name)
        member.stop(force)
        member.start(world.cluster.initial, flags=world.cluster.flags)
        member.wait_ready()

    return Step(f"restart {name}", run)


def prepare_member(name: str) -> Step:
    """Choose ports for a further member; it is started by `start_member`."""

    def run(world: World) -> None:
        member = world.cluster.new_member()
        if member.name != name:
            raise RuntimeError(f"the next member is {member.name}, not {name}")
        world.learn_urls(member)

    return Step(f"prepare {name}", run)


def start_member(name: str) -> Step:
    """Start a member that was added to the running cluster."""

    def run(world: World) -> None:
        member = world.member(name)
        initial = f"{world.cluster.initial},{member.name}={member.peer_url}"
        member.start(initial, state="existing", flags=world.cluster.flags)

    return Step(f"start {name}", run)
