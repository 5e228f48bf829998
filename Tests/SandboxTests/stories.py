#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operator's second day, told on real processes: two operators, members, disks, kubectl.

usage: stories.py --bin FOLDER [--main] [--only NAME[,NAME...]] [--list] [--keep]

FOLDER has keelson-node, keelsonctl, keelson-operator and keelson-sandbox. All of it happens in one
temporary folder, on addresses of the loopback, and ends with the test. While a story goes on a
client writes, and another asks every member for its list of members; at the end of each the writes
that were acknowledged are looked for on every member. `scripts/demo-kubernetes` tells the first
day: bootstrap, a lost leader, a lost disk, three to five members and back, backup and restore.
"""
import argparse
import json
import os
import re
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from etcd import Refused, Silent, coded  # noqa: E402
from kubectl import Failure, expect  # noqa: E402
from stage import NAMESPACE, ROOT, SYSTEM, Cluster, World  # noqa: E402


class Play:
    """One world; most stories play on one cluster, which is made when the first needs it."""

    def __init__(self, world):
        self.world = world
        self.number = 0
        self.cluster = None

    def demo(self):
        """Three members, steady, with a writer."""
        if self.cluster is None:
            self.number += 1
            start = time.monotonic()
            self.cluster = Cluster(self.world, "demo%d" % self.number)
            note("a cluster of three members in %.1f s" % (time.monotonic() - start))
        self.cluster.writes_go_on()
        return self.cluster

    def give_up(self):
        """After a failure the next story begins with a cluster of its own."""
        cluster, self.cluster = self.cluster, None
        if cluster:
            try:
                cluster.delete()
            except Failure as failure:
                note("left behind: %s" % failure)


def note(text):
    print("      %s" % text, flush=True)


# ---- Restarts that were asked for


def a_new_image_rolls_leader_last(play):
    roll(play.demo(), {"image": "registry.example:5000/keelson:next"})


def new_settings_roll_leader_last(play):
    c = play.demo()
    roll(c, {"options": {"snapshotCount": 5000}})
    # The old settings are as good a change as any.
    roll(c, {"options": {"snapshotCount": None}})


def roll(c, change):
    before, leader, ids, claims = c.pod_uids(), c.wait_leader(), c.ids(), c.claim_uids()
    order = []
    begun = time.monotonic()
    c.patch(change)

    def look():
        now = c.pod_uids()
        new = [pod for pod in c.pods() if now[pod] not in (None, before[pod])]
        order.extend(pod for pod in new if pod not in order)
        silent = [pod for pod in c.pods() if not answers(c.member(pod))]
        expect(len(silent) <= 1, "away at the same time: %s" % silent)
        return len(new) == 3

    c.world.until("every pod is new", look, 90)
    c.steady()
    expect(order[-1] == leader, "leader %s was not last: %s" % (leader, order))
    expect(order[:2] == sorted(order[:2], reverse=True), "followers in order %s" % order)
    expect(c.ids() == ids, "a member was replaced by a roll")
    expect(c.claim_uids() == claims, "a disk was replaced by a roll")
    gap = c.writer.longest_gap(begun)
    note("order %s, longest gap between writes %.2f s" % (" ".join(order), gap))
    expect(gap < 5, "no write for %.1f s" % gap)
    c.one_cluster()
    c.prove()


def answers(member):
    try:
        return bool(member.status())
    except (Silent, Refused):
        return False


def restarts(pod):
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", []))


def is_ready(pod):
    if not pod:
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def a_broken_image_stops_the_roll(play):
    c = play.demo()
    image = c.object()["spec"]["image"]
    before = c.pod_uids()
    c.patch({"image": "nobody:broken"})
    c.world.until(
        "the roll is stalled", lambda: c.condition("Progressing")["reason"] == "RolloutStalled", 60)
    after = c.pod_uids()
    changed = [pod for pod in c.pods() if after[pod] != before[pod]]
    expect(len(changed) == 1, "touched by the broken image: %s" % changed)
    expect(c.has_event("RolloutStalled"), "no event RolloutStalled")
    c.writes_go_on()
    c.patch({"image": image})
    c.steady()
    after = c.pod_uids()
    changed = [pod for pod in c.pods() if after[pod] != before[pod]]
    expect(len(changed) == 1, "restarted on the way back: %s" % changed)
    c.one_cluster()
    c.prove()


def a_supervised_roll_waits(play):
    c = play.demo()
    before = c.pod_uids()
    c.patch({"updateStrategy": {"type": "Supervised"}, "options": {"snapshotCount": 7000}})
    c.world.until(
        "the roll waits", lambda: "approve-roll" in c.condition("Progressing")["message"], 30)
    c.is_left_alone(2)
    expect(c.pod_uids() == before, "restarted without approval")
    revision = c.world.one("statefulsets", c.name)["status"]["updateRevision"]
    c.annotate("approve-roll", revision)
    c.world.until("every pod is new", lambda: not set(c.pod_uids().values())
                  & (set(before.values()) | {None}), 60)
    c.patch({"updateStrategy": {"type": "Automatic"}})
    c.steady()
    c.prove()


# ---- Disks and stores


def volumes_grow(play):
    c = play.demo()
    before, set_uid = c.pod_uids(), c.world.one("statefulsets", c.name)["metadata"]["uid"]
    claims = c.claim_uids()
    c.patch({"storage": {"size": "2Gi"}})
    c.world.until("the claims have grown", lambda: all(
        c.world.one("persistentvolumeclaims", "data-" + pod)["status"]["capacity"]["storage"]
        == "2Gi" for pod in c.pods()), 30)
    c.steady()
    made = c.world.one("statefulsets", c.name)
    template = made["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
    expect(template == "2Gi", "the template still says " + template)
    expect(made["metadata"]["uid"] != set_uid, "the stateful set was not made anew")
    expect(c.pod_uids() == before, "a pod was restarted although the volumes grow while it runs")
    expect(c.claim_uids() == claims, "a claim was replaced")
    expect(c.has_event("VolumeResized"), "no event VolumeResized")
    c.world.stage.refused(
        "-n", NAMESPACE, "patch", "etcdcluster", c.name, "--type=merge", "-p",
        '{"spec":{"storage":{"size":"1Gi"}}}', because="cannot be reduced")
    # A new member's disk has the new size.
    c.scale(4)
    c.patch({"allowEvenReplicas": True})
    c.steady(4)
    claim = c.world.one("persistentvolumeclaims", "data-%s-3" % c.name)
    expect(claim["status"]["capacity"]["storage"] == "2Gi", "the new disk is as small as before")
    c.scale(3)
    c.steady(3)
    c.patch({"allowEvenReplicas": False})
    c.one_cluster()
    c.prove()


def a_full_store_is_emptied(play):
    c = play.demo()
    fill(c)
    begun = time.monotonic()
    c.world.until("the alarm is known", lambda: any(
        one["type"] == "NOSPACE" for one in c.status().get("alarms", [])), 20)
    c.world.until("the alarm is gone", lambda: not alarms(c), 120)
    note("writes again after %.0f s" % (time.monotonic() - begun))
    c.writes_go_on()
    c.steady()
    expect(c.has_event("AlarmRaised") and c.has_event("AlarmDisarmed"), "events are missing")
    expect(c.condition("StorageHealthy")["status"] == "True", "StorageHealthy is not True")
    c.one_cluster()
    c.prove()


def fill(c, refusal="space exceeded"):
    """Overwrites a few keys until the quota is reached: history, which compaction gives back."""
    value = "x" * 60000
    members = c.members()
    for number in range(20000):
        try:
            members[number % 3].put("fill/%d" % (number % 4), value, 5)
        except Refused as error:
            expect(refusal in str(error), str(error))
            return
        except Silent:
            pass
    raise Failure("the quota was not reached")


def alarms(c):
    for member in c.members():
        try:
            return member.ask("/v3/maintenance/alarm", {}).get("alarms", [])
        except (Silent, Refused):
            continue
    return []


def a_store_full_of_live_keys_is_told_of(play):
    """What is in use alone is too much: the operator says so once, and does not try for ever."""
    c = Cluster(play.world, "full", 1, writes=False)
    try:
        member = c.members()[0]
        try:
            for number in range(300):
                member.put("live/%d" % number, "x" * 100000, 5)
            raise Failure("the quota was not reached")
        except Refused as error:
            expect("space exceeded" in str(error), str(error))
        c.world.until("the operator gives up",
                      lambda: c.condition("StorageHealthy")["reason"] == "QuotaExceeded", 60)
        c.is_left_alone(3)
        # The recipe: delete what is not needed.
        member.ask("/v3/kv/deleterange", {"key": coded("live/"), "range_end": coded("live0")}, 5)
        c.world.until("the alarm is gone", lambda: not alarms(c), 90)
        member.put("after", "all")
        c.steady(1)
    finally:
        c.delete()


def defragmentation_by_annotation(play):
    c = play.demo()
    c.annotate("defrag-now", "1")
    c.world.until("it begins", lambda: c.has_event("DefragStarted"), 20)
    begun = time.monotonic()
    c.world.until("it ends", lambda: c.has_event("DefragFinished"), 120)
    c.steady()
    c.is_left_alone()
    c.annotate("defrag-now", None)
    gap = c.writer.longest_gap(begun)
    note("longest gap between writes %.2f s" % gap)
    expect(gap < 2, "no write for %.1f s" % gap)
    c.one_cluster()
    c.prove()


def a_corrupt_member_is_replaced(play):
    c = play.demo()
    leader = c.wait_leader()
    victim = [pod for pod in c.pods() if pod != leader][0]
    ids, claim = c.ids(), c.claim_uid(victim)
    c.member(leader).ask("/v3/maintenance/alarm", {
        "action": "ACTIVATE", "memberID": ids[victim], "alarm": "CORRUPT"})
    c.world.until("%s is replaced" % victim,
                  lambda: c.ids().get(victim) not in (None, ids[victim]), 60)
    c.world.until("the alarm is gone", lambda: not alarms(c), 60)
    c.writes_go_on()
    c.steady()
    after = c.ids()
    expect(c.claim_uid(victim) != claim, "its disk was kept")
    expect({pod for pod in after if after[pod] != ids[pod]} == {victim}, "another was replaced")
    c.one_cluster()
    c.prove()


def damaged_files_are_replaced(play):
    """A log that cannot be read: the process ends again and again until its disk is given up."""
    c = play.demo()
    leader = c.wait_leader()
    victim = [pod for pod in c.pods() if pod != leader][-1]
    ids = c.ids()
    folder = c.world.volume_folder("data-" + victim)
    damaged = 0
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".log"):
                with open(os.path.join(path, name), "r+b") as file:
                    file.write(b"\xff" * 4096)
                damaged += 1
    expect(damaged > 0, "no log to damage in " + folder)
    c.world.order("kill", "pod/" + victim)
    c.world.until("%s is replaced" % victim,
                  lambda: c.ids().get(victim) not in (None, ids[victim]), 300)
    c.steady()
    c.one_cluster()
    c.prove()


# ---- Orders by annotation


def a_member_is_replaced_on_request(play):
    c = play.demo()
    victim = c.wait_leader()
    ids, claims = c.ids(), c.claim_uids()
    begun = time.monotonic()
    c.annotate("replace-member", victim)
    c.world.until("%s is another member" % victim,
                  lambda: c.ids().get(victim) not in (None, ids[victim]), 60)
    c.steady()
    after = c.ids()
    expect({pod for pod in after if after[pod] != ids[pod]} == {victim}, "another was replaced")
    expect(c.claim_uid(victim) != claims[victim], "its disk was kept")
    expect(c.has_event("MemberReplaced"), "no event MemberReplaced")
    gap = c.writer.longest_gap(begun)
    note("the leader, %s; longest gap between writes %.2f s" % (victim, gap))
    expect(gap < 5, "no write for %.1f s" % gap)
    c.is_left_alone()
    c.annotate("replace-member", None)
    c.one_cluster()
    c.prove()


def leadership_is_moved(play):
    c = play.demo()
    leader = c.wait_leader()
    target = [pod for pod in c.pods() if pod != leader][-1]
    c.annotate("move-leader", target)
    c.world.until("%s leads" % target, lambda: c.leader() == target, 20)
    c.steady()
    # The order was carried out: a leader that changes later is left alone.
    uid = c.pod_uid(target)
    c.world.order("kill", "pod/" + target)
    c.wait_leader(besides=target)
    c.world.until("%s is back, and the status says so" % target, lambda: is_ready(c.pod(target))
                  and restarts(c.pod(target)) > 0 and c.status().get("leader") == c.leader(), 60)
    c.steady()
    expect(c.pod_uid(target) == uid, "a crash made a new pod")
    c.is_left_alone(2)
    expect(c.leader() != target, "the operator moved the leader a second time")
    c.annotate("move-leader", None)
    leader = c.wait_leader()
    c.annotate("move-leader", "auto")
    c.wait_leader(besides=leader)
    c.steady()
    # To be the leader already is all that was asked.
    leader = c.wait_leader()
    c.annotate("move-leader", leader)
    c.world.until("the order is noted", lambda: c.status().get("handledAnnotations", {}).get(
        "keelson.dev/move-leader") == leader, 20)
    c.annotate("move-leader", None)
    c.steady()
    c.one_cluster()
    c.prove()


def a_fenced_member_is_left_alone(play):
    c = play.demo()
    leader = c.wait_leader()
    victim = [pod for pod in c.pods() if pod != leader][0]
    ids = c.ids()
    c.annotate("fenced", victim)
    c.world.order("wipe", "claim/data-" + victim)
    c.world.until("the loss is told of", lambda: "fenced" in c.condition("Progressing")["message"]
                  or "fenced" in c.condition("Degraded")["message"], 30)
    claims = c.claim_uids()
    expect(c.ids() == ids, "a fenced member was taken out")
    c.is_left_alone(2)
    expect(c.claim_uids() == claims, "a fenced member's disk was touched")
    c.annotate("fenced", None)
    c.world.until("%s is another member" % victim,
                  lambda: c.ids().get(victim) not in (None, ids[victim]), 60)
    c.steady()
    c.one_cluster()
    c.prove()


# ---- Rest


def hibernation_and_waking(play):
    c = play.demo()
    ids, claims, number = c.ids(), c.claim_uids(), c.cluster_id()
    c.writer.hold()
    c.patch({"hibernate": True})
    c.world.until("no pods", lambda: not any(c.pod(pod) for pod in c.pods()), 60)
    c.world.until("Hibernated", lambda: c.condition("Hibernated")["status"] == "True", 20)
    expect(c.claim_uids() == claims, "a disk was not kept")
    expect(c.world.one("poddisruptionbudgets", c.name) is None, "the budget is still there")
    c.is_left_alone()
    c.patch({"hibernate": False})
    c.steady()
    expect(c.ids() == ids, "a member was replaced")
    expect(c.claim_uids() == claims and c.cluster_id() == number, "it is not the same cluster")
    c.writer.go_on()
    c.writes_go_on()
    c.one_cluster()
    c.prove()


def a_paused_cluster_is_only_watched(play):
    c = play.demo()
    c.patch({"paused": True, "replicas": 5})
    c.world.until("Paused", lambda: c.condition("Paused")["status"] == "True", 20)
    c.world.k("delete", "service", c.name)
    victim = c.wait_leader()
    uid = c.pod_uid(victim)
    c.world.k("delete", "pod", victim)
    c.world.until("the pod is back without the operator",
                  lambda: c.pod_uid(victim) not in (None, uid) and is_ready(c.pod(victim)), 60)
    c.world.until("the status follows", lambda: c.status().get("leader") == c.leader(), 20)
    expect(c.world.one("services", c.name) is None, "a child was made anew")
    expect(len(c.ids()) == 3, "a member was added")
    c.patch({"paused": False, "replicas": 3})
    c.steady()
    expect(c.world.one("services", c.name) is not None, "the service was not made anew")
    c.one_cluster()
    c.prove()


# ---- Operators


def an_operator_dies_while_scaling(play):
    c = play.demo()
    c.world.until("there is a leader", lambda: c.world.holder()[0], 20)
    pod, identity = c.world.holder()
    c.scale(5)
    c.ordinals = range(5)
    c.world.until("a member joins", lambda: c.operation()[0] == "ScaleOut" and c.operation()[1]
                  in ("AddLearner", "Join", "Start", "Burn", "Promote"), 30)
    begun = time.monotonic()
    c.world.order("kill", "pod/" + pod, SYSTEM)
    c.world.until("another leads", lambda: c.world.holder()[1] not in ("", identity), 30)
    note("killed at %s; another leads after %.1f s" % (c.operation()[1], time.monotonic() - begun))
    c.steady(5, limit=90)
    # One that stands still for so long that another leads, and then goes on, must change nothing.
    pod, identity = c.world.holder()
    c.scale(3)
    c.world.until("a member leaves", lambda: c.operation()[0] == "ScaleIn", 30)
    c.world.order("pause", "pod/" + pod, SYSTEM)
    try:
        c.world.until("another leads", lambda: c.world.holder()[1] not in ("", identity), 30)
        step = c.operation()
    finally:
        c.world.order("resume", "pod/" + pod, SYSTEM)
    note("stood still; the other goes on at %s %s" % step)
    c.steady(3, limit=90)
    expect(c.world.holder()[1] != identity, "the deposed one leads")
    c.is_left_alone()
    c.one_cluster()
    c.prove()


def without_an_operator(play):
    c = play.demo()
    ids = c.ids()
    c.world.operators(0)
    try:
        before = c.pod_uids()
        c.world.k("delete", "pod", c.wait_leader())
        c.world.until("the leader's pod is back", lambda: all(
            is_ready(c.pod(pod)) for pod in c.pods()), 60)
        c.writes_go_on()
        c.world.k("delete", "pod", *c.pods())
        c.world.until("all pods are back", lambda: all(is_ready(c.pod(pod)) for pod in c.pods())
                      and not set(before.values()) & set(c.pod_uids().values()), 60)
        c.writes_go_on()
        expect(c.ids() == ids, "another list of members")
        c.prove()
    finally:
        c.world.operators(2)
    c.steady()
    c.is_left_alone()
    c.one_cluster()


# ---- Losses


def all_disks_lost_make_no_new_cluster(play):
    c = Cluster(play.world, "gone", 3, writes=False)
    try:
        number = c.cluster_id()
        c.members()[0].put("only", "here")
        for pod in c.pods():
            c.world.k("delete", "pvc", "data-" + pod, "--wait=false")
        c.world.k("delete", "pod", *c.pods(), "--wait=false")
        c.world.until("the loss is told of", lambda: c.condition("DataLost")["status"] == "True",
                      60)
        c.world.until("every pod waits", lambda: all(
            c.pod(pod) and c.pod(pod)["status"].get("phase") == "Running" for pod in c.pods()), 60)
        # An approval is good for a survivor, and there is none.
        c.annotate("approve-quorum-recovery", number)
        c.world.until("no more than that can be said",
                      lambda: "restore" in c.condition("DataLost")["message"], 20)
        c.is_left_alone()
        expect(c.cluster_id() == number, "the cluster ID was given up")
        expect(not c.list(), "members serve with empty disks")
        c.one_cluster()
    finally:
        c.delete()


def a_forgotten_status_is_found_again(play):
    """Status and membership map are lost: live members and claims say what there was."""
    c = play.demo()
    ids, claims, number = c.ids(), c.claim_uids(), c.cluster_id()
    pods = c.pod_uids()
    for gone in ["status", "map", "both"]:
        if gone != "map":
            c.world.k("patch", "etcdcluster", c.name, "--subresource=status", "--type=json", "-p",
                      '[{"op":"remove","path":"/status"}]')
        if gone != "status":
            c.world.k("delete", "configmap", c.name + "-membership")
        c.world.until("map and status are back", lambda: c.cluster_id() == number
                      and c.world.one("configmaps", c.name + "-membership"), 30)
        c.steady()
    # All at once asleep: only the claims know.
    c.writer.hold()
    c.patch({"hibernate": True})
    c.world.until("no pods", lambda: not any(c.pod(pod) for pod in c.pods()), 60)
    c.world.operators(0)
    c.world.k("delete", "configmap", c.name + "-membership")
    c.world.k("patch", "etcdcluster", c.name, "--subresource=status", "--type=json", "-p",
              '[{"op":"remove","path":"/status"}]')
    c.world.operators(2)
    c.patch({"hibernate": False})
    c.steady(3, limit=90)
    expect(c.ids() == ids and c.claim_uids() == claims, "members or disks were replaced")
    expect(c.cluster_id() == number, "it is another cluster")
    expect(not set(pods.values()) & set(c.pod_uids().values()), "it did not sleep")
    c.writer.go_on()
    c.writes_go_on()
    c.one_cluster()
    c.prove()


def two_drains_at_once(play):
    c = play.demo()
    ids = c.ids()
    leader = c.wait_leader()
    other = [pod for pod in c.pods() if pod != leader][0]
    nodes = {c.pod(pod)["spec"]["nodeName"] for pod in [leader, other]}
    expect(len(nodes) == 2, "members share a node: %s" % nodes)
    done = {}
    begun = time.monotonic()

    def drain(node):
        done[node] = c.world.stage.call(
            "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force",
            "--timeout=90s", limit=100)

    threads = [threading.Thread(target=drain, args=(node,), daemon=True) for node in nodes]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            silent = [pod for pod in c.pods() if not answers(c.member(pod))]
            expect(len(silent) <= 1, "away at the same time: %s" % silent)
            time.sleep(0.1)
        for node, call in done.items():
            expect(call.returncode == 0, "drain %s: %s" % (node, call.stderr[-300:]))
    finally:
        for thread in threads:
            thread.join(100)
        for node in nodes:
            c.world.k("uncordon", node)
    c.steady()
    gap = c.writer.longest_gap(begun)
    note("longest gap between writes %.2f s" % gap)
    expect(gap < 5, "no write for %.1f s" % gap)
    expect(c.ids() == ids, "a member was replaced")
    c.one_cluster()
    c.prove()


def a_change_of_mind_while_scaling(play):
    c = play.demo()
    ids = c.ids()
    for there, back, when in [(5, 3, "ScaleOut"), (4, 3, "ScaleOut"), (5, 3, "ScaleIn")]:
        c.ordinals = range(there)
        c.scale(there)
        if when == "ScaleIn":
            c.steady(there, limit=90)
            c.scale(back)
        c.world.until("it is under way", lambda x=when: c.operation()[0] == x, 30)
        c.scale(back if when == "ScaleOut" else there)
        c.steady(back if when == "ScaleOut" else there, limit=90)
    c.scale(3)
    c.steady(3, limit=90)
    expect(c.ids() == ids, "the first three were replaced")
    c.one_cluster()
    c.prove()


def a_lost_quorum_waits_for_approval(play):
    c = play.demo()
    number = c.cluster_id()
    survivor = c.pods()[1]
    lost = [pod for pod in c.pods() if pod != survivor]
    c.prove()  # so that the survivor has it all
    c.writer.hold()
    ids, claim = c.ids(), c.claim_uid(survivor)
    for pod in lost:
        c.world.k("delete", "pvc", "data-" + pod, "--wait=false")
    for pod in lost:
        c.world.k("delete", "pod", pod, "--wait=false")
    c.world.until("the loss is told of", lambda: c.condition("QuorumRecoveryRequired")["status"]
                  == "True", 60)
    c.world.until("the evidence is whole", lambda: number in c.condition(
        "QuorumRecoveryRequired")["message"], 60)
    expect(c.condition("Available")["status"] != "True", "Available without a quorum")
    note(c.condition("QuorumRecoveryRequired")["message"])
    claims, pods = c.claim_uids(), c.pod_uids()
    c.is_left_alone()
    expect(claims == c.claim_uids() and pods == c.pod_uids(), "deleted without approval")
    c.annotate("approve-quorum-recovery", "0123456789abcdef")
    c.world.until("the wrong approval is told of", lambda: "another cluster"
                  in c.condition("Progressing")["message"], 20)
    expect(claims == c.claim_uids() and pods == c.pod_uids(), "deleted by a wrong approval")
    begun = time.monotonic()
    c.annotate("approve-quorum-recovery", number)
    c.world.until("a new cluster", lambda: c.cluster_id() not in (None, number), 60)
    c.steady(3, limit=90)
    note("three members again %.0f s after the approval" % (time.monotonic() - begun))
    expect(c.claim_uid(survivor) == claim, "the survivor's disk was replaced")
    expect(not set(ids.values()) & set(c.ids().values()), "an old member is in the new list")
    expect(len(c.watcher.clusters) == 2, "clusters were seen: %s" % c.watcher.clusters)
    c.watcher.clusters.clear()
    c.is_left_alone()
    c.annotate("approve-quorum-recovery", None)
    c.writer.go_on()
    c.writes_go_on()
    c.one_cluster()
    c.prove()


def a_deleted_cluster_is_adopted(play):
    c = play.demo()
    ids, claims, number = c.ids(), c.claim_uids(), c.cluster_id()
    c.writer.hold()
    uid = c.object()["metadata"]["uid"]
    c.world.k("delete", "etcdcluster", c.name, "--wait=false")
    c.world.until("the pods are gone", lambda: not any(c.pod(pod) for pod in c.pods()), 60)
    c.world.until("the object is gone", lambda: c.object() is None, 30)
    expect(c.claim_uids() == claims, "a disk was not kept")
    c.world.apply(c.spec)
    c.steady()
    expect(c.object()["metadata"]["uid"] != uid, "the object is the old one")
    expect(c.cluster_id() == number, "it is another cluster")
    expect(c.ids() == ids and c.claim_uids() == claims, "members or disks were replaced")
    expect(c.has_event("Adopted"), "no event Adopted")
    expect(not c.has_event("BootstrapStarted") or adopted_last(c), "it was bootstrapped")
    c.writer.go_on()
    c.writes_go_on()
    c.is_left_alone()
    c.one_cluster()
    c.prove()


def adopted_last(c):
    """Events of the object before have the same name."""
    uid = c.object()["metadata"]["uid"]
    return not any(one["involvedObject"].get("uid") == uid
                   for one in c.world.events(c.name, "BootstrapStarted"))


def a_foreign_volume_is_refused(play):
    """The disk of another cluster under a member's name: nothing on it is touched."""
    c = play.demo()
    other = Cluster(play.world, "other", 1, writes=False)
    try:
        other.member("other-0").put("whose", "other")
        victim = c.pods()[2]
        ids = c.ids()
        for one, count in [(other, 1), (c, 3)]:
            one.writer and one.writer.hold()
            one.patch({"hibernate": True})
        for one in [other, c]:
            c.world.until("%s sleeps" % one.name, lambda x=one: not any(
                x.pod(pod) for pod in x.pods()), 60)
        theirs = c.world.volume_folder("data-other-0")
        ours = c.world.volume_folder("data-" + victim)
        os.rename(ours, ours + ".kept")
        shutil.copytree(theirs, ours)
        c.patch({"hibernate": False})
        c.world.until("the process says why", lambda: refusal(c, victim)[0] == 3, 60)
        expect("belongs to cluster" in refusal(c, victim)[1], refusal(c, victim)[1])
        c.world.until("two of three answer", lambda: c.condition("Available")["status"] == "True",
                      60)
        before = contents(theirs)
        claim = c.claim_uid(victim)
        c.world.until("it is told of", lambda: "foreign" in c.condition("Degraded")["message"], 90)
        expect(c.ids() == ids and c.claim_uid(victim) == claim, "the member was replaced")
        expect(set(before) <= set(contents(ours)), "files of the foreign disk were removed")
        # Put right by hand, the member goes on.
        shutil.rmtree(ours)
        os.rename(ours + ".kept", ours)
        c.world.order("kill", "pod/" + victim) if c.world.one("pods", victim) and is_ready(
            c.pod(victim)) else None
        c.steady(3, limit=90)
        expect(c.ids() == ids, "the member was replaced")
        c.writer.go_on()
        c.writes_go_on()
        c.one_cluster()
        c.prove()
        other.patch({"hibernate": False})
        other.steady(1)
        expect(other.member("other-0").get("whose") == "other", "the other cluster lost data")
    finally:
        other.delete()


