"""Locks and elections over gRPC; leases are chosen, so that the keys are the same on both sides."""

from __future__ import annotations

import re
from typing import Any

from case import Family, Step
from client import finish, show
from protocol import METHODS
from steps import call, delete, get, grant, quiet, read, revoke, send_bytes, compact, put
from world import PREFIX_END, Ref, Rev, World

family = Family("lock")
EVERYTHING = {"key": b"\x00", "range_end": b"\x00"}


def _plain(value: Any) -> Any:
    """The ids of leases that the server chose look alike."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, int) and value > 1 << 40:
        return "<lease>"
    return re.sub(r"/[0-9a-f]{9,16}$", "/<lease>", value) if isinstance(value, str) else value


def ask(method: str, save: str | None = None, **fields: Any) -> Step:
    """A unary call whose answer may name a lease of the server's; `save` keeps its message."""
    step = call(method, **fields)

    def run(world: World) -> Any:
        if save is None:
            return _plain(step.run(world))
        answer = world.ask(method, **fields)
        saved(world)[save] = answer
        return _plain(show(answer, world.names))

    return Step(step.label, run)


def saved(world: World) -> dict[str, Any]:
    return world.__dict__.setdefault("saved_messages", {})


def begin(call_name: str, method: str, /, **fields: Any) -> Step:
    """Start a call that will wait."""

    def run(world: World) -> None:
        request = world.build(METHODS[method].request, fields)
        saved(world)[call_name] = world.client().start(method, request)

    return Step(f"begin {method}", run)


def end(name: str) -> Step:
    """The answer of a call begun before."""
    return Step(f"end {name}", lambda world: _plain(show(finish(saved(world)[name]), world.names)))


def waits(name: str, count: int, prefix: bytes) -> Step:
    """The call is not answered, and there are so many keys under the name."""

    def run(world: World) -> Any:
        for _ in range(500):
            answer = world.ask("KV.Range", key=prefix, range_end=prefix[:-1] + b"0",
                               count_only=True)
            if answer.count == count:
                break
        return {"keys": answer.count, "answered": saved(world)[name].done()}

    return Step(f"{name} waits", run)


def give_up(name: str) -> Step:
    return Step(f"give up {name}", lambda world: saved(world)[name].cancel() and None)


def gone(prefix: bytes, count: int) -> Step:
    """Wait until so many keys are left."""

    def run(world: World) -> Any:
        for _ in range(2000):
            answer = world.ask("KV.Range", key=prefix, range_end=prefix[:-1] + b"0")
            if answer.count == count:
                break
        return {"keys": answer.count}

    return Step(f"{count} keys are left", run)


def everything() -> Step:
    step = get(b"\x00", b"\x00")
    return Step("all keys", lambda world: _plain(step.run(world)))


# Lock

family.case("lock_unlock", grant(401), ask("Lock.Lock", name=b"l", lease=401), everything(),
            ask("Lock.Unlock", key=b"l/191"), everything())
family.case("lock_own_lease", ask("Lock.Lock", name=b"l"), everything())
family.case("lock_empty_name", grant(402), ask("Lock.Lock", name=b"", lease=402), everything())
family.case("lock_unknown_lease", ask("Lock.Lock", name=b"l", lease=999_111), everything())
family.case("lock_negative_lease", ask("Lock.Lock", name=b"l", lease=-7), everything())
family.case("lock_twice_under_one_lease", grant(403), ask("Lock.Lock", name=b"l", lease=403),
            ask("Lock.Lock", name=b"l", lease=403), everything())
family.case("lock_two_names", grant(404), ask("Lock.Lock", name=b"l", lease=404),
            ask("Lock.Lock", name=b"m", lease=404), everything())
family.case("lock_name_with_slash", grant(405), ask("Lock.Lock", name=b"l", lease=405),
            ask("Lock.Lock", name=b"l/x", lease=405), everything())
family.case("lock_waits_for_unlock", grant(406), grant(407),
            ask("Lock.Lock", name=b"l", lease=406), begin("second", "Lock.Lock", name=b"l", lease=407),
            waits("second", 2, b"l/"), ask("Lock.Unlock", key=b"l/196"), end("second"), everything())
