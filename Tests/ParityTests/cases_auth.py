"""Auth: users, roles, permissions, log-ins and what each call needs while it is on.

All cases share one server of each kind. A case begins with the users it needs and ends by
switching authentication off and removing everybody, so that the next one finds nothing.
"""

from __future__ import annotations

import atexit
import base64
import hmac
import json
import re
import tempfile
import time
from typing import Any

from case import Family, Setup, Step
from client import Failure, show
from ctl import Ctl
from protocol import METHODS
from steps import (
    call, compare, delete, get, grant, half_close, leases, op_delete, op_get, op_put, op_txn, put,
    read, revoke, send, time_to_live, txn,
)
from world import EVERYTHING, World

SETUP = Setup(flags=("--bcrypt-cost=4", "--auth-token-ttl=300"))
family = Family("auth", setup=SETUP)
PASSWORD = "pässword 1"


# Who asks


def log_in(user: str, password: str = PASSWORD, name: str | None = None) -> Step:
    """Log in and remember the token under `name`."""

    def run(world: World) -> Any:
        answer = _raw(world, "Auth.Authenticate", {"name": user, "password": password})
        if not isinstance(answer, Failure):
            _tokens(world)[name or user] = answer.token
            return {"token": _form(answer.token)}
        return show(answer, world.names)

    return Step(f"log in as {user}", run)


def _form(token: str) -> Any:
    """`simple`, or what the head of a signed token says and which claims it has."""
    if re.fullmatch(r"[A-Za-z]{16}\.\d+", token):
        return "simple"
    head, claims, _ = token.split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims)]
    claims = {name: value for name, value in decoded[1].items() if name == "username"}
    life = decoded[1]["exp"] - time.time()
    return {**decoded[0], **claims, "names": sorted(decoded[1]), "ten minutes": 590 < life <= 600}


def as_user(user: str, step: Step) -> Step:
    """The same step with that user's token (`Bearer` if the name begins with a plus)."""

    def run(world: World) -> Any:
        token = _tokens(world).get(user.lstrip("+"), user)
        field = "authorization" if user.startswith("+") else "token"
        text = f"Bearer {token}" if user.startswith("+") else token
        client = world.client()
        original = client.call

        def with_token(method, request, metadata=(), seconds=15.0):
            return original(method, request, [*metadata, (field, text)], seconds)

        client.call = with_token
        try:
            return step.run(world)
        finally:
            del client.call

    return Step(f"{user}: {step.label}", run)


def open_as(user: str | None, name: str, method: str = "Watch.Watch") -> Step:
    def run(world: World) -> None:
        metadata = [("token", _tokens(world).get(user, user))] if user else []
        world.streams[name] = world.client().stream(method, metadata)

    return Step(f"open {method} as {user}", run)


def watch_key(key: Any, range_end: Any = b"") -> list[Step]:
    request = {"key": key, "range_end": range_end}
    return [send("w", "etcdserverpb.WatchRequest", create_request=request), read("w")]


def _tokens(world: World) -> dict[str, str]:
    return world.__dict__.setdefault("tokens", {})


def _raw(world: World, method: str, fields: dict, token: str | None = None) -> Any:
    request = world.build(METHODS[method].request, fields)
    metadata = [("token", token)] if token else []
    return world.client().call(method, request, metadata)


# Short names


def user_add(name: str, password: str = PASSWORD, **fields: Any) -> Step:
    return call("Auth.UserAdd", name=name, password=password, **fields)


def user_delete(name: str) -> Step:
    return call("Auth.UserDelete", name=name)


def user_get(name: str) -> Step:
    return call("Auth.UserGet", name=name)


def user_list() -> Step:
    return call("Auth.UserList")


def password(name: str, text: str) -> Step:
    return call("Auth.UserChangePassword", name=name, password=text)


def grant_role(user: str, role: str) -> Step:
    return call("Auth.UserGrantRole", user=user, role=role)


def revoke_role(name: str, role: str) -> Step:
    return call("Auth.UserRevokeRole", name=name, role=role)


