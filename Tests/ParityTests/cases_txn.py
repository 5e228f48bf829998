"""Txn: guards, branches, nesting, limits and failures."""

from __future__ import annotations

from case import FRESH, Family
from steps import (
    compact, compare, delete, get, grant, op_delete, op_get, op_put, op_txn, put, puts, quiet,
    time_to_live, txn,
)
from world import EVERYTHING, PREFIX_END, Ref, Rev

txns = Family("kv_txn")
YES, NO = [op_put("yes", "1")], [op_put("no", "1")]
STATE = [grant(51), puts("a=1", "a=2", "b=m"), quiet(put("c", "x", lease=51))]

# Each target with each result, below, at and above the value, on a present and an absent key.
# State: a was created at R+1, its mod is R+2 and its version 2; c has lease 51.

VALUES = {
    "VERSION": ("a", (1, 2, 3, 0, -1)),
    "CREATE": ("a", (Rev(0), Rev(1), Rev(2), 0)),
    "MOD": ("a", (Rev(1), Rev(2), Rev(3), 0)),
    "VALUE": ("b", ("l", "m", "n", "", "mm")),
    "LEASE": ("c", (50, 51, 52, 0)),
}
for target, (key, values) in VALUES.items():
    for result in ("EQUAL", "GREATER", "LESS", "NOT_EQUAL"):
        checks = [txn([compare(where, target, result, value)])
                  for where in (key, "absent") for value in values]
        txns.case(f"compare_{target}_{result}".lower(), STATE, checks)

# Guards over ranges

RANGE_GUARDS = {
    "all_hold": compare("a", "VERSION", "GREATER", 0, "d"),
    "one_fails": compare("a", "VERSION", "EQUAL", 1, "d"),
    "empty_range_as_absent": compare("x", "VERSION", "EQUAL", 0, "z"),
    "empty_range_not_greater": compare("x", "CREATE", "GREATER", 0, "z"),
    "value_of_empty_range": compare("x", "VALUE", "EQUAL", "", "z"),
    "value_not_equal_of_empty_range": compare("x", "VALUE", "NOT_EQUAL", "q", "z"),
    "values_differ": compare("a", "VALUE", "NOT_EQUAL", "q", "d"),
    "prefix_mod": compare("", "MOD", "LESS", Rev(5), PREFIX_END),
    "from_key_lease": compare("c", "LEASE", "EQUAL", 51, PREFIX_END),
    "whole_space": compare(EVERYTHING, "CREATE", "GREATER", 0, EVERYTHING),
    "reversed": compare("d", "VERSION", "EQUAL", 0, "a"),
}
for name, guard in RANGE_GUARDS.items():
    txns.case(f"guard_range_{name}", STATE, txn([guard], YES, NO))

txns.case("guards_are_and", STATE, txn(
    [compare("a", "VERSION", "EQUAL", 2), compare("b", "VERSION", "EQUAL", 2)], YES, NO))
txns.case("guards_empty_list_is_true", txn([], YES, NO))
txns.case("guard_on_empty_key", txn([compare(b"", "VERSION", "EQUAL", 0)], YES, NO))
txns.case("guard_on_empty_key_range", txn([compare(b"", "VERSION", "EQUAL", 0, EVERYTHING)], YES))
txns.case("guard_without_union", STATE,
          txn([{"key": "a", "target": "VERSION", "result": "EQUAL"}], YES, NO),
          txn([{"key": "x", "target": "VERSION", "result": "EQUAL"}], YES, NO),
          txn([{"key": "x", "target": "VALUE", "result": "EQUAL"}], YES, NO))
txns.case("guard_with_other_union_member", STATE,
          txn([{"key": "a", "target": "VERSION", "result": "EQUAL", "mod_revision": 2}], YES, NO),
          txn([{"key": "a", "target": "VALUE", "result": "EQUAL", "version": 2}], YES, NO),
          txn([{"key": "a", "target": "MOD", "result": "NOT_EQUAL", "value": "2"}], YES, NO))