def contents(folder):
    return {os.path.relpath(os.path.join(path, name), folder)
            for path, _, names in os.walk(folder) for name in names}


def refusal(c, pod):
    """Exit code and last words of the container that ended."""
    statuses = (c.pod(pod) or {}).get("status", {}).get("containerStatuses", [])
    for status in statuses:
        for state in [status.get("state", {}), status.get("lastState", {})]:
            if "terminated" in state:
                return state["terminated"]["exitCode"], state["terminated"].get("message", "")
    return None, ""


def a_removed_member_stays_out(play):
    """Taken out behind the operator's back: its process ends, and its ordinal is filled anew."""
    c = play.demo()
    leader = c.wait_leader()
    victim = [pod for pod in c.pods() if pod != leader][-1]
    ids, claim = c.ids(), c.claim_uid(victim)
    codes = set()
    c.member(leader).ask("/v3/cluster/member/remove", {"ID": ids[victim]}, 5)

    def is_back():
        codes.add(refusal(c, victim)[0])
        return c.ids().get(victim) not in (None, ids[victim])

    c.world.until("%s is another member" % victim, is_back, 60)
    c.steady()
    note("exit codes seen: %s" % sorted(code for code in codes if code is not None))
    expect(c.claim_uid(victim) != claim, "the removed member's disk is used again")
    c.one_cluster()
    c.prove()


