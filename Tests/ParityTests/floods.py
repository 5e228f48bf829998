#!/usr/bin/env python3
"""How long an honest client waits while another floods its member.

    floods.py --subject path/to/keelson-node [--reference etcd] [--only NAME] [--seconds 4]
              [--rounds 3] [--limit RATIO] [--apart]

Rounds of five windows: quiet; under attack; one process merely burning a processor; the attack
against another member of the same kind on the same machine (`beside`), which is what the machine
alone makes of it; quiet again. A figure is the median over the rounds. The attacker is one process
with at most 4 connections (8 for pipelined HTTP/1), reads all its answers and keeps to HTTP/2's
windows. The honest client puts and gets one key after the other with a millisecond between, on
sockets of its own, so that its own time hardly counts. With `--limit` it fails if the honest 99th
percentile under attack is more than so many times the quiet one. The last line is `N passed, N
failed, N skipped`.

Clients of a real member are on other machines. With `--apart` this one is divided the same way: the
first processor is the members', the second one the clients', and the honest client has it before the
attacker (which takes root). Else all of them compete for both, and that is measured as well.

A window in which this machine's host took more than two hundredths of the processors for others
(`steal`) is measured again, up to four times; the last column is the worst share that was taken.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import threading
import time

import wire as w
from server import Cluster, eventually, kill_everything, spawn
from wire import Wire, call, field, frame, number

RANGE, PUT = b"/etcdserverpb.KV/Range", b"/etcdserverpb.KV/Put"
WATCH, KEEPALIVE = b"/etcdserverpb.Watch/Watch", b"/etcdserverpb.Lease/LeaseKeepAlive"
GRANT = b"/etcdserverpb.Lease/LeaseGrant"
LEASE = 77
WINDOW_MAX = (1 << 31) - 1


class Line:
    """One connection: frames as they come, within the windows that the server gives."""

    def __init__(self, port: int) -> None:
        self.wire = Wire(port).greet(window=WINDOW_MAX)
        self.wire.send(frame(w.WINDOW, 0, 0, number(WINDOW_MAX - 65_535)))
        self.window = 65_535
        self.streams: dict[int, int] = {}
        self.initial = 65_535
        self.rest = b""
        self.out = bytearray()
        self.taken = 0
        self.ended = 0
        self.isOver = False
        self.wire.socket.setblocking(False)

    def open(self, stream: int, path: bytes) -> None:
        self.streams[stream] = self.initial
        self.out += call(stream, path)

    def room(self, stream: int) -> int:
        return min(self.window, self.streams[stream])

    def data(self, stream: int, body: bytes) -> None:
        self.window -= len(body)
        self.streams[stream] -= len(body)
        self.out += frame(w.DATA, 0, stream, body)

    def flush(self) -> None:
        if not self.out or self.isOver:
            return
        try:
            sent = self.wire.socket.send(self.out)
            del self.out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.isOver = True

    def absorb(self, parses: bool = True) -> None:
        """What has come, without waiting."""
        try:
            data = self.wire.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.isOver = True
            return
        self.taken += len(data)
        if self.taken > 1 << 29:
            self.out += frame(w.WINDOW, 0, 0, number(self.taken))
            for stream in self.streams:
                self.out += frame(w.WINDOW, 0, stream, number(self.taken))
            self.taken = 0
        self.parse(self.rest + data)

    def parse(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 9:
            count = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if end - at < 9 + count:
                break
            kind, flags = data[at + 3], data[at + 4]
            if kind == w.HEADERS:
                self.ended += flags & w.END_STREAM
            elif kind == w.RESET:
                self.ended += 1
            elif kind != w.DATA:
                self.note(kind, flags, data[at + 5:at + 9 + count])
            at += 9 + count
        self.rest = data[at:]

    def note(self, kind: int, flags: int, rest: bytes) -> None:
        stream, body = int.from_bytes(rest[:4], "big"), rest[4:]
        if kind == w.WINDOW:
            given = int.from_bytes(body, "big")
            if stream == 0:
                self.window += given
            elif stream in self.streams:
                self.streams[stream] += given
        elif kind == w.SETTINGS and not flags & 1:
            for place in range(0, len(body), 6):
                if body[place:place + 2] == b"\0\4":
                    value = int.from_bytes(body[place + 2:place + 6], "big")
                    for known in self.streams:
                        self.streams[known] += value - self.initial
                    self.initial = value
            self.out += frame(w.SETTINGS, 1, 0)
        elif kind == w.PING and not flags & 1:
            self.out += frame(w.PING, 1, 0, body)
        elif kind == w.GOAWAY:
            self.isOver = True


def message(body: bytes) -> bytes:
    return b"\0" + number(len(body)) + body


def unary(port: int, path: bytes, body: bytes) -> None:
    wire = Wire(port).greet().send(call(1, path, body))
    if not wire.wait_for(w.HEADERS, 10, 1):
        raise SystemExit(f"no answer to {path.decode()}")
    wire.close()


# Attacks: each prepares a member once, then gives lines and what to do with each turn of each.

class Repeated:
    """One stream for each line, and the same messages on it for ever."""

    def __init__(self, path: bytes, piece: bytes, lines: int = 4) -> None:
        self.path, self.piece, self.lines = path, piece, lines

    def prepare(self, port: int) -> None:
        unary(port, GRANT, field(1, 1000) + field(2, LEASE))

    def begin(self, port: int) -> list[Line]:
        lines = [Line(port) for _ in range(self.lines)]
        for line in lines:
            line.open(1, self.path)
        return lines

    def turn(self, line: Line) -> None:
        while len(line.out) < 1 << 17 and line.room(1) >= len(self.piece):
            line.data(1, self.piece)


class Pipelined:
    """Unary calls, as many as may be open at a time."""

    OPEN = 1000

    def __init__(self, path: bytes, body: bytes) -> None:
        self.path, self.body = path, body
        self.next: dict[Line, int] = {}

    def prepare(self, port: int) -> None:
        unary(port, PUT, field(1, b"flooded") + field(2, b"v" * 100))

    def begin(self, port: int) -> list[Line]:
        lines = [Line(port) for _ in range(4)]
        self.next = {line: 0 for line in lines}
        return lines

    def turn(self, line: Line) -> None:
        count = self.next[line]
        cost = len(self.body) + 5
        while (count - line.ended < self.OPEN and line.window >= cost and len(line.out) < 1 << 17):
            line.out += call(1 + 2 * count, self.path, self.body)
            line.window -= cost
            count += 1
        self.next[line] = count


class Plain:
    """HTTP/1 requests behind one another."""

    PIECE = b"GET /version HTTP/1.1\r\nhost: a\r\n\r\n" * 400

    def prepare(self, port: int) -> None:
        pass

    def begin(self, port: int) -> list[Line]:
        return [PlainLine(port) for _ in range(8)]

    def turn(self, line: Line) -> None:
        if len(line.out) < len(self.PIECE):
            line.out += self.PIECE


class PlainLine(Line):
    def __init__(self, port: int) -> None:
        self.wire = Wire(port)
        self.out = bytearray()
        self.taken, self.rest, self.isOver = 0, b"", False
        self.streams = {}
        self.wire.socket.setblocking(False)

    def parse(self, data: bytes) -> None:
        self.taken = 0


class Events(Pipelined):
    """A thousand watchers of one key on four lines, and puts to it on each."""

    OPEN = 64

    def __init__(self) -> None:
        super().__init__(PUT, field(1, b"flooded") + field(2, b"e" * 100))

    def begin(self, port: int) -> list[Line]:
        lines = super().begin(port)
        create = message(field(1, field(1, b"flooded")))
        for line in lines:
            self.next[line] = 1
            line.ended = 1  # the watch stream's number is spent
            line.open(1, WATCH)
            line.data(1, create * 250)
        return lines


CREATE_AND_CANCEL = b"".join(
    message(field(1, field(1, b"w%d" % at) + field(7, at + 1))) + message(field(2, field(1, at + 1)))
    for at in range(300))

ATTACKS = {
    "lease renewals": Repeated(KEEPALIVE, message(field(1, LEASE)) * 2000),
    "pipelined gets": Pipelined(RANGE, field(1, b"flooded")),
    "pipelined puts": Pipelined(PUT, field(1, b"flooded") + field(2, b"v" * 100)),
    "pipelined HTTP/1": Plain(),
    "watches created and cancelled": Repeated(WATCH, CREATE_AND_CANCEL, lines=4),
    "1,000 watchers and their events": Events(),
}


def attack(name: str, port: int, seconds: float) -> None:
    one = ATTACKS[name]
    lines = one.begin(port)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        open_lines = [line for line in lines if not line.isOver]
        if not open_lines:
            break
        by_socket = {line.wire.socket: line for line in open_lines}
        for line in open_lines:
            one.turn(line)
        waiting = [line.wire.socket for line in open_lines if line.out]
        readable, writable, _ = select.select(list(by_socket), waiting, [], 0.1)
        for ready in readable:
            by_socket[ready].absorb()
        for ready in writable:
            by_socket[ready].flush()
    cut = sum(line.isOver for line in lines)
    for line in lines:
        line.wire.close()
    print(json.dumps({"cut": cut, "bytes": sum(line.taken for line in lines)}), flush=True)


def burn(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sum(range(10_000))


# The honest client.

class Honest:
    """One unary call after the other, from its head to its trailers."""

    def __init__(self, port: int) -> None:
        self.wire = Wire(port).greet()
        self.wire.socket.settimeout(30)
        self.stream = -1
        self.rest = b""

    def call(self, path: bytes, body: bytes) -> float:
        self.stream += 2
        data = call(self.stream, path, body)
        begun = time.perf_counter()
        self.wire.socket.sendall(data)
        while not self.ends(self.wire.socket.recv(1 << 16)):
            pass
        return time.perf_counter() - begun

    def ends(self, data: bytes) -> bool:
        if not data:
            raise SystemExit("the honest client was cut off")
        data, at, ended = self.rest + data, 0, False
        while len(data) - at >= 9:
            count = int.from_bytes(data[at:at + 3], "big")
            if len(data) - at < 9 + count:
                break
            kind, flags = data[at + 3], data[at + 4]
            ended |= kind == w.HEADERS and flags & w.END_STREAM != 0
            if kind == w.PING and not flags & 1:
                self.wire.socket.sendall(frame(w.PING, 1, 0, data[at + 9:at + 17]))
            at += 9 + count
        self.rest = data[at:]
        if ended and self.stream % 100 == 1:
            self.wire.socket.sendall(frame(w.WINDOW, 0, 0, number(1 << 16)))
        return ended


class Record:
    """The times of an honest client's calls, in slices, each with the share of the processors that
    this machine's host took for others meanwhile."""

    SLICE = 0.5  # seconds

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.slices: list[dict] = []
        self.begin()

    def begin(self) -> None:
        self.begun = time.perf_counter()
        self.ticks = processor_times()
        self.times: dict[str, list[float]] = {"put": [], "get": []}

    def end(self) -> None:
        self.slices.append({**self.times, "stolen": stolen_since(self.ticks),
                            "seconds": time.perf_counter() - self.begun})
        self.begin()

    def add(self, name: str, took: float) -> None:
        with self.lock:
            self.times[name].append(took)
            if time.perf_counter() - self.begun >= Record.SLICE:
                self.end()

    def take(self, since: float) -> list[dict]:
        """All slices; who got no answer at all has waited since then, at least."""
        with self.lock:
            self.end()
            taken, self.slices = self.slices, []
        for name in ("put", "get"):
            if not any(one[name] for one in taken):
                taken[-1][name] = [time.perf_counter() - since]
        return taken


