#!/usr/bin/env python3
"""keelsonctl's commands on files, beside etcdutl's, with real servers on both ends.

    offline.py --reference etcd --subject keelson-node --ctl keelsonctl

Snapshots go from each server through the other's tools to the other's cluster of three; data
directories of etcd killed without warning become ours; damaged files are refused and leave
nothing behind; and texts and exit codes are those of etcdutl. The last line is
`N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from interchange import (  # noqa: E402
    EVERYTHING, Counter, Server, compact, delete, everything, put, run,
)
from run_parity import command, tool  # noqa: E402
from server import (  # noqa: E402
    Cluster, ServerFailure, eventually, forget, kill_everything, spawn,
)

MEBIBYTE = 1 << 20


class Tools:
    """The programs, and ours under the names of etcd's."""

    def __init__(self, options, folder: Path) -> None:
        self.ctl = str(Path(options.ctl).resolve())
        links = folder / "bin"
        links.mkdir()
        for name in ("etcdutl", "etcdctl"):
            (links / name).symlink_to(self.ctl)
        self.ours_as_etcdutl = str(links / "etcdutl")
        self.ours_as_etcdctl = str(links / "etcdctl")
        self.etcdctl = tool(options.etcdctl35, "KEELSON_ETCDCTL35", "etcdctl", "3.5")
        self.etcdutl = tool(options.etcdutl, "KEELSON_ETCDUTL35", "etcdutl", "3.5")
        self.etcd34 = self._etcd34(options.etcd34 or os.environ.get("KEELSON_ETCD34"))

    @staticmethod
    def _etcd34(given: str | None) -> str | None:
        path = shutil.which(given or "etcd")
        if path is None:
            return None
        said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        return path if "etcd Version: 3.4." in said else None


def error_line(result: subprocess.CompletedProcess) -> str:
    """The last error on standard error; a log in front of it does not count."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return lines[-1] if lines else ""


def tree(path: Path) -> dict[str, str]:
    """A sum of each file below `path`."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*")) if file.is_file()
    }


# Contents


def fill(server: Server, big: bool = False, etcdctl: str | None = None) -> None:
    """History, leases, tombstones, a compaction; with `etcdctl` users and roles."""
    server.play(everything())
    if etcdctl:
        for words in USERS:
            done = ask_ctl(etcdctl, server, *words)
            if done.returncode:
                raise ServerFailure(f"{words}: {done.stderr}")
    if big:
        value = os.urandom(MEBIBYTE)
        for number in range(104):
            server.ask("KV.Put", key=b"big%d" % number, value=value[number:] + b"x" * number)
        server.play([compact(70), delete(b"big1"), put(b"last")])


USERS = [
    ("role", "add", "reader"), ("role", "grant-permission", "reader", "read", "a", "z"),
    ("role", "add", "root"), ("user", "add", "root:top"), ("user", "grant-role", "root", "root"),
    ("user", "add", "ann:secret"), ("user", "grant-role", "ann", "reader"),
]


def ask_ctl(etcdctl: str, server: Server, *words: str) -> subprocess.CompletedProcess:
    return run(etcdctl, f"--endpoints={server.cluster.members[0].endpoint}", *words)


def people(etcdctl: str, server: Server) -> list[str]:
    """Users and roles, as etcdctl tells them."""
    asked = [("user", "list"), ("role", "list"), ("user", "get", "ann"), ("role", "get", "reader")]
    return [ask_ctl(etcdctl, server, *words).stdout for words in asked]


def start(cluster: Cluster) -> list[Server]:
    """A client for each member of a cluster that starts."""
    cluster.start()
    servers = []
    for member in cluster.members:
        server = Server.__new__(Server)
        server.cluster = cluster
        from canonical import Names
        from client import Client
        server.client = Client(member.endpoint)
        server.names = Names(0, b"", exact_hash=True)
        server.names.chosen_leases.update(range(10))
        servers.append(server)
    return servers


def stop(cluster: Cluster, servers: list[Server]) -> None:
    for server in servers:
        server.client.close()
    cluster.stop()


def settled(server: Server, revision: str) -> dict[str, Any]:
    """The state of a member once it has caught up."""
    deadline = time.monotonic() + 15
    state = server.state()
    while state["revision"] != revision and time.monotonic() < deadline:
        state = server.state()
    return state


# Snapshots both ways


