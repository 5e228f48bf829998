"""Clients that go on while others run, and clients in front of a terminal, as steps."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import termios
import threading
import time
from typing import Any

from case import Step
from ctl import Ctl, _environment, normal_text
from server import eventually, forget, spawn
from world import World

SECONDS = 15.0
_LEASE_KEY = re.compile(r"/[0-9a-f]{12,16}\b")


def shown(world: World, text: str) -> str:
    """Output with ids replaced; keys of locks end with the id of a lease."""
    text = _LEASE_KEY.sub("/<lease>", normal_text(world.names, text))
    return re.sub(r"--rev=\d+", "--rev=N", text)


class Job:
    """A client in the background; its output is collected as it comes."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.output = b""
        self.errors = b""
        self._threads = [
            threading.Thread(target=self._collect, args=("output", process.stdout), daemon=True),
            threading.Thread(target=self._collect, args=("errors", process.stderr), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _collect(self, name: str, stream: Any) -> None:
        while True:
            data = os.read(stream.fileno(), 65536)
            if not data:
                return
            setattr(self, name, getattr(self, name) + data)

    def end(self, number: int | None) -> int:
        """Send a signal, wait for the end; the exit code."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(SECONDS)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        forget(self.process)
        return self.process.returncode


def jobs(world: World) -> dict[str, Job]:
    if not hasattr(world, "jobs"):
        world.jobs = {}
    return world.jobs


def begin(ctl: Ctl, name: str, *arguments: str, lines: int = 0, errors: str = "") -> Step:
    """Start a client and wait until it has printed so many lines, or this on standard error."""

    def run(world: World) -> Any:
        command = ctl._command(world, "m1", None, arguments)
        process = spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, env=_environment(None, world),
                        cwd=world.cluster.directory)
        job = jobs(world)[name] = Job(process)
        eventually(lambda: job.process.poll() is not None or (
            job.output.count(b"\n") >= lines and errors.encode() in job.errors),
            SECONDS, f"{lines} lines of {name}: {job.output!r} {job.errors!r}")
        return {"stdout": shown(world, job.output.decode("latin-1"))}

    return Step(f"begin {name}: {' '.join(arguments)}", run)


def expect(name: str, lines: int) -> Step:
    """Wait until a job has printed so many lines in all."""

    def run(world: World) -> Any:
        job = jobs(world)[name]
        eventually(lambda: job.output.count(b"\n") >= lines, SECONDS, f"{lines} lines of {name}")
        return {"stdout": shown(world, job.output.decode("latin-1"))}

    return Step(f"expect {lines} lines of {name}", run)


def end(name: str, number: int | None = signal.SIGINT) -> Step:
    """End a job with a signal, or wait for its own end."""

    def run(world: World) -> Any:
        job = jobs(world)[name]
        code = job.end(number)
        errors = [line for line in job.errors.decode("latin-1").splitlines()
                  if line.startswith("Error:")]
        return {"exit": code, "stdout": shown(world, job.output.decode("latin-1")),
                "stderr": [shown(world, line) for line in errors]}

    return Step(f"end {name}", run)


def keys_appear(count: int, prefix: str = "") -> Step:
    """Wait until so many keys of the case are there; nothing is compared."""

    def run(world: World) -> None:
        key = world.prefix + prefix.encode()
        fields = {"key": key, "range_end": key[:-1] + bytes([key[-1] + 1]), "count_only": True}
        eventually(lambda: world.ask("KV.Range", **fields).count == count, SECONDS,
                   f"{count} keys")

    return Step(f"{count} keys are there", run)


def revoke_leases() -> Step:
    """End every lease of the server, and with them what hangs on them."""

    def run(world: World) -> None:
        for lease in world.ask("Lease.LeaseLeases").leases:
            world.ask("Lease.LeaseRevoke", ID=lease.ID)

    return Step("revoke all leases", run)


def terminal(ctl: Ctl, script: list[tuple[str, str]], *arguments: str) -> Step:
    """Run a client in front of a terminal.

    The script: ("see", text) waits for output, ("type", text) sends it, ("hidden", text) sends it
    once nothing typed is shown any more, ("do", step) runs a step meanwhile.
    """

    def run(world: World) -> Any:
        return _Session(world, ctl, arguments).play(script)

    return Step(f"terminal: {' '.join(arguments)}", run)


class _Session:
    def __init__(self, world: World, ctl: Ctl, arguments: tuple[str, ...]) -> None:
        self.world = world
        self.master, slave = pty.openpty()
        command = ["setsid", "--ctty", "--wait", *ctl._command(world, "m1", None, arguments)]
        self.process = spawn(command, stdin=slave, stdout=slave, stderr=slave,
                             env=_environment(None, world), cwd=world.cluster.directory)
        os.close(slave)
        self.output = b""
        self.seen = 0

    def play(self, script: list[tuple[str, Any]]) -> dict[str, Any]:
        try:
            for verb, value in script:
                self._act(verb, value)
            self._until(lambda: False, "the end")
            code = self.process.wait(SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            forget(self.process)
            os.close(self.master)
        lines = self.output.decode("latin-1").replace("\r", "").splitlines()
        # Log lines, and the notes of programs that etcdctl starts, are not of interest.
        lines = [line for line in lines if not line.startswith(("{", "stty:"))
                 and line != "^C"]
        return {"exit": code, "screen": [shown(self.world, line) for line in lines]}

    def _act(self, verb: str, value: Any) -> None:
        if verb == "do":
            value.run(self.world)
        elif verb == "see":
            text = self.world.expand(value).encode()
            self._until(lambda: text in self.output[self.seen:], value)
            self.seen = self.output.index(text, self.seen) + len(text)
        else:
            if verb == "hidden":
                eventually(self._is_hidden, SECONDS, "nothing typed is shown")
            os.write(self.master, self.world.expand(value).encode())

    def _is_hidden(self) -> bool:
        return not termios.tcgetattr(self.master)[3] & termios.ECHO

    def _until(self, check, what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not check():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not seen: {what} in {self.output!r}")
            if not select.select([self.master], [], [], left)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                if what == "the end":
                    return
                raise EOFError(f"ended before {what}: {self.output!r}")
            self.output += data