def role_add(name: str) -> Step:
    return call("Auth.RoleAdd", name=name)


def role_delete(role: str) -> Step:
    return call("Auth.RoleDelete", role=role)


def role_get(role: str) -> Step:
    return call("Auth.RoleGet", role=role)


def role_list() -> Step:
    return call("Auth.RoleList")


def permit(name: str, kind: str, key: Any, range_end: Any = b"") -> Step:
    perm = {"permType": kind, "key": key, "range_end": range_end}
    return call("Auth.RoleGrantPermission", name=name, perm=perm)


def withdraw(role: str, key: Any, range_end: Any = b"") -> Step:
    return call("Auth.RoleRevokePermission", role=role, key=key, range_end=range_end)


def enable() -> Step:
    return call("Auth.AuthEnable")


def disable() -> Step:
    return call("Auth.AuthDisable")


def status() -> Step:
    """Whether it is on, and by how much the revision has moved since the case began."""

    def run(world: World) -> Any:
        token = _tokens(world).get("root")
        answer = _raw(world, "Auth.AuthStatus", {}, token)
        if isinstance(answer, Failure):
            return show(answer, world.names)
        return {"enabled": answer.enabled, "moved": answer.authRevision - world.ids["auth"]}

    return Step("status", run)


# The frame of a case


def begin() -> Step:
    """Remember the auth revision; nothing else is there."""

    def run(world: World) -> None:
        world.ids["auth"] = world.ask("Auth.AuthStatus").authRevision

    return Step("begin", run)


def clean() -> Step:
    """Switch off with whatever token does it, and remove everybody."""

    def run(world: World) -> None:
        _switch_off(world)
        for user in world.ask("Auth.UserList").users:
            world.ask("Auth.UserDelete", name=user)
        for role in world.ask("Auth.RoleList").roles:
            world.ask("Auth.RoleDelete", role=role)

    return Step("clean", run)


def _switch_off(world: World) -> None:
    if not isinstance(_raw(world, "Auth.AuthDisable", {}), Failure):
        return
    for attempt in (PASSWORD, "other"):
        answer = _raw(world, "Auth.Authenticate", {"name": "root", "password": attempt})
        if isinstance(answer, Failure):
            continue
        if not isinstance(_raw(world, "Auth.AuthDisable", {}, answer.token), Failure):
            return
    raise RuntimeError("authentication cannot be switched off")


def ask(method: str, **fields: Any) -> Step:
    """A call of the preparation: it must succeed and is not compared."""
    step = call(method, **fields)

    def run(world: World) -> None:
        outcome = step.run(world)
        if isinstance(outcome, dict) and "code" in outcome:
            raise RuntimeError(f"{method}: {outcome}")

    return Step(step.label, run)


ROOT = [
    ask("Auth.UserAdd", name="root", password=PASSWORD), ask("Auth.RoleAdd", name="root"),
    ask("Auth.UserGrantRole", user="root", role="root"),
]


def plain(name: str, *steps: Any) -> None:
    """A case which begins with authentication off and nobody there."""
    family.case(name, begin(), *steps, clean())


def _perm(kind: str, key: Any, range_end: Any = b"") -> Step:
    perm = {"permType": kind, "key": key, "range_end": range_end}
    return ask("Auth.RoleGrantPermission", name="user", perm=perm)


# `user` reads r…, writes w…, both b…; leases 9001 (b), 9002 (z), 9003 (none).
WORLD = [
    ROOT, ask("Auth.UserAdd", name="user", password=PASSWORD), ask("Auth.RoleAdd", name="user"),
    ask("Auth.UserGrantRole", user="user", role="user"), _perm("READ", "r", "s"),
    _perm("WRITE", "w", "x"), _perm("READWRITE", "b", "c"),
    ask("Auth.UserAdd", name="none", password=PASSWORD),
    ask("KV.Put", key="r1", value="r"), ask("KV.Put", key="w1", value="w"),
    ask("KV.Put", key="b1", value="b"), ask("KV.Put", key="z1", value="z"),
    ask("Lease.LeaseGrant", ID=9001, TTL=600), ask("Lease.LeaseGrant", ID=9002, TTL=600),
    ask("Lease.LeaseGrant", ID=9003, TTL=600),
    ask("KV.Put", key="b2", lease=9001), ask("KV.Put", key="z2", lease=9002), enable(),
    log_in("root"), log_in("user"), log_in("none"),
]