def restore_for(cluster: Cluster, words: list[str], snapshot: Path, counter: Counter,
                name: str) -> bool:
    """Run the restore tool once for each member."""
    for member in cluster.members:
        result = run(*words, "snapshot", "restore", str(snapshot), f"--name={member.name}",
                     f"--data-dir={member.data_directory}", f"--initial-cluster={cluster.initial}",
                     f"--initial-advertise-peer-urls={member.peer_url}",
                     "--initial-cluster-token=parity")
        if result.returncode:
            counter.check(f"{name}: restore for {member.name}", 0, result.stderr)
            return False
    return True


def travel(source: list[str], target: list[str], words: list[str], tools: Tools,
           counter: Counter, name: str, big: bool, returns: bool) -> None:
    """A snapshot of one `source` becomes a `target` cluster of three."""
    server = Server(source)
    restored = Cluster(target, size=3)
    servers: list[Server] = []
    try:
        fill(server, big, tools.etcdctl if returns else None)
        before = server.state()
        users = people(tools.etcdctl, server) if returns else None
        path = restored.directory / "s.db"
        saved = ask_ctl(tools.ctl, server, "snapshot", "save", str(path))
        counter.check(f"{name}: save", 0, saved.returncode)
        if big:
            counter.check(f"{name}: more than 100 MB", True, path.stat().st_size > 100_000_000)
        forms = ("simple", "json") if big else ("simple", "table", "json", "fields", "protobuf")
        check_status(path, forms, tools, counter, name)
        hashed = json.loads(run(tools.ctl, "hashkv", str(path), "-w", "json").stdout)
        counter.check(f"{name}: hashkv of the file", before["hash"],
                      (hashed["hash"], hashed["compactRevision"]))
        verified = run(tools.ctl, "snapshot", "verify", str(path), "-w", "json")
        counter.check(f"{name}: verify", 0, verified.returncode)
        server.stop()
        if not restore_for(restored, words, path, counter, name):
            return
        servers = start(restored)
        for member, one in zip(restored.members, servers):
            after = settled(one, before["revision"])
            for part in before:
                counter.check(f"{name}: {part} on {member.name}", digest(before[part]),
                              digest(after[part]))
        if users is not None:
            come_back(source, servers[0], before, users, tools, counter, name)
        answer = servers[1].ask("KV.Put", key=b"after restore", value=b"1")
        counter.check(f"{name}: writable", True, hasattr(answer, "header"))
        ids = {one.ask("KV.Range", **EVERYTHING).header.cluster_id for one in servers}
        counter.check(f"{name}: one cluster", 1, len(ids))
    finally:
        server.stop()
        stop(restored, servers)


def come_back(target: list[str], server: Server, before: dict, users: list[str], tools: Tools,
              counter: Counter, name: str) -> None:
    """What went through our cluster is served by etcd again, users and roles too."""
    path = server.cluster.directory / "back.db"
    counter.check(f"{name}: save again", 0,
                  ask_ctl(tools.ctl, server, "snapshot", "save", str(path)).returncode)
    cluster = Cluster(target)
    servers: list[Server] = []
    try:
        if not restore_for(cluster, [tools.etcdutl], path, counter, f"{name} and back"):
            return
        servers = start(cluster)
        after = servers[0].state()
        for part in before:
            counter.check(f"{name} and back: {part}", digest(before[part]), digest(after[part]))
        counter.check(f"{name} and back: users and roles", users,
                      people(tools.etcdctl, servers[0]))
    finally:
        stop(cluster, servers)


def digest(value: Any) -> Any:
    """Short enough to be printed."""
    text = repr(value)
    return value if len(text) < 300 else hashlib.sha256(text.encode()).hexdigest()


def check_status(path: Path, forms: tuple[str, ...], tools: Tools, counter: Counter,
                 name: str) -> None:
    """Ours under the name etcdutl says what etcdutl says."""
    for form in forms:
        theirs = run(tools.etcdutl, "snapshot", "status", str(path), "-w", form)
        ours = run(tools.ours_as_etcdutl, "snapshot", "status", str(path), "-w", form)
        counter.check(f"{name}: status -w {form}",
                      (theirs.returncode, theirs.stdout, error_line(theirs)),
                      (ours.returncode, ours.stdout, error_line(ours)))


# Texts and codes