def a_node_is_lost(play):
    """A silent node is waited for; once it is marked out of service its member comes back
    elsewhere: with its disk, if that can follow, or as another member."""
    c = play.demo()
    leader = c.wait_leader()
    victim = [pod for pod in c.pods() if pod != leader][0]
    ids = c.ids()
    node = c.pod(victim)["spec"]["nodeName"]
    beside = [one for one in c.world.all("pods", SYSTEM)
              if one["spec"].get("nodeName") == node]
    c.world.stage.order("lose-node", "node/" + node)
    try:
        c.world.until("the silence is told of", lambda: "not ready" in c.condition(
            "Degraded")["message"], 60)
        c.writes_go_on()
        expect(c.ids() == ids, "replaced although it may still write")
        c.world.k("taint", "node", node, "node.kubernetes.io/out-of-service=x:NoExecute")
        c.world.until("%s runs elsewhere" % victim, lambda: is_ready(c.pod(victim))
                      and c.pod(victim)["spec"]["nodeName"] != node, 90)
        c.steady(3, limit=90)
        changed = {pod for pod, number in c.ids().items() if number != ids[pod]}
        expect(changed <= {victim}, "replaced: %s" % changed)
        note("%s, with %d of the operators; %s" % (
            node, len(beside), "its member was replaced" if changed else "its disk followed"))
    finally:
        c.world.stage.order("return-node", "node/" + node)
        c.world.k("taint", "node", node, "node.kubernetes.io/out-of-service-")
    c.world.until("two operators", lambda: c.world.ready_operators() == 2, 60)
    c.steady()
    c.one_cluster()
    c.prove()


