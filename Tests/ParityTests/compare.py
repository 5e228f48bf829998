"""Comparison of two runs of a case, and the list of known differences."""

from __future__ import annotations

import csv
import difflib
import fnmatch
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def difference(reference: list[dict[str, Any]], subject: list[dict[str, Any]]) -> list[str]:
    """The lines of a readable diff; empty when both are equal."""
    return list(
        difflib.unified_diff(
            _lines(reference), _lines(subject), "reference", "subject", n=4, lineterm=""
        )
    )


def _lines(outcomes: list[dict[str, Any]]) -> list[str]:
    lines = []
    for outcome in outcomes:
        lines.append(outcome["step"])
        answer = outcome.get("answer", {"broken": outcome.get("broken")})
        text = json.dumps(answer, indent=1, sort_keys=True, ensure_ascii=True)
        lines += ["    " + line for line in text.splitlines()]
    return lines


@dataclass
class Known:
    """One row of differences.tsv: which cases, which lines may differ, and why."""

    cases: str
    lines: str
    reason: str
    seen_equal: int = 0
    seen_different: int = 0

    def covers(self, full_name: str) -> bool:
        return fnmatch.fnmatchcase(full_name, self.cases)

    def explains(self, diff: list[str]) -> bool:
        """Whether each differing line matches the pattern of this row."""
        changed = [line for line in diff[2:] if line[:1] in "+-"]
        return all(re.search(self.lines, line[1:]) for line in changed)


def load_known(path: Path) -> list[Known]:
    """The rows of a table with the columns `case`, `lines` and `reason`."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return [Known(row["case"], row["lines"] or ".*", row["reason"]) for row in rows]


def explanation(known: list[Known], full_name: str, diff: list[str]) -> str | None:
    """The reason a difference is known for, or None; counts what each row met."""
    reason = None
    for row in known:
        if not row.covers(full_name):
            continue
        if diff and row.explains(diff):
            row.seen_different += 1
            reason = row.reason
        elif not diff:
            row.seen_equal += 1
    return reason


def stale(known: list[Known]) -> list[Known]:
    """Rows that met cases, but no case that differs."""
    return [row for row in known if row.seen_equal and not row.seen_different]
