#!/usr/bin/env python3
"""The same command lines with etcdctl and keelsonctl, on etcd and on keelson-node.

    run_ctl_parity.py --etcd etcd --node keelson-node --etcdctl etcdctl --keelsonctl keelsonctl

Each case runs four times; output, errors and exit code must be those of etcdctl on etcd. Our tool is
started by the name etcdctl, for which a link is made. Differences that are accepted stand in
differences.tsv with names such as `ctl_line/case@keelsonctl-on-etcd`. The last line is `N passed,
N failed, N skipped`, where N counts cases; the exit code is 1 after any failure.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import cases_ctl_auth  # noqa: E402 - the environment must be set before grpc is loaded
import cases_ctl_line  # noqa: E402
import cases_ctl_session  # noqa: E402
import cases_etcdctl  # noqa: E402
from compare import difference, explanation, load_known, stale  # noqa: E402
from ctl import Ctl  # noqa: E402
from run_parity import command  # noqa: E402
from runner import Side  # noqa: E402

HERE = Path(__file__).resolve().parent


class Lane:
    """One tool on one server: all cases, one after the other."""

    def __init__(self, name: str, server: list[str], tool: str, keep: bool) -> None:
        self.name = name
        self.server = server
        self.etcdctl = tool
        self.keep = keep
        self.shared: dict[object, Side] = {}

    def run(self, cases: list) -> dict[str, list[dict]]:
        """The outcomes of each case."""
        try:
            return {case.full_name: self._case(case) for case in cases}
        finally:
            for side in self.shared.values():
                side.stop()

    def _case(self, case) -> list[dict]:
        if case.setup.fresh:
            side = Side(self.server, case.setup, self.keep)
            try:
                return _calm(side.run(case, self))
            finally:
                side.stop()
        side = self.shared.setdefault(case.setup, Side(self.server, case.setup, self.keep))
        return _calm(side.run(case, self))


def _calm(outcomes: list[dict]) -> list[dict]:
    """Error lines once each: etcdctl repeats those about flags and commands."""
    for outcome in outcomes:
        answer = outcome.get("answer")
        if isinstance(answer, dict) and isinstance(answer.get("stderr"), list):
            lines = [line.rstrip() for line in answer["stderr"]]
            answer["stderr"] = list(dict.fromkeys(line for line in lines if line))
    return outcomes


def all_cases() -> list:
    ctl = Ctl("etcdctl")
    base = cases_etcdctl.family_of("etcdctl", "ctl_base")
    families = [base, cases_ctl_line.family_of(ctl), cases_ctl_session.family_of(ctl),
                cases_ctl_auth.family_of(ctl)]
    return [case for family in families for case in family.cases]


def main() -> int:
    options = parse()
    started = time.monotonic()
    cases = [case for case in all_cases()
             if not options.case or any(name in case.full_name for name in options.case)]
    with tempfile.TemporaryDirectory(prefix="ctl-parity-") as folder:
        link = Path(folder) / "etcdctl"
        link.symlink_to(command(options.keelsonctl)[0])
        theirs = command(options.etcdctl)[0]
        servers = {"etcd": command(options.etcd), "node": command(options.node)}
        tools = {"etcdctl": theirs, "keelsonctl": str(link)}
        lanes = [Lane(f"{tool}-on-{server}", servers[server], tools[tool], options.keep)
                 for server in servers for tool in tools]
        with ThreadPoolExecutor(len(lanes)) as pool:
            outcomes = list(pool.map(lambda lane: lane.run(cases), lanes))
    known = [row for row in load_known(HERE / "differences.tsv") if row.cases.startswith("ctl_")]
    failed = [case for case in cases if not compare(case, lanes, outcomes, known, options.show)]
    stale_rows = [] if options.case else stale(known)
    for row in stale_rows:
        print(f"FAILED stale row of the known differences, now equal: {row.cases}")
    for case in failed:
        print(f"FAILED {case.full_name}")
    runs = sum(len(lane) for lane in outcomes)
    print(f"{len(cases)} cases in {runs} runs, {time.monotonic() - started:.0f} s")
    count = len(failed) + len(stale_rows)
    print(f"{len(cases) - len(failed)} passed, {count} failed, 0 skipped", flush=True)
    return 1 if count else 0


def compare(case, lanes: list[Lane], outcomes: list[dict], known: list, show: bool) -> bool:
    """Whether all lanes did what the first did, or differ as is known."""
    reference = outcomes[0][case.full_name]
    if show:
        print(f"=== {case.full_name}", *reference, sep="\n    ")
    good = not any("broken" in outcome for outcome in reference)
    if not good:
        print(f"\n--- {case.full_name}: broken with etcdctl on etcd", *reference, sep="\n")
    for lane, outcome in list(zip(lanes, outcomes))[1:]:
        if case.full_name not in outcome:
            continue
        diff = difference(reference, outcome[case.full_name])
        name = f"{case.full_name}@{lane.name}"
        reason = explanation(known, name, diff)
        if diff and not reason:
            print(f"\n--- {name}", *diff[:60], sep="\n", flush=True)
            good = False
    return good


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--etcd", required=True, help="command of real etcd")
    parser.add_argument("--node", required=True, help="command of keelson-node")
    parser.add_argument("--etcdctl", required=True, help="path of real etcdctl")
    parser.add_argument("--keelsonctl", required=True, help="path of keelsonctl")
    parser.add_argument("--case", action="append", help="only cases whose name contains this")
    parser.add_argument("--show", action="store_true", help="print what etcdctl does on etcd")
    parser.add_argument("--keep", action="store_true", help="keep server directories")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