# ---- The end of a cluster


def deletion_takes_the_disks_along(play):
    c = Cluster(play.world, "brief", 3, policy="Delete")
    c.writes_go_on()
    c.stop()
    others = {one["metadata"]["uid"] for one in c.world.all("persistentvolumeclaims")
              if not one["metadata"]["name"].startswith("data-brief-")}
    c.world.k("delete", "etcdcluster", "brief", "--timeout=60s", limit=70)
    c.world.until("nothing is left", lambda: not any(
        one["metadata"]["name"].startswith(("brief", "data-brief"))
        for kind in ["persistentvolumeclaims", "pods", "services", "configmaps", "secrets",
                     "statefulsets", "poddisruptionbudgets", "serviceaccounts"]
        for one in c.world.all(kind)), 60)
    left = {one["metadata"]["uid"] for one in c.world.all("persistentvolumeclaims")}
    expect(others <= left, "disks of another cluster are gone")
    # A cluster of the same name begins anew.
    c.world.apply(c.spec)
    c.steady(3, limit=90)
    expect(not c.members()[0].keys("count/"), "old data came back")
    c.delete()


def a_dead_cluster_can_be_deleted(play):
    c = Cluster(play.world, "dead", 3, policy="Delete", writes=False)
    c.stop()
    c.patch({"image": "nobody:broken"})
    for pod in c.pods():
        c.world.k("delete", "pvc", "data-" + pod, "--wait=false")
    c.world.k("delete", "pod", *c.pods(), "--wait=false")
    c.world.until("nobody answers", lambda: not c.list(), 30)
    begun = time.monotonic()
    c.world.k("delete", "etcdcluster", "dead", "--timeout=30s", limit=40)
    note("gone after %.1f s" % (time.monotonic() - begun))
    c.world.until("nothing is left", lambda: not any(
        one["metadata"]["name"].startswith(("dead-", "data-dead"))
        for kind in ["persistentvolumeclaims", "pods"] for one in c.world.all(kind)), 60)
    c.world.clusters.remove(c)