def on(name: str, *steps: Any) -> None:
    """A case which begins with authentication on and somebody there."""
    family.case(name, begin(), WORLD, *steps, clean())


def everybody(name: str, step: Step) -> None:
    """One call by nobody, a bad token, a user without rights, one with some, and root."""
    on(name, step, as_user("xxxxxxxxxxxxxxxx.1", step), as_user("none", step),
       as_user("user", step), as_user("root", step))


# Off

plain("status_at_first", status())
plain("authenticate_while_off", log_in("root"))
plain("disable_while_off", disable(), status())
plain("enable_without_root", enable(), status())
plain("enable_root_without_role", user_add("root"), enable(), status())
plain("enable_root_role_not_made", user_add("root"), grant_role("root", "root"), enable(),
      log_in("root"), status())
plain("enable_twice", ROOT, enable(), log_in("root"), as_user("root", enable()), status())
plain("disable_and_enable", ROOT, enable(), log_in("root"), as_user("root", disable()), status(),
      get("a"), enable(), status(), get("a"), as_user("root", get("a")))
plain("calls_while_off_ignore_nothing_given", put("a", "1"), get("a"))

# Users

plain("user_add", user_add("u"), user_list(), user_get("u"), status())
plain("user_add_twice", user_add("u"), user_add("u"), status())
plain("user_add_empty_name", user_add(""), status())
plain("user_add_empty_password", user_add("u", ""), status())
plain("user_add_no_password", user_add("u", "", options={"no_password": True}), user_get("u"))
plain("user_add_no_password_given", user_add("u", "p", options={"no_password": True}))
plain("user_add_options_off", user_add("u", "p", options={"no_password": False}), user_list())
plain("user_add_unicode", user_add("ünï"), user_get("ünï"), user_list())
plain("user_list_sorted", user_add("b"), user_add("C"), user_add("a"), user_list())
plain("user_list_empty", user_list())
plain("user_get_unknown", user_get("u"))
plain("user_get_empty", user_get(""))
plain("user_delete", user_add("u"), user_delete("u"), user_list(), status())
plain("user_delete_unknown", user_delete("u"), status())
plain("user_delete_root_while_off", ROOT, user_delete("root"), user_list(), enable())
plain("password_unknown_user", password("u", "p"), status())
plain("password_change", user_add("u"), password("u", "p"), status())
plain("password_empty", user_add("u"), password("u", ""), status())
plain("password_of_no_password_user", user_add("u", "", options={"no_password": True}),
      password("u", "p"), status())

# Roles

plain("role_add", role_add("r"), role_list(), role_get("r"), status())
plain("role_add_twice", role_add("r"), role_add("r"), status())
plain("role_add_empty", role_add(""), status())
plain("role_list_empty", role_list())
plain("role_list_sorted", role_add("b"), role_add("C"), role_add("a"), role_list())
plain("role_get_unknown", role_get("r"))
plain("role_get_root", role_add("root"), role_get("root"))
plain("role_get_root_with_permission", role_add("root"), permit("root", "READ", "a"),
      role_get("root"))
plain("role_delete", role_add("r"), role_delete("r"), role_list(), status())
plain("role_delete_unknown", role_delete("r"), status())
plain("role_delete_takes_it_from_users", user_add("u"), role_add("r"), role_add("s"),
      grant_role("u", "r"), grant_role("u", "s"), role_delete("r"), user_get("u"), status())
plain("role_grant", user_add("u"), role_add("r"), grant_role("u", "r"), user_get("u"), status())
plain("role_grant_sorted", user_add("u"), role_add("b"), role_add("a"), grant_role("u", "b"),
      grant_role("u", "a"), user_get("u"))
