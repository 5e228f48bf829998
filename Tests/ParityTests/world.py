"""What one case sees of one server: clients, names, open streams and remembered ids."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from canonical import Names
from client import Client, Failure, Stream
from protocol import METHODS, message_class
from server import Cluster, Member, eventually

KEY_FIELDS = {"key", "range_end"}


class Rev:
    """A revision counted from the start of the case."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __repr__(self) -> str:
        return f"R{self.offset:+d}"


class Ref:
    """An id remembered by an earlier step, or a member's id by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class Peer:
    """The peer URL of a member, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"peer URL of {self.name}"


class _PrefixEnd:
    """The end of the range of all keys of the case."""

    def __repr__(self) -> str:
        return "PREFIX_END"


PREFIX_END = _PrefixEnd()
EVERYTHING = b"\x00"


class Tools:
    """Paths of the command-line clients; None when one is missing."""

    def __init__(self, etcdctl34: str | None, etcdctl35: str | None, etcdutl: str | None) -> None:
        self.etcdctl34 = etcdctl34
        self.etcdctl35 = etcdctl35
        self.etcdutl = etcdutl


class World:
    """One side of a case."""

    def __init__(self, cluster: Cluster, prefix: str, fresh: bool, tools: Tools) -> None:
        self.cluster = cluster
        self.tools = tools
        self.prefix = prefix.encode()
        self.ids: dict[str, int] = {}
        self.streams: dict[str, Stream] = {}
        base = 0 if fresh else self._clean()
        self.names = Names(base, self.prefix, exact_hash=fresh)
        self._learn_members()
        if len(cluster.members) > 1:
            self._lead_with_first_member()

    # Members and clients

    def member(self, name: str = "m1") -> Member:
        """A member by name; `leader` and `follower` are looked up."""
        if name in ("leader", "follower"):
            return self._by_role(name)
        everyone = [*self.cluster.members, *self.cluster.extra]
        return next(member for member in everyone if member.name == name)

    def client(self, name: str = "m1") -> Client:
        member = self.member(name)
        clients = self.cluster.clients
        if member.name not in clients:
            clients[member.name] = Client(member.endpoint)
        return clients[member.name]

    def _by_role(self, role: str) -> Member:
        status = self.ask("Maintenance.Status", at=self._alive().name)
        leader = next(m for m in self.cluster.members if self.ids[m.name] == status.leader)
        if role == "leader":
            return leader
        return next(m for m in self.cluster.members if m is not leader and _alive(m))

    def _alive(self) -> Member:
        return next(member for member in self.cluster.members if _alive(member))

    def _learn_members(self) -> None:
        answer = self.ask("Cluster.MemberList", at=self._alive().name)
        for member in [*self.cluster.members, *self.cluster.extra]:
            self.learn_urls(member)
        for member in answer.members:
            if member.name:
                self.ids[member.name] = member.ID
                self.names.know("member", member.ID, f"<{member.name}>")
        self.names.know("cluster", answer.header.cluster_id, "<cluster>")
        self.names.texts[str(self.cluster.directory)] = "<dir>"

    def learn_urls(self, member: Member) -> None:
        """Replace the addresses of a member in text."""
        self.names.texts[member.endpoint] = f"<client {member.name}>"
        self.names.texts[member.peer_url.removeprefix("http://")] = f"<peer {member.name}>"

    # Preparation and end

    def ask(self, method: str, at: str = "m1", **fields: Any) -> Message:
        """A call outside the comparison which must succeed."""
        request = message_class(METHODS[method].request)(**fields)
        answer = self.client(at).call(method, request)
        if isinstance(answer, Failure):
            raise RuntimeError(f"{method} failed: {answer.code} {answer.details}")
        return answer

    def _clean(self) -> int:
        """Remove all keys, leases and alarms left by earlier cases; the revision after it."""
        at = self._alive().name
        for alarm in self.ask("Maintenance.Alarm", at).alarms:
            fields = {"action": 2, "memberID": alarm.memberID, "alarm": alarm.alarm}
            self.ask("Maintenance.Alarm", at, **fields)
        for lease in self.ask("Lease.LeaseLeases", at).leases:
            self.ask("Lease.LeaseRevoke", at, ID=lease.ID)
        fields = {"key": EVERYTHING, "range_end": EVERYTHING}
        return self.ask("KV.DeleteRange", at, **fields).header.revision

    def _lead_with_first_member(self) -> None:
        """Make m1 the leader, so that all answers name the same members on both sides."""
        eventually(self._first_member_leads, 20.0, "m1 leads")

    def _first_member_leads(self) -> bool:
        target = self.ids.get("m1")
        if target is None:
            self._learn_members()
            return False
        leaders = {self.ask("Maintenance.Status", m.name).leader for m in self.cluster.members}
        if leaders == {target}:
            return True
        if len(leaders) == 1 and leaders != {0}:
            at = self.member("leader").name
            request = message_class("etcdserverpb.MoveLeaderRequest")(targetID=target)
            self.client(at).call("Maintenance.MoveLeader", request)
        return False

    def close(self) -> None:
        for stream in self.streams.values():
            stream.cancel()

    # Building requests

    def build(self, message_name: str, fields: dict[str, Any]) -> Message:
        """A message from a dict: keys get the prefix, `Rev`, `Ref` and `Peer` their values."""
        message = message_class(message_name)()
        self._fill(message, fields)
        if message_name == "etcdserverpb.LeaseGrantRequest" and message.ID:
            self.names.chosen_leases.add(message.ID)
        return message

    def _fill(self, message: Message, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            field = message.DESCRIPTOR.fields_by_name[name]
            if field.is_repeated:
                self._fill_repeated(getattr(message, name), field, value)
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                getattr(message, name).SetInParent()
                self._fill(getattr(message, name), value)
            else:
                setattr(message, name, self._scalar(field, value))

    def _fill_repeated(self, target: Any, field: FieldDescriptor, values: list) -> None:
        for value in values:
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                self._fill(target.add(), value)
            else:
                target.append(self._scalar(field, value))

    def _scalar(self, field: FieldDescriptor, value: Any) -> Any:
        if isinstance(value, Rev):
            return self.names.base + value.offset
        if isinstance(value, Ref):
            return self.ids[value.name]
        if isinstance(value, Peer):
            return self.member(value.name).peer_url
        if value is PREFIX_END:
            return self.prefix[:-1] + bytes([self.prefix[-1] + 1])
        if field.type == FieldDescriptor.TYPE_ENUM and isinstance(value, str):
            return field.enum_type.values_by_name[value].number
        if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str):
            data = value.encode("latin-1")
            return self.prefix + data if field.name in KEY_FIELDS else data
        return value

    # Text of command lines

    def expand(self, text: str) -> str:
        """Replace `{p}`, `{rev+1}`, `{hex:NAME}`, `{peer:m1}`, `{ep:m1}` and `{dir}`."""
        return re.sub(r"\{(p|dir|rev[+-]\d+|(?:hex|peer|ep):\w+)\}", self._expansion, text)

    def _expansion(self, match: re.Match) -> str:
        word = match.group(1)
        if word == "p":
            return self.prefix.decode()
        if word == "dir":
            return str(self.cluster.directory)
        if word.startswith("rev"):
            return str(self.names.base + int(word[3:]))
        kind, _, name = word.partition(":")
        if kind == "hex":
            return f"{self.ids[name]:x}"
        member = self.member(name)
        return member.peer_url if kind == "peer" else member.endpoint

    def path(self, name: str) -> Path:
        """A file of this case in the cluster's directory."""
        return self.cluster.directory / name


def _alive(member: Member) -> bool:
    return member.process is not None and member.process.poll() is None
