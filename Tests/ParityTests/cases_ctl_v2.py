"""Command lines of etcdctl's v2 mode, compared between the old tool and keelsonctl."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One command line; `{E}` is the endpoint, `{W}` the index before the case. With `then`, it runs while the others do."""

    words: str
    stdin: str = ""
    unordered: bool = False
    raw: bool = False
    env: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    interrupt: bool = False
    # Lines of output after which it is interrupted; what should not come cannot be waited for.
    shows: int = 0


def run(*lines: str | Line) -> tuple[Line, ...]:
    return tuple(line if isinstance(line, Line) else Line(line) for line in lines)


def free(words: str) -> Line:
    """Its lines come in any order."""
    return Line(words, unordered=True)


def raw(words: str, **options) -> Line:
    """Without our --endpoints."""
    return Line(words, raw=True, **options)


def formats(words: str) -> list[str]:
    return [words, f"-o extended {words}", f"-o json {words}"]


_COMMANDS = ["set", "mk", "mkdir", "setdir", "update", "updatedir", "get", "rm", "rmdir", "watch"]
_GROUPS = {
    "member": ["list", "add", "remove", "update"],
    "user": ["add", "get", "list", "remove", "grant", "revoke", "passwd"],
    "role": ["add", "get", "list", "remove", "grant", "revoke"],
    "auth": ["enable", "disable"],
}

