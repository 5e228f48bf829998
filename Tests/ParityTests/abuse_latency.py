#!/usr/bin/env python3
"""How long an honest client waits while each attack of abuse.py is made again and again.

    abuse_latency.py --subject path/to/keelson-node [--only NAME] [--seconds 3] [--limit RATIO]

Takes two processors and root: the first is the member's; attackers and the honest client have the
second, and the honest client has it before them, as if all were on machines of their own. An attack
that is over is begun anew until the time is up. Each window is between two quiet ones; half seconds
in which the host of this machine took more than two hundredths of the processors are not counted,
and others measured in their place, up to eight times the time. With
`--limit` it fails where the 99th percentile is more than so many times the quiet one. The last line
is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import threading
import time

import abuse
import floods
import wire as w
from server import kill_everything

IDLE = 10_000
HALF_OPEN = 1_000
LIST_BYTES = 2000 * 4025


def quiet(target: abuse.Target, seconds: float) -> None:
    threading.Event().wait(seconds)


def repeated(body):
    def attack(target: abuse.Target, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            body(target)
    return attack


def window(client: floods.Client, target: abuse.Target, body,
           seconds: float) -> list[dict]:
    """What the client sees meanwhile."""
    client.mark()
    body(target, seconds)
    return client.mark()


def measure(title: str, target: abuse.Target, body, options) -> bool:
    client = floods.Client(target.port, apart=True)
    try:
        before, during, after = (
            floods.calmest(options.seconds, lambda: window(client, target, one, options.seconds))
            for one in (quiet, body, quiet))
    finally:
        client.stop()
    fine = True
    for kind in ("put", "get"):
        calm = (before[kind]["p99"] + after[kind]["p99"]) / 2
        ratio = during[kind]["p99"] / calm
        stolen = max(one["stolen"] for one in (before, during, after))
        print(f"| {title} | {kind} | {calm * 1000:.2f} | {during[kind]['p50'] * 1000:.2f} / "
              f"{during[kind]['p99'] * 1000:.2f} | {ratio:.1f} | {during[kind]['count']} "
              f"| {stolen:.0%} |", flush=True)
        fine = fine and not (options.limit and ratio > options.limit)
    return fine


# Attacks that are not over by themselves. Each gets the target, and is made for so many seconds.

def half_open_tls(target: abuse.Target, seconds: float) -> None:
    """A thousand handshakes that are begun and not ended; who was cut comes anew."""
    hello = abuse.greeting(abuse.lax_context())
    others: collections.deque = collections.deque()
    deadline, at = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        others.append(abuse.half_open(target.secure_port, hello, at))
        at += 1
        if len(others) > HALF_OPEN:
            others.popleft().close()
    for one in others:
        one.close()


def slow_requests(target: abuse.Target, seconds: float) -> None:
    """Heads, bodies, greetings and frames that come a byte at a time, 400 at once."""
    begun = (b"GET /version HTTP/1.1\r\nx: ", w.PREFACE[:10],
             b"POST /v3/kv/range HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\n{")
    wires = [target.wire(f"127.0.0.{2 + at % 40}").send(begun[at % 3]) for at in range(300)]
    wires += [target.wire().greet().send(w.frame(w.DATA, 0, 1, b"x", length=16_000))
              for _ in range(100)]
    deadline, at = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        wire = wires[at % len(wires)]
        if not wire.is_over:
            wire.send(b" ", 0.01)
        at += 1
    for wire in wires:
        wire.close()


def parallel_lists(target: abuse.Target, seconds: float) -> None:
    """100 lists of all keys, 8 MB each, read as fast as they come and asked for again."""
    request = w.field(1, b"list/") + w.field(2, b"list0")
    ask = w.frame(w.WINDOW, 0, 0, w.number(1 << 24))
    lists = [(target.wire().greet(window=1 << 24), [1, 0]) for _ in range(100)]
    for wire, _ in lists:
        wire.send(ask + w.call(1, abuse.RANGE, request))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for wire, state in lists:
            wire.poll(0.0005)
            state[1] += len(wire.received)
            wire.received = b""
            if state[1] >= LIST_BYTES:
                state[0] += 2
                state[1] = 0
                wire.send(ask + w.call(state[0], abuse.RANGE, request))
    for wire, _ in lists:
        wire.close()


def fill(target: abuse.Target) -> None:
    for at in range(2000):
        target.prepare(b"list/%05d" % at, b"l" * 4000)


PREPARATIONS = {parallel_lists: fill}


def attacks():
    """Their titles, what they do, and what the member is started with."""
    for title, body in abuse.ATTACKS.items():
        if "answers read" not in title and "idle" not in title:
            yield title, repeated(body), {}
    yield "TLS handshakes that are begun and not ended", half_open_tls, {"secure": True}
    yield "slow heads, bodies and frames, 400 at once", slow_requests, {}
    yield "100 parallel lists of 8 MB, 48 MiB for clients", parallel_lists, {"buffer": 48 << 20}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subject", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--limit", type=float, default=0)
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("abuse_latency.py takes two processors")
    os.sched_setaffinity(0, {1})
    abuse.PLACEMENT[:] = floods.ON_FIRST
    passed = failed = 0
    print("| Attack | Call | quiet p99 | attack p50 / p99 | ratio | calls | stolen |")
    print("|---|---|---|---|---|---|---|")
    for title, body, start in attacks():
        if not any(only in title for only in options.only.split("|")):
            continue
        target = abuse.Target(options.subject, **start)
        try:
            PREPARATIONS.get(body, lambda target: None)(target)
            fine = measure(title, target, body, options)
        except abuse.Failure as error:
            print(f"FAILED {title}: {error}", flush=True)
            fine = False
        finally:
            target.stop()
        passed, failed = passed + fine, failed + (not fine)
    if options.only in "10,000 idle connections":
        target = abuse.Target(options.subject)
        wires = [target.wire(f"127.0.{at % 5}.{2 + at % 40}") for at in range(IDLE)]
        fine = measure("10,000 idle connections", target, quiet, options)
        for wire in wires:
            wire.close()
        target.stop()
        passed, failed = passed + fine, failed + (not fine)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        code = main()
    finally:
        kill_everything()
    sys.exit(code)
