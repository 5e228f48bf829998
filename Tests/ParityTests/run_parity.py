#!/usr/bin/env python3
"""Run the same cases against two servers and compare every answer.

    run_parity.py --reference etcd --subject path/to/server [--family kv_txn] [--case nested]
    run_parity.py --reference etcd --subject path/to/server --differential 3000 --seed 7

A server is a command which takes etcd's flags. The clients are looked for in the options, then
in KEELSON_ETCDCTL34, KEELSON_ETCDCTL35 and KEELSON_ETCDUTL35, then on PATH; the reference in
KEELSON_ETCD35, then `etcd` on PATH. Needs the Python packages grpcio and protobuf.
The last line is `N passed, N failed, N skipped`; the exit code is 1 after any failure.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import differential  # noqa: E402 - the environment must be set before grpc is loaded
from report import write_report  # noqa: E402
from runner import Runner  # noqa: E402
from server import kill_everything  # noqa: E402
from suite import ALL_CASES  # noqa: E402
from world import Tools  # noqa: E402

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Parse, run, report; the exit code."""
    options = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reference = command(options.reference or os.environ.get("KEELSON_ETCD35") or "etcd")
    subject = command(options.subject)
    if options.differential:
        return differential.main(reference, subject, options)
    cases = [case for case in ALL_CASES if wanted(case, options)]
    runner = Runner(reference, subject, find_tools(options), options)
    results = runner.run(cases)
    if options.report:
        write_report(Path(options.report), results)
    return runner.summary(results)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="command of the reference server")
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--family", action="append", help="only this family (repeatable)")
    parser.add_argument("--case", action="append", help="only cases whose name contains this")
    parser.add_argument("--keep", action="store_true", help="keep server directories")
    parser.add_argument("--jobs", type=int, default=5, help="pairs of servers at a time")
    parser.add_argument("--show", action="store_true", help="print the reference's answers")
    parser.add_argument("--report", help="write the results into this Markdown file")
    parser.add_argument("--differences", default=str(HERE / "differences.tsv"))
    parser.add_argument("--etcdctl34", help="etcdctl 3.4")
    parser.add_argument("--etcdctl35", help="etcdctl 3.5")
    parser.add_argument("--etcdutl", help="etcdutl 3.5")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    parser.add_argument("--differential", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--no-hash", action="store_true", help="differential: skip HashKV")
    options = parser.parse_args()
    if options.list:
        print("\n".join(case.full_name for case in ALL_CASES if wanted(case, options)))
        sys.exit(0)
    return options


def wanted(case, options: argparse.Namespace) -> bool:
    families, names = options.family, options.case
    in_family = not families or case.family in families
    return in_family and (not names or any(name in case.full_name for name in names))


def command(text: str) -> list[str]:
    """The words of a server command; its program must exist."""
    words = shlex.split(text)
    program = shutil.which(words[0])
    if program is None:
        sys.exit(f"no such program: {words[0]}")
    return [str(Path(program).resolve()), *words[1:]]


def find_tools(options: argparse.Namespace) -> Tools:
    """The clients by option, environment or PATH; on PATH the version must fit."""
    return Tools(
        etcdctl34=tool(options.etcdctl34, "KEELSON_ETCDCTL34", "etcdctl", "3.4"),
        etcdctl35=tool(options.etcdctl35, "KEELSON_ETCDCTL35", "etcdctl", "3.5"),
        etcdutl=tool(options.etcdutl, "KEELSON_ETCDUTL35", "etcdutl", "3.5"),
    )


def tool(option: str | None, variable: str, name: str, version: str) -> str | None:
    """The path of one client, or None."""
    given = option or os.environ.get(variable)
    path = shutil.which(given or name)
    if path is None:
        return None
    environment = {**os.environ, "ETCDCTL_API": "3"}
    output = subprocess.run([path, "version"], capture_output=True, text=True, env=environment)
    found = re.search(r"version: (\d+\.\d+)", output.stdout)
    return path if found and found.group(1) == version else None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        kill_everything()
        print("interrupted", flush=True)
        os._exit(130)  # without waiting for threads which wait for answers
