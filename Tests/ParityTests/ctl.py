"""Command-line clients as steps: exit code, standard output and error lines are compared."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from typing import Any

from canonical import Names, canonical
from case import Step
from protocol import message_class
from server import forget, spawn
from world import World

RUN_SECONDS = 30.0

_REVISIONS = re.compile(
    r'("(?:revision|create_revision|mod_revision|compact_revision|CompactRevision|hash_revision'
    r'|(?!auth)\w*Revision)" ?: ?|compacted revision |progress notify: )(\d+)'
)
_TERMS = re.compile(r'("(?:raft_term|RaftTerm|raftTerm)" ?: ?)(\d+)')
_OPAQUE = (
    (re.compile(r'("(?:version|Version)" ?: ?)"[^"]*"'), r'\1"<version>"'),
    (re.compile(r'("(?:dbSize|dbSizeInUse|DBSize|DBSizeInUse)" ?: ?)\d+'), r"\1<size>"),
    (re.compile(r'("(?:raftIndex|raftAppliedIndex|RaftIndex|RaftAppliedIndex)" ?: ?)\d+'),
     r"\1<index>"),
    (re.compile(r'(took = |"took":"|"Took" : )[0-9.]+[^0-9\s",]+'), r"\1<time>"),
    (re.compile(r"(?<=remaining\()\d+(?=s\))"), "<nearly all>"),
    (re.compile(r'("(?:ttl|TTL)" ?: ?)(?:59\d|600)\b'), r"\1<nearly all>"),
)
_HASHES = re.compile(r'("(?:hash|Hash)" ?: ?)(\d+)')
_STATUS_OPAQUE = {"VERSION": "<version>", "DB SIZE": "<size>", "RAFT TERM": "<term>",
                  "RAFT INDEX": "<index>", "RAFT APPLIED INDEX": "<index>", "TOOK": "<time>",
                  "HASH": "<hash>"}
_STATUS_COLUMNS = ["ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER",
                   "RAFT TERM", "RAFT INDEX", "RAFT APPLIED INDEX", "ERRORS"]


class Ctl:
    """One client binary; calling it makes a step."""

    def __init__(self, tool: str) -> None:
        self.tool = tool

    def __call__(self, *arguments: str, stdin: str = "", save: str | None = None,
                 at: str = "m1", endpoints: str | None = None, env=None) -> Step:
        """Run to the end. `save` remembers the first lease or member id of the output."""

        def run(world: World) -> Any:
            command = self._command(world, at, endpoints, arguments)
            code, data, errors = _run(world, command, stdin, env)
            output = data.decode("latin-1")
            if save:
                _remember(world, save, output)
            return _outcome(world.names, code, output, errors, arguments)

        return Step(f"{self.tool} {' '.join(arguments)}", run)

    def protobuf(self, response: str, *arguments: str, stdin: str = "") -> Step:
        """Run with protobuf output; the message is compared."""

        def run(world: World) -> Any:
            command = [*self._command(world, "m1", None, arguments), "-w=protobuf"]
            code, data, _ = _run(world, command, stdin)
            message = message_class(response).FromString(data)
            return {"exit": code, "stdout": canonical(message, world.names)}

        return Step(f"{self.tool} {' '.join(arguments)} -w=protobuf", run)

    def lines(self, count: int, *arguments: str, stdin: str = "", env=None) -> Step:
        """Start a client which does not end, read `count` lines of output, then kill it."""

        def run(world: World) -> Any:
            command = self._command(world, "m1", None, arguments)
            process = _spawn(world, command, env, subprocess.DEVNULL)
            if stdin:
                process.stdin.write(world.expand(stdin).encode())
                process.stdin.flush()
            return {"stdout": _read_lines(world.names, process, count)}

        return Step(f"{self.tool} {' '.join(arguments)}, {count} lines", run)

    def _command(self, world: World, at: str, endpoints: str | None, arguments) -> list[str]:
        where = world.expand(endpoints) if endpoints else world.member(at).endpoint
        binary = getattr(world.tools, self.tool)
        return [binary, f"--endpoints={where}", *(world.expand(item) for item in arguments)]


def _spawn(world: World, command: list[str], env, stderr: int) -> subprocess.Popen:
    return spawn(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
        env=_environment(env, world), cwd=world.cluster.directory,
    )


def _run(world: World, command: list[str], stdin: str, env=None) -> tuple[int, bytes, bytes]:
    """Exit code, output and errors of a client which ends by itself."""
    process = _spawn(world, command, env, subprocess.PIPE)
    try:
        output, errors = process.communicate(world.expand(stdin).encode(), RUN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    finally:
        forget(process)
    return process.returncode, output, errors


def _environment(extra: dict[str, str] | None, world: World) -> dict[str, str]:
    base = {"PATH": os.environ.get("PATH", ""), "HOME": str(world.cluster.directory)}
    more = {key: world.expand(value) for key, value in (extra or {}).items()}
    return {**base, "ETCDCTL_API": "3", **more}


def _remember(world: World, name: str, output: str) -> None:
    found = re.search(r"(?:lease|Member)\s+([0-9a-f]+) ", output)
    number = int(found.group(1), 16) if found else None
    if number is None:
        found = re.search(r'"ID" ?: ?(\d+)', output)
        number = int(found.group(1)) if found else 0
    world.ids[name] = number
    world.names.text_of_id(number, f"<{name}>")


def _read_lines(names: Names, process: subprocess.Popen, count: int) -> list[str]:
    """The first `count` lines, or fewer when the client ends or the time is over."""
    guard = threading.Timer(10.0, process.kill)
    guard.start()
    lines = []
    for _ in range(count):
        line = process.stdout.readline()
        if not line:
            break
        lines.append(normal_text(names, line.decode("latin-1")).rstrip("\n"))
    guard.cancel()
    process.kill()
    process.wait()
    forget(process)
    process.stdin.close()
    process.stdout.close()
    return lines


def _outcome(names: Names, code: int, output: str, errors: bytes, arguments) -> dict[str, Any]:
    shown: Any = normal_text(names, output)
    rows = shown.startswith(("<client", "http://<client"))
    if "status" in arguments and "endpoint" in arguments and rows:
        shown = [_status_row(_STATUS_COLUMNS, line.split(", ")) for line in shown.splitlines()]
    elif shown.startswith("+--"):
        shown = table(shown)
    elif "hashkv" in arguments and rows:
        shown = re.sub(r", \d+", ", <hash>", shown)
    return {"exit": code, "stdout": _initial_cluster(shown), "stderr": _errors(names, errors)}


def _initial_cluster(shown: Any) -> Any:
    """The members printed by `member add` in a stable order: the client sorts them by id."""
    found = re.search(r'ETCD_INITIAL_CLUSTER="([^"]*)"', shown) if isinstance(shown, str) else None
    if not found:
        return shown
    return shown.replace(found[1], ",".join(sorted(found[1].split(","))))


def _errors(names: Names, errors: bytes) -> list[str]:
    """Error lines without log lines and without the stack of a crashed client."""
    text = errors.decode("latin-1").split("\ngoroutine ")[0]
    return [normal_text(names, line) for line in text.splitlines() if not _is_log(line)]


def _is_log(line: str) -> bool:
    log = r"((INFO|WARNING|ERROR): )?\d{4}[-/]\d\d[-/]\d\d"
    # A client that asks for a password starts stty, which wants a terminal.
    return line.startswith(("{", "stty:")) or re.match(log, line) is not None


def normal_text(names: Names, text: str) -> str:
    """Client output with ids, revisions, terms, sizes, hashes and times replaced."""
    text = text.replace(names.prefix.decode(), "~")
    text = re.sub(r"  +(?=<)", " ", names.text(text))  # ids are padded to 16 digits
    text = _REVISIONS.sub(lambda m: m[1] + str(names.revision(int(m[2]))), text)
    text = _TERMS.sub(lambda m: m[1] + str(names.identity("term", int(m[2]))), text)
    for pattern, replacement in _OPAQUE:
        text = pattern.sub(replacement, text)
    return _HASHES.sub(lambda m: m[1] + str(names.identity("hash", int(m[2]))), text)


def table(text: str) -> list[dict[str, str]]:
    """The rows of a table by column; its frame must be regular."""
    lines = text.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:-1]
            if not line.startswith("+")]
    if lines[0] != lines[-1] or any(len(row) != len(rows[0]) for row in rows):
        return [{"irregular table": text}]
    return [_status_row(rows[0], row) for row in rows[1:]]


def _status_row(header: list[str], cells: list[str]) -> dict[str, str]:
    names = header if len(header) == len(cells) else [str(n) for n in range(len(cells))]
    return {name: _STATUS_OPAQUE.get(name, cell) for name, cell in zip(names, cells)}
