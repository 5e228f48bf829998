"""Cluster: the member list and its changes, on one member and on three."""

from __future__ import annotations

import time

from case import FRESH, THREE, Family, Setup, Step
from client import Failure
from server import eventually
from steps import (
    call, call_until, delete, get, op_get, op_put, open_stream, prepare_member, put, puts, quiet,
    read, start_member, stop_member, succeeds, txn, watch, grant, keep_alive, restart_member, send,
)
from world import PREFIX_END, Peer, Ref

family = Family("cluster")
FRESH_THREE = Setup(size=3, fresh=True)
NOWHERE = "http://127.0.0.1:9"
NO_MEMBER = 0x1234567812345678
LOCAL = {"linearizable": False}


# A membership change proposed while the one before is not yet wholly applied is dropped by raft
# and times out. The answer to a write shows that all changes before it are done.
SETTLE = quiet(call("KV.Put", key=b"settle", value=b"x"))


def next_second() -> None:
    """Return in another second of the clock than this one."""
    now = int(time.time())
    eventually(lambda: int(time.time()) > now, 5.0, "the next second")


def add(urls: list, learner: bool = False, settle: bool = True, **how):
    step = call("Cluster.MemberAdd", peerURLs=urls, isLearner=learner, **how)
    return [SETTLE, step] if settle else step


def is_healthy(answer) -> bool:
    """For `call_until`: members that were connected anew in the last seconds do not count yet."""
    return getattr(answer, "details", None) != "etcdserver: unhealthy cluster"


def members(**fields):
    return call("Cluster.MemberList", **fields)


def remove(member, **how):
    return [SETTLE, call("Cluster.MemberRemove", ID=member, **how)]


def update(member, urls: list, **how):
    return [SETTLE, call("Cluster.MemberUpdate", ID=member, peerURLs=urls, **how)]


def promote(member, **how):
    return [SETTLE, call("Cluster.MemberPromote", ID=member, **how)]


# One member, answers which change nothing

family.case("list", members(), members(linearizable=True))
family.case("list_has_no_revision", put("a", "1"), members(linearizable=True))
BAD_URLS = {
    "empty_list": [],
    "empty_text": [""],
    "no_scheme": ["127.0.0.1:1"],
    "other_scheme": ["ftp://127.0.0.1:1"],
    "no_port": ["http://127.0.0.1"],
    "with_path": ["http://127.0.0.1:1/path"],
    "unparsable": ["http://%zz:1"],
    "one_good_one_bad": ["http://127.0.0.1:1", "bad"],
}
for name, urls in BAD_URLS.items():
    family.case(f"add_urls_{name}", add(urls), members())
    if urls:
        family.case(f"update_urls_{name}", update(Ref("m1"), urls), setup=FRESH)
family.case("add_url_in_use", add([Peer("m1")]), add([Peer("m1")], learner=True), members())
family.case("add_url_in_use_and_new", add([NOWHERE, Peer("m1")]))
family.case("remove_unknown", remove(NO_MEMBER), remove(0))
family.case("update_unknown", update(NO_MEMBER, [NOWHERE]), update(0, [NOWHERE]))
family.case("promote_unknown", promote(NO_MEMBER), promote(0))
family.case("promote_voter", promote(Ref("m1")))
family.case("update_same_urls", update(Ref("m1"), [Peer("m1")]), members())

# One member, changes

family.case("add_first_voter", add([NOWHERE], save="x"), members(**LOCAL), setup=FRESH)
family.case("add_second_voter", add([NOWHERE], save="x"),
            add(["http://127.0.0.1:8"], settle=False), members(), setup=FRESH)
family.case("add_with_two_urls", add(["http://127.0.0.1:8", NOWHERE], save="x"), members(),
            setup=FRESH)
family.case("add_learner", add([NOWHERE], True, save="x"), members(linearizable=True),
            put("a", "1"), setup=FRESH)
family.case("add_second_learner", add([NOWHERE], True, save="x"),
            add(["http://127.0.0.1:8"], True), members(), setup=FRESH)
# Ids hold the second of the change: in the same one they clash before the URLs do.
NEXT_SECOND = Step("wait for the next second", lambda world: next_second())
family.case("add_learner_url_twice", add([NOWHERE], True, save="x"), NEXT_SECOND,
            add([NOWHERE], True), add([NOWHERE]), setup=FRESH)
family.case("remove_learner", add([NOWHERE], True, save="x"), remove(Ref("x")), members(),
            remove(Ref("x")), add(["http://127.0.0.1:8"], True, save="y"), members(),
            setup=FRESH)
family.case("update_learner", add([NOWHERE], True, save="x"),
            update(Ref("x"), ["http://127.0.0.1:8"]), members(), setup=FRESH)
family.case("update_to_url_in_use", add([NOWHERE], True, save="x"),
            update(Ref("x"), [Peer("m1")]), members(), setup=FRESH)
