"""The Markdown table of all cases."""

from __future__ import annotations

from pathlib import Path

from case import Case


def write_report(path: Path, results: list) -> None:
    """One row for each case, sorted by family in the order they ran."""
    lines = ["| Family | Case | Result |", "|---|---|---|"]
    for result in sorted(results, key=lambda item: (item.case.family, item.case.name)):
        lines.append(_row(result.case, result.status, result.reason))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(case: Case, status: str, reason: str) -> str:
    words = {"passed": "equal", "known": f"differs: {reason}", "failed": "differs"}
    text = words.get(status, f"skipped: {reason}")
    return f"| {case.family} | {case.name} | {text} |"
