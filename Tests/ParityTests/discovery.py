#!/usr/bin/env python3
"""Members and endpoints by the SRV records of a domain.

    discovery.py --reference etcd --subject path/to/server --ctl keelsonctl

A name server of this script's own answers. etcd reads /etc/resolv.conf alone, so it is run in a
mount namespace where that is another file, which needs root; without, it is left out, loudly. The
last line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from client import Client, Failure  # noqa: E402 - the environment must be set before grpc is loaded
from dns import NameServer  # noqa: E402
from protocol import message_class  # noqa: E402
from run_parity import command, tool  # noqa: E402
from server import eventually, forget, free_port, kill_everything, spawn  # noqa: E402

ADDRESS = "127.77.0.53"


class Scene:
    """Ports, records and a way to start a server that sees them."""

    def __init__(self, folder: Path, words: list[str], is_etcd: bool) -> None:
        self.folder = folder
        self.words = words
        self.is_etcd = is_etcd
        self.ports = [(free_port(), free_port()) for _ in range(3)]
        self.file = folder / "resolv.conf"
        members = [(f"m{number}.srv.test", *ports) for number, ports in enumerate(self.ports)]
        services = {
            "_etcd-server._tcp.srv.test": [(0, 0, peer, name + ".") for name, peer, _ in members],
            "_etcd-client._tcp.srv.test": [(0, 0, port, name + ".") for name, _, port in members],
            "_etcd-server-x._tcp.srv.test": [(0, 0, self.ports[0][0], "m0.srv.test.")],
            "_etcd-client-x._tcp.srv.test": [(0, 0, self.ports[0][1], "m0.srv.test.")],
        }
        names = {name: "127.0.0.1" for name, _, _ in members}
        if is_etcd:
            self.server = NameServer(services, names, ADDRESS, 53)
            self.file.write_text(f"nameserver {ADDRESS}\n")
        else:
            self.server = NameServer(services, names)
            self.file.write_text(f"# ours\nnameserver 127.0.0.1:{self.server.port}\n")
            (folder / "hosts").write_text(
                "".join(f"127.0.0.1 {name}\n" for name in names))

    def run(self, words: list[str]) -> tuple[list[str], dict[str, str]]:
        environment = {**os.environ, "ETCDCTL_API": "3"}
        if self.is_etcd:
            script = f'mount --bind {self.file} /etc/resolv.conf && exec "$@"'
            return ["unshare", "-m", "sh", "-c", script, "sh", *words], environment
        environment |= {"KEELSON_RESOLV_CONF": str(self.file),
                        "KEELSON_HOSTS": str(self.folder / "hosts")}
        return words, environment

    def tool(self, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
        """The command line has no table of names of its own."""
        words, environment = self.run([self.ctl, *arguments])
        if not self.is_etcd:
            script = f'mount --bind {self.folder / "hosts"} /etc/hosts && exec "$@"'
            words = ["unshare", "-m", "sh", "-c", script, "sh", *words]
        return words, environment

    def member(self, number: int, *flags: str, log: Path | None = None):
        peer, port = self.ports[number]
        words, environment = self.run([
            *self.words, f"--name=n{number}", f"--data-dir={self.folder / str(number)}",
            f"--listen-client-urls=http://127.0.0.1:{port}",
            f"--advertise-client-urls=http://127.0.0.1:{port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}", *flags])
        with open(log or self.folder / f"{number}.log", "ab") as out:
            return spawn(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)

    def own(self, number: int) -> str:
        return f"--initial-advertise-peer-urls=http://m{number}.srv.test:{self.ports[number][0]}"

    def calm(self, text: str) -> str:
        for number, ports in enumerate(self.ports):
            for kind, port in zip(("peer", "client"), ports):
                text = text.replace(str(port), f"<{kind} {number}>")
        text = re.sub(r" on 127\.[\d.]+:\d+", " on <name server>", text)
        return text.replace(str(self.folder), "<folder>")


def cluster(scene: Scene) -> list:
    """Three members that know of each other by DNS alone."""
    processes = [scene.member(number, "--discovery-srv=srv.test", scene.own(number))
                 for number in range(3)]
    try:
        clients = [Client(f"127.0.0.1:{port}") for _, port in scene.ports]
        asked = message_class("etcdserverpb.MemberListRequest")()

        def names() -> list | None:
            answer = clients[0].call("Cluster.MemberList", asked, seconds=2)
            told = set() if isinstance(answer, Failure) else {one.name for one in answer.members}
            if told != {"n0", "n1", "n2"}:
                return None
            return sorted((one.name, scene.calm(one.peerURLs[0])) for one in answer.members)

        return [eventually(names, 40, "three members with names"), through(scene)]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            forget(process)


def through(scene: Scene) -> list:
    """The command line finds its endpoints there, too."""
    found = []
    for line in ("put a 1", "get a", "--insecure-discovery=false --command-timeout=1s get a",
                 "member list"):
        words, environment = scene.tool(["--discovery-srv=srv.test", *line.split()])
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=30)
        out = re.sub(r"\b[0-9a-f]{11,16}\b", "<id>", scene.calm(done.stdout))
        found.append([done.returncode, sorted(out.splitlines())])
    return found


def refusals(scene: Scene) -> list:
    """What cannot be started, and why."""
    found = []
    for flags in (("--discovery-srv=none.test", scene.own(0)),
                  ("--discovery-srv=srv.test", "--initial-advertise-peer-urls=http://127.0.0.1:1"),
                  ("--discovery-srv=srv.test", scene.own(0), f"--initial-cluster=n0=http://127.0.0.1:1")):
        log = scene.folder / "refused.log"
        log.write_text("")
        process = scene.member(0, *flags, log=log)
        code = process.wait(30)
        forget(process)
        text = scene.calm(log.read_text(errors="replace")).replace('\\"', '"')
        shutil.rmtree(scene.folder / "0", ignore_errors=True)
        found.append([code, [words for words in (
            'error setting up initial cluster: error querying DNS SRV records for _etcd-server-ssl '
            'lookup _etcd-server-ssl._tcp.none.test on <name server>: no such host; error querying '
            'DNS SRV records for _etcd-server lookup _etcd-server._tcp.none.test on <name server>: '
            'no such host', 'cannot find local etcd member "n0" in SRV records',
            "multiple discovery or bootstrap flags are set") if words in text]])
    words, environment = scene.tool(["--discovery-srv=none.test", "get", "a"])
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=30)
    return [*found, done.returncode, scene.calm(done.stderr).splitlines()[:1]]


def with_a_word(scene: Scene) -> list:
    """A service name of its own, and a restart without DNS."""
    flags = ("--discovery-srv=srv.test", "--discovery-srv-name=x", scene.own(0))
    seen = []
    for turn in range(2):
        process = scene.member(0, *flags)
        client = Client(f"127.0.0.1:{scene.ports[0][1]}")
        put = message_class("etcdserverpb.PutRequest")(key=b"a")
        answer = eventually(lambda: (got := client.call("KV.Put", put, seconds=2))
                            and not isinstance(got, Failure) and got, 30, "a write")
        seen.append(answer.header.revision)
        process.kill()
        process.wait()
        forget(process)
        if turn == 0 and not scene.is_etcd:
            scene.file.write_text("nameserver 127.0.0.1:1\n")
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="command of real etcd")
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--ctl", required=True, help="path of keelsonctl")
    parser.add_argument("--show", action="store_true", help="print the outcomes on etcd")
    options = parser.parse_args()
    stories = (cluster, refusals, with_a_word)
    theirs = tool(None, "KEELSON_ETCDCTL35", "etcdctl", "3.5")
    if os.geteuid() != 0 or theirs is None:
        print(f"SKIPPED {len(stories)} stories: etcd sees other name servers only as root, and "
              "etcdctl 3.5 must be there")
        print(f"0 passed, 0 failed, {len(stories)} skipped")
        return 0
    failed = 0
    try:
        for story in stories:
            outcomes = []
            for is_etcd, words, ctl in ((True, options.reference, theirs),
                                        (False, options.subject, options.ctl)):
                with tempfile.TemporaryDirectory(prefix="dns-") as folder:
                    link = Path(folder) / "etcdctl"
                    link.symlink_to(Path(ctl).resolve())
                    scene = Scene(Path(folder), command(words), is_etcd)
                    scene.ctl = str(link)
                    try:
                        outcomes.append(json.loads(json.dumps(story(scene))))
                    except Exception as error:  # noqa: BLE001 - the outcome of this side
                        outcomes.append({"raised": f"{type(error).__name__}: {error}"})
                    scene.server.close()
            good = outcomes[0] == outcomes[1] and isinstance(outcomes[0], list)
            failed += not good
            if options.show or not good:
                print(f"{'same' if good else 'FAILED'} {story.__name__}\n    etcd: "
                      f"{json.dumps(outcomes[0])}\n    ours: {json.dumps(outcomes[1])}", flush=True)
    finally:
        kill_everything()
    print(f"{len(stories) - failed} passed, {failed} failed, 0 skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