# Cases that change nobody's members: they also run against a server of ours.
CASES: dict[str, tuple[Line, ...]] = {
    "set and get": run(*formats("set /a b"), *formats("get a"), "get /nope", "get --sort a"),
    "get quorum": run("set /a 1", "get -q a", "get --quorum a", "get --quorum=false a"),
    "get a directory": run("mkdir d", *formats("get d"), *formats("get /")),
    "get more words": run("set a b c d", "get a b c"),
    "missing": run(*formats("get /x/y/z"), *formats("ls /x"), *formats("rm /x")),
    "set replaces": run("set k 1", *formats("set k 2"), "get k"),
    "values": run("set k ''", "get k", "set k 'a b\tc'", "get k", "set k 'ü <>&'",
                  "-o json get k", "set k a+b%20c", "get k", "set 'k k/+%&?x' v",
                  "get 'k k/+%&?x'", free("ls")),
    "value from stdin": run(Line("set s", stdin="from stdin\n"), "get s", "set s",
                            Line("mk t", stdin="x"), Line("update t", stdin="y\nz"), "get t"),
    "value like a flag": run("set -- k -v", "get k", "set k -v", "set k v -x", "set k -- -v",
                             "get k", "set k -- -- w", "set -- k -- w", "set k --ttl -- 5",
                             "set --ttl 50 k -- w", "set - k", "get -q -- k", "ls -r k -- z"),
    "exec-watch without dashes": run("exec-watch k --", "exec-watch -- k"),
    "compare and swap": run("set k 1", "set --swap-with-value 1 k 2", "set k 3 --swap-with-value 9",
                            "-o json set --swap-with-value 2 k 4", "-o extended get k",
                            "set --swap-with-value 1 nope 2"),
    "compare index": run("set k 1", "set --swap-with-index 1 k 2", "set --swap-with-index 99999 k 2",
                         "set --swap-with-value q --swap-with-index 3 k z",
                         "set --swap-with-index -1 k 2", "set --swap-with-index 0xfff0 k 2"),
    "ttl": run("set --ttl 100 t v", *formats("get t"), "set --ttl=0 t v", "-o json get t",
               "set --ttl -1 t v", "-o json set t v --ttl 50", "update --ttl 70 t w",
               "-o extended get t", "mk --ttl 100 u v", "-o json get u"),
    "ttl refused": run("set --ttl abc t v", "set --ttl 5.5 t v", "set --ttl", "set --ttl t v",
                       "set --ttl 99999999999999999999 t v", "mk --ttl x t v"),
    "mk": run(*formats("mk m v"), "mk m w", "-o json mk n v", "-o extended mk o v"),
    "mk in order": run("mkdir q", "mk --in-order q 1", "-o extended mk --in-order q 2",
                       "-o json mk --in-order q 3", "ls --sort q", "mk --in-order new/q 4",
                       "set f v", "mk --in-order f 5", "mk --in-order --ttl 100 q 6"),
    "mkdir": run("mkdir d", "mkdir d", "mkdir d/e/f", "ls --sort -r d", "-o json mkdir g",
                 "-o extended mkdir h", "mkdir --ttl 100 i", "-o json ls i", "mkdir /"),
    "setdir": run("setdir d", "setdir d", "-o json setdir e", "set f v", "setdir f",
                  "ls -p --sort", "setdir --ttl 100 g", "-o json ls g"),
    "updatedir": run("mkdir d", "updatedir --ttl 100 d", "-o json ls d", "updatedir d",
                     "-o json ls d", "updatedir nope", "set f v", "updatedir f", "get f",
                     "-o extended updatedir d"),
    "update": run("update nope v", "set k 1", *formats("update k 2"), "mkdir d", "update d v"),
    "file in the way": run("set a 1", "set a/b 2", "mk a/b/c 2", "mkdir a/b", "get a/b",
                           "rm a/b", "ls a/b"),
    "root": run("set / v", "rm /", "rm -r /", "rmdir /", "mk / v", "update / v", "set '' v",
                "get ''", "ls ''"),
    "paths": run("set //a///b// v", "get a/b", "get a/./b", "get a/../a/b", "get a/b/", "ls /a/",
                 "rm a//b"),
    "ls": run("set /l/a 1", "set /l/b/c 2", "mkdir /l/d", free("ls /l"), free("ls -r /l"),
              free("ls -p /l"), "ls --sort /l", "ls --sort -r -p /l", "ls --sort --recursive -q /l",
              "ls /l/a", "ls -p /l/a", "ls --sort /l /nope", "-o json ls --sort -r /l",
              "-o extended ls --sort /l", "-o xyz ls /l"),
    "ls of nothing": run("ls", "-o json ls", "-o extended ls", "mkdir d", "ls d", "-o json ls d"),
    "hidden": run("set _h v", "set a/_h/b v", "set a/c v", "ls --sort -r", "get _h", "ls a/_h",
                  "ls _h", "rm _h"),
    "rm": run("set k v", *formats("rm k"), "set k v", "-o extended rm k", "set k v",
              "-o json rm k", "rm k"),
    "rm conditions": run("set k v", "rm --with-value q k", "rm --with-index 1 k",
                         "rm --with-value q --with-index 1 k", "rm --with-value v k", "set k v",
                         "-o json rm --with-value v k", "rm --with-value v nope"),
    "rm directories": run("set d/a 1", "rm d", "rm --dir d", "rmdir d", "rm -r d", "mkdir d",
                          "rm --dir d", "mkdir d", "-o json rm -r d", "set d/a 1",
                          "-o extended rm --recursive d"),
    "rmdir": run("mkdir d", "rmdir d", "rmdir d", "set k v", "rmdir k", "mkdir e",
                 "-o extended rmdir e", "mkdir e", "-o json rmdir e"),
    "rm of many": run("set k v", "rm k nope", "set d/k v", "rm -r --dir d"),
    "watch history": run("set w 1", "set w 2", "rm w", "watch --after-index {W} w",
                         "-o json watch --after-index {W} w", "-o extended watch --after-index {W} w",
                         "watch --after-index {W} -r /", "-o json watch --after-index {W+1} -r /"),
    "watch one": run(Line("watch w", then=("set w 1", "set w 2"))),
    "watch one, json": run(Line("-o json watch w", then=("set w 1",))),
    "watch one, extended": run("set w 0", Line("-o extended watch w", then=("set w 1",))),
    "watch a delete": run("set w 1", Line("watch w", then=("rm w",))),
    "watch below": run(Line("watch -r d", then=("set d/x/y 1",))),
    "watch not below": run(Line("watch d", then=("set d/x 1", "mkdir e", "set e/f 1"),
                                interrupt=True)),
    "watch forever": run(Line("watch -f -r /", then=(
        "set a 1", "mkdir d", "mk d/b 2", "update a 3", "set --swap-with-value 3 a 4", "rm a",
        "mk --in-order d 5", "rm -r d"), interrupt=True, shows=12)),
    "watch a parent's end": run("set d/a 1", Line("watch d/a", then=("rm -r d",), interrupt=True)),
    "exec-watch": run(Line(
        "exec-watch -r / -- sh -c 'echo $ETCD_WATCH_ACTION $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE'",
        then=("set a 1",), interrupt=True, shows=1)),
    "exec-watch refused": run("exec-watch", "exec-watch a", "exec-watch -r", "exec-watch -x a b"),
    "members": run("member list", "-o json member list", "member list x"),
    "member mistakes": run("member add", "member add a", "member add a b", "member add a http://h",
                           "member add a http://h:1/p", "member add a b c", "member remove",
                           "member remove xyz", "member remove abc", "member remove a b",
                           "member update", "member update abc", "member update abc http://h:1",
                           "member update xyz http://h:1"),
    "health": run("cluster-health", "cluster-health x", "--no-sync cluster-health"),
    "no key": run(*_COMMANDS), "no value": run("set a", "mk a", "update a", "mk --in-order a"),
    "unknown flags": run(*[f"{word} --bogus x" for word in [*_COMMANDS, "ls", "cluster-health"]]),
    "bad bools": run("get --sort=x a", "ls -r=2 a", "rm --dir=maybe a", "get --quorum=T a",
                     "get --sort=1 a"),
    "bad syntax": run("get ---x a", "get -=x a", "ls -r --recursive a", "get -q --quorum a",
                      "watch --after-index x a", "watch --after-index"),
    "unknown words": run("nosuch", "help nosuch", "member nosuch", "member help nosuch",
                         "member --bogus", "user nosuch x"),
    "help": run("", "help", "h", "--help", "-h", *[f"help {word}" for word in _COMMANDS],
                "help ls", "help exec-watch", "help cluster-health", "help backup", "ls --help"),
    "help of flags": run(*[f"{word} -h" for word in _COMMANDS], "get -h a", "backup --help"),
    "help of groups": run(*_GROUPS, *[f"{group} help" for group in _GROUPS],
                          *[f"{group} -h" for group in _GROUPS]),
    "help in groups": run(*[f"{group} {word} -h" for group, words in _GROUPS.items()
                            for word in words],
                          "member help add", "user h grant", "role help revoke"),
    "version": run("--version", "-v", raw("-v"), "-v get a"),
    "global mistakes": run("--bogus ls", "--timeout xx ls", "--timeout", "--total-timeout 5 ls"),
    "output": run("set a 1", "-o simple get a", "--output json get a", "--output=extended get a",
                  "-o xyz get a", "-o '' get a", "-o json -o simple get a"),
    "debug": run("set a 1", "--debug get a", "--debug --no-sync ls", "--debug set a 'x y'",
                 "--debug rm --with-value z a", "--debug mk --in-order q v", "--debug ls -r --sort",
                 "--debug get 'a b?c%'", "--debug member list"),
    "endpoint flags": run(raw("--endpoint {E} ls"), raw("--peers {E} ls"), raw("-C {E} ls"),
                          raw("--endpoints {E}/ ls"), raw("--endpoints {A} ls"),
                          raw("--endpoints ::bad ls"), raw("--no-sync -C {E} ls")),
    "endpoint variables": run(
        raw("ls", env=("ETCDCTL_ENDPOINT={E}",)), raw("ls", env=("ETCDCTL_ENDPOINTS={E}",)),
        raw("ls", env=("ETCDCTL_PEERS={E}",)),
        raw("ls", env=("ETCDCTL_ENDPOINT={E}", "ETCDCTL_PEERS=http://127.0.0.1:1")),
        raw("--endpoints {E} ls", env=("ETCDCTL_ENDPOINTS=http://127.0.0.1:1",))),
    "nobody there": run(*[raw(f"--endpoints http://127.0.0.1:1 {words}") for words in (
        "ls", "get", "set a b", "member list", "cluster-health", "user list", "watch a",
        "--no-sync")], raw("--endpoints http://127.0.0.1:1 member add a")),
    "nobody there, no sync": run(*[
        raw(f"--no-sync --endpoints http://127.0.0.1:1 {words}") for words in (
            "ls", "set a b", "mk a b", "rm a", "update a b", "member list", "role list")]),
    "failover": run("set a 1", raw("--endpoints http://127.0.0.1:1,{E} get a"),
                    raw("--no-sync --endpoints http://127.0.0.1:1,{E} get a")),
    "times": run("--timeout 1s --total-timeout 1s ls", "--total-timeout 1ns ls"),
    "user and password": run("-u root:x ls", "--username root: ls",
                             Line("ls", env=("ETCDCTL_USERNAME=me:pw",))),
}

