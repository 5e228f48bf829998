#!/usr/bin/env python3
"""Known bugs and advisories of etcd that only a running member can show not to have.

    known_bugs.py --subject path/to/server [--only ID] [--list]

`docs/known-bugs.md` has them all, with the tests that cover the others. The last line is
`N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from certificates import make_certificates, revoke  # noqa: E402 - before grpc is loaded
from client import Client, Failure, finish  # noqa: E402
from protocol import METHODS, message_class  # noqa: E402
from run_parity import command  # noqa: E402
from secure import SecureCluster, enable_users, secure_client  # noqa: E402
from server import Cluster, eventually, free_port, kill_everything  # noqa: E402

BUGS: dict[str, object] = {}


class Wrong(Exception):
    """The member behaves as it must not."""


def check(condition: object, text: str) -> None:
    if not condition:
        raise Wrong(text)


def bug(*ids: str):
    def add(body):
        BUGS[", ".join(ids)] = body
        return body

    return add


class Stage:
    """The server under test, certificates, and a folder."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.words = words
        self.folder = folder
        make_certificates(folder)

    def cluster(self, size: int = 1, *flags: str) -> Cluster:
        cluster = Cluster(self.words, size, flags)
        cluster.start()
        return cluster

    def secure(self, *flags: str) -> SecureCluster:
        cluster = SecureCluster(self.words, self.folder, flags)
        cluster.start()
        return cluster


def ask(client: Client, method: str, seconds: float = 15.0, metadata=(), **fields):
    request = message_class(METHODS[method].request)(**fields)
    return client.call(method, request, metadata, seconds)


def must(client: Client, method: str, **fields):
    answer = ask(client, method, **fields)
    check(not isinstance(answer, Failure), f"{method}: {getattr(answer, 'details', '')}")
    return answer


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
            for path in [folder, *folder.rglob("*")]}


@bug("TOB-2020-3", "CVE-2020-15113")
def data_directory_of_everybody(stage: Stage) -> None:
    """Others can read nothing, also in a folder that was there with wide permissions."""
    cluster = Cluster(stage.words)
    data = cluster.members[0].data_directory
    data.mkdir()
    data.chmod(0o777)
    try:
        cluster.start()
        client = Client(cluster.members[0].endpoint)
        must(client, "KV.Put", key=b"a", value=b"1")
        inside = {name: mode for name, mode in modes(data).items() if name != "."}
        wide = {name: oct(mode) for name, mode in inside.items() if mode & 0o077}
        check(not wide, f"others may enter: {wide}")
    finally:
        cluster.stop()


@bug("TOB-2020-11")
def negative_retention(stage: Stage) -> None:
    """A negative retention neither loops nor crashes: the start ends with a sentence."""
    folder = stage.folder / "negative"
    for mode, value in (("periodic", "-1h"), ("revision", "-1"), ("periodic", "-5")):
        done = subprocess.run(
            [*stage.words, f"--data-dir={folder}", f"--auto-compaction-mode={mode}",
             f"--auto-compaction-retention={value}", f"--listen-client-urls=http://127.0.0.1:{free_port()}",
             "--advertise-client-urls=http://127.0.0.1:1", f"--listen-peer-urls=http://127.0.0.1:{free_port()}"],
            capture_output=True, text=True, timeout=20)
        check(done.returncode not in (0, -6, -11, 132, 134, 139), f"{mode} {value}: {done.returncode}")
        check("retention" in done.stderr.lower(), f"{mode} {value}: {done.stderr[-200:]}")


@bug("TOB-2020-10")
def compaction_is_told(stage: Stage) -> None:
    """A metric tells of each compaction."""
    cluster = stage.cluster()
    try:
        client = Client(cluster.members[0].endpoint)
        seen = []
        for _ in range(2):
            revision = must(client, "KV.Put", key=b"a", value=b"1").header.revision
            must(client, "KV.Compact", revision=revision, physical=True)
            text = cluster.members[0].http("GET", "/metrics")[2]
            told = re.search(r"^etcd_debugging_mvcc_compact_revision (\S+)$", text, re.M)
            check(told and float(told[1]) == revision, f"{told and told[1]}, not {revision}")
            seen.append(revision)
        check(seen[0] < seen[1], "nothing was compacted")
    finally:
        cluster.stop()


