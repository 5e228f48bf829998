# SPDX-License-Identifier: Apache-2.0
"""Orders by annotation, and rest: replace, move, fence, hibernate, pause."""
import time

from kubectl import expect
from second_day.cluster import is_ready, restarts
from second_day.play import note


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