plain("role_grant_twice", user_add("u"), role_add("r"), grant_role("u", "r"),
      grant_role("u", "r"), user_get("u"), status())
plain("role_grant_unknown_user", role_add("r"), grant_role("u", "r"))
plain("role_grant_unknown_role", user_add("u"), grant_role("u", "r"), status())
plain("role_grant_root_not_made", user_add("u"), grant_role("u", "root"), user_get("u"))
plain("role_revoke", user_add("u"), role_add("r"), grant_role("u", "r"), revoke_role("u", "r"),
      user_get("u"), status())
plain("role_revoke_not_granted", user_add("u"), role_add("r"), revoke_role("u", "r"), status())
plain("role_revoke_unknown_user", revoke_role("u", "r"))
plain("role_revoke_unknown_role", user_add("u"), revoke_role("u", "r"))

# Permissions of roles

for kind in ("READ", "WRITE", "READWRITE"):
    plain(f"permit_{kind.lower()}", role_add("r"), permit("r", kind, "a"), role_get("r"))
plain("permit_range", role_add("r"), permit("r", "READ", "a", "c"), role_get("r"), status())
plain("permit_everything", role_add("r"), permit("r", "READ", EVERYTHING, EVERYTHING),
      role_get("r"))
plain("permit_unknown_role", permit("r", "READ", "a"), status())
plain("permit_nothing_given", role_add("r"), call("Auth.RoleGrantPermission", name="r"), status())
plain("permit_nothing_given_unknown_role", call("Auth.RoleGrantPermission", name="r"))
plain("permit_empty_key", role_add("r"), permit("r", "READ", b""), role_get("r"), status())
plain("permit_backward_range", role_add("r"), permit("r", "READ", "b", "a"), role_get("r"))
plain("permit_same_again", role_add("r"), permit("r", "READ", "a", "b"),
      permit("r", "READ", "a", "b"), role_get("r"), status())
plain("permit_other_type", role_add("r"), permit("r", "READ", "a", "b"),
      permit("r", "WRITE", "a", "b"), role_get("r"), status())
plain("permit_sorted_by_key", role_add("r"), permit("r", "READ", "c"), permit("r", "READ", "a"),
      permit("r", "READ", "b"), role_get("r"))
plain("permit_same_key_other_end", role_add("r"), permit("r", "READ", "a", "b"),
      permit("r", "WRITE", "a", "c"), permit("r", "READWRITE", "a"), role_get("r"))
plain("permit_second_of_same_key", role_add("r"), permit("r", "READ", "a", "b"),
      permit("r", "WRITE", "a", "c"), permit("r", "READ", "a", "c"), role_get("r"), status())
plain("withdraw", role_add("r"), permit("r", "READ", "a", "b"), withdraw("r", "a", "b"),
      role_get("r"), status())
plain("withdraw_not_granted", role_add("r"), withdraw("r", "a"), status())
plain("withdraw_other_end", role_add("r"), permit("r", "READ", "a", "b"), withdraw("r", "a"),
      role_get("r"))
plain("withdraw_unknown_role", withdraw("r", "a"))
plain("withdraw_one_of_two", role_add("r"), permit("r", "READ", "a"), permit("r", "READ", "b"),
      withdraw("r", "a"), role_get("r"))

# Log-in

on("log_in_wrong_password", log_in("user", "wrong"))
on("log_in_unknown_user", log_in("ghost"))
on("log_in_empty", log_in("", ""))
on("log_in_empty_password", log_in("user", ""))
on("log_in_twice", log_in("user", name="second"), as_user("user", get("r1")),
   as_user("second", get("r1")))
on("log_in_no_password_user",
   as_user("root", user_add("cert", "", options={"no_password": True})), log_in("cert", ""),
   log_in("cert", "x"))
on("log_in_password_of_user_without", as_user("root", user_add("e", "")), log_in("e", ""))
on("log_in_password_made_empty", as_user("root", password("user", "")), log_in("user", ""))
on("log_in_after_change", as_user("root", password("user", "other")), as_user("user", get("r1")),
   log_in("user"), log_in("user", "other"), as_user("user", get("r1")))
