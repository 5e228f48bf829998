#!/usr/bin/env python3
"""Hostile clients against one keelson-node, while an honest one is served.

    abuse.py --subject path/to/keelson-node [--only NAME] [--table]

For each attack: is the attacker cut off (or held), does the member live and answer the honest
client in time, and does its memory stay within bounds. `--table` prints the measured figures as
Markdown. The last line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import floods
import wire as w
from server import Cluster, eventually, free_port, kill_everything, spawn
from wire import Wire, call, field, frame, literal, number

# A connection may hold a quarter of it: a little more than 16,384 streams weigh, so that their number
# is the limit that they meet.
BUFFER_BYTES = 66 << 20
# An honest answer slower than that while an attack runs is a failure. Generous: the attackers and
# whatever else runs share the processors with the member, which may be a debug build.
HONEST_SECONDS = 8.0
# The same while somebody floods the member with requests and reads all answers, for so long.
FLOODED_SECONDS, FLOOD_SECONDS = 3.0, 4
# What is counted, the allocator's waste, and what one turn makes.
RSS_GROWTH = (3 * 64 + 32) << 20
# Answers from which the quiet percentile is taken.
QUIET_COUNT = 300
# Words before the command of each member that is attacked.
PLACEMENT: list[str] = []
RANGE, PUT = b"/etcdserverpb.KV/Range", b"/etcdserverpb.KV/Put"
WATCH, KEEPALIVE = b"/etcdserverpb.Watch/Watch", b"/etcdserverpb.Lease/LeaseKeepAlive"
CUT_LINE = "cut off a client"


class Failure(Exception):
    """An attack had an effect that it must not have."""


def check(condition: object, text: str) -> None:
    if not condition:
        raise Failure(text)


# The honest client: a process of its own, so that the attackers' Python does not slow it down.

def honest(endpoint: str) -> None:
    import grpc

    channel = grpc.insecure_channel(endpoint)
    raw = {"request_serializer": lambda data: data, "response_deserializer": lambda data: data}
    put = channel.unary_unary("/etcdserverpb.KV/Put", **raw)
    get = channel.unary_unary("/etcdserverpb.KV/Range", **raw)
    times: list[float] = []
    errors: list[str] = []
    lock = threading.Lock()

    def load() -> None:
        turn = 0
        while True:
            turn += 1
            key = b"honest/%d" % (turn % 100)
            begun = time.monotonic()
            try:
                put(field(1, key) + field(2, b"v" * 100), timeout=20)
                get(field(1, key), timeout=20)
            except grpc.RpcError as error:
                with lock:
                    errors.append(f"{error.code()} {error.details()}")
                time.sleep(0.05)
            with lock:
                times.append((time.monotonic() - begun) / 2)
            time.sleep(0.002)

    threading.Thread(target=load, daemon=True).start()
    for line in sys.stdin:
        with lock:
            taken, failed = sorted(times), errors[:]
            if line.startswith("count"):
                print(json.dumps({"count": len(taken)}), flush=True)
                continue
            times.clear()
            errors.clear()
        p99 = taken[min(len(taken) - 1, len(taken) * 99 // 100)] if taken else -1
        print(json.dumps({"p99": p99, "max": taken[-1] if taken else -1, "count": len(taken),
                          "errors": failed}), flush=True)


def add_secure_port(cluster: Cluster) -> int:
    """Its member speaks TLS there, beside plain HTTP on its usual port."""
    port = free_port()
    plain = cluster.members[0].endpoint
    cluster.flags = ("--auto-tls", f"--listen-client-urls=http://{plain},https://127.0.0.1:{port}")
    return port


class Target:
    """The member under attack and its honest client."""

    def __init__(self, node: str, buffer: int = BUFFER_BYTES, prefix: tuple[str, ...] = (),
                 secure: bool = False) -> None:
        os.environ["KEELSON_CLIENT_BUFFER_BYTES"] = str(buffer)
        self.node = node
        self.prepared: set[bytes] = set()
        self.cluster = Cluster([*PLACEMENT, *prefix, node])
        self.secure_port = add_secure_port(self.cluster) if secure else 0
        self.cluster.start()
        self.member = self.cluster.members[0]
        self.port = self.member.client_port
        self.honest = spawn(
            [sys.executable, __file__, "--honest", self.member.endpoint],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.mark()

    def mark(self) -> dict:
        """What the honest client has seen since the last time."""
        return self.ask("")

    def ask(self, what: str) -> dict:
        self.honest.stdin.write(what + "\n")
        self.honest.stdin.flush()
        return json.loads(self.honest.stdout.readline())

    def watch(self, count: int) -> dict:
        """The same, until it had so many answers."""
        eventually(lambda: self.ask("count")["count"] >= count, 60,
                   f"{count} answers for the honest client")
        return self.mark()

    def memory(self, name: str = "VmRSS") -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) << 10
        raise Failure("the member is gone")

    @property
    def pid(self) -> int:
        return self.member.process.pid

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def reset_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    @property
    def log(self) -> str:
        return self.member.log.read_text(errors="replace")

    def put(self, key: bytes, value: bytes) -> None:
        wire = self.wire().greet()
        wire.send(call(1, PUT, field(1, key) + field(2, value)))
        answer = wire.wait_for(w.HEADERS, 10)
        wire.close()
        check(answer, f"no answer to a put of {len(value)} bytes")

    def prepare(self, key: bytes, value: bytes) -> None:
        """Puts it, unless this was done for an attack before."""
        if key not in self.prepared:
            self.put(key, value)
            self.prepared.add(key)

    def wire(self, source: str = "127.0.0.1", buffer: int | None = None) -> Wire:
        return Wire(self.port, source, buffer)

    def stop(self) -> None:
        _putters.pop(id(self), None)
        self.honest.kill()
        self.honest.wait()
        self.cluster.stop()


# Attacks. Each returns a few words about what happened.

ATTACKS: dict[str, object] = {}


def attack(title: str):
    def add(body):
        ATTACKS[title] = body
        return body
    return add


def flood(target: Target, make, what: str, code: int = w.ENHANCE_YOUR_CALM,
          first: bytes = b"", seconds: float = 5.0, step: int = 50) -> str:
    """Sends `make(round)` until the server ends the connection; it must say why."""
    wire = target.wire().greet().send(first)
    begun, rounds = time.monotonic(), 0
    while not wire.is_over and time.monotonic() - begun < seconds:
        wire.send(b"".join(make(rounds + at) for at in range(step)), seconds)
        rounds += step
        wire.poll(0.001)
    wire.wait_end(1)
    check(wire.is_over, f"{what}: not cut after {rounds} rounds")
    said = wire.goaway()
    check(said is None or said[0] == code, f"{what}: GOAWAY {said}")
    return f"cut after <= {rounds} rounds, {time.monotonic() - begun:.2f} s"


@attack("rapid reset (CVE-2023-44487, CVE-2023-39325)")
def rapid_reset(target: Target) -> str:
    return flood(target, lambda at: call(at * 2 + 1, RANGE, field(1, b"k"))[:-1]
                 + b"k" + frame(w.RESET, 0, at * 2 + 1, number(8)), "reset")


@attack("resets that the server is made to send (CVE-2025-8671)")
def made_you_reset(target: Target) -> str:
    return flood(target, lambda at: call(at * 2 + 1, RANGE)
                 + frame(w.WINDOW, 0, at * 2 + 1, number(0)), "made reset")


@attack("CONTINUATION flood (CVE-2024-27316, CVE-2023-45288)")
def continuation(target: Target) -> str:
    flood(target, lambda at: frame(w.CONTINUATION, 0, 1), "empty", first=frame(w.HEADERS, 0, 1))
    part = literal(b"x-long", b"y" * 1000) * 15
    return flood(target, lambda at: frame(w.CONTINUATION, 0, 1, part), "long",
                 first=frame(w.HEADERS, 0, 1, part))


@attack("SETTINGS flood (CVE-2019-9515)")
def settings(target: Target) -> str:
    return flood(target, lambda at: frame(w.SETTINGS, 0, 0), "settings")


@attack("PING flood (CVE-2019-9512)")
def ping(target: Target) -> str:
    return flood(target, lambda at: frame(w.PING, 0, 0, bytes(8)), "ping")


@attack("empty DATA flood (CVE-2019-9518)")
def empty_data(target: Target) -> str:
    return flood(target, lambda at: frame(w.DATA, 0, 1), "data", first=call(1, WATCH))


@attack("PRIORITY, WINDOW_UPDATE and unknown frames (CVE-2019-9513)")
def priority(target: Target) -> str:
    for make in (lambda at: frame(w.PRIORITY, 0, 1, bytes(5)),
                 lambda at: frame(w.WINDOW, 0, 0, number(1)),
                 lambda at: frame(77, 0, 0, b"x")):
        said = flood(target, make, "priority and others", first=call(1, WATCH))
    return said


@attack("HPACK bomb (CVE-2016-6581)")
def hpack_bomb(target: Target) -> str:
    big = literal(b"x", b"y" * 3900, indexed=True)
    return flood(target, lambda at: frame(w.HEADERS, w.END_HEADERS, 3 + 2 * at, b"\xbe" * 16000),
                 "bomb", first=frame(w.HEADERS, w.END_HEADERS, 1, big))


@attack("header lists that are too large, again and again")
def large_headers(target: Target) -> str:
    block = literal(b"x-large", b"z" * 900) * 17
    def lists(at: int) -> bytes:
        stream = 1 + 2 * at
        return (frame(w.HEADERS, 0, stream, block)
                + b"".join(frame(w.CONTINUATION, 0, stream, block) for _ in range(4))
                + frame(w.CONTINUATION, w.END_HEADERS, stream, block))
    return flood(target, lists, "large lists", seconds=8, step=5)


@attack("giant frame")
def giant_frame(target: Target) -> str:
    wire = target.wire().greet().send(frame(w.DATA, 0, 1, b"abc", length=0xffffff))
    check(wire.wait_end(3), "not cut")
    check(wire.goaway()[0] == w.FRAME_SIZE_ERROR, f"GOAWAY {wire.goaway()}")
    return "cut at once: FRAME_SIZE_ERROR"


@attack("giant gRPC length")
def giant_message(target: Target) -> str:
    wire = target.wire().greet()
    wire.send(call(1, PUT) + frame(w.DATA, 0, 1, b"\0\xff\xff\xff\xff" + b"x" * 100))
    answer = wire.wait_for(w.HEADERS, 3, stream=1)
    check(answer and answer[1] & w.END_STREAM and not wire.is_over, f"{answer}")
    wire.close()
    return "that call ends with RESOURCE_EXHAUSTED"


@attack("nesting bomb in a transaction")
def nesting(target: Target) -> str:
    message = b""
    for _ in range(2000):
        message = field(2, field(4, message))
    wire = target.wire().greet().send(call(1, b"/etcdserverpb.KV/Txn", message))
    answer = wire.wait_for(w.HEADERS, 3, stream=1)
    check(answer and not wire.is_over, "no answer")
    wire.close()
    return "that call ends with an error"


@attack("open streams without end")
def streams(target: Target) -> str:
    wire = target.wire().greet()
    head = [call(1 + 2 * at, RANGE) for at in range(17_000)]
    for at in range(0, len(head), 500):
        wire.send(b"".join(head[at:at + 500]))
        wire.poll(0.001)
    # Of the member's own time, not of what else this machine has to do.
    began = target.processor_seconds()
    refused = wire.wait_for(w.RESET, 20)
    check(target.processor_seconds() - began < 5, "it takes more than 5 s of processor time")
    check(refused and int.from_bytes(refused[3], "big") == w.REFUSED_STREAM, f"{refused}")
    wire.close()
    return "REFUSED_STREAM beyond 16,384"


@attack("messages that are begun and not ended, on many streams")
def partial(target: Target) -> str:
    wire = target.wire().greet()
    piece = b"\0" + number(1 << 20) + bytes(16_379)
    for at in range(3000):
        stream = 1 + 2 * at
        wire.send(call(stream, PUT) + frame(w.DATA, 0, stream, piece)
                  + frame(w.DATA, 0, stream, bytes(16_384)))
        if at % 50 == 0:
            wire.poll(0.001)
        if wire.is_over:
            break
    end = wire.wait_for(w.HEADERS, 5) or wire.is_over
    check(end, "3000 unfinished messages of 32 KiB were taken")
    wire.close()
    return "calls beyond 32 MiB of unfinished messages: RESOURCE_EXHAUSTED"


@attack("zero window: large answers that nobody takes")
def zero_window(target: Target) -> str:
    target.prepare(b"large", b"L" * 1_000_000)
    wires = [target.wire().greet(window=0) for _ in range(8)]
    for turn in range(10):
        for wire in wires:
            wire.send(b"".join(
                call(1 + 2 * (turn * 40 + at), RANGE, field(1, b"large")) for at in range(40)))
            wire.poll(0.001)
    # Heads are held back by no window: each call has one, be it held or refused.
    def is_answered(wire: Wire) -> bool:
        wire.poll(0.01)
        heads = {stream for kind, _, stream, _ in wire.frames() if kind == w.HEADERS}
        return wire.is_over or len(heads) == 400

    eventually(lambda: all([is_answered(wire) for wire in wires]), 20, "all calls are answered")
    # With windows of nothing, only a call that was refused comes to its end.
    refused = sum(
        1 for wire in wires for kind, flags, *_ in wire.frames()
        if kind == w.HEADERS and flags & w.END_STREAM)
    cut = sum(1 for wire in wires if wire.is_over)
    for wire in wires:
        wire.close()
    check(refused + cut > 0, "3200 answers of a megabyte are all held")
    return f"{refused} calls refused (too many requests), {cut} of 8 connections cut"


@attack("answers that nobody reads from the socket")
def unread(target: Target) -> str:
    wire = target.wire(buffer=4096).greet()
    block = b"".join(call(1 + 2 * at, b"/a.B/C", b"") for at in range(200))
    sent, size = 0, len(block)
    stream = 1
    for _ in range(4000):
        wire.send(b"".join(call(stream + 2 * at, b"/a.B/C", b"") for at in range(200)), 0.5)
        stream += 400
        sent += size - wire.unsent
        if wire.unsent or wire.is_over:
            break
    check(wire.unsent or wire.is_over, f"{sent} bytes of calls were taken")
    wire.close()
    return f"the server stops reading after {sent >> 10} KiB"


@attack("pipelined HTTP/1 requests, answers unread")
def pipeline(target: Target) -> str:
    for port, path in ((target.port, "/metrics"), (target.member.peer_port, "/version")):
        wire = Wire(port, buffer=4096)
        wire.send(b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode() * 25_000, 1)
        wire.poll(0.2)
        wire.close()
    return "one at a time, as the client reads"


@attack("watchers without end on one stream, nothing read")
def watchers(target: Target) -> str:
    wire = target.wire().greet(window=0).send(call(1, WATCH))
    create = field(1, field(1, b"honest/") + field(2, b"honest0"))
    piece = (b"\0" + number(len(create)) + create) * (16_000 // (len(create) + 5))
    # No more than the stream's window: a real client could not either.
    for _ in range(500):
        wire.send(frame(w.DATA, 0, 1, piece), 0.3)
        wire.poll(0.001)
        if wire.unsent or wire.is_over:
            break
    given = sum(int.from_bytes(body, "big") for kind, _, stream, body in wire.frames()
                if kind == w.WINDOW and stream == 1)
    wire.close()
    check(given < 64 << 20, f"the server let it send {given} bytes")
    return "the stream's window stays shut"


@attack("watch storm: 40 connections x 25 streams that read nothing")
def watch_storm(target: Target) -> str:
    create = field(1, field(1, b"storm"))
    request = b"\0" + number(len(create)) + create
    wires = []
    for index in range(40):
        wire = target.wire(f"127.0.0.{2 + index % 8}").greet(window=512)
        wire.send(b"".join(
            call(1 + 2 * at, WATCH)
            + frame(w.DATA, 0, 1 + 2 * at, request) for at in range(25)))
        wires.append(wire)
    reader = target.wire().greet(window=1 << 24).send(
        frame(w.WINDOW, 0, 0, number(1 << 26)) + call(1, WATCH)
        + frame(w.DATA, 0, 1, request))
    check(reader.wait_for(w.DATA, 5), "the honest watcher was not created")
    for at in range(150):
        target_put(target, b"storm", b"%04d" % at + b"s" * 10_000)
    deadline = time.monotonic() + 8
    while b"0149ssss" not in reader.received and time.monotonic() < deadline:
        reader.poll(0.1)
    seen = sum(1 for at in range(150) if b"%04dssss" % at in reader.received)
    check(seen == 150, f"the honest watcher saw {seen} of 150 events")
    cut = 0
    for wire in wires:
        while wire.poll(0.001):
            pass
        cut += wire.is_over
    # One that opens its windows now gets everything, from history; unless it is cut just then.
    served = False
    for late in wires:
        if late.is_over:
            continue
        late.send(frame(w.WINDOW, 0, 0, number(1 << 28))
                  + frame(w.WINDOW, 0, 1, number(1 << 24)))
        deadline = time.monotonic() + 8
        while b"0149ssss" not in late.received and time.monotonic() < deadline and not late.is_over:
            late.poll(0.1)
        served = b"0149ssss" in late.received
        if served:
            break
        check(late.is_over, "a watcher that reads again is not served: it has had "
                            f"{len(late.received)} bytes")
    check(served or cut == len(wires), "all were cut that were left and read again")
    for wire in [*wires, reader]:
        wire.close()
    return f"{cut} of 40 cut; a reader among them misses nothing" + (
        ", a late one catches up" if served else "")


_putters: dict[int, tuple[Wire, int]] = {}


def target_put(target: Target, key: bytes, value: bytes) -> None:
    """A put on a connection that is kept, answered."""
    wire, stream = _putters.get(id(target), (None, 1))
    if wire is None:
        # Without room for all the answers this would be one more client that takes nothing.
        wire = target.wire().greet().send(frame(w.WINDOW, 0, 0, number(1 << 30)))
    wire.received = b""
    wire.send(call(stream, PUT, field(1, key) + field(2, value)))
    check(wire.wait_for(w.HEADERS, 10, stream), "a put was not answered")
    _putters[id(target)] = (wire, stream + 2)


@attack("renewals without end, nothing read")
def renewals(target: Target) -> str:
    wire = target.wire().greet(window=0).send(call(1, KEEPALIVE))
    piece = (b"\0" + number(2) + field(1, 7)) * 2000
    for _ in range(400):
        wire.send(frame(w.DATA, 0, 1, piece), 0.3)
        wire.poll(0.001)
        if wire.unsent or wire.is_over:
            break
    wire.close()
    return "held or ended"


@attack("snapshots and hashes without end")
def snapshots(target: Target) -> str:
    # More than is queued for a client: the files stay open.
    for at in range(3):
        target.prepare(b"large%d" % at, b"L" * 1_000_000)
    wires = [target.wire().greet(window=0) for _ in range(4)]
    opened = 0

    def ask(first: int, method: bytes) -> None:
        for wire in wires:
            wire.send(b"".join(
                call(first + 2 * at, b"/etcdserverpb.Maintenance/" + method, b"")
                for at in range(100)))

    def are_made() -> bool:
        nonlocal opened
        opened = max(opened, snapshot_files(target))
        return opened > 0

    def are_hashed() -> bool:
        are_made()
        for wire in wires:
            wire.poll(0.001)
        return all(wire.is_over or sum(
            kind == w.HEADERS and stream >= 1001 for kind, _, stream, _ in wire.frames()
        ) >= 100 for wire in wires)

    ask(1, b"Snapshot")
    eventually(are_made, 30, "snapshots are being made")
    ask(1001, b"HashKV")
    eventually(are_hashed, 30, "all hashes are answered")
    for wire in wires:
        wire.close()
    check(opened <= 16, f"{opened} snapshot files at once")
    return f"{opened} snapshot files at most"


def flood_read(name: str) -> None:
    """A flood of requests whose answers are read: nothing is cut, and others are served meanwhile."""
    @attack(f"flood of {name}, answers read")
    def body(target: Target) -> str:
        floods.ATTACKS[name].prepare(target.port)
        target.mark()
        flooder = spawn([sys.executable, floods.__file__, "--seconds", str(FLOOD_SECONDS), "--role",
                         "attack", name, str(target.port)], stdout=subprocess.PIPE, text=True)
        said, _ = flooder.communicate(timeout=FLOOD_SECONDS + 30)
        seen = target.mark()
        check(not seen["errors"], f"honest client: {seen['errors'][:2]}")
        check(json.loads(said)["cut"] == 0, f"a client that reads was cut: {said}")
        check(seen["count"] > FLOOD_SECONDS * 5, f"{seen['count']} answers in {FLOOD_SECONDS} s")
        check(seen["p99"] < FLOODED_SECONDS, f"honest p99 {seen['p99']:.2f} s")
        return f"nothing is cut; honest p99 meanwhile {seen['p99'] * 1000:.0f} ms"


for flooding in floods.ATTACKS:
    flood_read(flooding)


def snapshot_files(target: Target) -> int:
    """Files that are being sent: their names are gone already."""
    names = []
    for link in Path(f"/proc/{target.pid}/fd").iterdir():
        try:
            names.append(os.readlink(link))
        except FileNotFoundError:
            pass
    return sum("(deleted)" in name for name in names)


@attack("10,000 idle connections")
def idle(target: Target) -> str:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(10_000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # A member that has done nothing yet, so that no memory is there to be used again.
    fresh = Target(target.node)
    try:
        before = fresh.memory()
        wires = []
        for index in range(wanted):
            wire = fresh.wire(f"127.0.{index % 5}.{2 + index % 40}")
            if index % 2:
                wire.greet()
            wires.append(wire)
        check(target_answers(fresh), "no answer among idle connections")
        each = (fresh.memory() - before) // wanted
        seen = fresh.mark()
        check(not seen["errors"], f"honest client: {seen['errors'][:2]}")
        for wire in wires:
            wire.close()
    finally:
        fresh.stop()
    check(each < 16 << 10, f"{each} bytes for each idle connection")
    return f"{wanted} connections, {each} bytes of memory each"


def target_answers(target: Target) -> bool:
    target_put(target, b"alive", b"yes")
    return True


# Slow attacks: begun together, looked at in the end.

class Slow:
    """Clients that begin something and never end it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.begun = time.monotonic()
        self.wires = {
            "slow head (HTTP/1)": (target.wire().send(b"GET /version HTTP/1.1\r\n"), 10),
            "slow greeting (HTTP/2)": (target.wire().send(w.PREFACE[:20]), 10),
            "a header block that does not end": (
                target.wire().greet().send(frame(w.HEADERS, 0, 1, b"\x83")), 10),
            "a frame that does not end": (
                target.wire().greet().send(frame(w.DATA, 0, 1, b"x", length=16_000)), 10),
            "slow body (HTTP/1)": (target.wire().send(
                b"POST /version HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n"), 30),
            "silence": (target.wire(), 30),
            "slow message (peer's port)": (Wire(target.member.peer_port).send(
                b"POST /members HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n"), 30),
        }
        self.calls = {
            "slow message (HTTP/2)": target.wire().greet().send(
                call(1, PUT) + frame(w.DATA, 0, 1, b"\0" + number(5000) + b"x")),
            "a call without a request": target.wire().greet().send(call(1, RANGE)),
        }
        self.ended: dict[str, float] = {}
        self.isOver = threading.Event()
        self.thread = threading.Thread(target=self.drip, daemon=True)
        self.thread.start()

    def drip(self) -> None:
        """A byte a second, so that nobody is idle; and notes when each is cut."""
        drops = {
            "slow head (HTTP/1)": lambda: b"x: y\r\n",
            "slow greeting (HTTP/2)": None,
            "a header block that does not end": lambda: frame(w.CONTINUATION, 0, 1, b"\x86"),
            "a frame that does not end": lambda: b"x", "slow body (HTTP/1)": lambda: b"x",
            "silence": None, "slow message (peer's port)": lambda: b"x",
        }
        while not self.isOver.wait(1.0) and time.monotonic() - self.begun < 45:
            for name, (wire, _) in self.wires.items():
                if name in self.ended:
                    continue
                if drops[name]:
                    wire.send(drops[name](), 0.1)
                wire.poll(0.001)
                if wire.is_over:
                    self.ended[name] = time.monotonic() - self.begun
            for name, wire in self.calls.items():
                if name in self.ended:
                    continue
                if "message" in name:
                    wire.send(frame(w.DATA, 0, 1, b"x"), 0.1)
                wire.poll(0.001)
                if any(kind == w.HEADERS for kind, *_ in wire.frames()) or wire.is_over:
                    self.ended[name] = time.monotonic() - self.begun
            if len(self.ended) == len(self.wires) + len(self.calls):
                return

    def results(self):
        self.thread.join()
        limits = {name: limit for name, (_, limit) in self.wires.items()}
        limits |= {name: 30 for name in self.calls}
        for name, limit in limits.items():
            took = self.ended.get(name)
            fine = took is not None and limit - 2 <= took <= limit + 6
            yield name, fine, f"cut after {took:.0f} s" if took else "never cut"