family.case("update_removed", add([NOWHERE], True, save="x"), remove(Ref("x")),
            update(Ref("x"), [NOWHERE]), promote(Ref("x")), setup=FRESH)
family.case("update_own_url", update(Ref("m1"), ["http://127.0.0.1:8"]), members(),
            put("a", "1"), setup=FRESH)
family.case("promote_learner_never_started", add([NOWHERE], True, save="x"), promote(Ref("x")),
            members(), setup=FRESH)
family.case("remove_last_member", remove(Ref("m1")), setup=FRESH)
family.case("changes_survive_restart", add([NOWHERE], True, save="x"), restart_member(),
            members(), remove(Ref("x")), restart_member(), members(), setup=FRESH)

# One member and a real learner

LEARNER = [prepare_member("m2"), add([Peer("m2")], True, save="m2"), start_member("m2"),
           quiet(call_until("Maintenance.Status", succeeds, at="m2"))]


def synced(answer) -> bool:
    """The learner has the key and published its name."""
    return not isinstance(answer, Failure) and answer.count == 1


ON_LEARNER = quiet(call_until("KV.Range", synced, at="m2", key="a", serializable=True))
NAMED = quiet(call_until("Cluster.MemberList", lambda a: all(m.name for m in a.members)))
family.case("learner_refuses", puts("a=1"), LEARNER, ON_LEARNER, NAMED, put("a", "2", at="m2"),
            get("a", at="m2"), get("a", at="m2", serializable=True),
            delete("a", at="m2"), txn([], [op_get("a")], at="m2"),
            txn([], [op_get("a", serializable=True)], at="m2"), grant(5, at="m2"),
            members(at="m2"), call("Maintenance.Status", at="m2"),
            call("Maintenance.Alarm", at="m2"), call("Maintenance.HashKV", at="m2"),
            call("Maintenance.MoveLeader", at="m2", targetID=1), promote(Ref("m2"), at="m2"),
            call("Health.Check", at="m2"),
            setup=FRESH)
family.case("learner_refuses_streams", puts("a=1"), LEARNER, ON_LEARNER,
            open_stream("w", at="m2"), watch("a"), read("w"),
            open_stream("k", "Lease.LeaseKeepAlive", at="m2"), keep_alive(1), setup=FRESH)
family.case("learner_list_and_promote", puts("a=1"), LEARNER, ON_LEARNER, NAMED, members(),
            call_until("Cluster.MemberPromote", succeeds, ID=Ref("m2")), members(),
            promote(Ref("m2")), call_until("KV.Put", succeeds, at="m2", key="b", value=b"2"),
            get("", PREFIX_END), setup=FRESH)

# Three members


def led_by_another(answer) -> bool:
    """The member which answers knows another one as leader."""
    return answer.leader not in (0, answer.header.member_id)


family.case("three_list", [members(at=at) for at in ("m1", "m2", "m3")],
            members(at="m2", linearizable=True), setup=THREE)
family.case("three_write_anywhere", put("a", "1", at="m2"), put("a", "2", at="m3"),
            get("a", at="m1"), get("a", at="m2"), delete("a", at="m3"), get("a", at="m2"),
            setup=THREE)
family.case("three_txn_at_follower", puts("a=1"), txn([], [op_get("a"), op_put("b", "1")],
            at="m2"), txn([], [op_get("b")], at="m3"), setup=THREE)
family.case("three_compact_at_follower", puts("a=1", "a=2", "a=3"), get("a", at="m2"),
            call("KV.Compact", at="m2", revision=0), setup=THREE)
family.case("three_status", puts("a=1"), get("a", at="m2"), get("a", at="m3"),
            [call("Maintenance.Status", at=at) for at in ("m1", "m2", "m3")], setup=THREE)
family.case("three_move_leader_at_follower", call("Maintenance.MoveLeader", at="m2",
            targetID=Ref("m2")), setup=THREE)
family.case("three_move_leader_unknown", call("Maintenance.MoveLeader", targetID=NO_MEMBER),
            call("Maintenance.MoveLeader", targetID=0), setup=THREE)
family.case("three_move_leader_to_itself", call("Maintenance.MoveLeader", targetID=Ref("m1")),
            put("a", "1"), setup=THREE)
family.case("three_move_leader", call("Maintenance.MoveLeader", targetID=Ref("m2")),
            call_until("Maintenance.Status", led_by_another),
            call("Maintenance.MoveLeader", targetID=Ref("m3")), put("a", "1"),
            call("Maintenance.MoveLeader", at="m2", targetID=Ref("m1")), setup=THREE)
family.case("three_promote_at_follower", promote(Ref("m1"), at="m2"),
            promote(NO_MEMBER, at="m2"), setup=THREE)
family.case("three_errors_at_follower", SETTLE,
            call_until("Cluster.MemberAdd", is_healthy, at="m2", peerURLs=[Peer("m1")]),
            remove(NO_MEMBER, at="m3"), update(NO_MEMBER, [NOWHERE], at="m2"), setup=THREE)
