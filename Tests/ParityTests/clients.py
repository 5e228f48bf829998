#!/usr/bin/env python3
"""Clients that others wrote, on real etcd and on the server under test: equal outcomes.

    clients.py --reference etcd --subject path/to/server --ctl keelsonctl [--client NAME] [--show]

Each client of `clients/` runs its cases against both servers: bare, and where it can with
passwords and TLS. Then etcdctl 3.4, etcdctl 3.5 and keelsonctl, with TLS and a password together.
The clients come from PyPI (scripts/setup); one that is missing is skipped, and counted. The last
line is `N passed, N failed, N skipped`.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from certificates import make_certificates  # noqa: E402 - the environment must be set before grpc
from run_parity import command, tool  # noqa: E402
from secure import SecureCluster, enable_users  # noqa: E402
from server import Cluster, kill_everything  # noqa: E402

HERE = Path(__file__).resolve().parent
FLAGS = ("--bcrypt-cost=4",)
# The client, where it lives below the folder of clients, what it needs to be imported, and how it
# is used: bare, with a password, or with a password over TLS with a certificate of its own.
CLIENTS = (
    ("etcd3", "", "import etcd3", ("plain", "secure")),
    ("etcd3_py", "etcd3-py", "from etcd3 import AioClient", ("plain", "secure")),
    ("aetcd", "", "import aetcd", ("plain", "users")),
    ("python_etcd", "", "import etcd.auth", ("second",)),
)


class Tally:
    """Counts, and prints what went wrong."""

    def __init__(self, show: bool) -> None:
        self.show = show
        self.passed = self.failed = self.skipped = 0

    def compare(self, name: str, reference, subject) -> None:
        if self.show:
            print(f"{name}: {json.dumps(reference)}")
        if reference == subject and not broken(reference):
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {name}\n    etcd: {json.dumps(reference)}\n    ours: {json.dumps(subject)}",
              flush=True)

    def skip(self, what: str, count: int) -> None:
        self.skipped += count
        print(f"SKIPPED {count} cases: {what}", flush=True)


def broken(outcome) -> bool:
    return outcome is None or (isinstance(outcome, dict) and "raised" in outcome)


def places(server, secured: bool, folder: Path, user: bool) -> dict:
    member = server.members[0]
    place = {"host": "127.0.0.1", "port": member.client_port}
    if user:
        place |= {"user": "root", "password": "pw"}
    if secured:
        place |= {name: str(folder / file) for name, file in
                  (("ca", "ca.crt"), ("cert", "alice.crt"), ("key", "alice.key"))}
    return place


def surroundings(path: str) -> dict[str, str]:
    """The environment of a client: nothing of this machine's proxies and authorities."""
    kept = {name: value for name, value in os.environ.items()
            if not name.upper().endswith(("_PROXY", "_BUNDLE"))}
    return {**kept, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore",
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}


def run_client(python: str, name: str, folder: str, place: dict) -> dict[str, object]:
    """The outcomes of all cases of one client on one server, by name."""
    environment = surroundings(f"{folder}:{HERE / 'clients'}")
    words = [python, str(HERE / "clients" / f"use_{name}.py"), json.dumps(place)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=240)
    except subprocess.TimeoutExpired as error:
        return {"<the whole script>": {"raised": f"not done in time: {error.stdout}"}}
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith('{"case"'):
            outcome = json.loads(line)
            found[outcome.pop("case")] = outcome
    if done.returncode or not found:
        found["<the whole script>"] = {"raised": done.stderr[-800:]}
    return found


def servers(kind: str, commands, certificates: Path) -> list[Cluster]:
    """A reference and a subject for one way of use, both ready."""
    if kind == "second":
        flags = (("--enable-v2", "--logger=zap"), ())
        made = [Cluster(words, flags=more) for words, more in zip(commands, flags)]
    elif kind == "secure":
        made = [SecureCluster(words, certificates, flags=FLAGS) for words in commands]
    else:
        made = [Cluster(words, flags=FLAGS) for words in commands]
    for one in made:
        one.start()
    if kind in ("users", "secure"):
        for one in made:
            enable_users(one)
    return made