txns.case("guard_result_outside_enum", STATE,
          txn([{"key": "a", "target": "VERSION", "result": 9, "version": 2}], YES, NO))
txns.case("guard_target_outside_enum", STATE,
          txn([{"key": "a", "target": 9, "result": "EQUAL", "version": 2}], YES, NO))

# Operations

txns.case("nothing", txn())
txns.case("nothing_to_do_moves_no_revision", txn([], [op_delete("a")]), get("a"))
txns.case("success_branch", STATE, txn([compare("a", "MOD", "EQUAL", Rev(2))],
          [op_put("a", "3"), op_get("a")], [op_get("a")]))
txns.case("failure_branch", STATE, txn([compare("a", "MOD", "EQUAL", Rev(1))],
          [op_put("a", "3")], [op_get("a")]))
txns.case("empty_failure_branch", STATE, txn([compare("a", "MOD", "EQUAL", Rev(1))], YES))
txns.case("create_if_absent", txn([compare("a", "MOD", "EQUAL", 0)], [op_put("a", "1")],
          [op_get("a")]), txn([compare("a", "MOD", "EQUAL", 0)], [op_put("a", "1")],
          [op_get("a")]))
txns.case("delete_if_unchanged", STATE, txn([compare("a", "MOD", "EQUAL", Rev(2))],
          [op_delete("a", prev_kv=True)], [op_get("a")]), get("a"))
txns.case("many_puts_share_a_revision", txn([], [op_put("a", "1"), op_put("b", "2"),
          op_put("c", "3")]), get("", PREFIX_END))
txns.case("sees_its_own_writes", STATE, txn([], [op_get("a"), op_put("a", "9"), op_get("a"),
          op_delete("b", prev_kv=True), op_get("", PREFIX_END), op_get("", PREFIX_END,
          count_only=True)]))
txns.case("delete_then_put", STATE, txn([], [op_delete("b"), op_put("z", "1"), op_delete("c")]),
          get("", PREFIX_END))
txns.case("deletes_may_overlap", STATE, txn([], [op_delete("a", "c", prev_kv=True),
          op_delete("a", "d", prev_kv=True), op_delete("b")]))
txns.case("put_prev_kv", STATE, txn([], [op_put("a", "7", prev_kv=True),
          op_put("new", "7", prev_kv=True)]))
txns.case("put_with_lease", STATE, txn([], [op_put("a", "7", lease=51), op_put("d", "8",
          lease=51)]), time_to_live(51, keys=True))
txns.case("put_detaches_lease", STATE, txn([], [op_put("c", "7")]), time_to_live(51, keys=True))
txns.case("put_ignore_value", STATE, txn([], [op_put("a", ignore_value=True, lease=51)]), get("a"))
txns.case("put_ignore_lease", STATE, txn([], [op_put("c", "n", ignore_lease=True)]), get("c"))
txns.case("range_options", STATE, txn([], [
    op_get("", PREFIX_END, limit=1), op_get("", PREFIX_END, keys_only=True),
    op_get("", PREFIX_END, sort_order="DESCEND", sort_target="CREATE", limit=2),
    op_get("", PREFIX_END, min_mod_revision=Rev(3)), op_get("a", revision=Rev(1)),
    op_get("a", "b", count_only=True)]))
txns.case("range_options_after_write", STATE, txn([], [
    op_put("d", "1"), op_get("", PREFIX_END, limit=2), op_get("", PREFIX_END, revision=Rev(2)),
    op_get("", PREFIX_END, sort_order="ASCEND", sort_target="MOD")]))
txns.case("serializable_reads", STATE, txn([], [op_get("a", serializable=True),
          op_get("b", serializable=True)]))
txns.case("mixed_reads", STATE, txn([compare("a", "VERSION", "EQUAL", 2)],
          [op_get("a", serializable=True), op_get("b")]))
txns.case("put_of_same_key_in_both_branches", txn([], [op_put("a", "1")], [op_put("a", "2")]))
txns.case("server_chosen_lease", grant(0, save="L"), txn([], [op_put("a", "1",
          lease=Ref("L"))]), txn([compare("a", "LEASE", "EQUAL", Ref("L"))], [op_get("a")]))