family.case("three_alarm_everywhere", call("Maintenance.Alarm", at="m2", action="ACTIVATE",
            memberID=Ref("m3"), alarm="NOSPACE"), put("a", "1", at="m1"),
            get("a", at="m2"), call("Maintenance.Alarm", at="m3"),
            call("Maintenance.Alarm", at="m1", action="DEACTIVATE", memberID=Ref("m3"),
                 alarm="NOSPACE"), put("a", "1", at="m3"), setup=THREE)
family.case("three_hash_is_equal", puts("a=1", "b=1", "a=2"), quiet(delete("b")),
            get("a", at="m2"), get("a", at="m3"),
            [call("Maintenance.HashKV", at=at, revision=5) for at in ("m1", "m2", "m3")],
            setup=FRESH_THREE)
family.case("three_add_while_one_is_down", stop_member("m3"), add([NOWHERE], at="m1"),
            members(at="m2"), setup=FRESH_THREE)
family.case("three_remove_one",
            call_until("Cluster.MemberRemove", succeeds, ID=Ref("m3")), remove(Ref("m3")),
            members(), put("a", "1"), get("a", at="m2"), setup=FRESH_THREE)
family.case("three_remove_stopped_one", stop_member("m3"), remove(Ref("m3")), members(),
            put("a", "1", at="m2"), setup=FRESH_THREE)
family.case("three_down_to_one",
            quiet(call_until("Cluster.MemberRemove", succeeds, ID=Ref("m3"))),
            SETTLE, call_until("Cluster.MemberRemove", succeeds, ID=Ref("m2")), members(),
            put("a", "1"), setup=FRESH_THREE)
family.case("three_add_learner",
            call_until("Cluster.MemberAdd", succeeds, peerURLs=[NOWHERE], isLearner=True, save="y"),
            add(["http://127.0.0.1:8"], True), promote(Ref("y")), promote(Ref("y"), at="m2"),
            call("Maintenance.MoveLeader", targetID=Ref("y")), members(), remove(Ref("y"), at="m3"),
            setup=FRESH_THREE)
family.case("three_add_voter",
            call_until("Cluster.MemberAdd", succeeds, peerURLs=[NOWHERE], save="y"),
            remove(Ref("m3")), remove(Ref("y")), members(), setup=FRESH_THREE)
family.case("three_add_second_voter",
            call_until("Cluster.MemberAdd", succeeds, peerURLs=[NOWHERE], save="y"),
            add(["http://127.0.0.1:8"]), setup=FRESH_THREE)
family.case("three_stopped_leader_is_replaced", put("a", "1"), stop_member("m1"),
            call_until("KV.Put", succeeds, at="m2", key="a", value=b"2"), get("a", at="m3"),
            setup=FRESH_THREE)
family.case("three_one_back", stop_member("m3"), put("a", "1"), restart_member("m3"),
            get("a", at="m3"), put("b", "1", at="m3"), setup=FRESH_THREE)

# Two of three are down

HASLEADER = [("hasleader", "true")]


def without_leader(answer) -> bool:
    """The remaining member knows that it has no leader."""
    return not isinstance(answer, Failure) and answer.leader == 0


LOST = [quiet(put("a", "1")), quiet(get("a", at="m3")), stop_member("m1"), stop_member("m2"),
        quiet(call_until("Maintenance.Status", without_leader, at="m3"))]
family.case("lost_leader_unary", LOST, get("a", at="m3", metadata=HASLEADER),
            put("a", "2", at="m3", metadata=HASLEADER),
            get("a", at="m3", metadata=HASLEADER, serializable=True),
            get("a", at="m3", serializable=True), members(at="m3"),
            call("Maintenance.Status", at="m3"),
            call("Maintenance.MoveLeader", at="m3", targetID=Ref("m3")), setup=FRESH_THREE)
family.case("lost_leader_streams", open_stream("w", at="m3", metadata=HASLEADER), watch("a"),
            read("w"), open_stream("v", at="m3"), watch("a", on="v"), read("v"), LOST,
            read("w", 3), open_stream("u", at="m3", metadata=HASLEADER),
            watch("a", on="u"), read("u"), open_stream("k", "Lease.LeaseKeepAlive", at="m3",
            metadata=HASLEADER), send("k", "etcdserverpb.LeaseKeepAliveRequest", ID=1),
            read("k"), setup=FRESH_THREE)
family.case("lost_leader_read_times_out", LOST, get("a", at="m3"), setup=FRESH_THREE)
family.case("lost_leader_write_times_out", LOST, put("a", "2", at="m3"), setup=FRESH_THREE)
family.case("lost_leader_list_times_out", LOST, members(at="m3", linearizable=True),
            setup=FRESH_THREE)
family.case("lost_leader_grant_times_out", LOST, grant(9, at="m3"), setup=FRESH_THREE)
family.case("lost_leader_add", LOST, add([NOWHERE], at="m3", settle=False), setup=FRESH_THREE)

FAMILIES = [family]