def descriptors(node: str) -> str:
    """A member with few descriptors: idle clients give way, its files and peers keep theirs."""
    target = Target(node, prefix=("prlimit", "--nofile=400:400"))
    try:
        wires = [target.wire(f"127.0.0.{2 + at % 50}") for at in range(600)]
        check(target_answers(target), "no answer")
        check("there are too many connections" in target.log, "no line in the log")
        seen = target.mark()
        check(not seen["errors"], f"honest client: {seen['errors'][:2]}")
        for wire in wires:
            wire.close()
    finally:
        target.stop()
    return "250 connections at most; the longest idle are closed"


def lists(node: str) -> str:
    """100 full lists at once with 256 MiB, and honest puts meanwhile."""
    target = Target(node, buffer=48 << 20)
    try:
        wire = target.wire().greet()
        for at in range(2000):
            wire.received = b""
            wire.send(call(1 + 2 * at, PUT, field(1, b"list/%05d" % at) + field(2, b"l" * 4000)))
            check(wire.wait_for(w.HEADERS, 10, 1 + 2 * at), "a put was not answered")
        target.mark()
        quiet = target.watch(QUIET_COUNT)
        target.reset_peak()
        request = field(1, b"list/") + field(2, b"list0")
        wires = []
        for _ in range(100):
            wire = target.wire().greet(window=1 << 24)
            wires.append(wire.send(
                frame(w.WINDOW, 0, 0, number(1 << 28)) + call(1, RANGE, request)))
        missing, counts = set(range(100)), [0] * 100
        deadline = time.monotonic() + 40
        while missing and time.monotonic() < deadline:
            for at in sorted(missing):
                wires[at].poll(0.002)
                counts[at] += len(wires[at].received)
                wires[at].received = b""
                if counts[at] >= 2000 * 4025:
                    missing.discard(at)
                check(not wires[at].is_over, f"list {at} was cut after {counts[at]} bytes")
        loaded, peak = target.mark(), target.memory("VmHWM")
        check(not missing, f"{len(missing)} lists did not end")
        check(peak < 256 << 20, f"{peak >> 20} MiB at the peak")
        check(loaded["p99"] < HONEST_SECONDS, f"honest p99 {loaded['p99']:.2f} s")
        check(not loaded["errors"], f"honest client: {loaded['errors'][:2]}")
    finally:
        target.stop()
    return (f"peak {peak >> 20} MiB; honest p99 {loaded['p99'] * 1000:.0f} ms, "
            f"quiet {quiet['p99'] * 1000:.0f} ms")


