"""Watch: creation, events, filters, catch-up, cancelling and progress."""

from __future__ import annotations

from case import FRESH, THREE, Family, Setup
from steps import (
    cancel_stream, delete, get, grant, half_close, op_delete, op_put, open_stream, put, puts,
    quiet, read, read_events, revoke, send, txn, watch, watch_cancel, watch_progress,
)
from world import EVERYTHING, PREFIX_END, Rev

family = Family("watch")
OPEN = open_stream("w")
NO_PUT, NO_DELETE = ["NOPUT"], ["NODELETE"]
CHANGES = [puts("a=1", "b=1", "a=2"), quiet(delete("a")), puts("a=3", "c=1"),
           quiet(delete("", PREFIX_END))]

# Creation

family.case("create_then_put", OPEN, watch("a"), read("w"), put("a", "1"), read("w"),
            put("a", "2"), read("w"))
family.case("create_on_prefix", OPEN, watch("", PREFIX_END), read("w"), put("a", "1"), read("w"),
            put("b", "1"), read("w"), delete("", PREFIX_END), read("w"))
family.case("create_half_open", OPEN, watch("b", "d"), read("w"), puts("a=1", "d=1", "b=1"),
            read("w"), puts("dd=1", "c=1"), read("w"))
family.case("create_from_key", OPEN, watch("b", EVERYTHING), read("w"), puts("a=1", "b=1"),
            read("w"), puts("z=1"), read("w"))
family.case("create_everything", OPEN, watch(EVERYTHING, EVERYTHING), read("w"), puts("a=1"),
            read("w"))
family.case("create_with_empty_key", OPEN, watch(b""), read("w"), puts("a=1"),
            quiet(put(b"\x00", "nul")), read("w"))
family.case("create_with_empty_key_and_end", OPEN, watch(b"", EVERYTHING), read("w"),
            puts("a=1"), read("w"))
family.case("create_ids_are_counted", OPEN, watch("a"), watch("b"), watch("c"), read("w", 3))
family.case("create_with_id", OPEN, watch("a", watch_id=7), read("w"), put("a", "1"), read("w"))
family.case("create_with_same_id", OPEN, watch("a", watch_id=7), read("w"),
            watch("b", watch_id=7), read("w"), put("a", "1"), read("w"))
family.case("create_id_skips_used", OPEN, watch("a", watch_id=1), watch("b"), watch("c"),
            watch("d"), read("w", 4))
family.case("create_with_negative_id", OPEN, watch("a", watch_id=-3), read("w"),
            put("a", "1"), read("w"))
family.case("create_after_cancel_uses_new_id", OPEN, watch("a"), read("w"), watch_cancel(0),
            read("w"), watch("a"), read("w"))
family.case("create_with_freed_id", OPEN, watch("a", watch_id=5), read("w"), watch_cancel(5),
            read("w"), watch("b", watch_id=5), read("w"), put("b", "1"), read("w"))
family.case("create_reversed_range", OPEN, watch("b", "a"), read("w"), watch("b"), read("w"))
family.case("create_range_end_equal_to_key", OPEN, watch("b", "b"), read("w"))
family.case("create_negative_revision", puts("a=1", "a=2"), OPEN, watch("a", start_revision=-1),
            read("w", 2), setup=FRESH)
family.case("create_twice_the_same", OPEN, watch("a"), watch("a"), read("w", 2), put("b", "1"),
            watch_cancel(1), read("w"), put("a", "1"), read("w"))
family.case("create_empty_request", OPEN, send("w", "etcdserverpb.WatchRequest"), watch("a"),
            read("w"))
family.case("create_with_hasleader", open_stream("w", metadata=[("hasleader", "true")]),
            watch("a"), read("w"), put("a", "1"), read("w"))
family.case("create_on_fresh_server", OPEN, watch("a"), read("w"), put("a", "1"), read("w"),
            setup=FRESH)

# Start revisions

for offset in (1, 2, 4, 5, 7):
    family.case(f"start_{offset}", CHANGES, OPEN,
                watch("", PREFIX_END, start_revision=Rev(offset)), read("w", 2))