on("log_in_after_delete", as_user("root", user_delete("user")), as_user("user", get("r1")),
   log_in("user"))
on("log_in_long_password", as_user("root", user_add("long", "x" * 72)), log_in("long", "x" * 72),
   log_in("long", "x" * 71))

# Tokens

on("token_of_deleted_and_added_user", as_user("root", user_delete("user")),
   as_user("root", user_add("user")), as_user("user", get("r1")))
on("token_survives_other_changes", as_user("root", user_add("x")), as_user("user", get("r1")),
   as_user("user", put("w1", "2")))
on("token_ends_with_disable", as_user("root", disable()), enable(), as_user("user", get("r1")))
on("token_as_authorization", as_user("+user", get("r1")))
on("token_malformed", as_user("x", get("r1")), as_user("x.y", get("r1")),
   as_user("x.1.2", get("r1")))
on("token_empty", as_user(" ", get("r1")))
on("token_bad_for_write", as_user("xxxxxxxxxxxxxxxx.1", put("w1")),
   as_user("xxxxxxxxxxxxxxxx.1", delete("w1")), as_user("xxxxxxxxxxxxxxxx.1", txn()))

# Rights: plain operations

everybody("range_readable", get("r1"))
everybody("range_readable_serializable", get("r1", serializable=True))
everybody("range_written", get("w1"))
everybody("range_both", get("b1"))
everybody("range_other", get("z1"))
everybody("range_whole", get("r", "s"))
everybody("range_within", get("r0", "r5"))
everybody("range_beyond", get("r", "t"))
everybody("range_open_end", get("r", EVERYTHING))
everybody("range_everything", get(EVERYTHING, EVERYTHING))
everybody("range_two_neighbours", get("a", "c"))
everybody("range_no_key", get(b""))
everybody("range_count_only", get("z", "zz", count_only=True))
everybody("put_writable", put("w1", "2"))
everybody("put_readable", put("r1", "2"))
everybody("put_both", put("b1", "2"))
everybody("put_prev_kv_unreadable", put("w1", "2", prev_kv=True))
everybody("put_prev_kv", put("b1", "2", prev_kv=True))
everybody("put_ignore_value", put("w1", b"", ignore_value=True))
everybody("put_lease_of_own_keys", put("w1", "2", lease=9001))
everybody("put_lease_of_other_keys", put("w1", "2", lease=9002))
everybody("put_lease_without_keys", put("w1", "2", lease=9003))
everybody("put_unknown_lease", put("w1", "2", lease=9009))
everybody("delete_writable", delete("w1"))
everybody("delete_readable", delete("r1"))
everybody("delete_whole", delete("w", "x"))
everybody("delete_open_end", delete("w", EVERYTHING))
everybody("delete_prev_kv_unreadable", delete("w1", prev_kv=True))
everybody("delete_prev_kv", delete("b", "c", prev_kv=True))

# Rights: transactions

everybody("txn_writes", txn([], [op_put("w1", "2"), op_delete("b1")]))
everybody("txn_put_other", txn([], [op_put("z1", "2")]))
everybody("txn_put_other_in_failure", txn([], [op_put("w1")], [op_put("z1")]))
everybody("txn_read_other", txn([], [op_get("z1")]))
everybody("txn_read_other_with_put", txn([], [op_put("w1", "2"), op_get("z1")]))
everybody("txn_delete_other", txn([], [op_delete("z1")]))
everybody("txn_delete_prev_kv", txn([], [op_delete("w1", prev_kv=True)]))
everybody("txn_compare_readable", txn([compare("r1", "VERSION", "EQUAL", 1)], [op_put("w1")]))
everybody("txn_compare_unreadable", txn([compare("w1", "VERSION", "EQUAL", 1)], [op_put("w1")]))
everybody("txn_compare_range", txn([compare("r", "VERSION", "EQUAL", 1, "t")], [op_put("w1")]))
everybody("txn_put_prev_kv_unreadable", txn([], [op_put("w1", "2", prev_kv=True)]))
everybody("txn_put_lease_of_other_keys", txn([], [op_put("w1", "2", lease=9002)]))
everybody("txn_nested_put_other", txn([], [op_txn([], [op_put("z1", "2")])]))
everybody("txn_nested_compare", txn([], [op_txn([compare("z1", "VERSION", "EQUAL", 1)])]))
everybody("txn_nested_read", txn([], [op_txn([], [op_get("z1")])]))
everybody("txn_empty", txn())
everybody("txn_too_many_ops", txn([], [op_put(f"w{n}") for n in range(129)]))

