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
    """One row of differences.tsv: which cases, which lines may differ, and why.

    A line begins with its side: `-` for the reference, `+` for the subject. Several rows of a case
    explain a difference together.
    """

    cases: str
    lines: str
    reason: str
    seen_equal: int = 0
    seen_different: int = 0

    def covers(self, full_name: str) -> bool:
        return fnmatch.fnmatchcase(full_name, self.cases)

    def explains(self, line: str) -> bool:
        """Whether a differing line matches the pattern of this row."""
        return re.search(self.lines, line) is not None


def load_known(path: Path) -> list[Known]:
    """The rows of a table with the columns `case`, `lines` and `reason`."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Known(row["case"], row["lines"] or ".*", row["reason"]) for row in rows]


def explanation(known: list[Known], full_name: str, diff: list[str]) -> str | None:
    """The reasons a difference is known for, a line each, or None; counts what each row met."""
    rows = [row for row in known if row.covers(full_name)]
    changed = [line for line in diff[2:] if line[:1] in "+-"]
    if not diff or not all(any(row.explains(line) for row in rows) for line in changed):
        for row in rows:
            row.seen_equal += not any(row.explains(line) for line in changed)
        return None
    needed = []
    for row in rows:
        if any(row.explains(line) for line in changed):
            row.seen_different += 1
            needed.append(row.reason)
    return "\n".join(dict.fromkeys(needed))


def stale(known: list[Known]) -> list[Known]:
    """Rows that met cases, but no case that differs."""
    return [row for row in known if row.seen_equal and not row.seen_different]