family.case("start_zero_is_after_now", CHANGES, OPEN, watch("", PREFIX_END), read("w"),
            put("n", "1"), read("w"))
family.case("start_next", CHANGES, OPEN, watch("", PREFIX_END, start_revision=Rev(8)), read("w"),
            put("n", "1"), read("w"))
family.case("start_future", OPEN, watch("a", start_revision=Rev(4)), read("w"),
            puts("a=1", "a=2", "a=3", "a=4"), read("w"), puts("a=5"), read("w"))
family.case("start_future_of_other_keys", OPEN, watch("a", start_revision=Rev(3)), read("w"),
            puts("a=1", "b=2", "b=3"), put("a", "4"), read("w"))
family.case("start_past_single_key", CHANGES, OPEN, watch("b", start_revision=Rev(1)),
            read("w", 2), put("b", "9"), read("w"))
family.case("start_past_then_live", CHANGES, OPEN, watch("", PREFIX_END, start_revision=Rev(6)),
            read("w", 2), put("n", "1"), read("w"), delete("n"), read("w"))
family.case("start_past_long_history", [quiet(put(f"{n % 5}", str(n))) for n in range(200)], OPEN,
            watch("", PREFIX_END, start_revision=Rev(1)), read("w"), read_events("w", 200))
family.case("start_past_no_events_then_live", puts("x=1", "y=1"), OPEN,
            watch("a", start_revision=Rev(1)), read("w"), put("a", "1"), read("w"))

# Event forms

family.case("event_create_and_change", OPEN, watch("a", prev_kv=True), read("w"), put("a", "1"),
            read("w"), put("a", "2"), read("w"), delete("a"), read("w"), put("a", "3"),
            read("w"))
family.case("event_of_lease", grant(61), OPEN, watch("", PREFIX_END, prev_kv=True), read("w"),
            put("a", "1", lease=61), read("w"), put("b", "1", lease=61), read("w"), revoke(61),
            read("w"))
family.case("event_delete_of_nothing", OPEN, watch("a"), read("w"), delete("a"), put("a", "1"),
            read("w"))
family.case("event_range_delete", puts("a=1", "b=2", "c=3"), OPEN,
            watch("", PREFIX_END, prev_kv=True), read("w"), delete("a", "c"), read("w"))
family.case("event_txn", puts("a=1", "b=1"), OPEN, watch("", PREFIX_END, prev_kv=True),
            read("w"), txn([], [op_put("z", "1"), op_delete("a"), op_put("c", "1")]), read("w"))
family.case("event_txn_on_part", OPEN, watch("a"), read("w"),
            txn([], [op_put("z", "1"), op_put("a", "1"), op_put("c", "1")]), read("w"))
family.case("event_same_key_deleted_and_read", puts("a=1"), OPEN,
            watch("", PREFIX_END, prev_kv=True), read("w"),
            txn([], [op_delete("a", "c"), op_delete("a")]), read("w"))
family.case("event_to_two_watchers", OPEN, watch("a"), read("w"), open_stream("v"),
            watch("a", on="v", prev_kv=True), read("v"), put("a", "1"), read("w"), read("v"))
family.case("event_large_value", OPEN, watch("a", prev_kv=True), read("w"),
            put("a", "x" * 600_000), read("w"), put("a", "y" * 600_000), read("w"))
family.case("event_prev_kv_from_the_past", CHANGES, OPEN,
            watch("a", start_revision=Rev(1), prev_kv=True), read("w", 2))

# Filters

for name, filters in {"noput": NO_PUT, "nodelete": NO_DELETE,
                      "both": NO_PUT + NO_DELETE, "twice": NO_PUT + NO_PUT}.items():
    family.case(f"filter_{name}_live", OPEN, watch("a", "c", filters=filters),
                watch("end", watch_id=9), read("w", 2), put("a", "1"), delete("a"),
                put("b", "1"), put("end", "1"),
                read_events("w", {"noput": 2, "twice": 2, "nodelete": 3, "both": 1}[name]))
family.case("filter_noput_past", CHANGES, OPEN,
            watch("", PREFIX_END, filters=NO_PUT, start_revision=Rev(1)), read("w", 2))