# Nesting

txns.case("nested_both_ways", STATE, txn([], [
    op_txn([compare("a", "VERSION", "EQUAL", 2)], [op_put("x", "1")], [op_put("y", "1")]),
    op_txn([compare("a", "VERSION", "EQUAL", 9)], [op_put("v", "1")], [op_put("w", "1")])]),
    get("", PREFIX_END, keys_only=True))
txns.case("nested_reads_only", STATE, txn([], [op_txn([compare("a", "VERSION", "EQUAL", 2)],
          [op_get("a")], [op_get("b")])]), get("a"))
txns.case("nested_guard_does_not_see_writes", STATE, txn([], [op_put("a", "n"),
          op_txn([compare("a", "VALUE", "EQUAL", "n")], [op_put("saw", "1")],
                 [op_put("missed", "1")])]))
txns.case("nested_read_sees_writes", STATE, txn([], [op_put("n", "1"),
          op_txn([], [op_get("n"), op_put("o", "2"), op_get("", PREFIX_END)])]))
deep = op_txn([], [op_put("deep", "1")])
for _ in range(5):
    deep = op_txn([compare("none", "VERSION", "EQUAL", 0)], [deep], [op_put("never", "1")])
txns.case("nested_six_deep", txn([], [deep]), get("deep"))
txns.case("nested_empty", txn([], [op_txn()]), txn([], [op_txn(), op_put("a", "1")]))
txns.case("nested_deletes", STATE, txn([], [op_txn([], [op_delete("a", prev_kv=True)]),
          op_delete("", PREFIX_END, prev_kv=True)]))

# Duplicates

DUPLICATES = {
    "two_puts": [op_put("a", "1"), op_put("a", "2")],
    "put_and_delete": [op_put("a", "1"), op_delete("a")],
    "delete_and_put": [op_delete("a"), op_put("a", "1")],
    "put_inside_deleted_range": [op_put("b", "1"), op_delete("a", "c")],
    "put_at_end_of_deleted_range": [op_put("c", "1"), op_delete("a", "c")],
    "put_below_deleted_from_key": [op_put("a", "1"), op_delete("b", PREFIX_END)],
    "put_above_deleted_from_key": [op_put("c", "1"), op_delete("b", EVERYTHING)],
    "nested_put_against_parent": [op_put("a", "1"), op_txn([], [op_put("a", "2")])],
    "nested_delete_against_parent": [op_put("a", "1"), op_txn([], [op_delete("a", "b")])],
    "nested_failure_against_parent": [op_put("a", "1"), op_txn([], [], [op_put("a", "2")])],
    "parent_delete_against_nested_put": [op_delete("a"), op_txn([], [op_put("a", "2")])],
    "nested_branches_may_overlap": [op_txn([], [op_put("a", "1")], [op_put("a", "2")])],
    "two_nested_puts": [op_txn([], [op_put("a", "1")]), op_txn([], [op_put("a", "2")])],
    "two_nested_other_branches": [op_txn([], [op_put("a", "1")]),
                                  op_txn([], [], [op_put("a", "2")])],
    "nested_delete_and_nested_put": [op_txn([], [op_delete("a", "c")]),
                                     op_txn([], [op_put("b", "2")])],
    "reads_are_free": [op_put("a", "1"), op_get("a"), op_get("a", "c"), op_put("b", "2")],
}
for name, operations in DUPLICATES.items():
    txns.case(f"duplicate_{name}", txn([], operations))
txns.case("duplicate_in_branch_not_taken", txn([compare("a", "VERSION", "EQUAL", 7)],
          [op_put("a", "1"), op_put("a", "2")], [op_get("a")]))

# Limits

GUARD = compare("n", "VERSION", "EQUAL", 0)


def many(count: int) -> list[dict]:
    """That many puts of different keys."""
    return [op_put(f"{number:04}", "v") for number in range(count)]


