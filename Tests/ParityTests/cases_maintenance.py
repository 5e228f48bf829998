"""Maintenance and the gRPC health service."""

from __future__ import annotations

import hashlib

from case import FRESH, Family, Setup, Step
from client import Failure
from steps import (
    call, call_until, compact, delete, get, grant, keep_alive, leases, op_delete, op_get, op_put,
    open_stream, put, puts, quiet, raw, read, rebase, restart_member, revoke, send, stop_member,
    txn, watch,
)
from world import EVERYTHING, PREFIX_END, Ref, World

family = Family("maintenance")
NOSPACE = {"memberID": Ref("m1"), "alarm": "NOSPACE"}
CORRUPT = {"memberID": Ref("m1"), "alarm": "CORRUPT"}


def status(**how) -> Step:
    return call("Maintenance.Status", **how)


def alarm(action: str, **fields) -> Step:
    return call("Maintenance.Alarm", action=action, **fields)


def hash_kv(revision=0, **how) -> Step:
    return call("Maintenance.HashKV", revision=revision, **how)


# Status, Defragment, Hash

family.case("status", put("a", "1"), status())
family.case("status_of_fresh_server", status(), setup=FRESH)
family.case("status_with_alarm", alarm("ACTIVATE", **NOSPACE), status(),
            alarm("DEACTIVATE", **NOSPACE), status())
family.case("status_with_two_alarms", alarm("ACTIVATE", **CORRUPT), alarm("ACTIVATE", **NOSPACE),
            status())
family.case("defragment", puts("a=1", "b=1"), call("Maintenance.Defragment"), get("", PREFIX_END),
            put("c", "1"), setup=FRESH)
family.case("defragment_after_compaction", [quiet(put("a", "x" * 1000)) for _ in range(50)],
            compact(51, physical=True), call("Maintenance.Defragment"), get("a"), hash_kv(),
            setup=FRESH)
family.case("defragment_then_restart", puts("a=1"), call("Maintenance.Defragment"),
            restart_member(), get("a"), hash_kv(), setup=FRESH)
family.case("hash", puts("a=1"), call("Maintenance.Hash"), call("Maintenance.Hash"))

# HashKV on fresh servers: equal histories have equal hashes

HISTORY = [puts("a=1", "b=2", "a=3"), quiet(delete("b")), puts("c=4", "b=5")]
family.case("hashkv_fresh", hash_kv(), setup=FRESH)
family.case("hashkv_one_put", put(b"k", b"v"), hash_kv(), setup=FRESH)
family.case("hashkv_each_revision", HISTORY, [hash_kv(n) for n in range(0, 9)], setup=FRESH)
family.case("hashkv_leases_and_txns", grant(7), put("a", "1", lease=7),
            txn([], [op_put("b", "1"), op_put("c", "1", lease=7), op_delete("a")]), hash_kv(),
            revoke(7), hash_kv(), setup=FRESH)
family.case("hashkv_after_compaction", HISTORY, compact(4, physical=True), hash_kv(),
            [hash_kv(n) for n in (3, 4, 5, 6, 7)], setup=FRESH)
family.case("hashkv_after_two_compactions", HISTORY, compact(3), compact(6, physical=True),
            puts("d=1"), hash_kv(), hash_kv(6), setup=FRESH)
family.case("hashkv_after_restart", HISTORY, hash_kv(), restart_member(), hash_kv(), setup=FRESH)
family.case("hashkv_future", puts("a=1"), hash_kv(3), hash_kv(1000), setup=FRESH)
family.case("hashkv_negative", puts("a=1"), hash_kv(-1), setup=FRESH)
family.case("hashkv_same_twice", puts("a=1"), hash_kv(), hash_kv())

# Alarms

family.case("alarm_list_empty", alarm("GET"), alarm("GET", alarm="NOSPACE"))
family.case("alarm_activate_and_list", alarm("ACTIVATE", **NOSPACE), alarm("GET"),
            alarm("GET", alarm="NOSPACE"), alarm("GET", alarm="CORRUPT"),
            alarm("GET", memberID=Ref("m1")), alarm("GET", memberID=77))
family.case("alarm_activate_twice", alarm("ACTIVATE", **NOSPACE), alarm("ACTIVATE", **NOSPACE),
            alarm("GET"))
family.case("alarm_deactivate_unknown", alarm("DEACTIVATE", **NOSPACE),
            alarm("DEACTIVATE", memberID=77, alarm="NOSPACE"))
family.case("alarm_deactivate_twice", alarm("ACTIVATE", **NOSPACE),
            alarm("DEACTIVATE", **NOSPACE), alarm("DEACTIVATE", **NOSPACE))
family.case("alarm_none", alarm("ACTIVATE", memberID=Ref("m1"), alarm="NONE"), alarm("GET"),
            alarm("DEACTIVATE", memberID=Ref("m1"), alarm="NONE"), setup=FRESH)
family.case("alarm_of_foreign_member", alarm("ACTIVATE", memberID=77, alarm="NOSPACE"),
            put("a", "1"), alarm("GET"), alarm("DEACTIVATE", memberID=77, alarm="NOSPACE"),
            put("a", "1"))
family.case("alarm_for_all", alarm("ACTIVATE", alarm="NOSPACE"), alarm("GET"),
            alarm("DEACTIVATE", alarm="NOSPACE"), alarm("GET"))
family.case("alarm_survives_restart", alarm("ACTIVATE", **NOSPACE), restart_member(),
            alarm("GET"), put("a", "1"), alarm("DEACTIVATE", **NOSPACE), put("a", "1"),
            setup=FRESH)

