"""The wire protocol, built at run time from the tables in `facts/`.

There is no generated code: `messages.tsv`, `enums.tsv` and `methods.tsv` become protobuf
descriptors here, so the suite needs only the `grpcio` and `protobuf` packages.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FACTS = Path(os.environ.get("KEELSON_FACTS") or Path(__file__).resolve().parent / "facts")
PACKAGES = ("mvccpb", "authpb", "etcdserverpb", "v3lockpb", "v3electionpb", "grpc.health.v1")
DEPENDENCIES = {
    "etcdserverpb": ("mvccpb", "authpb"),
    "v3lockpb": ("etcdserverpb",),
    "v3electionpb": ("etcdserverpb", "mvccpb"),
}
Field = descriptor_pb2.FieldDescriptorProto

SCALARS = {
    "int64": Field.TYPE_INT64,
    "uint64": Field.TYPE_UINT64,
    "uint32": Field.TYPE_UINT32,
    "bool": Field.TYPE_BOOL,
    "bytes": Field.TYPE_BYTES,
    "string": Field.TYPE_STRING,
}


@dataclass(frozen=True)
class Method:
    """One RPC: its path, its two message types and which sides stream."""

    name: str
    path: str
    request: str
    response: str
    client_streaming: bool
    server_streaming: bool


def _rows(name: str) -> list[dict[str, str]]:
    with open(FACTS / name, encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def _split(qualified: str) -> tuple[str, str]:
    """Split `etcdserverpb.RangeRequest.SortOrder` into package and the name inside it."""
    for package in PACKAGES:
        if qualified.startswith(package + "."):
            return package, qualified[len(package) + 1 :]
    raise ValueError(f"unknown package in {qualified}")


class _Builder:
    """Collects table rows into one file descriptor for each package."""

    def __init__(self) -> None:
        self.files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        self.messages: dict[str, descriptor_pb2.DescriptorProto] = {}
        for package in PACKAGES:
            file = descriptor_pb2.FileDescriptorProto(
                name=package + ".proto", package=package, syntax="proto3"
            )
            for needed in DEPENDENCIES.get(package, ()):
                file.dependency.append(needed + ".proto")
            self.files[package] = file

    def message(self, qualified: str) -> descriptor_pb2.DescriptorProto:
        """The descriptor of that message, made on first use."""
        if qualified not in self.messages:
            package, name = _split(qualified)
            self.messages[qualified] = self.files[package].message_type.add(name=name)
        return self.messages[qualified]

    def field(self, row: dict[str, str]) -> None:
        """Add one row of messages.tsv."""
        message = self.message(row["message"])
        if row["number"] == "-":
            return
        field = message.field.add(name=row["field"], number=int(row["number"]))
        repeated = row["label"] == "repeated"
        field.label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
        self._set_type(field, row["type"])
        if row["label"].startswith("oneof "):
            field.oneof_index = self._oneof(message, row["label"].removeprefix("oneof "))

    def enum_value(self, row: dict[str, str]) -> None:
        """Add one row of enums.tsv."""
        package, name = _split(row["enum"])
        outer, _, inner = name.rpartition(".")
        home = self.message(f"{package}.{outer}") if outer else self.files[package]
        enum = next((item for item in home.enum_type if item.name == inner), None)
        if enum is None:
            enum = home.enum_type.add(name=inner)
        enum.value.add(name=row["value"], number=int(row["number"]))

    @staticmethod
    def _set_type(field: Field, kind: str) -> None:
        if kind in SCALARS:
            field.type = SCALARS[kind]
            return
        form, _, name = kind.partition(":")
        field.type = Field.TYPE_ENUM if form == "enum" else Field.TYPE_MESSAGE
        field.type_name = "." + name

    @staticmethod
    def _oneof(message: descriptor_pb2.DescriptorProto, name: str) -> int:
        for index, oneof in enumerate(message.oneof_decl):
            if oneof.name == name:
                return index
        message.oneof_decl.add(name=name)
        return len(message.oneof_decl) - 1


def _build_pool() -> descriptor_pool.DescriptorPool:
    builder = _Builder()
    for row in _rows("messages.tsv"):
        builder.field(row)
    for row in _rows("enums.tsv"):
        builder.enum_value(row)
    pool = descriptor_pool.DescriptorPool()
    for package in PACKAGES:
        pool.Add(builder.files[package])
    return pool


_POOL = _build_pool()

METHODS: dict[str, Method] = {
    row["method"]: Method(
        row["method"],
        row["path"],
        row["request"],
        row["response"],
        row["client_streaming"] == "yes",
        row["server_streaming"] == "yes",
    )
    for row in _rows("methods.tsv")
}


def message_class(qualified: str) -> type:
    """The message class of that name, e.g. `etcdserverpb.RangeRequest`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(qualified))