family.case("lock_waits_for_revoke", grant(408), grant(409),
            ask("Lock.Lock", name=b"l", lease=408), begin("second", "Lock.Lock", name=b"l", lease=409),
            waits("second", 2, b"l/"), revoke(408), end("second"), everything())
family.case("lock_waits_for_delete", grant(410), grant(411),
            ask("Lock.Lock", name=b"l", lease=410), begin("second", "Lock.Lock", name=b"l", lease=411),
            waits("second", 2, b"l/"), quiet(delete(b"l/19a")), end("second"))
family.case("lock_session_expired_while_waiting", grant(412), grant(413),
            ask("Lock.Lock", name=b"l", lease=412), begin("second", "Lock.Lock", name=b"l", lease=413),
            waits("second", 2, b"l/"), revoke(413), ask("Lock.Unlock", key=b"l/19c"), end("second"))
family.case("lock_given_up", grant(414), grant(415), ask("Lock.Lock", name=b"l", lease=414),
            begin("second", "Lock.Lock", name=b"l", lease=415), waits("second", 2, b"l/"),
            give_up("second"), gone(b"l/", 1), everything())
family.case("lock_three_in_line", grant(416), grant(417), grant(418),
            ask("Lock.Lock", name=b"l", lease=416),
            begin("second", "Lock.Lock", name=b"l", lease=417), waits("second", 2, b"l/"),
            begin("third", "Lock.Lock", name=b"l", lease=418), waits("third", 3, b"l/"),
            ask("Lock.Unlock", key=b"l/1a0"), end("second"), waits("third", 2, b"l/"),
            ask("Lock.Unlock", key=b"l/1a1"), end("third"), everything())
family.case("lock_middle_leaves", grant(419), grant(420), grant(421),
            ask("Lock.Lock", name=b"l", lease=419),
            begin("second", "Lock.Lock", name=b"l", lease=420), waits("second", 2, b"l/"),
            begin("third", "Lock.Lock", name=b"l", lease=421), waits("third", 3, b"l/"),
            revoke(420), waits("third", 2, b"l/"), ask("Lock.Unlock", key=b"l/1a3"), end("third"))
family.case("unlock_unknown", ask("Lock.Unlock", key=b"nothing"))
family.case("unlock_empty", ask("Lock.Unlock", key=b""))
family.case("unlock_twice", grant(422), ask("Lock.Lock", name=b"l", lease=422),
            ask("Lock.Unlock", key=b"l/1a6"), ask("Lock.Unlock", key=b"l/1a6"))

# Elections

election = Family("election")


def leader_key(lease: int, rev: Any, name: bytes = b"e") -> dict[str, Any]:
    return {"name": name, "key": name + b"/%x" % lease, "rev": rev, "lease": lease}


def campaign(lease: int, value: bytes = b"v", name: bytes = b"e") -> Step:
    return ask("Election.Campaign", name=name, lease=lease, value=value)


def proclaim(value: bytes, **leader: Any) -> Step:
    """With the revision that the leader's key has, plus `off`."""
    return _with_revision("Election.Proclaim", leader, value=value)


def resign(**leader: Any) -> Step:
    return _with_revision("Election.Resign", leader)


def _with_revision(method: str, leader: dict[str, Any], **fields: Any) -> Step:
    def run(world: World) -> Any:
        given = dict(leader)
        off = given.pop("off", 0)
        found = world.ask("KV.Range", key=given["key"]).kvs if given.get("key") else []
        given["rev"] = (found[0].create_revision if found else 0) + off
        return _plain(call(method, leader=given, **fields).run(world))

    return Step(method, run)


def key(lease: int) -> dict[str, Any]:
    return {"name": b"e", "key": b"e/%x" % lease, "lease": lease}


def observe(world: World, name: bytes) -> None:
    stream = world.client().stream("Election.Observe")
    world.streams["o"] = stream
    stream.send(world.build("v3electionpb.LeaderRequest", {"name": name}))
    stream.half_close()


OBSERVE = Step("observe", lambda world: observe(world, b"e"))


def seen() -> Step:
    step = read("o")
    return Step("seen", lambda world: _plain(step.run(world)))