@bug("TOB-2020-15", "CVE-2020-15136 (ciphers)")
def weak_ciphers(stage: Stage) -> None:
    """Old versions of TLS and old ciphers are not spoken."""
    cluster = stage.secure()
    member = cluster.members[0]
    try:
        for words in (["-tls1_1"], ["-tls1"], ["-tls1_2", "-cipher", "AES128-SHA"],
                      ["-tls1_2", "-cipher", "DES-CBC3-SHA"], ["-tls1_2", "-cipher", "AES256-GCM-SHA384"]):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", member.endpoint, *words], input="",
                capture_output=True, text=True, timeout=20)
            check("Cipher is (NONE)" in done.stdout or not done.stdout.count("BEGIN CERTIFICATE"),
                  f"{words} was taken: {done.stdout[-300:]}")
        good = subprocess.run(["openssl", "s_client", "-connect", member.endpoint, "-tls1_2"],
                              input="", capture_output=True, text=True, timeout=20)
        check("BEGIN CERTIFICATE" in good.stdout, f"TLS 1.2 is not spoken: {good.stderr[-200:]}")
    finally:
        cluster.stop()


@bug("GHSA-3wh4-j44w-pg92")
def revoked_at_both_ports(stage: Stage) -> None:
    """A revoked certificate is refused at every port, by gRPC and by plain HTTP."""
    revoke(stage.folder, "named", "crl.pem")
    web = free_port()
    cluster = stage.secure(f"--listen-metrics-urls=https://127.0.0.1:{web}",
                           f"--client-crl-file={stage.folder / 'crl.pem'}")
    member = cluster.members[0]
    try:
        for name, expected in (("alice", True), ("named", False)):
            client = secure_client(member, name)
            answer = ask(client, "KV.Range", seconds=4, key=b"a")
            client.close()
            check(isinstance(answer, Failure) != expected, f"gRPC, {name}: {answer}")
            done = subprocess.run(
                ["curl", "-s", "-m", "5", "--cacert", stage.folder / "ca.crt", "--cert",
                 stage.folder / f"{name}.crt", "--key", stage.folder / f"{name}.key",
                 f"https://127.0.0.1:{web}/health"], capture_output=True, text=True, timeout=20)
            check(("true" in done.stdout) == expected, f"HTTP, {name}: {done.stdout}")
    finally:
        cluster.stop()


@bug("CVE-2018-16886", "TOB-2020-9")
def names_of_certificates(stage: Stage) -> None:
    """A certificate's name is a user over gRPC, never through the gateway."""
    cluster = stage.secure("--bcrypt-cost=4")
    member = cluster.members[0]
    try:
        enable_users(cluster)
        root = secure_client(member)
        token = ask(root, "Auth.Authenticate", name="root", password="pw").token
        call = [("token", token)]
        for method, fields in (("Auth.UserAdd", {"name": "named", "password": "x"}),
                               ("Auth.UserGrantRole", {"user": "named", "role": "root"})):
            answer = ask(root, method, metadata=call, **fields)
            check(not isinstance(answer, Failure), f"{method}: {answer}")
        named = secure_client(member, "named")
        check(not isinstance(ask(named, "KV.Range", key=b"a"), Failure), "its name is no user")
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
             stage.folder / "ca.crt", "--cert", stage.folder / "named.crt", "--key",
             stage.folder / "named.key", "-d", '{"key":"YQ=="}',
             f"https://{member.endpoint}/v3/kv/range"], capture_output=True, text=True, timeout=20)
        check(done.stdout == "400", f"the gateway says {done.stdout}")
        log = member.log.read_text(errors="replace")
        check(not re.search(r"\bpw\b", log), "a password is in the log")
    finally:
        cluster.stop()


@bug("15402", "17529")
def watch_beside_large_reads(stage: Stage) -> None:
    """On one TLS connection events do not wait behind large answers."""
    cluster = stage.secure()
    try:
        client = secure_client(cluster.members[0])
        for number in range(8):
            must(client, "KV.Put", key=b"big/%d" % number, value=b"x" * 1_000_000)
        stream = client.stream("Watch.Watch")
        create = {"key": b"w"}
        stream.send(message_class("etcdserverpb.WatchRequest")(create_request=create))
        check(stream.read(10).created, "no watcher")
        request = message_class("etcdserverpb.RangeRequest")(key=b"big/", range_end=b"big0")
        reads = [client.start("KV.Range", request) for _ in range(40)]
        writer = secure_client(cluster.members[0])
        waits = []
        for number in range(20):
            begun = time.monotonic()
            must(writer, "KV.Put", key=b"w", value=b"%d" % number)
            got = stream.read(20)
            check(not isinstance(got, (str, Failure)), f"event {number}: {got}")
            check(got.events[0].kv.value == b"%d" % number, f"event {number} is {got}")
            waits.append(time.monotonic() - begun)
        check(all(finish(read).count == 8 for read in reads), "a read failed")
        check(sorted(waits)[-2] < 5, f"events waited {max(waits):.1f} s")
    finally:
        cluster.stop()


