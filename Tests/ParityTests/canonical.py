"""Answers as plain dicts in which only what must be equal is left.

Ids, terms, sizes and times differ between any two servers. They are replaced by names; the
same value gets the same name inside one case, so equalities stay visible in a comparison.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

REVISION_FIELDS = {
    "ResponseHeader.revision",
    "KeyValue.create_revision",
    "KeyValue.mod_revision",
    "WatchResponse.compact_revision",
    "HashKVResponse.compact_revision",
    "HashKVResponse.hash_revision",
}
LEASE_FIELDS = {
    "KeyValue.lease",
    "LeaseGrantResponse.ID",
    "LeaseKeepAliveResponse.ID",
    "LeaseTimeToLiveResponse.ID",
    "LeaseStatus.ID",
}
ID_FIELDS = {
    "ResponseHeader.cluster_id": "cluster",
    "ResponseHeader.member_id": "member",
    "ResponseHeader.raft_term": "term",
    "Member.ID": "member",
    "AlarmMember.memberID": "member",
    "StatusResponse.leader": "member",
    "StatusResponse.raftTerm": "term",
    "HashKVResponse.hash": "hash",
}
OPAQUE_FIELDS = {
    "HashResponse.hash": "<hash>",
    "StatusResponse.version": "<version>",
    "StatusResponse.dbSize": "<size>",
    "StatusResponse.dbSizeInUse": "<size>",
    "StatusResponse.raftIndex": "<index>",
    "StatusResponse.raftAppliedIndex": "<index>",
    "AuthenticateResponse.token": "<token>",
}
TEXT_FIELDS = {"Member.peerURLs", "Member.clientURLs", "StatusResponse.errors"}


class Names:
    """What the values of one server are called during one case."""

    def __init__(self, base: int, prefix: bytes, exact_hash: bool = False) -> None:
        # Seconds a lease may have run; a long run of random requests raises it as time goes by.
        self.lease_slack = 4
        self.base = base
        self.prefix = prefix
        self.exact_hash = exact_hash
        self.chosen_leases: set[int] = set()
        self.texts: dict[str, str] = {}
        self._named: dict[tuple[str, int], str] = {}
        self._counts: dict[str, int] = {}

    def know(self, kind: str, value: int, name: str) -> None:
        """Give a value its name before it is seen in an answer."""
        self._named[(kind, value)] = name
        self.text_of_id(value, name)

    def text_of_id(self, value: int, name: str) -> None:
        """Replace both spellings of an id in plain text from now on."""
        self.texts[str(value)] = name
        self.texts[f"{value:016x}"] = name
        self.texts[f"{value:x}"] = name

    def identity(self, kind: str, value: int) -> Any:
        """The name of an id; 0 stays 0."""
        if value == 0:
            return 0
        key = (kind, value)
        if key not in self._named:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._named[key] = f"<{kind}:{self._counts[kind]}>"
            if value > 99_999_999:
                self.text_of_id(value, self._named[key])
        return self._named[key]

    def revision(self, value: int) -> Any:
        """A revision counted from the start of the case."""
        return value if value <= 0 else f"R{value - self.base:+d}"

    def lease(self, value: int) -> Any:
        """A lease id: kept when the case chose it, named when the server did."""
        return value if value in self.chosen_leases else self.identity("lease", value)

    def text(self, value: str) -> str:
        """Text with every known id, address and path replaced."""
        for known in sorted(self.texts, key=len, reverse=True):
            if known in value:
                pattern = rf"(?<![0-9a-zA-Z]){re.escape(known)}(?![0-9a-zA-Z])"
                value = re.sub(pattern, lambda _, k=known: self.texts[k], value)
        return value

    def data(self, value: bytes) -> str:
        """Bytes as readable text; the key prefix of the case becomes `~`."""
        if len(value) > 512:
            return f"<{len(value)} bytes of {value[:4]!r}>"
        if self.prefix and value.startswith(self.prefix):
            return "~" + _latin(value[len(self.prefix) :])
        return _latin(value)


def _latin(value: bytes) -> str:
    text = value.decode("latin-1")
    return "".join(c if 32 <= ord(c) < 127 else f"\\x{ord(c):02x}" for c in text)


def canonical(message: Message, names: Names) -> dict[str, Any]:
    """The fields present in `message`, normalised; unknown fields are shown too."""
    kind = message.DESCRIPTOR.name
    result: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.is_repeated:
            result[field.name] = [_value(kind, field, item, message, names) for item in value]
        else:
            result[field.name] = _value(kind, field, value, message, names)
    if "members" in result:
        result["members"] = _in_stable_order(result["members"])
        result["members are sorted by id"] = _sorted_by_id(message.members)
    if kind == "StatusResponse" and "errors" in result:
        result["errors"].sort()  # alarms of one member come in random order
    if kind == "LeaseTimeToLiveResponse" and "keys" in result:
        result["keys"].sort()  # keys of a lease come in random order
    for unknown in UnknownFieldSet(message):
        result[f"unknown field {unknown.field_number}"] = repr(unknown.data)
    return result


def _value(
    kind: str, field: FieldDescriptor, value: Any, message: Message, names: Names
) -> Any:
    name = f"{kind}.{field.name}"
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return canonical(value, names)
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    if field.type == FieldDescriptor.TYPE_BYTES:
        return names.data(value)
    if name in REVISION_FIELDS:
        return names.revision(value)
    if name in LEASE_FIELDS:
        return names.lease(value)
    if name == "HashKVResponse.hash" and names.exact_hash:
        return value
    if name in ID_FIELDS:
        return names.identity(ID_FIELDS[name], value)
    if name in OPAQUE_FIELDS:
        return OPAQUE_FIELDS[name]
    if name == "LeaseTimeToLiveResponse.TTL":
        return _remaining(value, message.grantedTTL, names.lease_slack)
    if name in TEXT_FIELDS or name == "WatchResponse.cancel_reason":
        return names.text(value)
    return value


def _remaining(value: int, granted: int, slack: int) -> Any:
    """Seconds left of a lease: any value at most `slack` below the granted time is the same."""
    near = granted > 0 and max(granted - slack, 0) <= value <= granted
    return "<nearly all>" if near else value


def _in_stable_order(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Members by address: their ids, by which servers sort them, differ."""
    return sorted(members, key=lambda member: member.get("peerURLs", []))


def _sorted_by_id(members: Any) -> bool:
    ids = [member.ID for member in members]
    return ids == sorted(ids)
