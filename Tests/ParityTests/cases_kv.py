"""Range, Put and DeleteRange."""

from __future__ import annotations

from case import FRESH, Family
from steps import delete, get, grant, put, puts, quiet, revoke, time_to_live
from world import EVERYTHING, PREFIX_END, Ref, Rev

ranges = Family("kv_range")
FIVE = puts("a=5", "b=4", "c=3", "d=2", "e=1", "c=33", "a=55", "c=333")

# key and range_end

BOUNDS = {
    "single_key": ("a", b""),
    "single_absent_key": ("nothing", b""),
    "half_open": ("b", "d"),
    "prefix": ("", PREFIX_END),
    "from_key": ("c", EVERYTHING),
    "everything": (EVERYTHING, EVERYTHING),
    "end_equal_to_key": ("b", "b"),
    "end_below_key": ("d", "b"),
    "end_is_key_and_nul": ("b", "b\x00"),
    "key_between_keys": ("bb", "cc"),
    "beyond_all_keys": (b"\xff\xff", EVERYTHING),
    "single_key_that_is_a_prefix": ("", b""),
    "nul_key_alone": (b"\x00", b""),
}
for name, (key, end) in BOUNDS.items():
    ranges.case(f"bounds_{name}", FIVE, get(key, end), get(key, end, count_only=True),
                get(key, end, keys_only=True))

# Each sort order with each target, whole and cut by a limit

for order in ("NONE", "ASCEND", "DESCEND"):
    for target in ("KEY", "VERSION", "CREATE", "MOD", "VALUE"):
        sort = {"sort_order": order, "sort_target": target}
        ranges.case(f"sort_{order}_{target}".lower(),
                    puts("a=5", "b=4", "c=3", "b=6", "c=1", "c=2"),
                    get("", PREFIX_END, **sort), get("", PREFIX_END, limit=2, **sort),
                    get("", PREFIX_END, limit=2, keys_only=True, **sort),
                    get("", PREFIX_END, limit=2, revision=Rev(4), **sort))
ranges.case("sort_ties_keep_key_order", puts("b=x", "a=x", "d=x", "c=x"),
            get("", PREFIX_END, sort_order="ASCEND", sort_target="VALUE"),
            get("", PREFIX_END, sort_order="ASCEND", sort_target="VERSION"))
ranges.case("sort_by_value_is_bytewise", puts("a=10", "b=9", "c=", "d=a", "e=A"),
            get("", PREFIX_END, sort_order="ASCEND", sort_target="VALUE"),
            get("", PREFIX_END, sort_order="DESCEND", sort_target="VALUE"))
ranges.case("sort_order_outside_enum", FIVE, get("", PREFIX_END, sort_order=7))
ranges.case("sort_target_outside_enum", FIVE,
            get("", PREFIX_END, sort_order="ASCEND", sort_target=9), setup=FRESH)

# limit, more and count

for limit in (-1, 1, 2, 4, 5, 6, 1000):
    ranges.case(f"limit_{limit}".replace("-", "minus_"), FIVE, get("", PREFIX_END, limit=limit),
                get("", PREFIX_END, limit=limit, count_only=True))
ranges.case("limit_on_single_key", FIVE, get("a", limit=1))
ranges.case("pages_of_two", FIVE, get("", PREFIX_END, limit=2), get("b\x00", PREFIX_END, limit=2),
            get("d\x00", PREFIX_END, limit=2), get("e\x00", PREFIX_END, limit=2))
ranges.case("pages_at_a_fixed_revision", FIVE, get("", PREFIX_END, limit=2),
            quiet(delete("c")), quiet(put("cc", "new")),
            get("b\x00", PREFIX_END, limit=2, revision=Rev(8)),
            get("d\x00", PREFIX_END, limit=2, revision=Rev(8)))
ranges.case("count_only_ignores_limit_and_sort", FIVE,
            get("", PREFIX_END, count_only=True, limit=1, sort_order="DESCEND"))
ranges.case("count_only_with_keys_only", FIVE,
            get("", PREFIX_END, count_only=True, keys_only=True))
ranges.case("keys_only_keeps_other_fields", grant(11), puts("a=1", "a=2"),
            quiet(put("b", "x", lease=11)), get("", PREFIX_END, keys_only=True))

# Revision filters

