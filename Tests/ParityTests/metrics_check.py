#!/usr/bin/env python3
"""Every series that etcd has: is it there, of the same type and with the same labels, or why not.

    metrics_check.py --reference etcd --subject path/to/server [--write]

`facts/metrics.tsv` says of each series whether it is present, and why if not. Three members of the
server under test are asked, and etcd for its types. `--write` brings docs/metrics.md up to date; a
page that tells something else is a failure. The last line is `N passed, N failed, N skipped`, where
N counts series.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from client import Client  # noqa: E402 - the environment must be set before grpc is loaded
from protocol import METHODS, message_class  # noqa: E402
from run_parity import command  # noqa: E402
from server import Cluster, eventually, kill_everything  # noqa: E402

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs/metrics.md"
BEGIN, END = "<!-- metrics:begin -->", "<!-- metrics:end -->"
SERIES = 143


class Scraped:
    """What members of one server tell at /metrics."""

    def __init__(self, words: list[str], size: int) -> None:
        self.types: dict[str, str] = {}
        self.labels: dict[str, set[str]] = {}
        self.values: dict[str, float] = {}
        cluster = Cluster(words, size, ("--metrics=extensive",))
        try:
            cluster.start()
            self.use(cluster)
            for member in cluster.members:
                self.read(member.http("GET", "/metrics")[2])
        finally:
            cluster.stop()

    def use(self, cluster: Cluster) -> None:
        """Something for every series to count."""
        client = Client(cluster.members[0].endpoint)
        for method, fields in (
                ("KV.Put", {"key": b"a", "value": b"1"}), ("KV.Put", {"key": b"b"}),
                ("KV.DeleteRange", {"key": b"a"}), ("Lease.LeaseGrant", {"ID": 5, "TTL": 60}),
                ("Lease.LeaseGrant", {"ID": 6, "TTL": 60}), ("Lease.LeaseRevoke", {"ID": 5}),
                ("Maintenance.Hash", {}), ("Maintenance.HashKV", {}),
                ("Maintenance.Defragment", {}),
                ("Maintenance.Alarm", {"action": 1, "alarm": 1,
                                       "memberID": self.member_id(client)})):
            client.call(method, message_class(METHODS[method].request)(**fields))
        client.close()
        for member in cluster.members:
            for path in ("/health", "/livez", "/readyz", "/metrics"):
                member.http("GET", path)
        if len(cluster.members) > 1:  # members measure their round trips now and then
            eventually(lambda: all("etcd_network_peer_round_trip_time_seconds_count" in
                                   member.http("GET", "/metrics")[2]
                                   for member in cluster.members), 40, "round trips")
            victim = cluster.members.pop()
            victim.stop()
            eventually(lambda: "disconnected_peers_total{" in
                       cluster.members[0].http("GET", "/metrics")[2], 20, "a lost peer")
            cluster.extra.append(victim)

    def member_id(self, client: Client) -> int:
        status = message_class("etcdserverpb.StatusRequest")()
        return client.call("Maintenance.Status", status).header.member_id

    def read(self, text: str) -> None:
        self.types.update(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        for name, labels, value in re.findall(
                r"^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE):
            found = set(re.findall(r'(\w+)="', labels)) - {"le", "quantile"}
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            self.labels.setdefault(base if base in self.types else name, set()).update(found)
            self.values[name] = max(self.values.get(name, 0.0), float(value))


def judge(row: dict[str, str], ours: Scraped, theirs: Scraped) -> str:
    """What is wrong with one series, or nothing."""
    name = row["metric"]
    if name in theirs.types and theirs.types[name] != row["type"]:
        return f"etcd has it as {theirs.types[name]}"
    if row["present"] == "no":
        return "it is there" if name in ours.types else ("" if row["note"] else "no reason")
    if name not in ours.types:
        return "it is not there" if name not in CALLED_FOR else ""
    if ours.types[name] != row["type"]:
        return f"it is a {ours.types[name]}"
    labels = set() if row["labels"] == "-" else set(row["labels"].split(","))
    there = ours.labels.get(name, set())
    return "" if there == labels else f"labels {sorted(there)}, not {sorted(labels)}"


# There only after what they count has happened.
CALLED_FOR = {"etcd_network_snapshot_receive_success", "etcd_network_snapshot_send_failures",
              "etcd_network_snapshot_send_success", "etcd_network_peer_sent_failures_total"}
# What `use` has done must show.
COUNTED = {"etcd_mvcc_put_total": 2, "etcd_mvcc_delete_total": 1,
           "etcd_debugging_lease_granted_total": 2, "etcd_debugging_lease_revoked_total": 1,
           "etcd_mvcc_hash_duration_seconds_count": 1, "etcd_mvcc_hash_rev_duration_seconds_count": 1,
           "etcd_disk_backend_defrag_duration_seconds_count": 1,
           "etcd_server_client_requests_total": 1, "etcd_network_known_peers": 1,
           "promhttp_metric_handler_requests_total": 2, "etcd_debugging_server_alarms": 1,
           "grpc_server_msg_received_total": 2, "grpc_server_msg_sent_total": 2}


def page(rows: list[dict[str, str]]) -> str:
    def cell(text: str) -> str:
        return re.sub(r"([|<>])", r"\\\1", text)

    lines = []
    for present, title in (("yes", "Series that are there"), ("no", "Series that are absent")):
        mine = [row for row in rows if row["present"] == present]
        lines += [f"\n## {title} ({len(mine)})\n", "| Series | Type | Labels | |", "|---|---|---|---|"]
        for row in mine:
            labels = "" if row["labels"] == "-" else row["labels"].replace(",", ", ")
            cells = (f"`{row['metric']}`", row["type"], labels, row["note"])
            lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines).strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="command of real etcd")
    parser.add_argument("--subject", required=True, help="command of the server under test")
    parser.add_argument("--write", action="store_true", help="bring the page up to date")
    options = parser.parse_args()
    with open(HERE / "facts/metrics.tsv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    try:
        ours, theirs = Scraped(command(options.subject), 3), Scraped(command(options.reference), 1)
    finally:
        kill_everything()
    found = {row["metric"]: text for row in rows if (text := judge(row, ours, theirs))}
    for name in sorted(set(ours.types) - {row["metric"] for row in rows}):
        found[name] = "it is in no table"
    for name, least in COUNTED.items():
        if ours.values.get(name, 0) < least:
            found[f"{name} (value)"] = f"{ours.values.get(name)}, not {least} or more"
    if len(rows) != SERIES:
        found["table"] = f"{len(rows)} rows, not {SERIES}"
    whole = PAGE.read_text(encoding="utf-8")
    head, rest = whole.split(BEGIN, 1)
    wanted = f"{head}{BEGIN}\n{page(rows)}\n{END}{rest.split(END, 1)[1]}"
    if options.write:
        PAGE.write_text(wanted, encoding="utf-8")
    elif whole != wanted:
        found["page"] = "docs/metrics.md tells something else; run metrics_check.py --write"
    for name, text in found.items():
        print(f"FAILED {name}: {text}")
    print(f"{len(rows) - len(found)} passed, {len(found)} failed, 0 skipped")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
