# SPDX-License-Identifier: Apache-2.0
"""Restarts that were asked for: a new image, new settings, a broken image, approval."""
import time

from kubectl import expect
from second_day.cluster import answers
from second_day.play import note


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