# ---- Without the operator's kinds


def a_plain_stateful_set(play):
    w = play.world
    with open(os.path.join(ROOT, "Manifests/statefulset/keelson.yaml"), encoding="utf-8") as file:
        manifest = re.sub(r"image: keelson:.*", "image: keelson:dev", file.read())
    w.apply(manifest)
    c = Plain(w, "keelson")
    try:
        w.until("three ready members", c.is_whole, 90)
        c.start()
        c.writes_go_on()
        ids = c.ids()
        for _ in range(2):
            leader = c.wait_leader()
            uid = c.pod_uid(leader)
            w.k("delete", "pod", leader)
            w.until("%s is back" % leader, lambda x=leader, u=uid: c.pod_uid(x) not in (None, u)
                    and c.is_whole(), 60)
        c.writes_go_on()
        uids = c.pod_uids()
        w.k("delete", "pod", *c.pods())
        w.until("all are back", lambda: not set(uids.values()) & set(c.pod_uids().values())
                and c.is_whole(), 60)
        c.writes_go_on()
        uids = c.pod_uids()
        w.k("rollout", "restart", "statefulset/keelson")
        w.k("rollout", "status", "statefulset/keelson", "--timeout=90s", limit=100)
        expect(not set(uids.values()) & set(c.pod_uids().values()), "not every pod is new")
        c.writes_go_on()
        expect(c.ids() == ids, "another list of members")
        c.one_cluster()
        c.prove()
    finally:
        c.stop()
        w.k("delete", "-f", "-", given=manifest, limit=60)
        w.k("delete", "pvc", *["data-" + pod for pod in c.pods()])
        w.clusters.remove(c)