FILTERS = {
    "min_mod": {"min_mod_revision": Rev(5)},
    "max_mod": {"max_mod_revision": Rev(5)},
    "min_create": {"min_create_revision": Rev(3)},
    "max_create": {"max_create_revision": Rev(3)},
    "mod_window": {"min_mod_revision": Rev(4), "max_mod_revision": Rev(6)},
    "create_window": {"min_create_revision": Rev(2), "max_create_revision": Rev(4)},
    "all_four": {"min_mod_revision": Rev(2), "max_mod_revision": Rev(8),
                 "min_create_revision": Rev(2), "max_create_revision": Rev(4)},
    "nothing_left": {"min_mod_revision": Rev(7), "max_mod_revision": Rev(6)},
    "negative_is_not_off": {"min_mod_revision": -5, "max_mod_revision": -5},
}
for name, fields in FILTERS.items():
    ranges.case(f"filter_{name}", FIVE, get("", PREFIX_END, **fields),
                get("", PREFIX_END, limit=1, **fields),
                get("", PREFIX_END, count_only=True, **fields),
                get("", PREFIX_END, sort_order="DESCEND", sort_target="MOD", limit=2, **fields))

# Revisions

for offset in (1, 3, 6, 8):
    ranges.case(f"revision_{offset}", FIVE, get("", PREFIX_END, revision=Rev(offset)),
                get("c", revision=Rev(offset)))
ranges.case("revision_before_the_key", FIVE, get("e", revision=Rev(2)))
ranges.case("revision_of_a_deleted_key", puts("a=1"), quiet(delete("a")), quiet(put("a", "2")),
            get("a", revision=Rev(1)), get("a", revision=Rev(2)), get("a", revision=Rev(3)))
ranges.case("revision_future", FIVE, get("a", revision=Rev(9)), get("a", revision=Rev(1000)))
ranges.case("revision_future_on_count", FIVE,
            get("", PREFIX_END, revision=Rev(9), count_only=True))
ranges.case("revision_negative_is_current", FIVE, get("a", revision=-1))
ranges.case("revision_one_of_fresh_server", get("a", revision=1), get("a", revision=2),
            get(EVERYTHING, EVERYTHING), setup=FRESH)

# The way of reading

ranges.case("serializable", FIVE, get("", PREFIX_END, serializable=True),
            get("a", serializable=True, revision=Rev(2)))
ranges.case("serializable_future", FIVE, get("a", serializable=True, revision=Rev(99)))
ranges.case("empty_key", get(b""), get(b"", EVERYTHING), get(b"", serializable=True),
            get(b"", count_only=True, revision=99999))
ranges.case("binary_keys", quiet(put(b"binary_keys/\x00\xff\x01", b"\x00\xfe")),
            quiet(put(b"binary_keys/\xff", b"")), get("", PREFIX_END))
ranges.case("long_key", quiet(put("k" * 4000, "v")), get("k" * 4000), get("k" * 3999))
ranges.case("many_keys", [quiet(put(f"{i:03}", str(i))) for i in range(120)],
            get("", PREFIX_END, count_only=True), get("", PREFIX_END, limit=7),
            get("050", "060", keys_only=True),
            get("", PREFIX_END, limit=3, sort_order="DESCEND", sort_target="KEY"))

# Put

puts_family = Family("kv_put")
puts_family.case("new_key", put("a", "1"), get("a"))
puts_family.case("again", put("a", "1"), put("a", "2"), put("a", "2"), get("a"))
puts_family.case("empty_value", put("a"), get("a"))
puts_family.case("empty_key", put(b"", "1"), put(b""))
puts_family.case("prev_kv_absent", put("a", "1", prev_kv=True))
puts_family.case("prev_kv_present", quiet(put("a", "1")), put("a", "2", prev_kv=True),
                 put("a", "3", prev_kv=True))
puts_family.case("after_delete_starts_again", puts("a=1", "a=2"), quiet(delete("a")),
                 put("a", "3", prev_kv=True), get("a"))
puts_family.case("with_lease", grant(21), put("a", "1", lease=21), get("a"),
                 time_to_live(21, keys=True))
puts_family.case("unknown_lease", put("a", "1", lease=987654), get("a"))
puts_family.case("negative_lease", put("a", "1", lease=-1), get("a"))
puts_family.case("moves_between_leases", grant(22), grant(23), put("a", "1", lease=22),
                 put("a", "2", lease=23, prev_kv=True), time_to_live(22, keys=True),
                 time_to_live(23, keys=True))
puts_family.case("without_lease_detaches", grant(24), put("a", "1", lease=24), put("a", "2"),
                 time_to_live(24, keys=True), revoke(24), get("a"))
