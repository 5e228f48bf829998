"""Compact, and reads and watches across it."""

from __future__ import annotations

from case import FRESH, Family
from steps import (
    call, compact, delete, get, op_get, op_put, open_stream, put, puts, quiet, read, txn, watch,
)
from world import EVERYTHING, PREFIX_END, Rev

family = Family("kv_compact")
HISTORY = [puts("a=1", "a=2", "b=1"), quiet(delete("b")), puts("a=3", "c=1")]

for physical in (False, True):
    word = "physical" if physical else "logical"
    how = {"physical": physical}
    family.case(f"{word}_middle", HISTORY, compact(Rev(3), **how),
                [get("", PREFIX_END, revision=Rev(n)) for n in (1, 2, 3, 4, 5, 6, 7)])
    family.case(f"{word}_at_tombstone", HISTORY, compact(Rev(4), **how),
                get("b", revision=Rev(3)), get("b", revision=Rev(4)), get("", PREFIX_END))
    family.case(f"{word}_current", HISTORY, compact(Rev(6), **how), get("", PREFIX_END),
                get("a", revision=Rev(5)), get("a", revision=Rev(6)))
    family.case(f"{word}_twice_same", HISTORY, compact(Rev(3), **how), compact(Rev(3), **how))
    family.case(f"{word}_backwards", HISTORY, compact(Rev(3), **how), compact(Rev(2), **how))
    family.case(f"{word}_forwards", HISTORY, compact(Rev(3), **how), compact(Rev(5), **how),
                get("a", revision=Rev(4)), get("a", revision=Rev(5)))
    family.case(f"{word}_future", HISTORY, compact(Rev(7), **how), get("a", revision=Rev(1)))
    family.case(f"{word}_zero", HISTORY, compact(Rev(1), **how), compact(0, **how),
                compact(-3, **how))

family.case("fresh_zero", compact(0), compact(1), setup=FRESH)
family.case("fresh_one", compact(1), compact(1), compact(2), put("a", "1"), get("a", revision=1),
            setup=FRESH)
family.case("fresh_negative", compact(-1), compact(-5), setup=FRESH)
family.case("does_not_move_revision", HISTORY, compact(Rev(2)), put("d", "1"))
family.case("read_below_serializable", HISTORY, compact(Rev(4)),
            get("a", revision=Rev(3), serializable=True),
            get("a", revision=Rev(3), count_only=True))
family.case("read_below_in_txn", HISTORY, compact(Rev(4)),
            txn([], [op_get("a", revision=Rev(3))]), txn([], [op_get("a", revision=Rev(4))]))
family.case("read_below_in_writing_txn", HISTORY, compact(Rev(4)),
            txn([], [op_put("d", "1"), op_get("a", revision=Rev(4))]))
family.case("keeps_create_revision_and_version", HISTORY, compact(Rev(6), physical=True),
            get("a"), put("a", "4", prev_kv=True), get("a"))
family.case("dead_key_starts_again", HISTORY, compact(Rev(6), physical=True), put("b", "2"),
            get("b"))
family.case("watch_from_below", HISTORY, compact(Rev(4)), open_stream("w"),
            watch("", PREFIX_END, start_revision=Rev(2)), read("w", 2))
family.case("watch_from_compacted_revision", HISTORY, compact(Rev(5)), open_stream("w"),
            watch("", PREFIX_END, start_revision=Rev(5)), read("w", 2))
family.case("watch_from_compacted_tombstone", HISTORY, compact(Rev(4), physical=True),
            open_stream("w"), watch("", PREFIX_END, start_revision=Rev(4)), read("w", 2))
family.case("watch_goes_on", HISTORY, open_stream("w"), watch("", PREFIX_END), read("w"),
            compact(Rev(6)), put("a", "4"), read("w"))
family.case("watch_from_below_and_another", HISTORY, compact(Rev(5)), open_stream("w"),
            watch("", PREFIX_END, start_revision=Rev(1)), read("w", 2),
            watch("", PREFIX_END, start_revision=Rev(6)), read("w", 2))
family.case("many_revisions", [quiet(put(f"{n % 7}", str(n))) for n in range(150)],
            compact(Rev(140), physical=True), get("", PREFIX_END, revision=Rev(140)),
            get("", PREFIX_END), get("", PREFIX_END, revision=Rev(139)))
family.case("whole_space_deleted", HISTORY, quiet(delete("", PREFIX_END)),
            compact(Rev(7), physical=True), get(EVERYTHING, EVERYTHING),
            get("a", revision=Rev(7)), get("a", revision=Rev(6)))
family.case("hash_after_compaction", puts("a=1", "a=2", "b=1"), quiet(delete("b")),
            puts("a=3", "c=1"), compact(4, physical=True),
            [call("Maintenance.HashKV", revision=n) for n in (0, 3, 4, 5, 6, 7, 8)], setup=FRESH)
family.case("hash_tombstone_below_compaction", puts("a=1", "b=1"), quiet(delete("b")),
            puts("a=2"), compact(5, physical=True), call("Maintenance.HashKV"), setup=FRESH)
family.case("hash_tombstone_at_compaction", puts("a=1", "b=1"), quiet(delete("b")),
            compact(4, physical=True), call("Maintenance.HashKV"), put("z", "1"),
            call("Maintenance.HashKV"), call("Maintenance.HashKV", revision=4), setup=FRESH)

FAMILIES = [family]
