"""Servers under test whose client port speaks TLS and asks for certificates."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from client import OPTIONS, Client
from protocol import METHODS, message_class
from server import START_SECONDS, Cluster, Member, ServerFailure, eventually, spawn

import grpc


class SecureMember(Member):
    """A member with TLS on the client port; peers stay plain."""

    def __init__(self, command, name: str, directory: Path, certificates: Path) -> None:
        super().__init__(command, name, directory)
        self.certificates = certificates

    def start(self, initial_cluster: str, state: str = "new", flags: tuple[str, ...] = ()) -> None:
        url = f"https://{self.endpoint}"
        words = [
            *self.command, f"--name={self.name}", f"--data-dir={self.data_directory}",
            f"--listen-client-urls={url}", f"--advertise-client-urls={url}",
            f"--listen-peer-urls={self.peer_url}", f"--initial-advertise-peer-urls={self.peer_url}",
            f"--initial-cluster={initial_cluster}", f"--initial-cluster-state={state}",
            f"--cert-file={self.certificates / 'server.crt'}",
            f"--key-file={self.certificates / 'server.key'}", "--client-cert-auth",
            f"--trusted-ca-file={self.certificates / 'ca.crt'}", *flags,
        ]
        with open(self.log, "ab") as log:
            self.process = spawn(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 cwd=self.directory)

    def wait_ready(self) -> None:
        eventually(self._serves, START_SECONDS, f"{self.name} ready, see {self.log}")

    def _serves(self) -> bool:
        if self.process.poll() is not None:
            raise ServerFailure(f"{self.name} exited: {self.log.read_text()[-600:]}")
        status = message_class("etcdserverpb.StatusRequest")()
        answer = secure_client(self).call("Maintenance.Status", status, seconds=2)
        return getattr(answer, "leader", 0) != 0


def secure_client(member: SecureMember, name: str = "alice") -> Client:
    """A raw gRPC client with somebody's certificate."""
    read = lambda name: (member.certificates / name).read_bytes()  # noqa: E731
    client = Client(member.endpoint)
    client.channel.close()
    credentials = grpc.ssl_channel_credentials(read("ca.crt"), read(f"{name}.key"), read(f"{name}.crt"))
    client.channel = grpc.secure_channel(member.endpoint, credentials, OPTIONS)
    return client


class SecureCluster(Cluster):
    """One member with TLS."""

    def __init__(self, command, certificates: Path, flags: tuple[str, ...] = ()) -> None:
        super().__init__(command, 1, flags)
        self.certificates = certificates
        self.members = [SecureMember(command, "m1", self.directory, certificates)]

    def calm(self, text: str) -> str:
        """Text without addresses, ids, sizes and times."""
        member = self.members[0]
        text = text.replace(member.endpoint, "<endpoint>").replace(member.peer_url, "<peer>")
        text = re.sub(r"took = [\d.]+\w+", "took = <time>", text)
        text = re.sub(r"\b[0-9a-f]{11,16}\b", "<id>", text)
        text = re.sub(r'("(?:cluster_id|member_id|ID)"): ?\d+', r"\1:<id>", text)
        text = re.sub(r'("(?:raft_term)"): ?\d+|RaftTerm" : \d+', r"\1:<term>", text)
        text = re.sub(r'"(ClusterID|MemberID)" : \d+', r'"\1" : <id>', text)
        text = re.sub(r"\b[\d.]+ [kM]B\b", "<size>", text)
        text = re.sub(r"\b3\.[456]\.\d+\b", "<version>", text)
        return re.sub(r"(true|false), (true|false), \d+, \d+, \d+", "<state>", text)


def enable_users(cluster: Cluster) -> None:
    """The user root with the password pw, and authentication on."""
    member = cluster.members[0]
    secure = isinstance(member, SecureMember)
    client = secure_client(member) if secure else Client(member.endpoint)
    for method, fields in (("Auth.UserAdd", {"name": "root", "password": "pw"}),
                           ("Auth.RoleAdd", {"name": "root"}),
                           ("Auth.UserGrantRole", {"user": "root", "role": "root"}),
                           ("Auth.AuthEnable", {})):
        answer = client.call(method, message_class(METHODS[method].request)(**fields))
        if hasattr(answer, "details"):
            raise ServerFailure(f"{method}: {answer.details}")
    client.close()
