"""Lease: grant, revoke, keep-alive, time to live, list and expiry."""

from __future__ import annotations

from case import THREE, Family
from steps import (
    cancel_stream, delete, get, grant, half_close, keep_alive, leases, op_put, open_stream, put,
    quiet, read, restart_member, revoke, send, time_to_live, txn, watch, call, puts,
)
from world import PREFIX_END, Ref

family = Family("lease")
OPEN = open_stream("k", "Lease.LeaseKeepAlive")

# Grant

family.case("grant_chosen_id", grant(101, 600), time_to_live(101), leases())
family.case("grant_server_id", grant(0, 600, save="L"), time_to_live(Ref("L")), leases())
family.case("grant_two_server_ids", grant(0, 600, save="L"), grant(0, 600, save="M"),
            time_to_live(Ref("M")))
family.case("grant_same_id_again", grant(102, 600), grant(102, 700), time_to_live(102))
for ttl in (-7, 0, 1, 2, 3):
    family.case(f"grant_ttl_{ttl}".replace("-", "minus_"), grant(103, ttl))
family.case("grant_ttl_largest", grant(104, 9_000_000_000), leases())
family.case("grant_ttl_too_large", grant(105, 9_000_000_001), time_to_live(105))
family.case("grant_ttl_too_large_server_id", grant(0, 9_223_372_036_854_775_807))
family.case("grant_negative_id", grant(-5, 600), time_to_live(-5), leases(), revoke(-5))
family.case("grant_largest_id", grant(2**63 - 1, 600), time_to_live(2**63 - 1), leases())
family.case("grant_moves_no_revision", grant(106), put("a", "1"))
family.case("grant_after_revoke", grant(107), revoke(107), grant(107, 601), time_to_live(107))

# Revoke

family.case("revoke", grant(111), revoke(111), time_to_live(111), leases())
family.case("revoke_unknown", revoke(888001))
family.case("revoke_zero", revoke(0))
family.case("revoke_twice", grant(112), revoke(112), revoke(112))
family.case("revoke_deletes_keys_in_one_revision", grant(113),
            [quiet(put(key, "1", lease=113)) for key in ("c", "a", "b")], open_stream("w"),
            watch("", PREFIX_END), read("w"), revoke(113), read("w"), get("", PREFIX_END))
family.case("revoke_without_keys_moves_no_revision", grant(114), revoke(114), put("a", "1"))
family.case("revoke_keeps_moved_keys", grant(115), grant(116), quiet(put("a", "1", lease=115)),
            quiet(put("b", "1", lease=115)), quiet(put("a", "2", lease=116)), revoke(115),
            get("", PREFIX_END))
family.case("revoke_after_keys_deleted", grant(117), quiet(put("a", "1", lease=117)),
            delete("a"), revoke(117), put("b", "1"))
family.case("revoke_many_keys", grant(118),
            txn([], [op_put(f"{n:03}", "v", lease=118) for n in range(100)]), revoke(118),
            get("", PREFIX_END, count_only=True))

# Time to live and list

family.case("ttl_unknown", time_to_live(888002), time_to_live(888002, keys=True))
family.case("ttl_zero", time_to_live(0))
family.case("ttl_several_keys", grant(121),
            [quiet(put(key, "1", lease=121)) for key in ("c", "a", "b")],
            time_to_live(121, keys=True), time_to_live(121))
family.case("ttl_keys_none", grant(122), time_to_live(122, keys=True))
family.case("ttl_keys_after_overwrite", grant(123), quiet(put("a", "1", lease=123)),
            quiet(put("b", "1", lease=123)), puts("a=2"), time_to_live(123, keys=True))
family.case("list_empty", leases())
family.case("list_by_expiry", grant(131, 900), grant(132, 300), grant(133, 600), leases(),
            revoke(132), leases())

# Keep alive

