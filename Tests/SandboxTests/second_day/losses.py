# SPDX-License-Identifier: Apache-2.0
"""Lost disks, nodes and quorums; disks of others; members removed by others."""
import os
import shutil
import threading
import time

from kubectl import expect
from second_day.cluster import Cluster, answers, is_ready
from second_day.play import note
from second_day.world import SYSTEM


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


def two_drains_at_once(play):
    c = play.demo()
    ids = c.ids()
    leader = c.wait_leader()
    # A story before this one may have left two of the three on one node.
    node = {pod: c.pod(pod)["spec"]["nodeName"] for pod in c.pods()}
    other = next((pod for pod in c.pods() if node[pod] != node[leader]), None)
    expect(other, "all members share a node: %s" % node)
    nodes = {node[leader], node[other]}
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