def check_texts(tools: Tools, counter: Counter, folder: Path, good: Path) -> None:
    """The same wrong command lines for both."""
    plain = folder / "plain.db"
    plain.write_bytes(good.read_bytes()[:-32])
    flipped = folder / "flipped.db"
    data = bytearray(good.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    there = folder / "there"
    (there / "inner").mkdir(parents=True)
    target = ["--data-dir", "TARGET"]
    one = "a=http://127.0.0.1:1"
    cases = [
        ["status"], ["status", "a", "b"], ["status", "missing.db"],
        ["restore"], ["restore", str(good)], ["restore", "a", "b", *target],
        ["restore", *target], ["restore", "missing.db", *target],
        ["restore", str(good), "--data-dir", str(there)],
        ["restore", str(good), *target, "--wal-dir", str(there)],
        ["restore", str(good), *target, "--name", "x"],
        ["restore", str(good), *target, "--name", "a", "--initial-cluster", f"{one},{one}",
         "--initial-advertise-peer-urls", "http://127.0.0.1:1,http://127.0.0.1:1"],
        ["restore", str(good), *target, "--name", "a", "--initial-cluster",
         f"{one},b=http://127.0.0.1:1", "--initial-advertise-peer-urls", "http://127.0.0.1:1"],
        ["restore", str(good), *target, "--name", "a", "--initial-cluster", one,
         "--initial-advertise-peer-urls", "http://127.0.0.1:1,http://127.0.0.1:3"],
        ["restore", str(good), *target, "--initial-cluster", "default=http:/x"],
        ["restore", str(good), *target, "--initial-cluster", "default"],
        ["restore", str(good), *target, "--initial-cluster", "default=http://h:1/path"],
        ["restore", str(good), *target, "--initial-cluster", "default=ftp://h:1"],
        ["restore", str(good), *target, "--initial-advertise-peer-urls", "foo"],
        ["restore", str(plain), *target], ["restore", str(flipped), *target],
        ["restore", str(plain), *target, "--skip-hash-check"],
        ["restore", str(good), *target, "--nonsense"], ["restore", str(good), *target],
    ]
    for words in cases:
        results = []
        for program in (tools.etcdutl, tools.ours_as_etcdutl):
            place = folder / f"target{len(results)}"
            given = [str(place) if word == "TARGET" else word for word in words]
            result = run(program, "snapshot", *given)
            text = error_line(result).replace(str(place), "TARGET")
            results.append((result.returncode, text))
            if program == tools.ours_as_etcdutl and result.returncode:
                counter.check(f"nothing left: {' '.join(words[:4])}", False,
                              place.exists() or Path(f"{place}.partial").exists())
            shutil.rmtree(place, ignore_errors=True)
        shown = " ".join(word.rsplit("/", 1)[-1] for word in words)
        counter.check(f"text: snapshot {shown}", *results)


def check_damage(tools: Tools, counter: Counter, folder: Path, good: Path) -> None:
    """Each kind of bad file gets a sentence, exit 1, and no directory."""
    data = good.read_bytes()
    kinds = {
        "empty": b"", "cut": data[: len(data) // 2], "one byte short": data[:-1],
        "noise": os.urandom(20_000), "text": b"this is no snapshot\n" * 1000,
        "flipped": data[:9000] + bytes([data[9000] ^ 64]) + data[9001:],
        "zeros": bytes(20_480),
    }
    for kind, bytes_ in kinds.items():
        path = folder / "bad.db"
        path.write_bytes(bytes_)
        target = folder / "never"
        for words in (["verify", str(path)], ["restore", str(path), "--data-dir", str(target)]):
            result = run(tools.ctl, "snapshot", *words)
            said = error_line(result)
            counter.check(f"damage: {kind}: {words[0]}", (1, True, False, False),
                          (result.returncode, len(said) > 20, target.exists(),
                           Path(f"{target}.partial").exists()))
        skipped = run(tools.ctl, "snapshot", "restore", str(path), "--skip-hash-check",
                      f"--data-dir={target}")
        if kind != "flipped" and kind != "one byte short":
            counter.check(f"damage: {kind}: restore without the sum", (1, False),
                          (skipped.returncode, target.exists()))
        shutil.rmtree(target, ignore_errors=True)
    result = run(tools.ctl, "snapshot", "verify", str(folder))
    counter.check("damage: a directory", 1, result.returncode)


# Data directories of etcd


def check_import(etcd: list[str], subject: list[str], tools: Tools, counter: Counter, name: str,
                 size: int, flags: tuple[str, ...]) -> None:
    """Kill etcd without warning in the middle of writing, import, serve."""
    old = Cluster(etcd, size=size, flags=flags)
    new = Cluster(subject, size=size)
    # The members keep their ids, which come from their URLs.
    for before, after in zip(old.members, new.members):
        after.peer_port, after.client_port = before.peer_port, before.client_port
    servers: list[Server] = []
    try:
        old_servers = start(old)
        first = old_servers[0]
        fill(first)
        first.play([put(b"tail%d" % number, b"t" * 512) for number in range(1200)])
        state = first.state()
        held = run(tools.ctl, "import", f"--from-etcd-data-dir={old.members[0].data_directory}",
                   f"--data-dir={new.members[0].data_directory}")
        counter.check(f"{name}: refused while etcd runs", (1, True, False),
                      (held.returncode, "stop it first" in held.stderr,
                       new.members[0].data_directory.exists()))
        for server in old_servers:
            server.client.close()
        for member in old.members:
            member.stop(force=True)
        for before, after in zip(old.members, new.members):
            sums = tree(before.data_directory)
            result = run(tools.ctl, "import", f"--from-etcd-data-dir={before.data_directory}",
                         f"--data-dir={after.data_directory}", "-w", "json")
            if not counter_ok(counter, f"{name}: import {before.name}", result):
                return
            counter.check(f"{name}: source untouched", sums, tree(before.data_directory))
            facts = json.loads(result.stdout)
            print(f"        {facts['entries']} entries behind index {facts['checkpointIndex']}")
            if flags:
                counter.check(f"{name}: a long tail", True, facts["entries"] > 50)
        if size == 1:
            check_torn(old.members[0].data_directory, tools, counter, name)
        servers = start(new)
        for member, server in zip(new.members, servers):
            after_state = settled(server, state["revision"])
            for part in state:
                counter.check(f"{name}: {part} on {member.name}", digest(state[part]),
                              digest(after_state[part]))
        members = servers[0].ask("Cluster.MemberList").members
        counter.check(f"{name}: members", sorted(member.name for member in old.members),
                      sorted(member.name for member in members))
        answer = servers[-1].ask("KV.Put", key=b"after import", value=b"1")
        counter.check(f"{name}: writable", True, hasattr(answer, "header"))
    finally:
        stop(new, servers)
        old.stop()


def counter_ok(counter: Counter, name: str, result: subprocess.CompletedProcess) -> bool:
    counter.check(name, 0, result.returncode if result.returncode == 0 else result.stderr)
    return result.returncode == 0


def check_torn(directory: Path, tools: Tools, counter: Counter, name: str) -> None:
    """A cut last record is left out; a flipped bit in the middle is not."""
    copy = directory.parent / "copy"
    target = directory.parent / "never"
    shutil.copytree(directory, copy)
    wal = sorted((copy / "member/wal").glob("*.wal"))[-1]
    data = bytearray(wal.read_bytes())
    used = len(data.rstrip(b"\0"))
    good = bytes(data)
    words = [tools.ctl, "import", f"--from-etcd-data-dir={copy}", f"--data-dir={target}"]

    data[used // 2] ^= 4
    wal.write_bytes(data)
    result = run(*words)
    counter.check(f"{name}: damage in the middle", (1, True, False, False),
                  (result.returncode, "offset" in result.stderr, target.exists(),
                   Path(f"{target}.partial").exists()))

    # Half a record, as a crash during the write of a batch leaves it: not committed, not missed.
    frame = (600).to_bytes(8, "little") + b"\x08\x02\x10\x01\x1a\xd4\x04" + b"y" * 100
    end = (used + 7) // 8 * 8
    wal.write_bytes(good[:end] + frame + bytes(max(0, len(good) - end - len(frame))))
    result = run(*words)
    counter.check(f"{name}: unfinished last write", 0, result.returncode or 0)
    if result.returncode:
        print(result.stderr)
    shutil.rmtree(target, ignore_errors=True)

    # etcd takes a sector of zeros for a torn write and cuts off what is behind it.
    middle = used // 2 // 512 * 512
    wal.write_bytes(good[:middle] + bytes(1024) + good[middle + 1024:])
    result = run(*words)
    counter.check(f"{name}: zeros in the middle", (1, True, False),
                  (result.returncode, "records behind it" in result.stderr, target.exists()))
    shutil.rmtree(copy)


# Backups


def next_second() -> None:
    """Names of backups count seconds."""
    now = int(time.time())
    eventually(lambda: int(time.time()) > now, 2.0, "another second")


def check_backup(subject: list[str], tools: Tools, counter: Counter) -> None:
    """The job, its rules, its lock, and what it leaves to others."""
    server = Server(subject)
    folder = server.cluster.directory / "backups"
    try:
        server.play(everything())
        endpoint = server.cluster.members[0].endpoint
        words = [tools.ctl, "backup", f"--endpoints={endpoint}", f"--dir={folder}",
                 "--cluster=demo", "--name=job"]
        folder.mkdir()
        foreign = folder / "demo-20200101T000000Z-3.db"
        foreign.write_text("not ours")
        other = folder / "demo-2-20200102T000000Z.db.partial"
        other.write_text("another cluster's")
        old = folder / "demo-20200102T000000Z.db.partial"
        old.write_text("left behind")
        result = run(*words)
        line = json.loads(result.stdout)
        counter.check("backup: exit", 0, result.returncode)
        counter.check("backup: one line", 1, len(result.stdout.splitlines()))
        path = folder / line["file"]
        counter.check("backup: sum", hashlib.sha256(path.read_bytes()).hexdigest(),
                      line["sha256"])
        counter.check("backup: size", path.stat().st_size, line["sizeBytes"])
        status = json.loads(run(tools.etcdutl, "snapshot", "status", str(path), "-w",
                                "json").stdout)
        counter.check("backup: facts", status["revision"], line["revision"])
        live = json.loads(run(tools.ctl, f"--endpoints={endpoint}", "endpoint", "hashkv", "-w",
                              "json").stdout)[0]["HashKV"]
        counter.check("backup: hash", live["hash"], line["hashKV"])
        keys = json.loads(run(tools.ctl, f"--endpoints={endpoint}", "get", "", "--prefix",
                              "--limit=1", "-w", "json").stdout)
        counter.check("backup: keys", keys.get("count", 0), line["keyCount"])
        counter.check("backup: manifest", line["sha256"],
                      json.loads(Path(f"{path}.json").read_text())["sha256"])
        counter.check("backup: leftovers go, others stay", (False, True, True),
                      (old.exists(), foreign.exists(), other.exists()))
        other.unlink()
        next_second()
        again = json.loads(run(*words, "--keep-last=1").stdout)
        counter.check("backup: retention", (1, 1, False, True),
                      (again["stored"], again["pruned"], path.exists(), foreign.exists()))
        full = run(*words, "--min-free=99%")
        counter.check("backup: no space", (6, True),
                      (full.returncode, "free" in json.loads(full.stdout)["error"]))
        gone = run(tools.ctl, "backup", "--endpoints=127.0.0.1:1", f"--dir={folder}")
        counter.check("backup: no server", (2, True),
                      (gone.returncode, "error" in json.loads(gone.stdout)))
        names = sorted(entry.name for entry in folder.iterdir())
        counter.check("backup: nothing unfinished", [], [n for n in names if "partial" in n])
    finally:
        server.stop()


def check_defrag(subject: list[str], tools: Tools, counter: Counter) -> None:
    """A stopped member's checkpoint is written anew; a running one is waited for."""
    server = Server(subject)
    member = server.cluster.members[0]
    words = [tools.ctl, "defrag", f"--data-dir={member.data_directory}"]
    try:
        server.play(everything())
        path = server.cluster.directory / "s.db"
        server.snapshot(path)
        state = server.state()
    finally:
        server.client.close()
        member.stop()
    shutil.rmtree(member.data_directory, ignore_errors=True)
    try:
        if not restore_for(server.cluster, [tools.ctl], path, counter, "defrag"):
            return
        server = start(server.cluster)[0]
        waiting = spawn(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        note = waiting.stderr.readline()
        counter.check("defrag: waits and says so", True, "waiting for" in note)
        server.client.close()
        member.stop(force=False)
        counter.check("defrag: exit", 0, waiting.wait(20))
        forget(waiting)
        server = start(server.cluster)[0]
        after = server.state()
        for part in state:
            counter.check(f"defrag: {part}", digest(state[part]), digest(after[part]))
        empty = run(tools.ctl, "defrag", f"--data-dir={server.cluster.directory}/none")
        counter.check("defrag: nothing there", (1, True),
                      (empty.returncode, "Failed to defragment" in empty.stderr))
    finally:
        server.client.close()
        server.cluster.stop()


def check_auth(reference: list[str], subject: list[str], tools: Tools, counter: Counter) -> None:
    """A store with authentication turned on must not be served to everybody."""
    server = Server(reference)
    restored = Cluster(subject)
    try:
        server.play([put(b"secret")])
        path = server.cluster.directory / "auth.db"
        for words in (*USERS, ("auth", "enable")):
            ask_ctl(tools.etcdctl, server, *words)
        saved = ask_ctl(tools.etcdctl, server, "--user=root:top", "snapshot", "save", str(path))
        counter.check("auth: save", 0, saved.returncode)
        if not restore_for(restored, [tools.ctl], path, counter, "auth"):
            return
        member = restored.members[0]
        member.start(restored.initial)

        def get(*words: str) -> subprocess.CompletedProcess:
            return run(tools.etcdctl, f"--endpoints={member.endpoint}", "get", "secret", *words)

        eventually(lambda: get("--user=root:top").returncode == 0, 20, "root reads")
        counter.check("auth: root reads", "secret", get("--user=root:top").stdout.split()[0])
        nobody, wrong = get(), get("--user=root:bottom")
        counter.check("auth: not served to everybody", (1, ""), (nobody.returncode, nobody.stdout))
        counter.check("auth: says why", True, "user name is empty" in nobody.stderr)
        counter.check("auth: nor by a guess", (True, ""), (wrong.returncode != 0, wrong.stdout))
    finally:
        server.stop()
        restored.stop()


def main() -> int:
    """Run all checks; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="command of the reference server")
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--ctl", required=True, help="keelsonctl")
    parser.add_argument("--only", help="a part, by the beginning of its name")
    parser.add_argument("--etcdctl35")
    parser.add_argument("--etcdutl")
    parser.add_argument("--etcd34")
    options = parser.parse_args()
    reference = command(options.reference or os.environ.get("KEELSON_ETCD35") or "etcd")
    subject = command(options.subject)
    counter = Counter()
    home = Cluster(subject)
    tools = Tools(options, home.directory)
    if not tools.etcdutl or not tools.etcdctl:
        counter.skip("everything", "etcdutl or etcdctl 3.5 is missing")
        print(f"{counter.passed} passed, {counter.failed} failed, {counter.skipped} skipped")
        return 0

    # The database is committed only when it must be: everything since then is in the log alone.
    lazy = ("--backend-batch-interval=10m", "--backend-batch-limit=10000000")

    def texts() -> None:
        server = Server(subject)
        try:
            server.play(everything())
            good = server.cluster.directory / "good.db"
            server.snapshot(good)
            check_texts(tools, counter, server.cluster.directory, good)
            check_damage(tools, counter, server.cluster.directory, good)
        finally:
            server.stop()

    def import34() -> None:
        if not tools.etcd34:
            counter.skip("import of 3.4", "etcd 3.4 is missing")
            return
        check_import([tools.etcd34], subject, tools, counter, "import 3.4", 1,
                     (*lazy, "--snapshot-count=300"))
        check_import([tools.etcd34], subject, tools, counter, "import 3.4, eager database", 1, ())

    parts = {
        "texts": texts,
        "ours": lambda: travel(subject, reference, [tools.etcdutl], tools, counter,
                               "ours to etcd", False, False),
        "theirs": lambda: travel(reference, subject, [tools.ctl], tools, counter,
                                 "etcd to ours", True, True),
        "import35": lambda: check_import(reference, subject, tools, counter, "import 3.5", 1, lazy),
        "import35-three": lambda: check_import(reference, subject, tools, counter,
                                               "import 3.5, three members", 3,
                                               (*lazy, "--snapshot-count=300")),
        "import34": import34,
        "backup": lambda: check_backup(subject, tools, counter),
        "defrag": lambda: check_defrag(subject, tools, counter),
        "auth": lambda: check_auth(reference, subject, tools, counter),
    }
    for name, part in parts.items():
        if options.only and not name.startswith(options.only):
            continue
        begin = time.monotonic()
        part()
        print(f"        {name}: {time.monotonic() - begin:.1f} s", flush=True)
    home.stop()
    print(f"{counter.passed} passed, {counter.failed} failed, {counter.skipped} skipped")
    return 1 if counter.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        kill_everything()
        os._exit(130)
    finally:
        kill_everything()
