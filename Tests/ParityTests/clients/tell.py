"""What the scripts beside this file share: cases, and their outcomes as lines of JSON.

A script is started as `script.py PLACE`, PLACE being JSON with the host, the port and, where there
are any, user, password and TLS files. It prints a line for each case; an exception that a case does
not expect is its outcome too, and a failure on whichever server it happens.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import ssl
import sys
import threading
import time
import urllib.request

CASES: list = []
PLACE: dict = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
PREFIX = "clients/"


def case(function):
    """Adds a case; its name is the function's, its prefix of keys is made of it."""
    CASES.append(function)
    return function


def key(text: str = "") -> str:
    """A key of the running case."""
    return f"{PREFIX}{running[0]}/{text}"


running = [""]


def raised(what, *arguments, **named) -> dict:
    """The exception of a call that has to fail: its class and its words."""
    try:
        answer = what(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - whatever the client makes of it is compared
        return words(error)
    return {"did not fail": plain(answer)}


def words(error: Exception) -> dict:
    details = getattr(error, "details", None)
    text = details() if callable(details) else str(error)
    return {"class": type(error).__name__, "text": text}


def later(seconds: float, what) -> threading.Timer:
    """Does something while the case waits for its effect."""
    timer = threading.Timer(seconds, what)
    timer.daemon = True
    timer.start()
    return timer


def watcher_count() -> int:
    """How many watchers the server has, by its own word."""
    context = None
    if PLACE.get("ca"):
        context = ssl.create_default_context(cafile=PLACE["ca"])
        context.load_cert_chain(PLACE["cert"], PLACE["key"])
    url = f"http{'s' if context else ''}://{PLACE['host']}:{PLACE['port']}/metrics"
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("etcd_debugging_mvcc_watcher_total "):
                return int(float(line.split()[1]))
    raise AssertionError(f"no watchers in {url}")


def watched(before: int, seconds: float = 15) -> None:
    """Returns when the server has a watcher more than `before`; those of earlier cases may go."""
    deadline, lowest = time.monotonic() + seconds, before
    while (count := watcher_count()) <= lowest:
        lowest = min(lowest, count)
        if time.monotonic() > deadline:
            raise AssertionError(f"no new watcher in {seconds:.0f} s")
        time.sleep(0.01)


def plain(value):
    """A value as JSON can hold it; bytes as text."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {str(plain(name)): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def run() -> None:
    """All cases, then out: background threads of a client are not waited for."""
    for one in CASES:
        running[0] = one.__name__
        try:
            answer = one()
            if inspect.iscoroutine(answer):
                answer = asyncio.run(asyncio.wait_for(answer, 40))
            line = {"case": one.__name__, "outcome": plain(answer)}
        except Exception as error:  # noqa: BLE001 - reported
            line = {"case": one.__name__, "raised": words(error)}
        print(json.dumps(line), flush=True)
    os._exit(0)
