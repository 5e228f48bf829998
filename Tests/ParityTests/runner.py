"""Runs cases on two servers side by side and counts the results."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from case import Case, run_steps
from compare import difference, explanation, load_known, stale
from server import Cluster, ServerFailure, kill_everything
from world import Tools, World


@dataclass
class Result:
    """What became of one case: passed, known, failed or skipped."""

    case: Case
    status: str
    reason: str = ""
    diff: list[str] = field(default_factory=list)


class Side:
    """One of the two servers of a unit; it is started again when it died."""

    failed_starts: ClassVar[dict[str, str]] = {}

    def __init__(self, command: list[str], setup, keep: bool) -> None:
        self.command = command
        self.setup = setup
        self.keep = keep
        self.cluster: Cluster | None = None

    def run(self, case: Case, tools: Tools) -> list[dict]:
        """The outcomes of a case; trouble with the server is an outcome too."""
        try:
            world = World(self._cluster(), f"{case.name}/", case.setup.fresh, tools)
        except Exception as error:  # noqa: BLE001 - reported as the outcome of this side
            return [{"step": "0 prepare", "broken": f"{type(error).__name__}: {error}"}]
        try:
            return run_steps(case, world)
        finally:
            world.close()

    def stop(self) -> None:
        if self.cluster:
            self.cluster.stop(self.keep)
            self.cluster = None

    def _cluster(self) -> Cluster:
        if self.cluster and any(_died(member) for member in self.cluster.members):
            self.stop()
        if self.cluster is None:
            self.cluster = self._start()
        return self.cluster

    def _start(self) -> Cluster:
        """A new cluster; a setup which could not be started once is not tried again."""
        key = f"{self.command} {self.setup}"
        if key in self.failed_starts:
            raise ServerFailure(f"not tried again: {self.failed_starts[key]}")
        cluster = Cluster(self.command, self.setup.size, self.setup.flags)
        try:
            cluster.start()
        except Exception as error:
            self.failed_starts[key] = str(error)
            cluster.stop(self.keep)
            raise
        return cluster


def _died(member) -> bool:
    return member.process is None or member.process.poll() is not None


class Runner:
    """Groups cases into units which share servers and runs units at the same time."""

    def __init__(self, reference: list[str], subject: list[str], tools: Tools, options) -> None:
        self.commands = (reference, subject)
        self.tools = tools
        self.options = options
        self.known = load_known(Path(options.differences))
        self._print = threading.Lock()
        self._left: dict[str, int] = {}
        self._families: dict[str, list[Result]] = {}
        self._started = time.monotonic()
        self._stopping = False

    def run(self, cases: list[Case]) -> list[Result]:
        """All results, in the order of the suite."""
        self._started = time.monotonic()
        for case in cases:
            self._left[case.family] = self._left.get(case.family, 0) + 1
        pool = ThreadPoolExecutor(self.options.jobs)
        try:
            futures = [pool.submit(self._unit, unit) for unit in units(cases)]
            results = [result for future in futures for result in future.result()]
        except BaseException:
            self._stopping = True
            pool.shutdown(wait=False, cancel_futures=True)
            kill_everything()
            raise
        pool.shutdown()
        place = {case.full_name: index for index, case in enumerate(cases)}
        return sorted(results, key=lambda result: place[result.case.full_name])

    def summary(self, results: list[Result]) -> int:
        """Print known and stale differences and the last line; the exit code."""
        known = [result for result in results if result.status == "known"]
        for result in known:
            reason = result.reason.replace("\n", " ")
            print(f"known difference: {result.case.full_name}: {reason}")
        is_partial = bool(self.options.case or self.options.family)
        stale_rows = [] if is_partial else stale(self.known)
        for row in stale_rows:
            print(f"FAILED stale row of the known differences, now equal: {row.cases}")
        skipped = [result for result in results if result.status == "skipped"]
        for reason in sorted({result.reason for result in skipped}):
            count = sum(result.reason == reason for result in skipped)
            print(f"SKIPPED {count} cases: {reason}")
        failed = [result for result in results if result.status == "failed"]
        for result in failed:
            print(f"FAILED {result.case.full_name}")
        passed = len(results) - len(failed) - len(skipped)
        failures = len(failed) + len(stale_rows)
        print(f"{len(known)} known differences, {time.monotonic() - self._started:.0f} s")
        print(f"{passed} passed, {failures} failed, {len(skipped)} skipped", flush=True)
        return 1 if failures else 0

    def _unit(self, cases: list[Case]) -> list[Result]:
        missing = cases[0].tool and getattr(self.tools, cases[0].tool) is None
        if missing:
            reason = f"{cases[0].tool} is missing"
            return [self._done(Result(case, "skipped", reason)) for case in cases]
        sides = [Side(command, cases[0].setup, self.options.keep) for command in self.commands]
        try:
            with ThreadPoolExecutor(2) as pair:
                return [self._done(self._case(case, sides, pair)) for case in cases
                        if not self._stopping]
        finally:
            for side in sides:
                side.stop()

    def _case(self, case: Case, sides: list[Side], pair: ThreadPoolExecutor) -> Result:
        futures = [pair.submit(side.run, case, self.tools) for side in sides]
        reference, subject = (future.result() for future in futures)
        diff = difference(reference, subject)
        if self.options.show:
            self._show(case, reference)
        broken = [outcome["broken"] for outcome in reference if "broken" in outcome]
        reason = explanation(self.known, case.full_name, diff)
        if reason:
            return Result(case, "known", reason, diff)
        if broken and not diff:
            diff = [f"both sides: {text}" for text in broken]
        return Result(case, "failed" if diff else "passed", "", diff)

    def _show(self, case: Case, outcomes: list[dict]) -> None:
        with self._print:
            print(f"\n=== {case.full_name}")
            for outcome in outcomes:
                answer = outcome.get("answer", outcome.get("broken"))
                print(f"  {outcome['step']}\n      {json.dumps(answer)}", flush=True)

    def _done(self, result: Result) -> Result:
        """Print what is to be said about a case and, at its end, about its family."""
        family = result.case.family
        with self._print:
            if result.status == "failed":
                print(f"\n--- {result.case.full_name}", *result.diff[:120], sep="\n", flush=True)
            seen = self._families.setdefault(family, [])
            seen.append(result)
            self._left[family] -= 1
            if self._left[family] == 0:
                self._print_family(family, seen)
        return result

    def _print_family(self, family: str, results: list[Result]) -> None:
        counts = {}
        for result in results:
            counts[result.status] = counts.get(result.status, 0) + 1
        text = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        elapsed = time.monotonic() - self._started
        print(f"{family:<12} {len(results):>4} cases: {text} (at {elapsed:.1f} s)", flush=True)


def units(cases: list[Case]) -> list[list[Case]]:
    """Cases which share servers, together; long units first."""
    groups: dict[object, list[Case]] = {}
    for case in cases:
        key = case.full_name if case.setup.fresh else (case.family, case.setup)
        groups.setdefault(key, []).append(case)
    return sorted(groups.values(), key=lambda group: -len(group) * group[0].setup.size)