def lax_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def half_open(port: int, hello: bytes, at: int) -> socket.socket:
    """Nothing; a piece of a greeting; a greeting whose answer is not taken up."""
    one = socket.create_connection(
        ("127.0.0.1", port), 5, source_address=(f"127.0.0.{2 + at % 50}", 0))
    one.sendall((b"", hello[:100], hello)[at % 3])
    one.setblocking(False)
    return one


def greeting(context: ssl.SSLContext) -> bytes:
    """What an honest client says first."""
    output = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), output).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return output.read()


def handshakes(node: str) -> str:
    """TLS handshakes that are begun and not ended: a deadline, and so many at a time."""
    cluster = Cluster([node])
    port = add_secure_port(cluster)
    context = lax_context()
    hello = greeting(context)

    def open_one(at: int) -> socket.socket:
        return half_open(port, hello, at)

    def is_open(one: socket.socket) -> bool:
        try:
            while one.recv(65536):
                pass
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    def honest_seconds() -> float:
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            with context.wrap_socket(raw) as wire:
                wire.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                check(wire.recv(100).startswith(b"HTTP/1.1 200"), "no answer over TLS")
        return time.monotonic() - begun

    slowest, others = 0.0, []
    try:
        cluster.start()
        begun = time.monotonic()
        for at in range(1500):
            others.append(open_one(at))
            if at % 100 == 99:
                slowest = max(slowest, honest_seconds())
        most = sum(map(is_open, others))
        check(most <= 520, f"{most} handshakes at a time")
        while any(map(is_open, others)):
            check(time.monotonic() - begun < 20, "handshakes have no deadline")
            time.sleep(0.2)
        took = time.monotonic() - begun
        check(took > 5, f"all are gone after {took:.1f} s")
        slowest = max(slowest, honest_seconds())
        check(slowest < HONEST_SECONDS, f"an honest handshake took {slowest:.1f} s")
    finally:
        for one in others:
            one.close()
        cluster.stop()
    return (f"{most} of 1,500 at a time, the last is cut after {took:.0f} s; "
            f"honest handshake and request {slowest * 1000:.0f} ms at most")


