# SPDX-License-Identifier: Apache-2.0
"""Operators that die, stand still, or are not there; changes of mind."""
import time

from kubectl import expect
from second_day.cluster import is_ready
from second_day.play import note
from second_day.world import SYSTEM


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