family.case("keep_alive", grant(141, 600), OPEN, keep_alive(141), keep_alive(141))
family.case("keep_alive_unknown", OPEN, keep_alive(888003))
family.case("keep_alive_zero", OPEN, keep_alive(0))
family.case("keep_alive_unknown_then_known", grant(142), OPEN, keep_alive(888004),
            keep_alive(142))
family.case("keep_alive_after_revoke", grant(143), OPEN, keep_alive(143), revoke(143),
            keep_alive(143))
family.case("keep_alive_several_leases", grant(144, 600), grant(145, 700), OPEN,
            [send("k", "etcdserverpb.LeaseKeepAliveRequest", ID=n) for n in (144, 145, 144)],
            read("k", 3))
family.case("keep_alive_half_close", grant(146), OPEN, keep_alive(146), half_close("k"),
            read("k"))
family.case("keep_alive_cancel", grant(147), OPEN, keep_alive(147), cancel_stream("k"), read("k"),
            time_to_live(147))
family.case("keep_alive_moves_no_revision", grant(148), OPEN, keep_alive(148), put("a", "1"))
family.case("keep_alive_server_id", grant(0, 600, save="L"), OPEN, keep_alive(Ref("L")))
family.case("keep_alive_hasleader", grant(149),
            open_stream("k", "Lease.LeaseKeepAlive", metadata=[("hasleader", "true")]),
            keep_alive(149))

# Expiry

family.case("expiry_deletes_keys", grant(151, 1), put("b", "1", lease=151),
            put("a", "1", lease=151), open_stream("w"), watch("", PREFIX_END, prev_kv=True),
            read("w", 2), get("", PREFIX_END), time_to_live(151), revoke(151), OPEN,
            keep_alive(151), leases())
family.case("expiry_of_one_of_two", grant(152, 1), grant(153, 600), put("a", "1", lease=152),
            put("b", "1", lease=153), open_stream("w"), watch("", PREFIX_END), read("w", 2),
            get("", PREFIX_END), leases())
family.case("expiry_then_grant_again", grant(154, 2), put("a", "1", lease=154), open_stream("w"),
            watch("a"), read("w", 2), grant(154, 600), put("a", "2", lease=154))

# Other forms

family.case("txn_with_revoked_lease", grant(161), revoke(161),
            txn([], [op_put("a", "1", lease=161)]), get("a"))
family.case("survives_restart", grant(171, 600), quiet(put("a", "1", lease=171)),
            restart_member(), time_to_live(171, keys=True), leases(), revoke(171), get("a"))
family.case("error_field_is_empty", call("Lease.LeaseGrant", ID=172, TTL=5))

# At a follower: served by the leader

family.case("follower_grant", grant(181, 600, at="m2"), time_to_live(181, at="m3"),
            time_to_live(181), setup=THREE)
family.case("follower_keep_alive", grant(182, 600),
            open_stream("k", "Lease.LeaseKeepAlive", at="m3"), keep_alive(182), setup=THREE)
family.case("follower_keep_alive_unknown", open_stream("k", "Lease.LeaseKeepAlive", at="m3"),
            keep_alive(888005), setup=THREE)
family.case("follower_time_to_live_keys", grant(183, 600), quiet(put("a", "1", lease=183)),
            get("a", at="m2"), time_to_live(183, keys=True, at="m2"), setup=THREE)
family.case("follower_time_to_live_unknown", time_to_live(888006, at="m2"), setup=THREE)
family.case("follower_revoke", grant(184, 600), quiet(put("a", "1", lease=184)),
            revoke(184, at="m3"), get("a", at="m2"), setup=THREE)
family.case("follower_revoke_unknown", revoke(888007, at="m2"), setup=THREE)
family.case("expiry_with_three", grant(185, 1), put("a", "1", lease=185),
            open_stream("w", at="m1"), watch("a"), read("w", 2), get("a", at="m3"), setup=THREE)

FAMILIES = [family]
