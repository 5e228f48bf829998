"""Locks, elections, mirrors, watches and transactions, as jobs and in front of a terminal."""

from __future__ import annotations

import signal

from case import Family
from ctl import Ctl
from ctl_jobs import begin, end, expect, keys_appear, revoke_leases, terminal
from steps import delete, get, grant, put, puts, quiet

SOME = puts("a=1", "b=2", "c=3")


def family_of(ctl: Ctl) -> Family:
    family = Family("ctl_session")
    locks(family, ctl)
    elections(family, ctl)
    mirrors(family, ctl)
    terminals(family, ctl)
    return family


def locks(family: Family, ctl: Ctl) -> None:
    family.case("lock_errors", ctl("lock"), ctl("lock", "--ttl=x", "{p}l"),
                ctl("lock", "{p}l", "--ttl=99999999999", "true"))
    family.case("lock_runs_command", ctl("lock", "{p}l", "echo", "hello"),
                ctl("get", "{p}l", "--prefix"))
    family.case("lock_gives_exit_code", ctl("lock", "{p}l", "--", "sh", "-c", "exit 7"),
                ctl("lock", "{p}l", "false"), ctl("get", "{p}l", "--prefix"))
    family.case("lock_command_by_signal", ctl("lock", "{p}l", "--", "sh", "-c", "kill -9 $$"))
    family.case("lock_command_missing", ctl("lock", "{p}l", "no-such-program"),
                ctl("lock", "{p}l", "/no/such/program"))
    family.case("lock_environment", ctl(
        "lock", "{p}l", "--", "sh", "-c",
        'test -n "$ETCD_LOCK_REV" && echo "${ETCD_LOCK_KEY%/*}"'))
    family.case("lock_key_while_held", ctl("lock", "{p}l", "--", "sh", "-c", "true"))
    family.case("lock_held", begin(ctl, "a", "lock", "{p}l", lines=2), keys_appear(1, "l/"),
                end("a"), keys_appear(0, "l/"))
    for form in ("fields", "json"):
        family.case(f"lock_of_command_{form}", ctl("lock", "{p}l", "true", f"-w={form}"))
    family.case("lock_table", ctl("lock", "{p}l", "-w=table"))
    family.case("lock_ended_by_sigterm", begin(ctl, "a", "lock", "{p}l", lines=2),
                end("a", signal.SIGTERM), keys_appear(0, "l/"))
    family.case("lock_waits", begin(ctl, "a", "lock", "{p}l", lines=2),
                begin(ctl, "b", "lock", "{p}l"), keys_appear(2, "l/"),
                begin(ctl, "c", "lock", "{p}l"), keys_appear(3, "l/"), end("a"),
                expect("b", 2), end("b"), expect("c", 2), end("c"), keys_appear(0, "l/"))
    family.case("lock_waiter_gives_up", begin(ctl, "a", "lock", "{p}l", lines=2),
                begin(ctl, "b", "lock", "{p}l"), keys_appear(2, "l/"), end("b"),
                keys_appear(1, "l/"), end("a"))
    family.case("lock_lost", begin(ctl, "a", "lock", "--ttl=3", "{p}l", lines=2),
                revoke_leases(), end("a", None))
    family.case("lock_lost_while_waiting", begin(ctl, "a", "lock", "{p}l", lines=2),
                begin(ctl, "b", "lock", "--ttl=3", "{p}l"), keys_appear(2, "l/"),
                revoke_leases(), end("b", None), end("a"))
    family.case("lock_with_ttl", begin(ctl, "a", "lock", "--ttl=30", "{p}l", lines=2), end("a"))


def elections(family: Family, ctl: Ctl) -> None:
    family.case("elect_errors", ctl("elect"), ctl("elect", "{p}e"),
                ctl("elect", "{p}e", "x", "y"), ctl("elect", "{p}e", "x", "-w=table"))
    family.case("elect_candidate", begin(ctl, "a", "elect", "{p}e", "me", lines=2),
                keys_appear(1, "e/"), end("a"), keys_appear(0, "e/"))
    family.case("elect_second", begin(ctl, "a", "elect", "{p}e", "one", lines=2),
                begin(ctl, "b", "elect", "{p}e", "two"), keys_appear(2, "e/"), end("a"),
                expect("b", 2), end("b"))
    family.case("elect_gives_up", begin(ctl, "a", "elect", "{p}e", "one", lines=2),
                begin(ctl, "b", "elect", "{p}e", "two"), keys_appear(2, "e/"), end("b"),
                end("a", signal.SIGTERM))
    family.case("elect_listens", begin(ctl, "a", "elect", "{p}e", "one", lines=2),
                begin(ctl, "l", "elect", "-l", "{p}e", lines=2),
                begin(ctl, "b", "elect", "{p}e", "two"), keys_appear(2, "e/"), end("a"),
                expect("b", 2), expect("l", 4), end("b"), end("l"))
    family.case("elect_listens_first", begin(ctl, "l", "elect", "--listen", "{p}e"),
                begin(ctl, "a", "elect", "{p}e", "one", lines=2), expect("l", 2), end("a"),
                begin(ctl, "b", "elect", "{p}e", "two", lines=2), expect("l", 4), end("b"),
                end("l", signal.SIGTERM))