OPEN = open_stream("k", "Lease.LeaseKeepAlive")
EVERY_KIND = [
    put("b", "1"), get("a"), get("a", serializable=True), delete("c"),
    txn([], [op_get("a")]), txn([], [op_put("d", "1")]), txn([], [op_delete("a")]),
    txn([], [op_get("a")], [op_put("x", "1")]), txn([], [], [op_put("x", "1")]),
    grant(72), OPEN, keep_alive(71), leases(), revoke(71), compact(2), hash_kv(), status(),
    call("Cluster.MemberList", linearizable=True), call("Health.Check"),
    open_stream("w"), watch("a"), read("w"),
]
family.case("alarm_nospace_and_every_kind", grant(71), puts("a=1", "c=1"),
            alarm("ACTIVATE", **NOSPACE), EVERY_KIND, call("Maintenance.Defragment"),
            alarm("DEACTIVATE", **NOSPACE), put("b", "1"), setup=FRESH)
family.case("alarm_corrupt_and_every_kind", grant(71), puts("a=1", "c=1"),
            alarm("ACTIVATE", **CORRUPT), EVERY_KIND, alarm("DEACTIVATE", **CORRUPT),
            put("b", "1"), setup=FRESH)
family.case("alarm_both", alarm("ACTIVATE", **NOSPACE), alarm("ACTIVATE", **CORRUPT),
            put("a", "1"), get("a"), alarm("DEACTIVATE", **CORRUPT), put("a", "1"),
            alarm("DEACTIVATE", **NOSPACE), put("a", "1"), setup=FRESH)

# Quota

QUOTA = Setup(fresh=True, flags=("--quota-backend-bytes=1000000",))
UNTIL_FULL = quiet(call_until("KV.Put", lambda answer: isinstance(answer, Failure), key=b"fill",
                              value=b"x" * 200_000))
family.case("quota_reached", UNTIL_FULL, rebase(), put("a", "1"), grant(73),
            txn([], [op_put("a", "1")]), get("a"), delete("fill"),
            call_until("Maintenance.Alarm", lambda answer: answer.alarms), alarm("GET"),
            setup=QUOTA)
family.case("quota_large_put_at_once", put("a", "x" * 1_100_000), alarm("GET"),
            put("a", "1"), setup=QUOTA)

# Leadership of one member

family.case("move_leader_to_itself", call("Maintenance.MoveLeader", targetID=Ref("m1")),
            put("a", "1"))
family.case("move_leader_unknown", call("Maintenance.MoveLeader", targetID=77),
            call("Maintenance.MoveLeader"))


def snapshot() -> Step:
    """Read a whole snapshot: counters, headers and the checksum at its end are compared."""

    def run(world: World):
        world.streams["s"] = stream = world.client().stream("Maintenance.Snapshot")
        stream.send(b"")
        stream.half_close()
        left, data, kinds = None, b"", set()
        while not isinstance(answer := stream.read(10.0), (str, Failure)):
            data += answer.blob
            kinds.add((answer.HasField("header"), len(answer.blob) > 0))
            left = answer.remaining_bytes
        body, checksum = data[:-32], data[-32:]
        return {
            "end": answer if isinstance(answer, str) else answer.show(world.names),
            "left": left,
            "kinds": sorted(kinds),
            "checksum": hashlib.sha256(body).digest() == checksum,
            "size": len(body) % 512 or "a multiple of 512",
        }

    return Step("read a snapshot", run)


family.case("snapshot", puts("a=1"), snapshot())
family.case("snapshot_large", [quiet(put(f"{n}", "x" * 100_000)) for n in range(10)], snapshot())

# Restarts

family.case("restart_keeps_everything", HISTORY, grant(74), put("l", "1", lease=74),
            compact(4, physical=True), restart_member(), get(EVERYTHING, EVERYTHING),
            get("a", revision=3), get("a", revision=4), put("z", "1"), setup=FRESH)
family.case("restart_by_signal", puts("a=1"), restart_member(force=False), get("a"),
            put("a", "2"), setup=FRESH)
family.case("stop_ends_streams", open_stream("w"), watch("a"), read("w"),
            stop_member("m1", force=False), Step("after the stop", lambda world: isinstance(
                world.streams["w"].read(10.0), Failure)), setup=FRESH)

# grpc.health.v1

health = Family("health")
WATCH = "grpc.health.v1.HealthCheckRequest"
health.case("check_whole_server", call("Health.Check"))
for name in ("unknown", "etcdserverpb.KV", "grpc.health.v1.Health", "etcdserverpb.Watch"):
    health.case(f"check_{name}", call("Health.Check", service=name))
health.case("check_with_alarm", alarm("ACTIVATE", **NOSPACE), call("Health.Check"))
health.case("check_with_hasleader", call("Health.Check", metadata=[("hasleader", "true")]))
health.case("check_malformed", raw("/grpc.health.v1.Health/Check", b"\x0a\x05a",
                                   "grpc.health.v1.HealthCheckResponse"))
health.case("watch_whole_server", open_stream("h", "Health.Watch"), send("h", WATCH), read("h"))
health.case("watch_unknown_service", open_stream("h", "Health.Watch"),
            send("h", WATCH, service="unknown"), read("h"))
health.case("watch_two", open_stream("h", "Health.Watch"), send("h", WATCH), read("h"),
            open_stream("i", "Health.Watch"), send("i", WATCH), read("i"))
health.case("list_is_not_there", raw("/grpc.health.v1.Health/List", b"",
                                     "grpc.health.v1.HealthCheckResponse"))

FAMILIES = [family, health]