def honest(port: int) -> None:
    """Answers each line of its input with what it has seen since the last."""
    client = Honest(port)
    record = Record()
    begun = time.perf_counter()

    def load() -> None:
        nonlocal begun
        turn = 0
        while True:
            turn += 1
            key = b"honest/%d" % (turn % 100)
            for name, path, body in (("put", PUT, field(1, key) + field(2, b"v" * 100)),
                                     ("get", RANGE, field(1, key))):
                begun = time.perf_counter()
                record.add(name, client.call(path, body))
                time.sleep(0.001)

    threading.Thread(target=load, daemon=True).start()
    for _ in sys.stdin:
        print(json.dumps(record.take(begun)), flush=True)


def figures(slices: list[dict]) -> dict:
    """Counts and percentiles of all these slices' times, in seconds."""
    seconds = sum(one["seconds"] for one in slices)
    found = {"stolen": sum(one["stolen"] * one["seconds"] for one in slices) / max(1e-9, seconds)}
    for name in ("put", "get"):
        times = sorted(time for one in slices for time in one[name])
        found[name] = {"count": len(times), "p50": times[len(times) // 2],
                       "p99": times[len(times) * 99 // 100]} if times else None
    return found


ON_FIRST, ON_SECOND = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
AHEAD = [*ON_SECOND, "chrt", "-f", "10"]


class Client:
    """The honest client's process; says what it has seen since the last time, in seconds."""

    def __init__(self, port: int, apart: bool) -> None:
        self.process = spawn([*(AHEAD if apart else []), sys.executable, __file__,
                              "--role", "honest", str(port)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def mark(self) -> list[dict]:
        """The slices since the last call of this."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the honest client has ended")
        return json.loads(line)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Side:
    """A member, another of its kind beside it, and the first one's honest client."""

    def __init__(self, command: str, apart: bool) -> None:
        self.attacker = ON_SECOND if apart else []
        self.clusters = [Cluster([*(ON_FIRST if apart else []), command]) for _ in range(2)]
        for cluster in self.clusters:
            cluster.start()
        self.port, self.other = (one.members[0].client_port for one in self.clusters)
        self.client = Client(self.port, apart)

    def window(self, seconds: float, *role: str) -> tuple[list[dict], dict]:
        """What the honest client sees in that time beside a process in that role, and what that
        process says."""
        other = None
        if role:
            other = spawn([*self.attacker, sys.executable, __file__, "--seconds", str(seconds + 1),
                           "--role", *role], stdout=subprocess.PIPE, text=True)
        threading.Event().wait(0.5)  # what begins is not measured
        self.client.mark()
        threading.Event().wait(seconds)
        seen, said = self.client.mark(), ""
        if other:
            other.wait(seconds + 30)
            said = other.stdout.read()
        eventually(lambda: figures(self.client.mark())["get"]["p50"] < 0.5, 60,
                   "the honest client is served")
        return seen, json.loads(said) if said else {}

    def stop(self) -> None:
        self.client.stop()
        for cluster in self.clusters:
            cluster.stop()


WINDOWS = ("quiet", "attack", "burn", "beside")
STOLEN_MAX, TRIES = 0.02, 8
ENOUGH = 0.9  # of a window: its first and last slice are not whole


def processor_times() -> tuple[int, int]:
    """Of all processors, in ticks: everything, and what the host took for others."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return sum(ticks), ticks[7]


def stolen_since(before: tuple[int, int]) -> float:
    after = processor_times()
    return (after[1] - before[1]) / max(1, after[0] - before[0])


def calmest(seconds: float, window) -> dict:
    """The figures of that many seconds in which the host took least, of what `window` gives each
    time that it is called: a few times, or as soon as there are so many calm ones."""
    slices: list[dict] = []
    for _ in range(TRIES):
        slices += window()
        slices.sort(key=lambda one: one["stolen"])
        kept, total = [], 0.0
        for one in slices:
            if total >= seconds * ENOUGH:
                break
            kept.append(one)
            total += one["seconds"]
        if total >= seconds * ENOUGH and kept[-1]["stolen"] <= STOLEN_MAX:
            break
    found = figures(kept)
    if not (found["put"] and found["get"]):
        return figures(slices)
    return found


def measure(side: Side, name: str, seconds: float, rounds: int) -> dict:
    for port in (side.port, side.other):
        ATTACKS[name].prepare(port)
    found: dict[str, list[dict]] = {window: [] for window in WINDOWS}
    cut = 0

    def slices(role: tuple[str, ...]) -> list[dict]:
        nonlocal cut
        seen, said = side.window(seconds, *role)
        if role[-1:] == (str(side.port),):
            cut = max(cut, said.get("cut", 0))
        return seen

    for _ in range(rounds):
        for window, role in (("quiet", ()), ("attack", ("attack", name, str(side.port))),
                             ("burn", ("burn",)), ("beside", ("attack", name, str(side.other))),
                             ("quiet", ())):
            found[window].append(calmest(seconds, lambda: slices(role)))
    result = {window: {
        kind: {figure: statistics.median(one[kind][figure] for one in seen)
               for figure in ("p50", "p99", "count")}
        for kind in ("put", "get")} for window, seen in found.items()}
    result["stolen"] = max(one["stolen"] for seen in found.values() for one in seen)
    result["cut"] = cut
    return result


def shown(result: dict, kind: str) -> str:
    ratio = result["attack"][kind]["p99"] / result["quiet"][kind]["p99"]
    times = " | ".join(f"{result[window][kind]['p50'] * 1000:.2f} / "
                       f"{result[window][kind]['p99'] * 1000:.2f}" for window in WINDOWS)
    return f"{times} | {ratio:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subject")
    parser.add_argument("--reference")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=0)
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--role", nargs="+")
    options = parser.parse_args()
    if options.role:
        {"honest": lambda port: honest(int(port)), "burn": lambda: burn(options.seconds),
         "attack": lambda name, port: attack(name, int(port), options.seconds),
         }[options.role[0]](*options.role[1:])
        return 0
    if options.apart and len(os.sched_getaffinity(0)) < 2:
        sys.exit("floods.py: --apart takes two processors")
    passed = failed = 0
    print("| Attack | Server | Call | " + " | ".join(WINDOWS) + " | p99 ratio | cut | stolen |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in ATTACKS:
        if not any(word in name for word in options.only.split("|")):
            continue
        for server, command in (("keelson", options.subject), ("etcd", options.reference)):
            if not command:
                continue
            side = Side(command, options.apart)
            try:
                result = measure(side, name, options.seconds, options.rounds)
                for kind in ("put", "get"):
                    print(f"| {name} | {server} | {kind} | {shown(result, kind)} "
                          f"| {result['cut']} | {result['stolen']:.0%} |", flush=True)
                    ratio = result["attack"][kind]["p99"] / result["quiet"][kind]["p99"]
                    if server == "keelson" and options.limit and ratio > options.limit:
                        failed += 1
                    elif server == "keelson":
                        passed += 1
            finally:
                side.stop()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        code = main()
    finally:
        kill_everything()
    sys.exit(code)