# Rights: leases

everybody("lease_grant", grant(9101))
everybody("lease_revoke_own", revoke(9001))
everybody("lease_revoke_other", revoke(9002))
everybody("lease_revoke_empty", revoke(9003))
everybody("lease_revoke_unknown", revoke(9009))
everybody("lease_ttl", time_to_live(9002))
everybody("lease_ttl_keys_own", time_to_live(9001, keys=True))
everybody("lease_ttl_keys_other", time_to_live(9002, keys=True))
everybody("lease_ttl_unknown", time_to_live(9009, keys=True))
everybody("lease_list", leases())


def renew(user: str | None, lease_id: int) -> list[Step]:
    return [open_as(user, "k", "Lease.LeaseKeepAlive"),
            send("k", "etcdserverpb.LeaseKeepAliveRequest", ID=lease_id), read("k"),
            half_close("k")]


on("keep_alive_root", renew("root", 9002))
on("keep_alive_own", renew("user", 9001))
on("keep_alive_other", renew("user", 9002))
on("keep_alive_nobody", renew(None, 9003))
on("keep_alive_bad_token", renew("xxxxxxxxxxxxxxxx.1", 9003))

# Rights: watches

for user in (None, "xxxxxxxxxxxxxxxx.1", "none", "user", "root"):
    label = {None: "nobody", "xxxxxxxxxxxxxxxx.1": "bad_token"}.get(user, user)
    on(f"watch_key_{label}", open_as(user, "w"), watch_key("r1"))
    on(f"watch_range_{label}", open_as(user, "w"), watch_key("r", "s"))
    on(f"watch_beyond_{label}", open_as(user, "w"), watch_key("r", "t"))
    on(f"watch_open_end_{label}", open_as(user, "w"), watch_key("r", EVERYTHING))
    on(f"watch_from_key_{label}", open_as(user, "w"), watch_key("r1", EVERYTHING))
    on(f"watch_everything_{label}", open_as(user, "w"), watch_key(b"", EVERYTHING))
on("watch_refused_then_allowed", open_as("user", "w"), watch_key("z1"), watch_key("r1"),
   as_user("root", put("z1", "2")), as_user("root", put("r1", "2")), read("w"))
on("watch_goes_on_after_withdrawal", open_as("user", "w"), watch_key("r1"),
   as_user("root", withdraw("user", "r", "s")), as_user("root", put("r1", "2")), read("w"),
   watch_key("r1"))

# Rights: the rest

everybody("compact", call("KV.Compact", revision=2))
everybody("member_list", call("Cluster.MemberList"))
everybody("member_add_bad", call("Cluster.MemberAdd", peerURLs=["x"]))
everybody("member_remove_unknown", call("Cluster.MemberRemove", ID=77))
everybody("member_promote_unknown", call("Cluster.MemberPromote", ID=77))
everybody("alarm_list", call("Maintenance.Alarm", action="GET"))
everybody("alarm_disarm", call("Maintenance.Alarm", action="DEACTIVATE", alarm="NOSPACE"))
everybody("status_of_member", call("Maintenance.Status"))
everybody("defragment", call("Maintenance.Defragment"))
everybody("hash", call("Maintenance.Hash"))
everybody("hash_kv", call("Maintenance.HashKV"))
everybody("move_leader", call("Maintenance.MoveLeader", targetID=77))
everybody("health", call("Health.Check"))


