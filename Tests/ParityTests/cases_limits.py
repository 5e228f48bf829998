"""Sizes, deadlines, unknown names, metadata and bytes that are no message."""

from __future__ import annotations

from case import Family, Setup
from steps import (
    call, get, op_put, open_stream, put, puts, raw, read, send_bytes, txn, watch,
)
from world import PREFIX_END

family = Family("limits")
RANGE, PUT, TXN = "/etcdserverpb.KV/Range", "/etcdserverpb.KV/Put", "/etcdserverpb.KV/Txn"
MAXIMUM = 1_572_864

# Sizes. The encoded raft request holds some bytes more than key and value.

family.case("value_below_limit", put("a", "x" * (MAXIMUM - 200)), get("a", keys_only=True))
family.case("value_at_limit", put("a", "x" * MAXIMUM), get("a"))
family.case("value_above_limit", put("a", "x" * (MAXIMUM + 100)), get("a"))
family.case("key_above_limit", put("k" * (MAXIMUM + 100), "v"))
family.case("txn_below_limit", txn([], [op_put(f"{n}", "x" * 300_000) for n in range(5)]),
            get("", PREFIX_END, count_only=True))
family.case("txn_above_limit", txn([], [op_put(f"{n}", "x" * 300_000) for n in range(6)]),
            get("", PREFIX_END, count_only=True))
family.case("message_above_receive_limit", put("a", "x" * 2_200_000))
family.case("message_far_above_receive_limit", put(b"a", "x" * 5_000_000))
family.case("read_above_receive_limit", get("k" * 2_200_000))
family.case("answer_above_receive_limit", [put(f"{n}", "x" * 1_000_000) for n in range(4)],
            get("", PREFIX_END))
SMALL = Setup(flags=("--max-request-bytes=2000",))
family.case("small_limit_below", put("a", "x" * 1800), setup=SMALL)
family.case("small_limit_above", put("a", "x" * 2100), get("a"), setup=SMALL)
family.case("small_limit_receive", put("a", "x" * 530_000), setup=SMALL)
FEW = Setup(flags=("--max-txn-ops=3",))
family.case("txn_operations_3", txn([], [op_put(f"{n}", "v") for n in range(3)]), setup=FEW)
family.case("txn_operations_4", txn([], [op_put(f"{n}", "v") for n in range(4)]), setup=FEW)

# Names

for name, path in {
    "service": "/nobody.Service/Method",
    "method": "/etcdserverpb.KV/Nothing",
    "method_of_watch": "/etcdserverpb.Watch/Range",
    "range_stream": "/etcdserverpb.KV/RangeStream",
    "method_in_other_case": "/etcdserverpb.KV/range",
    "service_of_newer_server": "/etcdserverpb.Later/Call",
    "empty_method": "/etcdserverpb.KV/",
    "one_part": "/nothing",
    "three_parts": "/a/b/c",
}.items():
    family.case(f"unknown_{name}", raw(path))

# Bytes which are no message

MALFORMED = {
    "truncated_field": b"\x0a\x05ab",
    "bad_wire_type": b"\x0f",
    "field_number_zero": b"\x00\x01",
    "unended_varint": b"\x18\xff\xff",
    "too_long_varint": b"\x18" + b"\xff" * 11,
    "wrong_type_of_known_field": b"\x08\x01",
    "length_overflow": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "group": b"\x0b\x0c",
}
for name, data in MALFORMED.items():
    family.case(f"malformed_{name}", raw(RANGE, data), raw(PUT, data))
family.case("malformed_nested", raw(TXN, b"\x12\x03\x0a\x05a"))
family.case("unknown_fields_are_skipped", raw(RANGE, b"\x0a\x07missing" + b"\xf8\x07\x01"),
            raw(RANGE, b"\x0a\x07missing" + b"\xfa\x07\x02ab"))
family.case("last_of_repeated_scalar_wins", raw(RANGE, b"\x0a\x01q\x0a\x01r\x18\x01\x18\x02"))
family.case("fields_in_any_order", raw(RANGE, b"\x18\x01\x0a\x07missing"))
family.case("empty_message", raw(RANGE), raw(PUT), raw(TXN))
family.case("malformed_on_watch", open_stream("w"), send_bytes("w", b"\x0a\x05ab"), read("w"))
family.case("malformed_on_keep_alive", open_stream("k", "Lease.LeaseKeepAlive"),
            send_bytes("k", b"\x0f"), read("k"))

# Deadlines and metadata

family.case("deadline_in_the_past", puts("a=1"), get("a", seconds=-1.0))
family.case("deadline_long", puts("a=1"), get("a", seconds=3600.0))
for value in ("true", "false", "", "1"):
    family.case(f"hasleader_{value or 'empty'}", puts("a=1"),
                get("a", metadata=[("hasleader", value)]))
for value in ("3.5.1", "3.6.0", "", "nonsense"):
    family.case(f"client_api_version_{value or 'empty'}", puts("a=1"),
                get("a", metadata=[("client-api-version", value)]))
family.case("token_without_auth", puts("a=1"), get("a", metadata=[("token", "nonsense")]),
            get("a", metadata=[("authorization", "Bearer nonsense")]))
family.case("unknown_metadata", puts("a=1"), get("a", metadata=[("x-any", "thing"),
            ("x-any-bin", b"\x00\xff")]))
family.case("large_metadata", get("a", metadata=[("x-any", "y" * 6000)]))
family.case("many_streams", [[open_stream(f"w{n}"), watch("a", on=f"w{n}"), read(f"w{n}")]
            for n in range(120)], put("a", "1"), [read(f"w{n}") for n in range(120)])
family.case("many_watchers_on_a_stream", open_stream("w"), [watch("b") for _ in range(200)],
            read("w", 200), watch("a"), read("w"), put("a", "1"), read("w"))
family.case("gzip_request", puts("a=1"), call("KV.Range", key="a", count_only=True,
            metadata=[("grpc-internal-encoding-request", "gzip")]))

FAMILIES = [family]