class Plain(Cluster):
    """Members that nobody but a StatefulSet looks after."""

    def __init__(self, world, name):  # pylint: disable=super-init-not-called
        self.world = world
        self.name = name
        self.peers = name + "-peers"
        self.ordinals = range(3)
        self.writer = self.watcher = None
        world.clusters.append(self)

    def start(self):
        from etcd import Watcher, Writer
        self.watcher, self.writer = Watcher(self.members), Writer(self.members)

    def is_whole(self):
        return all(is_ready(self.pod(pod)) for pod in self.pods()) and len(self.ids()) == 3


MAIN = [
    a_new_image_rolls_leader_last, an_operator_dies_while_scaling,
    a_lost_quorum_waits_for_approval, a_deleted_cluster_is_adopted,
]
STORIES = MAIN + [
    new_settings_roll_leader_last, a_broken_image_stops_the_roll, a_supervised_roll_waits,
    volumes_grow, a_full_store_is_emptied,
    a_store_full_of_live_keys_is_told_of, defragmentation_by_annotation,
    a_corrupt_member_is_replaced, damaged_files_are_replaced, a_member_is_replaced_on_request,
    leadership_is_moved, a_fenced_member_is_left_alone, hibernation_and_waking,
    a_paused_cluster_is_only_watched, without_an_operator, a_foreign_volume_is_refused,
    a_removed_member_stays_out, a_node_is_lost, deletion_takes_the_disks_along,
    a_dead_cluster_can_be_deleted, a_plain_stateful_set, all_disks_lost_make_no_new_cluster,
    a_forgotten_status_is_found_again, two_drains_at_once, a_change_of_mind_while_scaling,
]