@bug("18667", "13766")
def members_agree(stage: Stage) -> None:
    """Transactions that read the past race compactions; all members have the same hash."""
    cluster = stage.cluster(3)
    try:
        clients = [Client(member.endpoint) for member in cluster.members]
        newest = [must(clients[0], "KV.Put", key=b"k", value=b"0").header.revision]
        over = threading.Event()

        def write(client: Client, name: bytes) -> None:
            while not over.is_set():
                operations = [
                    {"request_put": {"key": name, "value": b"x"}},
                    {"request_range": {"key": b"k", "revision": max(1, newest[0] - 3)}},
                    {"request_put": {"key": name + b"2", "value": b"y"}}]
                answer = ask(client, "KV.Txn", success=operations)
                if isinstance(answer, Failure):  # the past was compacted: nothing was written
                    answer = must(client, "KV.Put", key=name, value=b"z")
                newest[0] = max(newest[0], answer.header.revision)

        threads = [threading.Thread(target=write, args=(client, b"k%d" % number))
                   for number, client in enumerate(clients)]
        for thread in threads:
            thread.start()
        compacted = 0
        until = time.monotonic() + 4
        while time.monotonic() < until:
            answer = ask(clients[1], "KV.Compact", revision=newest[0])
            compacted += not isinstance(answer, Failure)
        over.set()
        for thread in threads:
            thread.join()
        check(compacted > 20, f"only {compacted} compactions")
        revision = must(clients[0], "KV.Put", key=b"last", value=b"").header.revision
        eventually(lambda: all(must(one, "KV.Range", key=b"last", serializable=True).count
                               for one in clients), 20, "all have the last write")
        hashes = {must(one, "Maintenance.HashKV", revision=revision).hash for one in clients}
        check(len(hashes) == 1, f"the members differ: {hashes}")
    finally:
        cluster.stop()


@bug("14685", "18842", "20650")
def defragmentation_and_death(stage: Stage) -> None:
    """A member that is killed while it defragments, again and again, keeps everything."""
    cluster = stage.cluster()
    member = cluster.members[0]
    try:
        client = Client(member.endpoint)
        for turn in range(6):
            for number in range(30):
                must(client, "KV.Put", key=b"%d/%d" % (turn, number), value=b"v" * 2000)
            before = must(client, "Maintenance.HashKV")
            begun = [client.start("Maintenance.Defragment",
                                  message_class("etcdserverpb.DefragmentRequest")())
                     for _ in range(5)]
            threading.Event().wait(0.002 * turn)
            member.stop()
            del begun
            client.close()
            member.start(cluster.initial)
            member.wait_ready()
            client = Client(member.endpoint)
            after = must(client, "Maintenance.HashKV")
            check(before.hash == after.hash, f"turn {turn}: another store")
            check(before.header.revision == after.header.revision, f"turn {turn}: another revision")
    finally:
        cluster.stop()


@bug("21736")
def update_of_a_learner(stage: Stage) -> None:
    """An update of a learner's URL does not make it a voter."""
    cluster = stage.cluster()
    try:
        client = Client(cluster.members[0].endpoint)
        added = must(client, "Cluster.MemberAdd", isLearner=True,
                     peerURLs=["http://127.0.0.1:%d" % free_port()]).member
        must(client, "Cluster.MemberUpdate", ID=added.ID,
             peerURLs=["http://127.0.0.1:%d" % free_port()])
        learners = [one.ID for one in must(client, "Cluster.MemberList").members if one.isLearner]
        check(learners == [added.ID], f"learners: {learners}")
        must(client, "KV.Put", key=b"a", value=b"a voter more would have cost the quorum")
    finally:
        cluster.stop()


@bug("9395")
def leases_do_not_begin_anew(stage: Stage) -> None:
    """Changes of the leader do not keep a lease alive for ever."""
    cluster = stage.cluster(3)
    try:
        clients = {member.name: Client(member.endpoint) for member in cluster.members}
        any_client = clients["m1"]
        must(any_client, "Lease.LeaseGrant", ID=77, TTL=8)
        must(any_client, "KV.Put", key=b"leased", value=b"1", lease=77)
        ids = {must(client, "Maintenance.Status").header.member_id: client
               for client in clients.values()}
        begun = time.monotonic()
        moves = 0
        while time.monotonic() - begun < 4:
            leader = must(any_client, "Maintenance.Status").leader
            target = next(one for one in ids if one != leader)
            answer = ask(ids[leader], "Maintenance.MoveLeader", targetID=target)
            moves += not isinstance(answer, Failure)
        check(moves >= 3, f"only {moves} changes of the leader")
        eventually(lambda: must(any_client, "KV.Range", key=b"leased").count == 0, 30, "the end")
        took = time.monotonic() - begun
        check(took < 8 + 12, f"a lease of 8 s lived {took:.0f} s")
    finally:
        cluster.stop()


