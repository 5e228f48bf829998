"""The results as Markdown: a table of families and one of accepted differences."""

from __future__ import annotations

import re
from pathlib import Path

BEGIN, END = "<!-- parity:begin -->", "<!-- parity:end -->"


def write_report(path: Path, results: list) -> None:
    """Fill the part of the file between the markers; a file without them is written anew."""
    text = "\n".join([*_families(results), "", *_differences(results)])
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if BEGIN in before and END in before:
        head, rest = before.split(BEGIN, 1)
        tail = rest.split(END, 1)[1]
        text = f"{head}{BEGIN}\n{text}\n{END}{tail}"
    else:
        text += "\n"
    path.write_text(text, encoding="utf-8")


def _families(results: list) -> list[str]:
    """How many cases of each family are equal, differ as is known, differ, were skipped."""
    statuses = ["passed", "known", "failed", "skipped"]
    lines = ["| Family | Cases | Equal | Differ on purpose | Differ | Skipped |",
             "|---|---|---|---|---|---|"]
    names = list(dict.fromkeys(result.case.family for result in results))
    for name in [*names, None]:
        mine = [result for result in results if name in (None, result.case.family)]
        counts = [sum(result.status == status for result in mine) for status in statuses]
        cells = [name or "all", len(mine), *counts]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _differences(results: list) -> list[str]:
    """Each reason with its cases, then the cases that differ without one."""
    cases: dict[str, list[str]] = {}
    for result in results:
        if result.status == "known":
            for reason in result.reason.split("\n"):
                cases.setdefault(reason, []).append(result.case.full_name)
        elif result.status == "failed":
            cases.setdefault("not explained", []).append(result.case.full_name)
    lines = ["| Accepted difference | Cases |", "|---|---|"]
    lines += [f"| {_cell(reason)} | {_names(cases[reason])} |" for reason in cases]
    return lines if cases else []


def _names(cases: list[str]) -> str:
    """The family once, then the names of its cases."""
    families: dict[str, list[str]] = {}
    for case in cases:
        family, name = case.split("/", 1)
        families.setdefault(family, []).append(name)
    return "; ".join(f"{family}: {', '.join(names)}" for family, names in families.items())


def _cell(text: str) -> str:
    return re.sub(r"([|<>])", r"\\\1", text)
