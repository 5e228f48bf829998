#!/usr/bin/env python3
"""The same v2 requests to etcd 3.4 and to keelson-node: status, headers and bodies compared.

    http_v2.py --server path/to/keelson-node [--story files] [--random 300 --seed 7]

The reference is etcd 3.4 with --enable-v2, looked for in KEELSON_ETCD34, then on PATH. Indexes are
compared by their order, ids and times are replaced. The last line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import sys
import urllib.parse
from pathlib import Path
from typing import Any

from requests_v2 import FORM, STORIES, Request, random_requests
from server import Cluster, kill_everything

_COMPARED = {"content-type", "allow", "x-etcd-index", "x-etcd-cluster-id", "x-raft-index",
             "x-raft-term", "x-content-type-options"}
_INDEX_KEYS = {"modifiedIndex", "createdIndex", "index"}
_IN_ORDER = re.compile(r"(?<=/)\d{20}\b")


class Seconds:
    """What is left of a time to live; the two servers are not asked at the same moment."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seconds) and abs(self.value - other.value) <= 5

    def __repr__(self) -> str:
        return "<ttl>"


class Side:
    """One server and what it said."""

    def __init__(self, command: list[str], flags: tuple[str, ...]) -> None:
        self.cluster = Cluster(command, flags=flags)
        self.newest = 0
        self.first = 0
        self.written: list[int] = []
        self.ranks: dict[int, int] = {}

    def begin(self) -> None:
        """Empty the store; the indexes of a story are counted from here."""
        nodes = json.loads(self.send(Request("GET", "/v2/keys/?sorted=true"))[2])["node"]
        for key in [node["key"] for node in nodes.get("nodes", [])] + ["/_h", "/_d"]:
            self.send(Request("DELETE", f"/v2/keys{urllib.parse.quote(key)}?recursive=true"))
        self.written = []
        self.ranks = {}

    def send(self, request: Request) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(self.cluster.members[0].endpoint, timeout=10)
        headers = {"Content-Type": request.type} if request.type else {}
        try:
            connection.putrequest(request.method, self.filled(request.path))
            for name, value in headers.items():
                connection.putheader(name, value)
            body = self.filled(request.body).encode()
            if body or request.method in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
            return response.status, {k.lower(): v for k, v in response.getheaders()}, text
        finally:
            connection.close()

    def filled(self, text: str) -> str:
        """`{F+n}` is the index of write number n of this story, `{I}` the newest index, `{N}` the next."""
        text = text.replace("{N}", str(self.newest + 1)).replace("{I}", str(self.newest)).replace("{P}", self.cluster.members[0].peer_url)
        return re.sub(r"\{F(?:\+(\d+))?\}", lambda m: str(self.written[int(m[1] or 0)]), text)

    def run(self, request: Request) -> dict[str, Any]:
        status, headers, body = self.send(request)
        if "x-raft-index" in headers and "wait=true" not in request.path:
            self.newest = int(headers["x-etcd-index"])
            if request.method in ("PUT", "POST", "DELETE"):
                self.written.append(self.newest)
        return {"status": status, "headers": self.head(headers), "body": self.body(headers, body)}

    # Normal forms

    def rank(self, index: int) -> str:
        """By what happened: equal indexes are equal, and names of writes are their numbers."""
        if index in self.written:
            return f"#{self.written.index(index)}"
        return "0" if index == 0 else "#old"

    def head(self, headers: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in headers.items() if name in _COMPARED}
        for name in ("x-etcd-cluster-id", "x-raft-index", "x-raft-term"):
            if name in kept:
                kept[name] = "<number>"
        if "x-etcd-index" in kept:
            kept["x-etcd-index"] = self.rank(int(kept["x-etcd-index"]))
        return kept

    def body(self, headers: dict[str, str], text: str) -> Any:
        if "json" not in headers.get("content-type", "") or not text:
            return self.plain(text)
        values, rest = [], text
        while rest.strip():
            value, end = json.JSONDecoder().raw_decode(rest)
            values.append(self.value("", value))
            rest = rest[end:].lstrip()
        return {"values": values, "newline": text.endswith("\n"),
                "order": re.findall(r'"(\w+)":', _sorted_away(text))}

    def value(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.value(key, part) for key, part in value.items()}
        if isinstance(value, list):
            parts = [self.value(name, part) for part in value]
            return sorted(parts, key=str) if name == "nodes" else parts
        if name in _INDEX_KEYS:
            return self.rank(value)
        if name in ("expiration", "id"):
            return f"<{name}>"
        if name == "ttl":
            return Seconds(value)
        return self.plain(value) if isinstance(value, str) else value

    def plain(self, text: str) -> str:
        member = self.cluster.members[0]
        text = text.replace(member.endpoint, "<client>").replace(member.peer_url, "<peer>")
        text = _IN_ORDER.sub(lambda m: self.rank(int(m[0])), text)
        return re.sub(r"(?<=!= )\d{2,}", lambda m: self.rank(int(m[0])),
                      re.sub(r"\[\d{2,}(?= !=)", lambda m: "[" + self.rank(int(m[0][1:])), text))