# Users and roles of v2, which only the old server has.
AUTH_CASES: dict[str, tuple[Line, ...]] = {
    "roles": run("role list", "role get guest", "role add r", "role add r", "role get r",
                 "role grant r", "role grant --path /x r", "role grant --path /x --read r",
                 "role grant --path '/x*' --rw r", "role grant --path '/x*' --rw --read r",
                 "role grant --path x// --read r", "role get r", free("role list"),
                 "role revoke --path /x --read r", "role revoke --path /x --read r", "role get r",
                 "role remove r", "role remove r", "role get", "role add", "role remove a b",
                 "role grant --path /x --write nope"),
    "users": run("user list", "user add", "user add alice:pw", "user add alice:pw", "user get alice",
                 "user list", "user grant alice", "user grant --roles root alice", "user get alice",
                 "user grant --roles root alice", "user revoke --roles root alice",
                 "user revoke --roles root alice", "user get", "user get bob", "user remove bob",
                 "user grant --roles x bob", "user revoke --roles x bob", "user remove alice",
                 "user list x", "user add bob:"),
    "auth": run("auth enable", "auth disable", "auth enable x", "user add root:pw", "auth enable",
                "set a 1", "role list", "-u root:pw user list", "-u root:no user list",
                "-u root:pw role get guest", "-u root:pw role revoke --path '/*' --rw guest",
                "set a 2", "get a", "-u root:pw set a 3", "-u root:pw auth disable", "get a"),
}

# Changes of the membership, last of all.
MEMBER_CASES: dict[str, tuple[Line, ...]] = {
    "member update": run("member update {ID} http://127.0.0.1:7777",
                         "member update {ID} http://127.0.0.1:7777,http://127.0.0.1:7778"),
    "member add": run("member add m2 http://127.0.0.1:7779"),
}

# Cases that need a server nobody has used, or leave one behind that nobody can use.
FRESH = {*AUTH_CASES, *MEMBER_CASES}
# Lines whose end is a race in etcdctl itself: its dial and its context end at the same moment.
RACES = {"--total-timeout 1ns ls"}
