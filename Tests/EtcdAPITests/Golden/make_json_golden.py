#!/usr/bin/env python3
"""Write json.tsv: messages in protobuf's wire format beside their JSON.

Protobuf's own Python library makes both, from the tables of the parity suite, so the golden file
owes nothing to the code under test. Each message has one line with every field set, one with each
field alone at an extreme value, and one with nothing.

    make_json_golden.py [--facts DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "ParityTests"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", help="the folder of the tables")
    options = parser.parse_args()
    if options.facts:
        os.environ["KEELSON_FACTS"] = options.facts
    import protocol  # noqa: E402 - the tables are read when it is imported

    lines = []
    for name in sorted({row["message"] for row in protocol._rows("messages.tsv")}):
        kind = protocol.message_class(name)
        lines += [line(name, message) for message in examples(kind)]
    (HERE / "json.tsv").write_text("".join(dict.fromkeys(lines)), encoding="utf-8")


def line(name: str, message) -> str:
    from google.protobuf import json_format

    fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    return f"{name}\t{message.SerializeToString(deterministic=True).hex()}\t{text}\n"


def examples(kind):
    yield kind()
    for last in (False, True):
        whole = kind()
        fill(whole, depth=0, last=last)
        yield whole
    for field in kind.DESCRIPTOR.fields:
        for large in (False, True):
            one = kind()
            fill_field(one, field, depth=1, large=large)
            yield one


def fill(message, depth: int, last: bool) -> None:
    """Every field; of a oneof the first alternative, or the last."""
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof and field is not oneof.fields[-1 if last else 0]:
            continue
        fill_field(message, field, depth, large=last)


def fill_field(message, field, depth: int, large: bool) -> None:
    if field.type == field.TYPE_MESSAGE:
        if field.is_repeated:
            for _ in range(2):
                nested(getattr(message, field.name).add(), depth, large)
        else:
            getattr(message, field.name).SetInParent()
            nested(getattr(message, field.name), depth, large)
    elif field.is_repeated:
        getattr(message, field.name).extend([value(field, False), value(field, True)])
    else:
        setattr(message, field.name, value(field, large))


def nested(message, depth: int, large: bool) -> None:
    if depth < 3:
        fill(message, depth + 1, large)


def value(field, large: bool):
    kinds = {
        field.TYPE_INT64: (1, -(2**63)),
        field.TYPE_UINT64: (7, 2**64 - 1),
        field.TYPE_UINT32: (3, 2**32 - 1),
        field.TYPE_BOOL: (True, True),
        field.TYPE_STRING: ("text", 'é "quoted" \\ back\n\tslash \u2028 𝄞'),
        field.TYPE_BYTES: (b"key", bytes(range(251, 256)) + b"\x00\x3e\x3f"),
    }
    if field.type == field.TYPE_ENUM:
        numbers = [entry.number for entry in field.enum_type.values]
        return numbers[-1] if large else numbers[min(1, len(numbers) - 1)]
    return kinds[field.type][1 if large else 0]


if __name__ == "__main__":
    main()