def run_clients(options, reference, subject, certificates: Path, tally: Tally) -> None:
    home = Path(os.environ.get("KEELSON_CLIENTS") or HERE.parents[1] / ".cache/tools/clients-venv")
    python = str(home / "bin/python")
    for name, folder, test, kinds in CLIENTS:
        if options.client and name not in options.client:
            continue
        count = (HERE / "clients" / f"use_{name}.py").read_text().count("@case")
        path = str(home / folder) if folder else ""
        environment = surroundings(path)
        if not os.access(python, os.X_OK) or subprocess.run(
                [python, "-c", test], capture_output=True, env=environment).returncode:
            tally.skip(f"{name} is missing; run scripts/setup", count * len(kinds))
            continue
        for kind in kinds:
            old = shutil.which(os.environ.get("KEELSON_ETCD34") or "etcd")
            if kind == "second" and not old:
                tally.skip("etcd 3.4 is missing; run scripts/setup", count)
                continue
            pair = servers(kind, ([old] if kind == "second" else reference, subject),
                           certificates)
            try:
                args = [(python, name, path,
                         places(one, kind == "secure", certificates, kind in ("users", "secure")))
                        for one in pair]
                with ThreadPoolExecutor(2) as pool:
                    theirs, ours = pool.map(lambda words: run_client(*words), args)
            finally:
                for one in pair:
                    one.stop()
            before = tally.passed
            for title in {**theirs, **ours}:
                tally.compare(f"{name}/{kind}/{title}", theirs.get(title), ours.get(title))
            print(f"{name}, {kind}: {tally.passed - before} of {len(theirs)} equal", flush=True)


# The command lines, with TLS and a password together.

LINES = (
    "put a 1", "get a", "put b/1 x", "put b/2 y", "get b/ --prefix", "get b/ --prefix --keys-only",
    "get b/ --prefix -w json", "del b/1", "get b/ --prefix --count-only --write-out=fields",
    "txn --interactive=false", "user list", "user add eve:secret", "role add clerk",
    "role grant-permission clerk readwrite e/ --prefix", "user grant-role eve clerk", "user get eve",
    "role get clerk", "AS eve:secret put e/1 1", "AS eve:secret get e/ --prefix",
    "AS eve:secret get a", "AS eve:secret put a 2", "AS eve:secret user list",
    "AS eve:wrong get e/1", "AS nobody:x get a", "NOBODY get a", "NOBODY put a 1",
    "user passwd eve", "AS eve:other get e/1", "AS eve:secret get e/1",
    "lease grant 600 -w json", "lease list", "compaction 3", "member list", "endpoint health",
    "endpoint status", "alarm list", "role revoke-permission clerk e/ --prefix",
    "AS eve:other get e/1", "user delete eve", "AS eve:other get e/1", "NOCERT get a",
    "WRONGCA get a", "PLAIN get a", "auth disable", "NOBODY get a", "auth enable", "get a",
)
INPUTS = {"txn --interactive=false": 'value("a") = "1"\n\nput a 1\nget a\n\n\n',
          "user passwd eve": "other\nother\n"}


def run_line(program: str, line: str, cluster: SecureCluster, folder: Path):
    """What one command line says and how it ends, ids and sizes left out."""
    words, who, ca, cert, scheme = line.split(), "root:pw", "ca.crt", True, "https"
    match words[0]:
        case "AS": who, words = words[1], words[2:]
        case "NOBODY": who, words = "", words[1:]
        case "NOCERT": cert, words = False, words[1:]
        case "WRONGCA": ca, words = "other.crt", words[1:]
        case "PLAIN": scheme, words = "http", words[1:]
    member = cluster.members[0]
    flags = [f"--endpoints={scheme}://{member.endpoint}", f"--cacert={folder / ca}",
             "--dial-timeout=2s", "--command-timeout=6s"]
    if cert:
        flags += [f"--cert={folder / 'named.crt'}", f"--key={folder / 'named.key'}"]
    if who:
        flags.append(f"--user={who}")
    environment = {"PATH": os.environ["PATH"], "ETCDCTL_API": "3", "HOME": str(folder)}
    done = subprocess.run([program, *flags, *words], capture_output=True, text=True, timeout=60,
                          env=environment, input=INPUTS.get(line, ""))
    return {"code": done.returncode, "out": cluster.calm(done.stdout),
            "err": error_of(cluster.calm(done.stderr))}


def error_of(text: str) -> str:
    """The last line of what was complained about, without the log lines of etcdctl's client."""
    lines = [line for line in text.splitlines()
             if line and not line.startswith(('{"level"', "stty:"))]
    return lines[-1] if lines else ""