def snapshot(user: str | None) -> list[Step]:
    def run(world: World) -> Any:
        answer = world.streams["s"].read(10)
        return show(answer, world.names) if isinstance(answer, Failure) else "bytes"

    return [open_as(user, "s", "Maintenance.Snapshot"),
            send("s", "etcdserverpb.SnapshotRequest"), half_close("s"), Step("read s", run)]


for user in (None, "none", "user", "root"):
    on(f"snapshot_{user or 'nobody'}", snapshot(user))

# Administration

for name, step in (
    ("enable", enable()), ("user_list", user_list()), ("role_list", role_list()),
    ("user_add", user_add("new")), ("user_get_user", user_get("user")),
    ("user_get_root", user_get("root")), ("role_get_user", role_get("user")),
    ("role_get_root", role_get("root")), ("user_delete", user_delete("none")),
    ("password", password("none", "p")), ("role_add", role_add("new")),
    ("grant_role", grant_role("none", "user")), ("revoke_role", revoke_role("user", "user")),
    ("role_delete", role_delete("user")), ("permit", permit("user", "READ", "z")),
    ("withdraw", withdraw("user", "r", "s")), ("auth_status", call("Auth.AuthStatus")),
    ("disable", disable()),
):
    if name == "auth_status":
        on("administer_auth_status", status())
        on("administer_auth_status_nobody", call("Auth.AuthStatus"),
           as_user("user", call("Auth.AuthStatus")))
        continue
    everybody(f"administer_{name}", step)
on("administer_root_stays", as_user("root", user_delete("root")),
   as_user("root", revoke_role("root", "root")), as_user("root", role_delete("root")), status())
on("administer_second_root", as_user("root", grant_role("user", "root")),
   as_user("user", get("z1")), as_user("user", user_list()),
   as_user("root", revoke_role("user", "root")), as_user("user", get("z1")))
on("administer_rights_change_at_once", as_user("root", permit("user", "READ", "z")),
   as_user("user", get("z")), as_user("root", withdraw("user", "z")), as_user("user", get("z")))
on("administer_password_of_root", as_user("root", password("root", "other")),
   as_user("root", get("a")), log_in("root"), log_in("root", "other"), as_user("root", get("a")))


# Signed tokens

_secret = tempfile.NamedTemporaryFile(prefix="parity-secret-")
_secret.write(b"a secret of both servers")
_secret.flush()
atexit.register(_secret.close)
SIGNED = Setup(flags=(
    "--bcrypt-cost=4", f"--auth-token=jwt,sign-method=HS256,priv-key={_secret.name},ttl=10m"))
signed = Family("auth_signed", setup=SIGNED)


def made(name: str, **claims: Any) -> Step:
    """Remember a token that nobody gave, rightly signed."""

    def run(world: World) -> None:
        revision = _raw(world, "Auth.AuthStatus", {}, _tokens(world)["root"]).authRevision
        body = {"username": "root", "revision": revision, "exp": int(time.time()) + 60, **claims}
        body = {key: value for key, value in body.items() if value is not None}
        _tokens(world)[name] = _sign("HS256", body)

    return Step(f"make the token {name}", run)


def _sign(method: str, claims: dict) -> str:
    parts = [json.dumps({"alg": method, "typ": "JWT"}), json.dumps(claims)]
    text = ".".join(_encode(part.encode()) for part in parts)
    key = b"a secret of both servers"
    return f"{text}.{_encode(hmac.digest(key, text.encode(), 'sha256'))}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(name: str, *steps: Any) -> None:
    signed.case(name, begin(), WORLD, *steps, clean())


sign("log_in", log_in("user"), as_user("user", get("r1")), as_user("user", put("w1", "2")),
     as_user("user", get("z1")), as_user("root", get("z1")), log_in("user", "wrong"))
sign("root_goes_on_after_changes", as_user("root", role_add("x")), as_user("root", role_list()))
sign("old_after_changes", as_user("root", role_add("x")), as_user("user", get("r1")),
     as_user("user", put("w1", "2")), log_in("user"), as_user("user", get("r1")))