def revisions(step: Step) -> Step:
    """Election revisions counted from the start of the case."""

    def run(world: World) -> Any:
        answer = step.run(world)
        leader = answer.get("leader") if isinstance(answer, dict) else None
        if leader and "rev" in leader:
            leader["rev"] = world.names.revision(leader["rev"])
        return answer

    return Step(step.label, run)


def lead(lease: int, value: bytes = b"v", name: bytes = b"e") -> Step:
    return revisions(campaign(lease, value, name))


election.case("campaign", grant(501), lead(501), everything())
election.case("campaign_own_lease", revisions(ask("Election.Campaign", name=b"e", value=b"v")),
              everything())
election.case("campaign_unknown_lease", lead(999_112), everything())
election.case("campaign_empty", grant(502), lead(502, b"", b""), everything())
election.case("campaign_again_same_value", grant(503), lead(503), lead(503), everything())
election.case("campaign_again_other_value", grant(504), lead(504), lead(504, b"w"), everything())
election.case("campaign_waits", grant(505), grant(506), lead(505, b"one"),
              begin("second", "Election.Campaign", name=b"e", lease=506, value=b"two"),
              waits("second", 2, b"e/"), resign(**key(505)), revisions(end("second")),
              ask("Election.Leader", name=b"e"))
election.case("campaign_waits_for_lease", grant(507), grant(508), lead(507, b"one"),
              begin("second", "Election.Campaign", name=b"e", lease=508, value=b"two"),
              waits("second", 2, b"e/"), revoke(507), revisions(end("second")))
election.case("campaign_given_up", grant(509), grant(510), lead(509),
              begin("second", "Election.Campaign", name=b"e", lease=510, value=b"two"),
              waits("second", 2, b"e/"), give_up("second"), gone(b"e/", 1), everything())
election.case("leader_none", ask("Election.Leader", name=b"e"))
election.case("leader", grant(511), lead(511), ask("Election.Leader", name=b"e"),
              ask("Election.Leader", name=b"f"))
election.case("leader_is_the_oldest", grant(512), grant(513), lead(512, b"one"),
              begin("second", "Election.Campaign", name=b"e", lease=513, value=b"two"),
              waits("second", 2, b"e/"), ask("Election.Leader", name=b"e"))
election.case("proclaim", grant(514), lead(514), proclaim(b"new", **key(514)),
              ask("Election.Leader", name=b"e"))
election.case("proclaim_without_leader", ask("Election.Proclaim", value=b"x"))
election.case("proclaim_empty_leader", ask("Election.Proclaim", leader={}, value=b"x"))
election.case("proclaim_lost", grant(515), lead(515), proclaim(b"new", off=7, **key(515)),
              everything())
election.case("proclaim_after_resign", grant(516), lead(516), resign(**key(516)),
              proclaim(b"new", off=3, **key(516)))
election.case("proclaim_no_lease", grant(517), lead(517),
              proclaim(b"new", name=b"e", key=b"e/205"), everything())
election.case("resign", grant(518), lead(518), resign(**key(518)), everything(),
              ask("Election.Leader", name=b"e"))
election.case("resign_twice", grant(519), lead(519), resign(**key(519)), resign(off=4, **key(519)))
election.case("resign_of_another_revision", grant(520), lead(520), resign(off=2, **key(520)),
              everything())
election.case("resign_without_leader", ask("Election.Resign"))
election.case("resign_empty_leader", ask("Election.Resign", leader={}))
election.case("observe_present", grant(521), lead(521), OBSERVE, seen())
election.case("observe_values", grant(522), lead(522), OBSERVE, seen(),
              proclaim(b"2", **key(522)), seen(), proclaim(b"3", **key(522)), seen())
election.case("observe_first_leader", grant(523), OBSERVE, lead(523), seen())
election.case("observe_next_leader", grant(524), grant(525), lead(524, b"one"), OBSERVE, seen(),
              begin("second", "Election.Campaign", name=b"e", lease=525, value=b"two"),
              waits("second", 2, b"e/"), resign(**key(524)), seen(), revisions(end("second")))
election.case("observe_after_vacancy", grant(526), grant(527), lead(526, b"one"), OBSERVE, seen(),
              resign(**key(526)), lead(527, b"two"), seen())
election.case("observe_another_name", grant(528), OBSERVE, quiet(campaign(528, b"x", b"f")),
              lead(528, b"y"), seen())

FAMILIES = [family, election]