def explain(play):
    """What was there when a story failed."""
    world = play.world
    for words in (["get", "etcdclusters,pods,pvc"],
                  ["get", "events", "--sort-by=.lastTimestamp"]):
        done = world.stage.call("-n", NAMESPACE, *words)
        print("\n".join("      " + line for line in done.stdout.splitlines()[-25:]), flush=True)
    for cluster in world.clusters:
        status = dict(cluster.status()) if not isinstance(cluster, Plain) else {}
        conditions = ["%s=%s %s %s" % (one["type"], one["status"], one["reason"], one["message"])
                      for one in status.get("conditions", [])]
        print("      %s: %s\n        %s" % (
            cluster.name, json.dumps(status.get("operation", {})), "\n        ".join(conditions)),
            flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--main", action="store_true", help="the main stories alone")
    parser.add_argument("--only", help="names, with commas between")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the folder in place")
    options = parser.parse_args()
    chosen = MAIN if options.main else STORIES
    if options.only:
        wanted = options.only.split(",")
        chosen = [story for story in STORIES if story.__name__ in wanted]
        unknown = set(wanted) - {story.__name__ for story in STORIES}
        if unknown:
            parser.error("no such story: " + ", ".join(sorted(unknown)))
    if options.list:
        print("\n".join(story.__name__ for story in chosen))
        return 0
    if not shutil.which("kubectl"):
        print("SKIPPED: there is no kubectl\n0 passed, 0 failed, %d skipped" % len(chosen))
        return 0
    return tell(chosen, os.path.abspath(options.bin), options.keep)


def tell(chosen, programs, keeps):
    passed = failed = 0
    world = None
    begun = time.monotonic()
    try:
        world = World(programs, note)
        print("ok    %-40s %5.1f s" % ("a sandbox with two operators", time.monotonic() - begun),
              flush=True)
        play = Play(world)
        for story in chosen:
            start = time.monotonic()
            try:
                story(play)
                passed += 1
                print("ok    %-40s %5.1f s" % (story.__name__, time.monotonic() - start),
                      flush=True)
            except Failure as failure:
                failed += 1
                print("FAIL  %-40s %5.1f s: %s" % (
                    story.__name__, time.monotonic() - start, failure), flush=True)
                explain(play)
                play.give_up()
    except Failure as failure:
        failed += 1
        print("FAIL  %s" % failure)
    finally:
        if world:
            failed += close(world, keeps or failed > 0)
    skipped = len(chosen) - passed - failed if failed <= len(chosen) - passed else 0
    print("all in %.0f s" % (time.monotonic() - begun))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed or skipped else 0


def close(world, keeps):
    try:
        if keeps:
            world.save_logs()
        world.close()
        return 0
    except Failure as failure:
        print("FAIL  %s" % failure)
        keeps = True
        return 1
    finally:
        if keeps:
            print("the sandbox's folder: " + world.stage.folder)
        else:
            shutil.rmtree(world.stage.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