txns.case("limit_128_operations", txn([], many(128)), get("", PREFIX_END, count_only=True))
txns.case("limit_129_success", txn([], many(129)), get("", PREFIX_END, count_only=True))
txns.case("limit_129_failure", txn([], [], many(129)))
txns.case("limit_129_guards", txn([GUARD] * 129, YES))
txns.case("limit_128_of_each", txn([GUARD] * 128, many(128), many(128)))
txns.case("limit_129_reads", txn([], [op_get("a")] * 129))
txns.case("limit_nested_127", txn([], [op_txn([], many(127))]))
txns.case("limit_nested_128", txn([], [op_txn([], many(128))]))
txns.case("limit_nested_shares_with_guards", txn([GUARD] * 60, [op_txn([], many(69))]),
          txn([GUARD] * 60, [op_txn([], many(68))]))
txns.case("limit_two_nested_of_100", txn([], [op_txn([], [op_get("a")] * 100),
          op_txn([], [op_get("a")] * 100)]))
txns.case("limit_is_checked_before_keys", txn([], [op_put(b"", "v")] * 129))

# Failures leave nothing

FAILURES = {
    "operation_without_content": [op_put("a", "1"), {}],
    "nested_operation_without_content": [op_put("a", "1"), op_txn([], [{}])],
    "empty_put_key": [op_put("a", "1"), op_put(b"", "1")],
    "empty_range_key": [op_put("a", "1"), op_get(b"")],
    "empty_delete_key": [op_put("a", "1"), op_delete(b"")],
    "nested_empty_key": [op_put("a", "1"), op_txn([], [], [op_put(b"", "1")])],
    "nested_guard_on_empty_key": [op_put("a", "1"),
                                  op_txn([compare(b"", "VERSION", "EQUAL", 0)], [])],
    "unknown_lease": [op_put("a", "1"), op_put("b", "1", lease=990001)],
    "unknown_lease_nested": [op_put("a", "1"), op_txn([], [op_put("b", "1", lease=990001)])],
    "ignore_value_absent": [op_put("a", "1"), op_put("b", ignore_value=True)],
    "ignore_lease_absent": [op_put("a", "1"), op_put("b", "1", ignore_lease=True)],
    "ignore_value_of_own_put": [op_put("b", "1"), op_txn([], [op_put("c", ignore_value=True)])],
    "value_provided": [op_put("a", "1"), op_put("b", "1", ignore_value=True)],
    "lease_provided": [op_put("a", "1"), op_put("b", "1", ignore_lease=True, lease=5)],
    "sort_outside_enum": [op_put("a", "1"), op_get("b", sort_order=8)],
}
for name, operations in FAILURES.items():
    txns.case(f"failure_{name}", txn([], operations), get("", PREFIX_END))
txns.case("failure_in_branch_not_taken", txn([compare("a", "VERSION", "EQUAL", 7)],
          [op_put("b", ignore_value=True)], [op_put("c", "1")]), get("", PREFIX_END))
txns.case("failure_of_future_read", STATE, txn([], [op_get("a", revision=Rev(99))]))
txns.case("failure_of_future_read_in_write", txn([], [op_put("a", "1"), op_get("a", revision=99)]),
          get("a"), setup=FRESH)
txns.case("failure_of_future_read_nested", txn([], [op_put("a", "1"), op_txn([], [
          op_get("a", revision=99)])]), get("a"), setup=FRESH)
txns.case("failure_of_read_at_the_own_revision", txn([], [op_put("a", "1"), op_get("a",
          revision=2)]), get("a"), setup=FRESH)
txns.case("failure_of_compacted_read_in_write", puts("a=1", "a=2", "a=3"), compact(3),
          txn([], [op_put("b", "1"), op_get("a", revision=2)]), txn([], [op_get("a", revision=2)]),
          get("b"), setup=FRESH)
txns.case("after_a_failure_the_server_goes_on", txn([], [op_put(b"", "")]), put("a", "1"),
          delete("a"))

FAMILIES = [txns]
