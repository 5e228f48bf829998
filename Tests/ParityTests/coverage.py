#!/usr/bin/env python3
"""Which case covers each row of the contract: RPCs, errors, and paths of HTTP.

    coverage.py                    fails when a row has no case, names one that is not there, or
                                   docs/compatibility.md tells something else
    coverage.py --write            brings that page up to date first

`facts/contract.tsv` names for each row its cases, with ` ; ` between them: `family/name` of
run_parity.py, `curl/row` of curl_rows.py, `client/name` of clients.py, or `swift: name of a test`.
The last line is `N passed, N failed, N skipped`, where N counts rows.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import curl_rows  # noqa: E402 - the environment must be set before grpc is loaded
from suite import ALL_CASES  # noqa: E402

HERE = Path(__file__).resolve().parent
TABLE = HERE / "facts/contract.tsv"
PAGE = HERE.parents[1] / "docs/compatibility.md"
# How many rows each table of the contract has; a row cannot be lost by accident.
SIZES = {"rpcs": 52, "errors": 87, "http": 118}
TITLES = {"rpcs": "RPC", "errors": "Error", "http": "HTTP"}
BEGIN, END = "<!-- coverage:begin -->", "<!-- coverage:end -->"


def known_cases() -> set[str]:
    """Every case that can be named."""
    names = {case.full_name for case in ALL_CASES}
    names |= {f"curl/{name}" for name in curl_rows.ROWS}
    for script in (HERE / "clients").glob("use_*.py"):
        client = script.stem.removeprefix("use_")
        found = re.findall(r"@case\n\s*(?:async )?def (\w+)", script.read_text(encoding="utf-8"))
        names |= {f"{client}/{name}" for name in found}
    for source in HERE.parent.rglob("*.swift"):
        text = source.read_text(encoding="utf-8")
        names |= {f"swift: {name}" for name in re.findall(r"func `([^`]+)`", text)}
    return names


def mistakes(rows: list[dict[str, str]]) -> dict[tuple[str, str], str]:
    """What is wrong with each row that is not covered."""
    names = known_cases()
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        cases = [name.strip() for name in row["cases"].split(" ; ") if name.strip()]
        missing = [name for name in cases if name not in names]
        if missing:
            found[row["table"], row["row"]] = f"no such case: {', '.join(missing)}"
        elif not cases:
            found[row["table"], row["row"]] = "no case"
    for table, size in SIZES.items():
        there = [row["row"] for row in rows if row["table"] == table]
        if len(set(there)) != size:
            found[table, "(all)"] = f"{len(set(there))} rows of {size}"
    return found


def markdown(rows: list[dict[str, str]]) -> str:
    lines = []
    for table, title in TITLES.items():
        mine = [row for row in rows if row["table"] == table]
        lines += [f"\n| {title} ({len(mine)}) | Covered by | |", "|---|---|---|"]
        for row in mine:
            cases = row["cases"].replace(" ; ", ", ")
            lines.append("| " + " | ".join(map(cell, (row["row"], cases, row["note"]))) + " |")
    return "\n".join(lines).strip()


def cell(text: str) -> str:
    return re.sub(r"([|<>])", r"\\\1", text)


def filled(whole: str, text: str) -> str:
    """The page with the part between its markers made anew."""
    head, rest = whole.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="bring the page up to date")
    options = parser.parse_args()
    with open(TABLE, encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = mistakes(rows)
    for (table, row), text in found.items():
        print(f"FAILED {table}: {row}: {text}")
    page = PAGE.read_text(encoding="utf-8")
    wanted = filled(page, markdown(rows))
    if options.write:
        PAGE.write_text(wanted, encoding="utf-8")
    elif page != wanted:
        print(f"FAILED {PAGE.name} tells something else; run coverage.py --write")
        found["page", ""] = "stale"
    print(f"{len(rows) - len(found)} passed, {len(found)} failed, 0 skipped")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
