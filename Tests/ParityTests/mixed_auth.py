#!/usr/bin/env python3
"""One cluster of a reference member and a member under test, with authentication on.

    mixed_auth.py --reference etcd --subject path/to/server

What either member is told about users, roles and passwords must count at the other, also after
the member under test has caught up from a snapshot. The last line is `N passed, N failed,
N skipped`.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from client import Client, Failure  # noqa: E402 - the environment must be set before grpc
from interchange import Counter  # noqa: E402
from protocol import METHODS, message_class  # noqa: E402
from run_parity import command  # noqa: E402
from server import Cluster, Member, eventually, kill_everything  # noqa: E402

FLAGS = ("--bcrypt-cost=4", "--snapshot-count=50", "--unsafe-no-fsync")
# etcd keeps this many entries for followers; one that needs older ones gets a snapshot.
ENTRIES = 5_200
KINDS = {"READ": 0, "WRITE": 1, "READWRITE": 2}


class Speaker:
    """Asks one member."""

    def __init__(self, name: str, member: Member) -> None:
        self.name = name
        self.client = Client(member.endpoint)

    def ask(self, method: str, token: str | None = None, **fields: Any) -> Any:
        request = message_class(METHODS[method].request)(**fields)
        metadata = [("token", token)] if token else []
        return self.client.call(method, request, metadata)

    def must(self, method: str, token: str | None = None, **fields: Any) -> Any:
        answer = self.ask(method, token, **fields)
        if isinstance(answer, Failure):
            raise RuntimeError(f"{self.name} {method}: {answer.code} {answer.details}")
        return answer

    def log_in(self, user: str, password: str) -> str:
        answer = self.ask("Auth.Authenticate", name=user, password=password)
        return f"{answer.details}" if isinstance(answer, Failure) else answer.token

    def may(self, token: str, method: str, **fields: Any) -> str:
        answer = self.ask(method, token, **fields)
        return answer.details if isinstance(answer, Failure) else "yes"


def fill(etcd: Speaker) -> None:
    """Root, and `u` who reads and writes b… and reads c alone."""
    etcd.must("Auth.UserAdd", name="root", password="pw")
    etcd.must("Auth.RoleAdd", name="root")
    etcd.must("Auth.UserGrantRole", user="root", role="root")
    etcd.must("Auth.UserAdd", name="u", password="ünïcode")
    etcd.must("Auth.UserAdd", name="cert", options={"no_password": True})
    etcd.must("Auth.RoleAdd", name="r")
    for kind, key, end in (("READWRITE", b"b", b"c"), ("READ", b"c", b"")):
        perm = {"permType": KINDS[kind], "key": key, "range_end": end}
        etcd.must("Auth.RoleGrantPermission", name="r", perm=perm)
    etcd.must("Auth.UserGrantRole", user="u", role="r")
    for number in range(ENTRIES):
        etcd.must("KV.Put", key=b"b%d" % (number % 50), value=b"v")
    etcd.must("KV.Put", key=b"z", value=b"v")
    etcd.must("Auth.AuthEnable")


def join(cluster: Cluster, subject: list[str], etcd: Speaker) -> Member:
    """A member under test; the log it would need is gone, so it gets a snapshot."""
    member = Member(subject, "m2", cluster.directory)
    cluster.extra.append(member)
    root = etcd.log_in("root", "pw")
    etcd.must("Cluster.MemberAdd", root, peerURLs=[member.peer_url])
    initial = f"{cluster.initial},m2={member.peer_url}"
    member.start(initial, state="existing", flags=FLAGS)
    member.wait_ready()
    return member


def rights(speaker: Speaker, token: str) -> list[str]:
    return [
        speaker.may(token, "KV.Range", key=b"b1"), speaker.may(token, "KV.Range", key=b"c"),
        speaker.may(token, "KV.Range", key=b"z"), speaker.may(token, "KV.Put", key=b"c"),
        speaker.may(token, "KV.Put", key=b"b1"), speaker.may(token, "KV.Range", key=b"b",
                                                             range_end=b"d"),
        speaker.may(token, "Auth.UserList"), speaker.may("", "KV.Range", key=b"b1"),
    ]


def check_state(both: list[Speaker], counter: Counter, when: str) -> None:
    """Both tell the same of users, roles and keys."""
    def told(speaker: Speaker) -> Any:
        root = speaker.log_in("root", "pw")
        speaker.must("KV.Range", root, key=b"z")
        status = speaker.must("Auth.AuthStatus", root)
        roles = [str(speaker.must("Auth.RoleGet", root, role="r").perm)]
        users = list(speaker.must("Auth.UserList", root).users)
        return status.enabled, status.authRevision, users, roles

    def hashes(speaker: Speaker) -> Any:
        root = speaker.log_in("root", "pw")
        speaker.must("KV.Range", root, key=b"z")
        return speaker.must("Maintenance.HashKV", root).hash

    counter.check(f"users and roles {when}", *map(told, both))
    counter.check(f"hash of the keys {when}", *map(hashes, both))


def check_passwords(both: list[Speaker], counter: Counter) -> None:
    etcd, ours = both
    for user, password in (("u", "ünïcode"), ("u", "wrong"), ("ghost", "x"), ("cert", "x")):
        left, right = (speaker.log_in(user, password) for speaker in both)
        form = [text if " " in text else "a token" for text in (left, right)]
        counter.check(f"{user} with {password}", *form)
    token = etcd.log_in("u", "ünïcode")
    eventually(lambda: ours.may(token, "KV.Range", key=b"b1") == "yes", 5, "the token is known")
    counter.check("rights by a token of etcd", rights(etcd, token), rights(ours, token))
    own = ours.log_in("u", "ünïcode")
    counter.check("rights by a token of each", rights(etcd, token), rights(ours, own))


def check_changes(both: list[Speaker], counter: Counter) -> None:
    """What one is told counts at the other."""
    for number, (told, other) in enumerate((both, both[::-1])):
        root = told.log_in("root", "pw")
        name, password = f"new{number}", f"secret{number}"
        told.must("Auth.UserAdd", root, name=name, password=password)
        told.must("Auth.UserGrantRole", root, user=name, role="r")
        token = other.log_in(name, password)
        counter.check(f"a user of {told.name} at {other.name}",
                      rights(other, token)[:6], rights(told, told.log_in(name, password))[:6])
        told.must("Auth.UserChangePassword", root, name=name, password="later")
        counter.check(f"a password of {told.name} at {other.name}",
                      other.log_in(name, password),
                      "etcdserver: authentication failed, invalid user ID or password")
        counter.check(f"a new password of {told.name} at {other.name}",
                      " " in other.log_in(name, "later"), False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True)
    parser.add_argument("--subject", required=True)
    options = parser.parse_args()
    counter = Counter()
    cluster = Cluster(command(options.reference), 1, FLAGS)
    try:
        cluster.start()
        etcd = Speaker("etcd", cluster.members[0])
        fill(etcd)
        ours = Speaker("ours", join(cluster, command(options.subject), etcd))
        both = [etcd, ours]
        log = cluster.extra[0].log.read_text(errors="replace")
        counter.check("the store came as a snapshot", "restored" in log and "snapshot" in log, True)
        check_state(both, counter, "after joining")
        check_passwords(both, counter)
        check_changes(both, counter)
        check_state(both, counter, "after changes")
    finally:
        cluster.stop()
        kill_everything()
    print(f"{counter.passed} passed, {counter.failed} failed, {counter.skipped} skipped")
    return 1 if counter.failed else 0


if __name__ == "__main__":
    sys.exit(main())