OLD_LINES = ("set a 1", "get a", "mk d/b 2", "ls --sort --recursive", "update a 3", "rm a", "get a",
             "mkdir e", "rmdir e", "setdir d", "member list", "cluster-health", "NOCERT get d/b",
             "WRONGCA get d/b", "PLAIN get d/b", "watch --after-index 1 d/b")


def run_old_line(program: str, line: str, cluster: SecureCluster, folder: Path):
    """The same in etcdctl's v2 mode, whose flags have other names."""
    words, ca, cert, scheme = line.split(), "ca.crt", True, "https"
    match words[0]:
        case "NOCERT": cert, words = False, words[1:]
        case "WRONGCA": ca, words = "other.crt", words[1:]
        case "PLAIN": scheme, words = "http", words[1:]
    flags = [f"--endpoints={scheme}://{cluster.members[0].endpoint}", f"--ca-file={folder / ca}"]
    if cert:
        flags += [f"--cert-file={folder / 'named.crt'}", f"--key-file={folder / 'named.key'}"]
    environment = {"PATH": os.environ["PATH"], "ETCDCTL_API": "2", "HOME": str(folder)}
    done = subprocess.run([program, *flags, *words], capture_output=True, text=True, timeout=60,
                          env=environment)
    refused = scheme == "http" or not cert or ca != "ca.crt"
    complaint = re.sub(r"\[\d+\]$", "[<index>]", cluster.calm(done.stderr).strip())
    return {"code": done.returncode, "out": cluster.calm(done.stdout),
            # What TLS libraries say of each other's faults is their own.
            "err": bool(complaint) if refused else complaint}


def run_old_lines(options, reference, subject, certificates: Path, tally: Tally) -> None:
    if options.client and "etcdctl" not in options.client:
        return
    old = shutil.which(os.environ.get("KEELSON_ETCD34") or "etcd")
    theirs = tool(None, "KEELSON_ETCDCTL34", "etcdctl", "3.4")
    if old is None or theirs is None:
        tally.skip("etcd 3.4 is missing; run scripts/setup", len(OLD_LINES))
        return
    pair = [SecureCluster([old], certificates, ("--enable-v2", "--logger=zap")),
            SecureCluster(subject, certificates)]
    try:
        for one in pair:
            one.start()
        before = tally.passed
        for line in OLD_LINES:
            outcomes = [run_old_line(program, line, one, certificates) for program, one
                        in zip((theirs, str(certificates / "etcdctl")), pair)]
            tally.compare(f"v2 mode: {line}", *outcomes)
        print(f"v2 mode, TLS: {tally.passed - before} of {len(OLD_LINES)} equal")
    finally:
        for one in pair:
            one.stop()


def run_lines(options, reference, subject, certificates: Path, tally: Tally) -> None:
    if options.client and "etcdctl" not in options.client:
        return
    tools = {"etcdctl 3.4": tool(None, "KEELSON_ETCDCTL34", "etcdctl", "3.4"),
             "etcdctl 3.5": tool(None, "KEELSON_ETCDCTL35", "etcdctl", "3.5")}
    link = certificates / "etcdctl"
    link.symlink_to(Path(options.ctl).resolve())
    newest = tools["etcdctl 3.5"]
    for name, program in [*tools.items(), ("keelsonctl", str(link))]:
        against = newest if name == "keelsonctl" else program
        if program is None or against is None:
            tally.skip(f"{name} is missing; run scripts/setup", len(LINES))
            continue
        pair = servers("secure", (reference, subject), certificates)
        try:
            before = tally.passed
            for line in LINES:
                theirs = run_line(against, line, pair[0], certificates)
                tally.compare(f"{name}: {line}", theirs,
                              run_line(program, line, pair[1], certificates))
            print(f"{name}, TLS and passwords: {tally.passed - before} of {len(LINES)} equal")
        finally:
            for one in pair:
                one.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="command of real etcd")
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--ctl", required=True, help="path of keelsonctl")
    parser.add_argument("--client", action="append", help="only this one; `etcdctl` for the tools")
    parser.add_argument("--show", action="store_true", help="print the outcomes on etcd")
    options = parser.parse_args()
    reference, subject = command(options.reference), command(options.subject)
    tally = Tally(options.show)
    with tempfile.TemporaryDirectory(prefix="clients-") as folder:
        certificates = Path(folder)
        make_certificates(certificates)
        try:
            run_clients(options, reference, subject, certificates, tally)
            run_lines(options, reference, subject, certificates, tally)
            run_old_lines(options, reference, subject, certificates, tally)
        finally:
            kill_everything()
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
