#!/usr/bin/env python3
"""Old etcdctl in v2 mode and keelsonctl side by side, each on a fresh server of its own.

    ctl_v2.py --ctl path/to/keelsonctl [--server path/to/keelson-node] [--case ttl]

The reference is etcdctl 3.4 on etcd 3.4 with --enable-v2, looked for in KEELSON_ETCDCTL34 and
KEELSON_ETCD34, then on PATH. Without --server, keelsonctl runs on the old server too. Output, error
output and exit code of every line are compared. The last line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from cases_ctl_v2 import AUTH_CASES, CASES, FRESH, MEMBER_CASES, RACES, Line
from server import Cluster, eventually, forget, kill_everything, spawn

LINE_SECONDS = 15.0
_INDEXED = re.compile(
    r'(Index: |Index":|\] \[|!= | \[|(?:/|%2F)0{8})(\d+)(?=\]|,|\}|\n|$|")', re.MULTILINE)


class Side:
    """One client on one server."""

    def __init__(self, client: str, server: list[str], flags: tuple[str, ...]) -> None:
        self.client = client
        self.server = server
        self.flags = flags
        self.cluster: Cluster | None = None
        self.before = 0
        self.begun = time.monotonic()

    def begin(self, fresh: bool) -> None:
        """A server without keys; both sides share theirs with the same cases."""
        if self.cluster is not None and not fresh:
            self.clear()
        else:
            self.end()
            self.cluster = Cluster(self.server, flags=self.flags)
            self.cluster.start()
        with urllib.request.urlopen(f"{self.endpoint}/v2/keys/", timeout=5) as answer:
            self.before = int(answer.headers["X-Etcd-Index"])
        self.begun = time.monotonic()

    def clear(self) -> None:
        """Remove every key, in order, so that both sides count the same."""
        nodes = json.loads(self.http("GET", "?sorted=true"))["node"].get("nodes", [])
        for key in [node["key"] for node in nodes] + ["/_h"]:
            self.http("DELETE", f"{urllib.parse.quote(key)}?recursive=true")

    def http(self, method: str, rest: str) -> str:
        request = urllib.request.Request(f"{self.endpoint}/v2/keys{rest}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def end(self) -> None:
        if self.cluster is not None:
            self.cluster.stop()
        self.cluster = None

    @property
    def endpoint(self) -> str:
        return f"http://{self.cluster.members[0].endpoint}"

    def member(self) -> str:
        with urllib.request.urlopen(f"{self.endpoint}/v2/members", timeout=5) as answer:
            return re.search(r'"id":"([0-9a-f]+)"', answer.read().decode()).group(1)

    def watchers(self) -> int:
        with urllib.request.urlopen(f"{self.endpoint}/v2/stats/store", timeout=5) as answer:
            return int(re.search(r'"watchers":(\d+)', answer.read().decode()).group(1))

    # Lines

    def run(self, line: Line) -> dict[str, object]:
        before = self.watchers() if line.then else 0
        process = self.start(line)
        if line.then:
            eventually(lambda: self.watchers() > before, 5.0, "the watch has begun")
            for words in line.then:
                self.run(Line(words))
        return self.finish(line, process)

    def start(self, line: Line) -> subprocess.Popen:
        words = shlex.split(self.filled(line.words))
        if not line.raw:
            words = ["--endpoints", self.endpoint, *words]
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("ETCD")}
        environment["ETCDCTL_API"] = "2"
        for pair in line.env:
            name, _, value = pair.partition("=")
            environment[name] = self.filled(value)
        return spawn([self.client, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, env=environment, cwd=self.cluster.directory)

    def filled(self, text: str) -> str:
        text = text.replace("{W}", str(self.before)).replace("{W+1}", str(self.before + 1))
        text = text.replace("{ID}", self.member() if "{ID}" in text else "")
        return text.replace("{E}", self.endpoint).replace("{A}", self.endpoint[7:])

    def finish(self, line: Line, process: subprocess.Popen) -> dict[str, object]:
        guard = threading.Timer(LINE_SECONDS, process.kill)
        guard.start()
        if line.interrupt:
            shown_first = b"".join(process.stdout.readline() for _ in range(line.shows))
            process.send_signal(signal.SIGINT)
            # What `readline` has read ahead is in the file object, not in the pipe.
            process.stdin.close()
            output, errors = shown_first + process.stdout.read(), process.stderr.read()
            process.wait()
        else:
            output, errors = process.communicate(line.stdin.encode())
        guard.cancel()
        forget(process)
        shown = self.normal(output.decode("utf-8", "replace"))
        if line.unordered:
            shown = "\n".join(sorted(shown.split("\n")))
        return {"exit": process.returncode, "stdout": shown,
                "stderr": self.normal(errors.decode("utf-8", "replace"))}

    # Normal forms

    def normal(self, text: str) -> str:
        member = self.cluster.members[0]
        text = text.replace(member.endpoint, "<client>").replace(
            f"127.0.0.1:{member.peer_port}", "<peer>")
        text = re.sub(r"\b[0-9a-f]{11,16}\b(?!\d)", self.identity, text)
        text = re.sub(r'"expiration":"[^"]*"', '"expiration":"<time>"', text)
        # Of the seconds no more are gone than have passed since the case began.
        passed = int(time.monotonic() - self.begun) + 2
        for ttl in (50, 70, 100):
            near = "|".join(str(ttl - used) for used in range(min(passed, 20)))
            text = re.sub(rf'("ttl":|TTL: )(?:{near})\b', rf"\g<1><nearly {ttl}>", text)
        text = re.sub(r"(?<![\d.])[03]\.\d+\.\d+(?![\d.])", "<version>", text)
        return re.sub(r'(?<=ETCD_INITIAL_CLUSTER=")[^"]*', self.sorted_pairs, text)

    @staticmethod
    def sorted_pairs(match: re.Match) -> str:
        """Members come in the order of their ids, which are random."""
        return ",".join(sorted(match[0].split(",")))

    @staticmethod
    def identity(match: re.Match) -> str:
        # Some ids have no letters; numbers of other kinds are shorter.
        return match[0] if match[0].isdigit() and len(match[0]) < 15 else "<id>"


def ordered(outcomes: list[list[dict]]) -> list[list[dict]]:
    """Indexes replaced by their order, for servers that count differently."""
    found = {int(m[2]) for case in outcomes for line in case for key in ("stdout", "stderr")
             for m in _INDEXED.finditer(line[key])}
    ranks = {number: rank for rank, number in enumerate(sorted(found))}
    return [[{**line, **{key: _INDEXED.sub(lambda m: f"{m[1]}#{ranks[int(m[2])]}", line[key])
                         for key in ("stdout", "stderr")}} for line in case] for case in outcomes]


def compare(name: str, lines: tuple[Line, ...], old: Side, new: Side, exact: bool) -> int:
    """Run a case on both sides; say what differs, and how many lines do."""
    outcomes = []
    for side in (old, new):
        side.begin(fresh=name in FRESH)
        outcomes.append([side.run(line) for line in lines])
        if name in FRESH:
            side.end()
    if not exact:
        outcomes = [ordered([side])[0] for side in outcomes]
    differing = 0
    for line, left, right in zip(lines, *outcomes):
        # It has an answer for each end: one of them must be ours.
        for _ in range(20 if line.words in RACES else 0):
            if left != right:
                left = old.run(line)
        if left != right:
            differing += 1
            print(f"FAILED {name}: {line.words}\n  old {left}\n  new {right}", flush=True)
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctl", required=True)
    parser.add_argument("--server")
    parser.add_argument("--case", action="append")
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args()
    etcdctl = shutil.which(os.environ.get("KEELSON_ETCDCTL34") or "etcdctl")
    etcd = shutil.which(os.environ.get("KEELSON_ETCD34") or "etcd")
    tables = [CASES] if options.server else [CASES, AUTH_CASES, MEMBER_CASES]
    cases = [(name, lines) for table in tables for name, lines in table.items()
             if not options.case or any(part in name for part in options.case)]
    if etcdctl is None or etcd is None:
        print(f"0 passed, 0 failed, {sum(len(lines) for _, lines in cases)} skipped")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="parity-ctl-"))
    (folder / "etcdctl").symlink_to(Path(options.ctl).resolve())
    try:
        failed = run_all(cases, options, etcd, etcdctl, str(folder / "etcdctl"))
    finally:
        shutil.rmtree(folder)
        kill_everything()
    lines = sum(len(lines) for _, lines in cases)
    print(f"{lines} command lines in {len(cases)} cases")
    print(f"{lines - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


def run_all(cases, options, etcd: str, etcdctl: str, ctl: str) -> int:
    """The number of lines that differ; several pairs of servers at a time."""
    waiting = list(reversed(cases))
    failures: list[int] = []
    lock = threading.Lock()
    server = [str(Path(options.server).resolve())] if options.server else [etcd]

    def work() -> None:
        old = Side(etcdctl, [etcd], ("--enable-v2", "--logger=zap"))
        new = Side(ctl, server, () if options.server else ("--enable-v2", "--logger=zap"))
        while True:
            with lock:
                if not waiting:
                    break
                name, lines = waiting.pop()
            try:
                failed = compare(name, lines, old, new, exact=not options.server)
            except Exception as error:  # noqa: BLE001 - any failure is a failed case
                print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
                failed = len(lines)
                old.end()
                new.end()
            with lock:
                failures.append(failed)
        old.end()
        new.end()

    threads = [threading.Thread(target=work) for _ in range(options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(failures)


if __name__ == "__main__":
    sys.exit(main())