sign("token_of_deleted_user", as_user("root", user_delete("user")), as_user("user", get("r1")))
sign("token_survives_disable", as_user("root", disable()), enable(),
     as_user("root", user_list()), log_in("root"), as_user("root", get("z1")))
sign("damaged", as_user("x", get("r1")), as_user("x.y.z", get("r1")), as_user("xxx.1", get("r1")))
sign("made_good", made("good"), as_user("good", get("z1")))
sign("made_expired", made("bad", exp=1), as_user("bad", get("z1")))
sign("made_without_end", made("endless", exp=None), as_user("endless", get("z1")))
sign("made_for_nobody", made("bad", username="ghost"), as_user("bad", get("z1")))
sign("made_of_the_future", made("good", revision=10**6), as_user("good", get("z1")))
# Claims without a user, or with a revision that is no number, end the process of 3.5.1.
sign("made_not_yet", made("bad", nbf=4 * 10**9), as_user("bad", get("z1")))

# Old clients


def family_of(tool: str) -> Family:
    """Users and roles by a client of the time, and the same client as a user."""
    ctl = Ctl(tool)
    found = Family(f"auth_{tool}", setup=SETUP, tool=tool)
    root = f"--user=root:{PASSWORD}"
    user = f"--user=user:{PASSWORD}"

    def case(name: str, *steps: Any) -> None:
        found.case(name, begin(), *steps, clean())

    case("step_by_step", ctl("user", "add", f"root:{PASSWORD}"), ctl("role", "add", "root"),
         ctl("user", "grant-role", "root", "root"), ctl("auth", "enable"),
         ctl("get", "{p}a"), ctl("get", "{p}a", root), ctl("put", "{p}a", "1", root),
         ctl("get", "{p}a", root), ctl("auth", "disable", root), ctl("get", "{p}a"))
    case("passwords", ctl("user", "add", f"u:{PASSWORD}"), ctl("user", "add", "v", "--no-password"),
         ctl("user", "add", "w", "--interactive=false", stdin="p\n"), ctl("user", "list"),
         ctl("user", "passwd", "w", "--interactive=false", stdin="q\n"),
         ctl("user", "passwd", "x", "--interactive=false", stdin="q\n"))
    for form in ("simple", "json", "fields"):
        case(f"lists_{form}", ctl("user", "add", "u:p"), ctl("role", "add", "r"),
             ctl("user", "grant-role", "u", "r"), ctl("role", "grant-permission", "r", "read", "a"),
             ctl("role", "grant-permission", "r", "readwrite", "b", "--prefix"),
             ctl("role", "grant-permission", "r", "write", "c", "--from-key"),
             ctl("user", "list", f"-w={form}"), ctl("user", "get", "u", f"-w={form}"),
             ctl("role", "list", f"-w={form}"), ctl("role", "get", "r", f"-w={form}"))
    case("user_get_detail", ctl("user", "add", "u:p"), ctl("role", "add", "r"),
         ctl("user", "grant-role", "u", "r"), ctl("user", "get", "u", "--detail"))
    case("errors", ctl("user", "get", "u"), ctl("role", "get", "r"), ctl("user", "delete", "u"),
         ctl("role", "delete", "r"), ctl("user", "grant-role", "u", "r"), ctl("auth", "enable"),
         ctl("role", "grant-permission", "r", "read", "a"), ctl("user", "revoke-role", "u", "r"))
    case("as_user", WORLD, ctl("get", "{p}r1", user), ctl("get", "{p}w1", user),
         ctl("put", "{p}w1", "2", user), ctl("put", "{p}r1", "2", user),
         ctl("get", "{p}b", "--prefix", user), ctl("del", "{p}w1", user),
         ctl("get", "{p}r1", "--user=user:no"), ctl("get", "{p}r1", "--user=ghost:no"),
         ctl("user", "list", user), ctl("user", "get", "user", user),
         ctl("role", "get", "user", user), ctl("member", "remove", "77", user),
         ctl("txn", user, stdin="\nput {p}w1 3\n\n\n"), ctl("compaction", "1", root))
    return found


FAMILIES = [family, signed, family_of("etcdctl34"), family_of("etcdctl35")]
