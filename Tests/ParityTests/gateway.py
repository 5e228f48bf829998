"""Steps for the JSON gateway: requests as JSON, answers in their comparable form, WebSockets."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import struct
from typing import Any

from case import Step
from world import Ref, Rev, World

SECONDS = 10.0
IDS = {"cluster_id": "cluster", "member_id": "member", "raft_term": "term", "memberID": "member",
       "leader": "member", "raftTerm": "term", "hash": "hash"}
REVISIONS = {"revision", "create_revision", "mod_revision", "compact_revision", "hash_revision",
             "rev"}
OPAQUE = {"dbSize", "dbSizeInUse", "raftIndex", "raftAppliedIndex", "remaining_bytes"}
BYTES = {"key", "range_end", "value", "name"}


class K:
    """A key behind the prefix of the case, in base64."""

    def __init__(self, text: str = "") -> None:
        self.text = text


class End:
    """The end of the range of all keys of the case, in base64."""


def b64(value: str | bytes) -> str:
    data = value.encode() if isinstance(value, str) else value
    return base64.b64encode(data).decode()


def _resolve(value: Any, world: World) -> Any:
    if isinstance(value, K):
        return b64(world.prefix + value.text.encode())
    if isinstance(value, End):
        return b64(world.prefix[:-1] + bytes([world.prefix[-1] + 1]))
    if isinstance(value, Rev):
        return str(world.names.base + value.offset)
    if isinstance(value, Ref):
        return str(world.ids[value.name])
    if isinstance(value, dict):
        return {key: _resolve(item, world) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, world) for item in value]
    return value


def _text(body: Any, world: World) -> str:
    """The body as it is sent: text as it stands, everything else as JSON."""
    if isinstance(body, tuple):
        return "".join(_text(part, world) for part in body)
    return body if isinstance(body, str) else json.dumps(_resolve(body, world))


# Answers


def shown(value: Any, world: World, name: str = "") -> Any:
    """JSON with ids, revisions and sizes replaced; numbers in strings stay in strings."""
    names = world.names
    if isinstance(value, dict):
        return {key: shown(item, world, _place(name, key)) for key, item in value.items()}
    if isinstance(value, list):
        if name.endswith("members"):  # sorted by ids, which differ
            value = sorted(value, key=lambda member: str(member.get("peerURLs")))
        return [shown(item, world, name) for item in value]
    field = name.rpartition(".")[2]
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return ["string", _number(int(value), name, field, world)]
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(value, name, field, world)
    if isinstance(value, str) and field in BYTES and "members" not in name:
        return _lock_key(names.data(base64.b64decode(value)))
    if field in ("blob", "token"):
        return f"<{field}>"
    if field in ("version", "storageVersion") and re.fullmatch(r"\d+\.\d+\.\d+", value):
        return "<version>"
    return names.text(value) if isinstance(value, str) else value


def _place(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _lock_key(text: str) -> str:
    return re.sub(r"/[0-9a-f]{9,16}$", "/<lease>", text)


def _number(value: int, name: str, field: str, world: World) -> Any:
    names = world.names
    if field in IDS and "members" not in name:
        return names.identity(IDS[field], value)
    if field in REVISIONS:
        return names.revision(value)
    if field in OPAQUE:
        return f"<{field}>"
    if field in ("lease", "ID"):
        if "member" in name:
            return names.identity("member", value)
        return value if value < 1_000_000 else names.identity("lease", value)
    if field == "TTL" and value > 5:
        return "<seconds>"
    return value


def _body(text: str, world: World) -> Any:
    try:
        return shown(json.loads(text), world)
    except ValueError:
        return {"text": world.names.text(text)}


# Requests


def gw(path: str, body: Any = "", method: str = "POST", headers=(), request_headers=None,
       at: str = "m1", save: str | None = None, user: str | None = None,
       scheme: str = "") -> Step:
    """One request: status, content type, the named headers and the JSON are compared.

    `user` asks with the token that `log_in` got.
    """

    def run(world: World) -> Any:
        fields_sent = dict(request_headers or {})
        if user:
            fields_sent["Authorization"] = scheme + tokens(world)[user]
        connection = http.client.HTTPConnection(world.member(at).endpoint, timeout=SECONDS)
        try:
            connection.request(method, path, _text(body, world).encode(), headers=fields_sent)
            answer = connection.getresponse()
            fields = {key.lower(): value for key, value in answer.getheaders()}
            text = answer.read().decode()
        finally:
            connection.close()
        if save and answer.status == 200:
            world.ids[save] = int(json.loads(text)["ID"])
        return {"status": answer.status, "type": fields.get("content-type"),
                "metadata": fields.get("grpc-metadata-content-type"),
                **{name: fields.get(name) for name in headers}, "body": _body(text, world)}

    return Step(f"{method} {path} {str(body)[:60]}", run)


def tokens(world: World) -> dict[str, str]:
    return world.__dict__.setdefault("gateway_tokens", {})


def log_in(user: str, password: str) -> Step:
    """Keep a user's token; that there is one is compared."""

    def run(world: World) -> Any:
        connection = http.client.HTTPConnection(world.member().endpoint, timeout=SECONDS)
        try:
            connection.request("POST", "/v3/auth/authenticate",
                               json.dumps({"name": user, "password": password}))
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        tokens(world)[user] = answer.get("token", "")
        return {"answer": sorted(answer)}

    return Step(f"log in {user}", run)