class Report:
    def __init__(self, table: bool) -> None:
        self.table = table
        self.passed = self.failed = 0

    def line(self, fine: bool, title: str, text: str) -> None:
        if fine:
            self.passed += 1
        else:
            self.failed += 1
        mark = "ok  " if fine else "FAIL"
        print(f"| {title} | {text} |" if self.table else f"{mark} {title}: {text}", flush=True)


def run_one(target: Target, title: str, body, quiet: dict, report: Report) -> None:
    # What the last attack held up is not this one's doing.
    deadline = time.monotonic() + 20
    target.mark()
    while target.mark()["count"] < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    target.reset_peak()
    before, begun = target.memory(), time.monotonic()
    try:
        text = body(target)
        seen = target.mark()
        growth = target.memory("VmHWM") - before
        check(target.member.process.poll() is None, "the member ended")
        check(not seen["errors"], f"honest client: {seen['errors'][:2]}")
        while seen["count"] < 5:
            # The attack was over too soon for the honest client to be heard.
            check(time.monotonic() - begun < 30, "the honest client got no answers")
            time.sleep(0.05)
            more = target.mark()
            seen = {"p99": max(seen["p99"], more["p99"]), "count": seen["count"] + more["count"],
                    "errors": seen["errors"] + more["errors"]}
        check(not seen["errors"], f"honest client: {seen['errors'][:2]}")
        check(seen["p99"] < HONEST_SECONDS, f"honest p99 {seen['p99']:.2f} s")
        check(growth < RSS_GROWTH, f"memory grew by {growth >> 20} MiB")
        text += (f"; honest p99 {seen['p99'] * 1000:.0f} ms (quiet {quiet['p99'] * 1000:.0f} ms)"
                 f", memory +{max(0, growth) >> 20} MiB")
        report.line(True, title, text)
    except Exception as error:  # Whatever it is, the other attacks are worth running.
        if not isinstance(error, Failure):
            traceback.print_exc()
        report.line(False, title, f"{error}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--subject")
    parser.add_argument("--only", default="")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--honest")
    options = parser.parse_args()
    if options.honest:
        honest(options.honest)
        return 0
    report = Report(options.table)
    target = Target(options.subject)
    slow = Slow(target) if options.only in "slow" else None
    target.mark()
    quiet = target.watch(QUIET_COUNT)
    for title, body in ATTACKS.items():
        if any(only in title for only in options.only.split("|")):
            run_one(target, title, body, quiet, report)
    for title, body in (("100 full lists at once in 256 MiB", lists),
                        ("TLS handshakes that do not end", handshakes),
                        ("too few descriptors for all clients", descriptors)):
        if options.only not in title:
            continue
        try:
            report.line(True, title, body(options.subject))
        except Exception as error:
            if not isinstance(error, Failure):
                traceback.print_exc()
            report.line(False, title, f"{error}")
    if slow:
        for name, fine, text in slow.results():
            report.line(fine, name, text)
    lines = target.log.count(CUT_LINE)
    report.line(options.only != "" or 0 < lines < 150, "lines in the log", f"{lines}")
    target.stop()
    print(f"{report.passed} passed, {report.failed} failed, 0 skipped")
    return 1 if report.failed else 0


if __name__ == "__main__":
    try:
        code = main()
    finally:
        kill_everything()
    sys.exit(code)