family.case("filter_nodelete_past", CHANGES, OPEN,
            watch("", PREFIX_END, filters=NO_DELETE, start_revision=Rev(1), prev_kv=True),
            read("w", 2))
family.case("filter_outside_enum", OPEN, watch("a", filters=[9]), read("w"), put("a", "1"),
            read("w"))

# Cancelling

family.case("cancel", OPEN, watch("a"), read("w"), watch_cancel(0), read("w"))
family.case("cancel_stops_events", OPEN, watch("a"), watch("b"), read("w", 2), watch_cancel(0),
            read("w"), puts("a=1", "b=1"), read("w"))
family.case("cancel_unknown_is_silent", OPEN, watch_cancel(44), watch("a"), read("w"),
            watch_cancel(44), watch("b"), read("w"))
family.case("cancel_twice_is_silent", OPEN, watch("a"), read("w"), watch_cancel(0), read("w"),
            watch_cancel(0), watch("b"), read("w"))
family.case("cancel_by_client", OPEN, watch("a"), read("w"), cancel_stream("w"), read("w"))
family.case("half_close_keeps_events", OPEN, watch("a"), read("w"), half_close("w"),
            read("w", seconds=1.5))
family.case("server_stays_after_cancelled_streams", OPEN, watch("a"), read("w"),
            cancel_stream("w"), put("a", "1"), get("a"), open_stream("v"), watch("a", on="v"),
            read("v"))

# Progress

family.case("progress_of_idle_watcher", OPEN, watch("a"), read("w"), watch_progress(), read("w"))
family.case("progress_after_events", OPEN, watch("a"), read("w"), puts("a=1"), read("w"),
            watch_progress(), read("w"))
family.case("progress_after_foreign_writes", OPEN, watch("a"), read("w"), puts("b=1", "c=1"),
            watch_progress(), read("w"))
family.case("progress_twice", OPEN, watch("a"), read("w"), watch_progress(), read("w"),
            puts("b=1"), watch_progress(), read("w"))
family.case("progress_two_watchers", OPEN, watch("a"), watch("b"), read("w", 2),
            watch_progress(), read("w"))
family.case("progress_without_watchers", OPEN, watch_progress(), read("w", seconds=1.0))
family.case("progress_of_future_watcher", OPEN, watch("a", start_revision=Rev(99)), read("w"),
            watch_progress(), read("w", seconds=1.0))
family.case("progress_notify_accepted", OPEN, watch("a", progress_notify=True), read("w"),
            put("a", "1"), read("w"))
NOTIFY = Setup(fresh=True, flags=("--experimental-watch-progress-notify-interval=300ms",))
family.case("progress_notify_interval", OPEN, watch("a", progress_notify=True, watch_id=3),
            read("w", 2), setup=NOTIFY)

# Fragments: two values of 700 kB and their previous values exceed 2 MiB in one revision

BIG = [op_put("a", "x" * 700_000), op_put("b", "y" * 700_000)]
family.case("fragment_of_one_revision", txn([], BIG), OPEN,
            watch("", PREFIX_END, prev_kv=True, fragment=True), read("w"), txn([], BIG),
            read("w", 2))
family.case("fragment_not_asked_for", txn([], BIG), OPEN, watch("", PREFIX_END, prev_kv=True),
            read("w"), txn([], BIG), read("w"))
family.case("fragment_not_needed", OPEN, watch("", PREFIX_END, fragment=True), read("w"),
            put("a", "1"), read("w"))

# At a follower

family.case("at_follower", open_stream("w", at="m2"), watch("a", prev_kv=True), read("w"),
            quiet(put("a", "1")), read_events("w", 1), quiet(put("a", "2", at="m3")),
            read_events("w", 1), quiet(delete("a")), read_events("w", 1), setup=THREE)
family.case("at_follower_from_the_past", puts("a=1", "a=2"), get("a", at="m3"),
            open_stream("w", at="m3"), watch("a", start_revision=Rev(1)), read("w"),
            read_events("w", 2), setup=THREE)

FAMILIES = [family]