def mirrors(family: Family, ctl: Ctl) -> None:
    family.case("mirror_errors", ctl("make-mirror"), ctl("make-mirror", "a", "b"),
                ctl("make-mirror", "{ep:m1}", "--dest-prefix=x", "--no-dest-prefix"))
    family.case("mirror_prefix", puts("src/a=1", "src/b=2", "other=3"),
                begin(ctl, "m", "make-mirror", "{ep:m1}", "--prefix={p}src/",
                      "--dest-prefix={p}dst/"), keys_appear(2, "dst/"),
                quiet(put("src/c", "3")), keys_appear(3, "dst/"), quiet(delete("src/a")),
                keys_appear(2, "dst/"), ctl("get", "{p}dst/", "--prefix"),
                end("m", signal.SIGKILL))
    family.case("mirror_no_prefix", puts("src/mirror_no_prefix/a=1"),
                begin(ctl, "m", "make-mirror", "{ep:m1}", "--prefix={p}src/",
                      "--no-dest-prefix"), keys_appear(1, "a"),
                ctl("get", "{p}a", "--prefix"), end("m", signal.SIGKILL))
    family.case("mirror_many", [quiet(put(f"src/{n:03}", str(n))) for n in range(150)],
                begin(ctl, "m", "make-mirror", "{ep:m1}", "--prefix={p}src/",
                      "--dest-prefix={p}dst/"), keys_appear(150, "dst/"),
                ctl("get", "{p}dst/", "--prefix"),
                end("m", signal.SIGKILL))
    family.case("mirror_same_key_twice", quiet(put("src/a", "1")),
                begin(ctl, "m", "make-mirror", "{ep:m1}", "--prefix={p}src/",
                      "--dest-prefix={p}dst/"), keys_appear(1, "dst/"),
                quiet(put("src/a", "2")), quiet(delete("src/a")), quiet(put("src/b", "x")),
                quiet(put("src/a", "3")), keys_appear(2, "dst/"), quiet(put("src/end", "")),
                keys_appear(3, "dst/"), ctl("get", "{p}dst/", "--prefix"),
                end("m", signal.SIGKILL))


def terminals(family: Family, ctl: Ctl) -> None:
    ask = [("see", "compares:"), ("type", 'value("{p}a") = "1"\n'), ("type", "\n"),
           ("see", "success requests (get, put, del):"), ("type", "put {p}a 9\n"),
           ("type", "get {p}a\n"), ("type", "\n"), ("see", "failure requests (get, put, del):")]
    family.case("type_txn", SOME, terminal(ctl, [*ask, ("type", "\n")], "txn", "-i"), get("a"))
    family.case("type_txn_and_leave", SOME, terminal(ctl, [*ask, ("type", "\x04")],
                                                     "txn", "--interactive"), get("a"))
    family.case("type_txn_nonsense", terminal(ctl, [("see", "compares:"), ("type", "x\n")],
                                              "txn", "-i"))
    family.case("type_txn_interrupted", terminal(ctl, [("see", "compares:"), ("type", "\x03")],
                                                 "txn", "-i"))
    family.case("type_watch", SOME, terminal(
        ctl, [("type", "watch {p}a --rev={rev+1}\n"), ("see", "PUT"), ("see", "{p}a"),
              ("see", "\n1"), ("see", "\n"),
              ("type", "watch {p}b --rev={rev+1} --prev-kv\n"), ("see", "PUT"), ("see", "{p}b"),
              ("see", "\n2"), ("see", "\n"), ("type", "bogus\n"),
              ("see", "only support watch"), ("type", "\x03")],
        "watch", "-i"))
    family.case("type_watch_exec", SOME, terminal(
        ctl, [("type", "watch {p}a --rev={rev+1} -- echo ran\n"), ("see", "\nran"),
              ("see", "\n"), ("type", "\x03")], "watch", "-i"))
    family.case("type_watch_and_leave", terminal(ctl, [("type", "\x04")], "watch", "-i"))
    family.case("type_watch_later", terminal(
        ctl, [("type", "watch {p}a\n"), ("see", "watch {p}a"), ("type", "watch\n"),
              ("see", "not provided"), ("do", put("a", "1")), ("see", "PUT"), ("see", "\n1"),
              ("see", "\n"), ("type", "\x03")], "watch", "-i"))
    family.case("type_lock", terminal(
        ctl, [("see", "{p}l/"), ("see", "\n"), ("see", "\n"), ("type", "\x03")],
        "lock", "{p}l"), keys_appear(0, "l/"))
    family.case("type_elect", terminal(
        ctl, [("see", "{p}e/"), ("see", "me"), ("see", "\n"), ("type", "\x03")],
        "elect", "{p}e", "me"), keys_appear(0, "e/"))
    family.case("type_elect_listen", begin(ctl, "a", "elect", "{p}e", "one", lines=2),
                terminal(ctl, [("see", "{p}e/"), ("see", "one"), ("see", "\n"),
                               ("type", "\x03")], "elect", "-l", "{p}e"), end("a"))
    family.case("type_watch_ended", quiet(put("a", "1")),
        terminal(ctl, [("see", "PUT"), ("see", "\n1"), ("see", "\n"), ("type", "\x03")],
                 "watch", "{p}a", "--rev={rev+1}"))
    family.case("type_put_value", terminal(ctl, [("type", "typed\n"), ("type", "\x04")],
                                           "put", "{p}a"), get("a"))
    family.case("type_keep_alive", grant(0x7A), terminal(
        ctl, [("see", "keepalived"), ("type", "\x03")], "lease", "keep-alive", "7a"))
