# SPDX-License-Identifier: Apache-2.0
"""Disks and stores: growth, a full store, defragmentation, corruption."""
import os
import time

from kubectl import Failure, expect
from second_day.cluster import Cluster
from second_day.etcd import Refused, Silent, coded
from second_day.play import note
from second_day.world import NAMESPACE


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
