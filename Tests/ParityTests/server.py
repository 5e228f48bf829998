"""Servers under test: real processes on free ports with their own directories."""

from __future__ import annotations

import atexit
import fcntl
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

START_SECONDS = 30.0

_lock = threading.Lock()
_PORTS = range(10_000, 20_000)
_held_ports: list[Any] = []
_running: dict[int, subprocess.Popen] = {}

# A shell that runs us in the background has SIGINT ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
_directories: set[Path] = set()
_closed = threading.Event()


class ServerFailure(Exception):
    """The server could not be brought into the state a case needs."""


def free_port() -> int:
    """A port of five digits nobody listens on, kept for this process until it ends: by a lock on a
    file that others of its kind respect. It lies below those that the kernel takes of its own
    accord, and beside those of the tests in Swift."""
    folder = Path(tempfile.gettempdir()) / "keelson-parity-ports"
    folder.mkdir(exist_ok=True)
    with _lock:
        for port in random.sample(_PORTS, len(_PORTS)):
            held = open(folder / str(port), "w", encoding="ascii")
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            except OSError:
                held.close()
                continue
            _held_ports.append(held)
            return port
    raise ServerFailure("no free port")


def eventually(check, seconds: float, what: str):
    """Ask `check` until its answer is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise ServerFailure(f"not within {seconds:.0f} s: {what}")
        pause.wait(0.02)


def spawn(words: list[str], **options: Any) -> subprocess.Popen:
    """Start a process which is killed at the end of the run at the latest."""
    with _lock:
        if _closed.is_set():
            raise ServerFailure("the run is over")
        process = subprocess.Popen(words, **options)
        _running[process.pid] = process
        return process


def forget(process: subprocess.Popen) -> None:
    """The process has ended and was waited for."""
    with _lock:
        _running.pop(process.pid, None)


class Member:
    """One server process: its name, ports, directory and log."""

    def __init__(self, command: list[str], name: str, directory: Path) -> None:
        self.command = command
        self.name = name
        self.directory = directory
        self.client_port = free_port()
        self.peer_port = free_port()
        self.process: subprocess.Popen | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    @property
    def peer_url(self) -> str:
        return f"http://127.0.0.1:{self.peer_port}"

    @property
    def data_directory(self) -> Path:
        return self.directory / f"{self.name}.data"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    def start(self, initial_cluster: str, state: str = "new", flags: tuple[str, ...] = ()) -> None:
        """Start the process; it is not yet ready when this returns."""
        arguments = [
            *self.command,
            f"--name={self.name}",
            f"--data-dir={self.data_directory}",
            f"--listen-client-urls=http://{self.endpoint}",
            f"--advertise-client-urls=http://{self.endpoint}",
            f"--listen-peer-urls={self.peer_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
            f"--initial-cluster={initial_cluster}",
            f"--initial-cluster-state={state}",
            "--initial-cluster-token=parity",
            *flags,
        ]
        with open(self.log, "ab") as log:
            self.process = spawn(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory
            )

    def wait_ready(self) -> None:
        """Wait until the cluster version is decided, which needs a leader."""
        eventually(self._ready, START_SECONDS, f"{self.name} ready, see {self.log}")

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-600:]
            raise ServerFailure(f"{self.name} exited with {self.process.returncode}: {tail}")
        try:
            return self._healthy()
        except (OSError, http.client.HTTPException):
            return False

    def _healthy(self) -> bool:
        version = self.http("GET", "/version")[2]
        if "etcdcluster" not in version or "not_decided" in version:
            return False
        status, _, body = self.http("GET", "/health")
        return status == 200 or "ALARM" in body

    def http(self, method: str, path: str, headers: dict[str, str] | None = None):
        """One HTTP request: status, headers in lower case, body as text."""
        connection = http.client.HTTPConnection(self.endpoint, timeout=10)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            body = response.read().decode("utf-8", "replace")
            fields = {key.lower(): value for key, value in response.getheaders()}
            return response.status, fields, body
        finally:
            connection.close()

    def stop(self, force: bool = True) -> int | None:
        """End the process and wait for it."""
        process = self.process
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGKILL if force else signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        forget(process)
        return process.returncode


class Cluster:
    """One or more members which form a cluster, and their common directory."""

    def __init__(self, command: list[str], size: int = 1, flags: tuple[str, ...] = ()) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="parity-"))
        _directories.add(self.directory)
        self.flags = flags
        self.members = [
            Member(command, f"m{index + 1}", self.directory) for index in range(size)
        ]
        self.command = command
        self.extra: list[Member] = []
        self.clients: dict[str, Any] = {}

    @property
    def initial(self) -> str:
        return ",".join(f"{member.name}={member.peer_url}" for member in self.members)

    def start(self) -> None:
        """Start all members and wait until each is ready."""
        for member in self.members:
            member.start(self.initial, flags=self.flags)
        for member in self.members:
            member.wait_ready()

    def new_member(self) -> Member:
        """A further member which is not started yet."""
        name = f"m{len(self.members) + len(self.extra) + 1}"
        member = Member(self.command, name, self.directory)
        self.extra.append(member)
        return member

    def stop(self, keep: bool = False) -> None:
        """Kill every member and remove the directory unless it is to be kept."""
        for client in self.clients.values():
            client.close()
        for member in [*self.members, *self.extra]:
            member.stop()
        _directories.discard(self.directory)
        if keep:
            print(f"kept {self.directory}", flush=True)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


def kill_everything() -> None:
    """Kill each process this run started, by its pid, and start no more."""
    with _lock:
        _closed.set()
        left = list(_running.items())
        _running.clear()
    for pid, process in left:
        if process.poll() is None:
            os.kill(pid, signal.SIGKILL)
            process.wait()
    for directory in list(_directories):
        shutil.rmtree(directory, ignore_errors=True)


atexit.register(kill_everything)