def _sorted_away(text: str) -> str:
    """Without the lists of nodes, whose order the old server does not promise."""
    return re.sub(r'"nodes":\[.*\]', '"nodes":[]', text)


class Stream:
    """All events of a server while a story runs; both servers tell the same ones."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.connection = http.client.HTTPConnection(
            side.cluster.members[0].endpoint, timeout=20)
        self.connection.request("GET", "/v2/keys/?wait=true&stream=true&recursive=true")
        self.response = self.connection.getresponse()

    def events(self) -> list[Any]:
        """Up to the one that is made here, behind all others."""
        self.side.send(Request("PUT", "/v2/keys/the-end", "value=1", FORM))
        events = []
        while True:
            line = self.response.readline()
            if not line:
                events.append("the stream ended")
                break
            if b'"/the-end"' in line:
                break
            if not line.startswith(b'{"action":"expire"'):  # they come when they come
                events.append(self.side.value("", json.loads(line)))
        self.connection.close()
        return events


def compare(name: str, requests: list[Request], old: Side, new: Side) -> tuple[int, int]:
    """How many requests, and how many of them had another answer."""
    failed = 0
    old.begin()
    new.begin()
    streams = [Stream(old), Stream(new)]
    for number, request in enumerate(requests, 1):
        left, right = old.run(request), new.run(request)
        if left != right:
            failed += 1
            print(f"FAILED {name} {number}: {request}\n  old {left}\n  new {right}", flush=True)
    left, right = (stream.events() for stream in streams)
    if left != right:
        failed += 1
        for one, other in zip(left, right):
            if one != other:
                print(f"FAILED {name}: events\n  old {one}\n  new {other}", flush=True)
                break
        else:
            print(f"FAILED {name}: {len(left)} events of old, {len(right)} of new", flush=True)
    return len(requests) + 1, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--story", action="append")
    parser.add_argument("--random", type=int, default=300)
    parser.add_argument("--seed", type=int, action="append")
    options = parser.parse_args()
    stories = [(name, requests) for name, requests in STORIES.items()
               if not options.story or name in options.story]
    if not options.story:
        stories += [(f"random, seed {seed}", random_requests(seed, options.random))
                    for seed in options.seed or [1, 2]]
    etcd = shutil.which(os.environ.get("KEELSON_ETCD34") or "etcd")
    if etcd is None:
        print(f"0 passed, 0 failed, {sum(len(requests) for _, requests in stories)} skipped")
        return 0
    old = Side([etcd], ("--enable-v2", "--logger=zap"))
    new = Side([str(Path(options.server).resolve())], ())
    total = failed = 0
    try:
        old.cluster.start()
        new.cluster.start()
        for name, requests in stories:
            count, bad = compare(name, requests, old, new)
            total, failed = total + count, failed + bad
    finally:
        old.cluster.stop()
        new.cluster.stop()
        kill_everything()
    print(f"{total - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