@bug("kubernetes#107325", "12342")
def many_full_lists(stage: Stage) -> None:
    """Many full lists at once do not multiply the memory, and writes go on."""
    cluster = stage.cluster()
    member = cluster.members[0]
    try:
        client = Client(member.endpoint)
        for number in range(40):
            must(client, "KV.Put", key=b"big/%02d" % number, value=b"x" * 1_000_000)

        def peak() -> int:
            status = Path(f"/proc/{member.process.pid}/status").read_text()
            return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) << 10

        Path(f"/proc/{member.process.pid}/clear_refs").write_text("5")
        before = peak()
        request = message_class("etcdserverpb.RangeRequest")(key=b"big/", range_end=b"big0")
        readers = [Client(member.endpoint) for _ in range(16)]
        reads = [reader.start("KV.Range", request) for reader in readers]
        begun = time.monotonic()
        must(client, "KV.Put", key=b"small", value=b"1")
        check(time.monotonic() - begun < 10, "a write waited for the lists")
        check(all(finish(read).count == 40 for read in reads), "a list failed")
        grown = peak() - before
        check(grown < 300 << 20, f"{grown >> 20} MiB more for 16 lists of 40 MB")
    finally:
        cluster.stop()


class Proxy:
    """Passes bytes on to a port, and keeps what callers say."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.said = bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            try:
                answerer = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # nobody listens there yet
                caller.close()
                continue
            for source, sink, keeps in ((caller, answerer, True), (answerer, caller, False)):
                threading.Thread(target=self._copy, args=(source, sink, keeps), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, keeps: bool) -> None:
        try:
            while data := source.recv(65536):
                if keeps:
                    self.said += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()


@bug("3.5.28-promote")
def promotion_in_the_callers_name(stage: Stage) -> None:
    """A follower tells the leader who asks for a promotion: newer leaders want a token of root's."""
    cluster = Cluster(stage.words, 2, ("--bcrypt-cost=4",))
    first, second = cluster.members
    proxy = Proxy(first.peer_port)
    known = f"m1=http://127.0.0.1:{proxy.port},m2={second.peer_url}"
    try:
        first.start(known, flags=(
            *cluster.flags, f"--initial-advertise-peer-urls=http://127.0.0.1:{proxy.port}"))
        second.start(known, flags=cluster.flags)
        for member in cluster.members:
            member.wait_ready()
        clients = [Client(member.endpoint) for member in cluster.members]
        ids = [must(client, "Maintenance.Status").header.member_id for client in clients]

        def first_leads() -> bool:
            leader = must(clients[0], "Maintenance.Status").leader
            if leader != ids[0] and leader in ids:
                ask(clients[ids.index(leader)], "Maintenance.MoveLeader", targetID=ids[0])
            return leader == ids[0]

        eventually(first_leads, 20, "the first member leads")
        learner = cluster.new_member()
        added = eventually(lambda: not isinstance(got := ask(
            clients[0], "Cluster.MemberAdd", peerURLs=[learner.peer_url], isLearner=True),
            Failure) and got.member, 20, "a learner")
        learner.start(f"{known},{learner.name}={learner.peer_url}", state="existing")
        enable_users(cluster)
        token = ask(clients[1], "Auth.Authenticate", name="root", password="pw").token
        check(token, "no token")
        eventually(lambda: not isinstance(ask(
            clients[1], "Cluster.MemberPromote", metadata=[("token", token)], ID=added.ID),
            Failure), 30, "the promotion")
        said = bytes(proxy.said).lower()
        place = said.find(b"post /members/promote/")
        check(place >= 0, "the leader was not asked")
        head = said[place:said.find(b"\r\n\r\n", place)]
        check(b"authorization: " + token.lower().encode() in head, f"it said {head!r}")
    finally:
        cluster.stop()
        proxy.listener.close()


@bug("TOB-2020-16")
def tells_what_is_open(stage: Stage) -> None:
    """Without any flag a member listens on this host alone."""
    folder = stage.folder / "defaults"
    done = subprocess.run([*stage.words, "--help"], capture_output=True, text=True, timeout=20)
    text = done.stdout + done.stderr
    check("http://localhost:2379" in text and "http://0.0.0.0" not in text, "other defaults")
    shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--only", action="append", help="only bugs whose id contains this")
    parser.add_argument("--list", action="store_true", help="only list the ids")
    options = parser.parse_args()
    wanted = {name: body for name, body in BUGS.items()
              if not options.only or any(word in name for word in options.only)}
    if options.list:
        print("\n".join(wanted))
        return 0
    words = command(options.subject)
    failed = 0
    try:
        for name, body in wanted.items():
            with tempfile.TemporaryDirectory(prefix="bugs-") as folder:
                try:
                    body(Stage(words, Path(folder)))
                    print(f"good: {name}: {body.__doc__}", flush=True)
                except Exception as error:  # noqa: BLE001 - whatever it is, the bug may be there
                    failed += 1
                    print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
    finally:
        kill_everything()
    print(f"{len(wanted) - failed} passed, {failed} failed, 0 skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
