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
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from kubectl import Failure  # noqa: E402 - the path must be set before
from second_day import endings, losses, operators, orders, rolls, stores  # noqa: E402
from second_day.endings import Plain  # noqa: E402
from second_day.play import Play  # noqa: E402
from second_day.world import NAMESPACE, World  # noqa: E402

MAIN = [
    rolls.a_new_image_rolls_leader_last, operators.an_operator_dies_while_scaling,
    losses.a_lost_quorum_waits_for_approval, losses.a_deleted_cluster_is_adopted,
]
STORIES = MAIN + [
    rolls.new_settings_roll_leader_last, rolls.a_broken_image_stops_the_roll,
    rolls.a_supervised_roll_waits, stores.volumes_grow, stores.a_full_store_is_emptied,
    stores.a_store_full_of_live_keys_is_told_of, stores.defragmentation_by_annotation,
    stores.a_corrupt_member_is_replaced, stores.damaged_files_are_replaced,
    orders.a_member_is_replaced_on_request, orders.leadership_is_moved,
    orders.a_fenced_member_is_left_alone, orders.hibernation_and_waking,
    orders.a_paused_cluster_is_only_watched, operators.without_an_operator,
    operators.a_forgotten_status_is_found_again, operators.a_change_of_mind_while_scaling,
    losses.a_foreign_volume_is_refused, losses.a_removed_member_stays_out, losses.a_node_is_lost,
    losses.all_disks_lost_make_no_new_cluster, losses.two_drains_at_once,
    endings.deletion_takes_the_disks_along, endings.a_dead_cluster_can_be_deleted,
    endings.a_plain_stateful_set,
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
        world = World(programs)
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