puts_family.case("ignore_value", puts("a=1"), put("a", ignore_value=True), get("a"))
puts_family.case("ignore_value_keeps_nothing_of_lease", grant(25), quiet(put("a", "1", lease=25)),
                 put("a", ignore_value=True, prev_kv=True), get("a"), time_to_live(25, keys=True))
puts_family.case("ignore_value_with_value", puts("a=1"), put("a", "2", ignore_value=True))
puts_family.case("ignore_value_absent_key", put("a", ignore_value=True), get("a"))
puts_family.case("ignore_lease", grant(26), quiet(put("a", "1", lease=26)),
                 put("a", "2", ignore_lease=True), get("a"), time_to_live(26, keys=True))
puts_family.case("ignore_lease_with_lease", grant(27), puts("a=1"),
                 put("a", "2", ignore_lease=True, lease=27))
puts_family.case("ignore_lease_absent_key", put("a", "1", ignore_lease=True))
puts_family.case("ignore_both", grant(28), quiet(put("a", "1", lease=28)),
                 put("a", ignore_value=True, ignore_lease=True, prev_kv=True), get("a"))
puts_family.case("ignore_both_with_both", grant(29), puts("a=1"),
                 put("a", "2", ignore_value=True, ignore_lease=True, lease=29),
                 put("a", "", ignore_value=True, ignore_lease=True, lease=29))
puts_family.case("ignore_value_with_empty_key", put(b"", "x", ignore_value=True))
puts_family.case("ignore_value_with_new_lease", grant(30), puts("a=1"),
                 put("a", ignore_value=True, lease=30), get("a"))
puts_family.case("ignore_value_with_unknown_lease", puts("a=1"),
                 put("a", ignore_value=True, lease=777001), get("a"))
puts_family.case("ignore_value_after_delete", puts("a=1"), quiet(delete("a")),
                 put("a", ignore_value=True))
puts_family.case("server_chosen_lease", grant(0, save="L"), put("a", "1", lease=Ref("L")),
                 get("a"), put("a", "2", ignore_lease=True, prev_kv=True))
puts_family.case("large_value", put("a", "x" * 1_000_000), get("a"))
puts_family.case("failure_moves_no_revision", put("a", lease=555001), put("b", ignore_value=True),
                 put(b"", "1"), get("a"))
puts_family.case("first_revision_is_two", put("a", "1"), put("b", "1"), get("a"), setup=FRESH)

# DeleteRange

deletes = Family("kv_delete")
for name, (key, end) in BOUNDS.items():
    if name not in ("everything", "beyond_all_keys", "nul_key_alone"):
        deletes.case(f"bounds_{name}", FIVE, delete(key, end), get("", PREFIX_END, keys_only=True))
        deletes.case(f"prev_kv_{name}", FIVE, delete(key, end, prev_kv=True))
deletes.case("everything", FIVE, delete(EVERYTHING, EVERYTHING, prev_kv=True),
             get(EVERYTHING, EVERYTHING))
deletes.case("nothing_moves_no_revision", delete("a"), delete("", PREFIX_END, prev_kv=True),
             get("a"))
deletes.case("empty_key", delete(b""), delete(b"", EVERYTHING), delete(b"", prev_kv=True))
deletes.case("twice", puts("a=1"), delete("a", prev_kv=True), delete("a", prev_kv=True))
deletes.case("many_keys_in_one_revision", FIVE, delete("a", "d"), put("z", "1"),
             get("", PREFIX_END), get("", PREFIX_END, revision=Rev(8)))
deletes.case("detaches_from_lease", grant(41), quiet(put("a", "1", lease=41)),
             quiet(put("b", "1", lease=41)), delete("a", prev_kv=True),
             time_to_live(41, keys=True), revoke(41), get("", PREFIX_END))
deletes.case("does_not_touch_neighbours", puts("a=1", "aa=2", "b=3", "a\x00=4"), delete("a"),
             get("", PREFIX_END))
deletes.case("then_history", puts("a=1", "a=2"), delete("a"), get("a", revision=Rev(2)),
             get("a", revision=Rev(3)), put("a", "3"), get("a"))
deletes.case("many", [quiet(put(f"{i:03}", str(i))) for i in range(60)],
             delete("010", "050"), get("", PREFIX_END, count_only=True),
             delete("", PREFIX_END, prev_kv=True))

FAMILIES = [ranges, puts_family, deletes]
