#!/usr/bin/env python3
"""One cluster of two reference members and one under test that check each other's data.

    mixed_corruption.py --reference etcd --subject path/to/server

Whoever leads asks the others for hashes of their keys (`GET /members/hashkv` on the peer port) and
must find them equal; a value that has changed on one member's disk must be found. The last line is
`N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from interchange import Counter  # noqa: E402 - the environment must be set before grpc
from mixed_auth import Speaker  # noqa: E402
from run_parity import command  # noqa: E402
from server import Cluster, Member, eventually, kill_everything  # noqa: E402

FLAGS = ("--experimental-corrupt-check-time=1s",)
VALUE = b"a value to be found in the file"
CORRUPT = 2


def ask(member: Member, body: str | None, method: str = "GET") -> tuple[int, str]:
    """A question on the peer port: status, and the answer without what differs by nature."""
    connection = http.client.HTTPConnection(f"127.0.0.1:{member.peer_port}", timeout=10)
    try:
        connection.request(method, "/members/hashkv", body=body)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    if response.status == 200:
        answer = json.loads(text)
        # Came with 3.6.
        answer.pop("hash_revision", None)
        text = json.dumps(answer, sort_keys=True)
    return response.status, text


def alarms(speaker: Speaker) -> list[int]:
    answer = speaker.must("Maintenance.Alarm", action=0, alarm=CORRUPT)
    return [alarm.memberID for alarm in answer.alarms]


def member_id(speaker: Speaker) -> int:
    return speaker.must("Maintenance.Status").header.member_id


def lead(speakers: list[Speaker], target: Speaker) -> None:
    wanted = member_id(target)

    def leads() -> bool:
        return all(one.must("Maintenance.Status").leader == wanted for one in speakers)

    for speaker in speakers:
        if speaker.must("Maintenance.Status").leader == member_id(speaker) and not leads():
            speaker.must("Maintenance.MoveLeader", targetID=wanted)
            break
    eventually(leads, 15, f"{target.name} leads")


def check_answers(cluster: Cluster, counter: Counter) -> None:
    reference, _, subject = cluster.members
    revision = json.loads(ask(reference, "{}")[1])["header"]["revision"]
    bodies = ["{}", "", "x", "[]", '{"revision":0}', f'{{"revision":{revision}}}',
              f'{{"revision":{revision - 7}}}', f'{{"revision":{revision + 1}}}',
              '{"revision":10}', '{"revision":"a"}', '{"revision":-1}']
    for body in bodies:
        counter.check(f"/members/hashkv {body or 'nothing'}", ask(reference, body),
                      ask(subject, body))
    counter.check("POST /members/hashkv", ask(reference, "{}", "POST"), ask(subject, "{}", "POST"))


def run(reference: list[str], subject: list[str], counter: Counter) -> None:
    cluster = Cluster(reference, size=3, flags=FLAGS)
    cluster.members[2].command = subject
    try:
        cluster.start()
        names = ("etcd", "second etcd", "ours")
        speakers = [Speaker(*pair) for pair in zip(names, cluster.members)]
        etcd, second, ours = speakers
        etcd.must("KV.Put", key=b"victim", value=VALUE)
        for number in range(60):
            etcd.must("KV.Put", key=b"k%d" % (number % 20), value=b"v%d" % number)
        etcd.must("KV.DeleteRange", key=b"k3")
        etcd.must("KV.Compact", revision=20, physical=True)
        for speaker in speakers:
            speaker.must("KV.Range", key=b"victim")
        check_answers(cluster, counter)

        lead(speakers, etcd)
        log = cluster.members[0].log
        eventually(lambda: '"number-of-peers-checked":2' in log.read_text(), 20,
                   "etcd has compared all three")
        counter.check("no alarm while etcd leads", [], alarms(etcd))
        lead(speakers, ours)
        eventually(lambda: "all members hold the same data" in cluster.members[2].log.read_text(),
                   20, "ours has compared all three")
        counter.check("no alarm while ours leads", [], alarms(etcd))

        damaged = cluster.members[1]
        wrong = member_id(second)
        damaged.stop()
        path = damaged.data_directory / "member/snap/db"
        content = path.read_bytes()
        counter.check("the value is in the file", True, VALUE in content)
        path.write_bytes(content.replace(VALUE, VALUE[:-1] + b"E"))
        damaged.start(cluster.initial, flags=FLAGS)
        eventually(lambda: alarms(ours) == [wrong], 30, "the damaged member is named")
        counter.check("the alarm at etcd", [wrong], alarms(etcd))
        refused = ours.ask("KV.Put", key=b"more", value=b"v")
        counter.check("writes are refused", "etcdserver: corrupt cluster",
                      getattr(refused, "details", "done"))
    finally:
        cluster.stop()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", required=True)
    parser.add_argument("--subject", required=True)
    options = parser.parse_args()
    counter = Counter()
    run(command(options.reference), command(options.subject), counter)
    print(f"{counter.passed} passed, {counter.failed} failed, 0 skipped")
    return 1 if counter.failed else 0


if __name__ == "__main__":
    try:
        code = main()
    finally:
        kill_everything()
    sys.exit(code)
