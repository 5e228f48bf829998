#!/usr/bin/env python3
"""docs/known-bugs.md from `facts/known-bugs.tsv`: each row's tests must be there, and name the bug.

    bug_table.py            checks the table and the page
    bug_table.py --write    makes the page anew first

A test is the name of a Swift test, `python: ids` of known_bugs.py, `family/name` of run_parity.py,
or `abuse: title` of abuse.py; ` ; ` stands between them, and `-` where there can be none. Swift
tests have the id in their name or in the comment above them. The last line is `N passed, N failed,
N skipped`, where N counts bugs.
"""

from __future__ import annotations

import csv
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import known_bugs  # noqa: E402 - the environment must be set before grpc is loaded
from suite import ALL_CASES  # noqa: E402

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs/known-bugs.md"
BEGIN, END = "<!-- bugs:begin -->", "<!-- bugs:end -->"
LEAST_TESTS = 45
GROUPS = {"data": "Data", "reads": "Reads", "watch": "Watches", "leases": "Leases and locks",
          "members": "Members", "load": "Load, space and networks", "clients": "Clients",
          "audit": "Audits of 2020 (Trail of Bits) and 2022 (fuzzing)",
          "advisory": "Advisories and hardenings"}


def swift_tests() -> dict[str, str]:
    """Every Swift test by its name, with the comment and the attributes above it."""
    found = {}
    for source in HERE.parent.rglob("*.swift"):
        before: list[str] = []
        for line in source.read_text(encoding="utf-8").splitlines():
            name = re.search(r"func `([^`]+)`", line)
            if name:
                found[name[1]] = " ".join([*before, name[1]])
            before = [] if not line.strip() or line.strip() == "}" else [*before, line][-30:]
    return found


def mistake(row: dict[str, str], swift: dict[str, str]) -> str:
    cases = {case.full_name for case in ALL_CASES}
    abuse = HERE / "abuse.py"
    attacks = abuse.read_text(encoding="utf-8") if abuse.exists() else None
    for test in tests_of(row):
        kind, _, name = test.partition(": ")
        if kind == "python":
            good = name in known_bugs.BUGS
        elif kind == "abuse":
            good = attacks is None or f'@attack("{name}")' in attacks
        elif "/" in test and test in cases:
            good = True
        else:
            if test in swift and row["id"] not in swift[test]:
                return f"the test does not name it: {test}"
            good = test in swift
        if not good:
            return f"no such test: {test}"
    return "" if row["tests"] else "no test"


def tests_of(row: dict[str, str]) -> list[str]:
    return [] if row["tests"] == "-" else row["tests"].split(" ; ")


def page(rows: list[dict[str, str]]) -> str:
    def cell(text: str) -> str:
        return re.sub(r"([|<>])", r"\\\1", text)

    lines = []
    for group, title in GROUPS.items():
        lines += [f"\n## {title}\n", "| Id | What it was | Why not here | Tests |", "|---|---|---|---|"]
        for row in rows:
            if row["group"] == group:
                tests = "; ".join(tests_of(row)) or "none is needed"
                cells = (row["id"], row["what"], row["why"], tests)
                lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines).strip()


def main() -> int:
    with open(HERE / "facts/known-bugs.tsv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    swift = swift_tests()
    found = {row["id"]: text for row in rows if (text := mistake(row, swift))}
    if any(row["group"] not in GROUPS for row in rows):
        found["groups"] = "a row of no group"
    count = len({test for row in rows for test in tests_of(row)})
    if count < LEAST_TESTS:
        found["tests"] = f"only {count} tests"
    whole = PAGE.read_text(encoding="utf-8")
    head, rest = whole.split(BEGIN, 1)
    wanted = f"{head}{BEGIN}\n{page(rows)}\n{END}{rest.split(END, 1)[1]}"
    if "--write" in sys.argv:
        PAGE.write_text(wanted, encoding="utf-8")
    elif whole != wanted:
        found["page"] = "docs/known-bugs.md tells something else; run bug_table.py --write"
    for name, text in found.items():
        print(f"FAILED {name}: {text}")
    print(f"{len(rows)} bugs, {count} tests")
    print(f"{len(rows) - len(found)} passed, {len(found)} failed, 0 skipped")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