def gw_stream(path: str, body: Any, lines: int | None, during: list[Step] | None = None,
              request_headers=None, user: str | None = None) -> Step:
    """A streamed answer: its first lines, or all of them up to the end (None).

    The steps of `during` run after the first line.
    """

    def run(world: World) -> Any:
        connection = http.client.HTTPConnection(world.member().endpoint, timeout=SECONDS)
        result: list[Any] = []
        try:
            sent = dict(request_headers or {})
            if user:
                sent["Authorization"] = tokens(world)[user]
            connection.request("POST", path, _text(body, world).encode(), headers=sent)
            answer = connection.getresponse()
            fields = {key.lower(): value for key, value in answer.getheaders()}
            waiting = list(during or [])
            while lines is None or len(result) < lines:
                line = answer.readline()
                if not line:
                    result.append("end")
                    break
                result.append([_body(line.decode(), world), line.endswith(b"\n")])
                for step in waiting:
                    step.run(world)
                waiting = []
        finally:
            connection.close()
        return {"status": answer.status, "type": fields.get("content-type"),
                "metadata": fields.get("grpc-metadata-content-type"),
                "encoding": fields.get("transfer-encoding"), "lines": result}

    return Step(f"stream {path} {str(body)[:60]}", run)


# WebSockets


class _Socket:
    """A client that knows text frames, as RFC 6455 has them."""

    def __init__(self, endpoint: str, path: str, extra: dict[str, str]) -> None:
        host, port = endpoint.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=SECONDS)
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {"Host": endpoint, "Upgrade": "websocket", "Connection": "Upgrade",
                  "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", **extra}
        lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items() if v), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer and self._more():
            pass
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.fields = {line.split(":")[0].lower(): line.split(": ", 1)[1] for line in rest}

    def _more(self) -> bool:
        try:
            piece = self.socket.recv(65536)
        except (TimeoutError, ConnectionError):
            return False
        self.buffer += piece
        return bool(piece)

    def send(self, text: str, opcode: int = 1) -> None:
        data, mask = text.encode(), os.urandom(4)
        head = bytes([0x80 | opcode])
        head += bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(
            ">H", len(data))
        masked = bytes(byte ^ mask[place & 3] for place, byte in enumerate(data))
        self.socket.sendall(head + mask + masked)

    def read(self) -> tuple[int, bytes] | None:
        """The next frame; None at the end."""
        while True:
            if len(self.buffer) >= 2:
                length, start = self.buffer[1], 2
                if length == 126:
                    start = 4
                    length = int.from_bytes(self.buffer[2:4], "big")
                elif length == 127:
                    start = 10
                    length = int.from_bytes(self.buffer[2:10], "big")
                if len(self.buffer) >= start + length:
                    frame = (self.buffer[0] & 15, self.buffer[start:start + length])
                    self.buffer = self.buffer[start + length:]
                    return frame
            if not self._more():
                return None


def ws(path: str, messages: list[Any], count: int | None, during: list[Step] | None = None,
       request_headers: dict[str, str] | None = None, ping: bool = False) -> Step:
    """A WebSocket: the handshake, then the first messages, or all up to the end (None)."""

    def run(world: World) -> Any:
        client = _Socket(world.member().endpoint, path, request_headers or {})
        named = ("upgrade", "connection", "sec-websocket-protocol")
        outcome: dict[str, Any] = {"status": client.status, "fields": {
            name: client.fields.get(name) for name in named}}
        received: list[Any] = []
        try:
            if client.status != 101:
                return {"status": client.status}
            if ping:
                client.send("hello", opcode=9)
            for message in messages:
                client.send(_text(message, world))
            waiting = list(during or [])
            while count is None or len(received) < count:
                frame = client.read()
                # A server may say goodbye before it hangs up.
                if frame is None or frame[0] == 8:
                    received.append("end")
                    break
                opcode, data = frame
                received.append([opcode, _body(data.decode(), world)])
                for step in waiting:
                    step.run(world)
                waiting = []
        finally:
            client.socket.close()
        return {**outcome, "received": received}

    return Step(f"websocket {path} {str(messages)[:60]}", run)
