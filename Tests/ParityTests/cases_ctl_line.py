"""The command line itself: help, flags, variables, names, formats, errors."""

from __future__ import annotations

from case import Family
from ctl import Ctl
from steps import grant, put, puts, quiet

SOME = puts("a=1", "b=2")
COMMANDS = """
alarm disarm; alarm list; auth disable; auth enable; auth status; check datascale; check perf;
compaction; defrag; del; elect; endpoint hashkv; endpoint health; endpoint status; get; lease grant;
lease keep-alive; lease list; lease revoke; lease timetolive; lock; make-mirror; member add;
member list; member promote; member remove; member update; move-leader; put; role add; role delete;
role get; role grant-permission; role list; role revoke-permission; snapshot save; txn; user add;
user delete; user get; user grant-role; user list; user passwd; user revoke-role; version; watch
"""
GROUPS = ("alarm", "auth", "check", "endpoint", "lease", "member", "role", "user")


def family_of(ctl: Ctl) -> Family:
    family = Family("ctl_line")
    for command in COMMANDS.replace("\n", " ").split(";"):
        path = command.split()
        family.case(f"help_{'_'.join(path)}", ctl(*path, "--help"), ctl(*path, "--bogus"))
    for group in GROUPS:
        family.case(f"help_{group}", ctl(group), ctl("help", group), ctl(group, "-h"),
                    ctl(group, "--bogus"))
    words(family, ctl)
    flags(family, ctl)
    variables(family, ctl)
    formats(family, ctl)
    more(family, ctl)
    return family


def words(family: Family, ctl: Ctl) -> None:
    family.case("root_help", ctl("--help"), ctl("help"), ctl(), ctl("-h"), ctl("help", "bogus"))
    family.case("help_of_command", ctl("help", "get"), ctl("help", "lease", "grant"),
                ctl("get", "-h"))
    family.case("version", ctl("version"), ctl("version", "extra"), ctl("version", "-w=json"),
                ctl("version", "-w=bogus"))
    for word in ("bogus", "gett", "putt", "getx", "e", "migrate", "locks", "membr",
                 "txnn", "versionn"):
        family.case(f"unknown_{word}", ctl(word), ctl(word, "x"))
    family.case("abbreviated", SOME, ctl("g", "{p}a"), ctl("ge", "{p}a"), ctl("v"),
                ctl("member", "l"), ctl("le", "l"), ctl("compact", "x"))
    family.case("ambiguous", ctl("m"), ctl("l"), ctl("de"), ctl("lease", "re"),
                ctl("lease", "r"), ctl("member", "p"))
    family.case("flags_before_the_command", SOME, ctl("-w", "json", "get", "{p}a"),
                ctl("--hex", "get", "{p}a"), ctl("--write-out=fields", "get", "{p}a"),
                ctl("get", "{p}a", "-wjson"), ctl("get", "-w=json", "{p}a"))
    family.case("two_dashes", SOME, ctl("get", "--", "{p}a"), ctl("put", "{p}d", "--", "-x"),
                ctl("get", "--prefix", "--", "{p}"))


def flags(family: Family, ctl: Ctl) -> None:
    for name, arguments in {
        "bool": ["--prefix=maybe"], "int": ["--limit=x"], "range": ["--limit=99999999999999999999"],
        "negative": ["--limit=-1"], "hex_int": ["--limit=0x1"], "duration": ["--dial-timeout=5"],
        "duration_word": ["--command-timeout=soon"], "missing_value": ["--limit"],
        "missing_short_value": ["-w"], "unknown_short": ["-z"], "syntax": ["--=x"],
        "three_dashes": ["---x"], "given_twice": ["--limit=1", "--limit=2", "--prefix"],
        "empty_value": ["--sort-by=", "--prefix"], "bool_false": ["--prefix=false"],
        "bool_short_words": ["--prefix=t"], "order_lower_case": ["--prefix", "--order=descend"],
        "empty_cert": ["--cert="], "empty_key": ["--key="], "empty_cacert": ["--cacert="],
        "skip_verify": ["--insecure-skip-tls-verify"], "debug": ["--debug"],
        "no_endpoint": ["--endpoints="], "two_endpoints": ["--endpoints={ep:m1},{ep:m1}"],
        "scheme": ["--endpoints=http://{ep:m1}"], "timeouts": ["--keepalive-time=1s",
                                                               "--keepalive-timeout=1s"],
        "command_timeout": ["--command-timeout=3s"], "discovery_name": ["--discovery-srv-name="],
        "insecure_discovery": ["--insecure-discovery=false"], "password_alone": ["--password=x"],
    }.items():
        family.case(f"flag_{name}", SOME, ctl("get", "{p}a", *arguments))
    family.case("flag_elsewhere", ctl("put", "{p}a", "1", "--keys-only"),
                ctl("lease", "list", "--keys"), ctl("member", "list", "--cluster"))


def variables(family: Family, ctl: Ctl) -> None:
    for name, value in {
        "HEX": "true", "WRITE_OUT": "fields", "COMMAND_TIMEOUT": "3s", "DIAL_TIMEOUT": "3s",
        "DEBUG": "false", "ENDPOINTS": "", "USER": "", "INSECURE_TRANSPORT": "true",
        "KEEPALIVE_TIME": "3s",
    }.items():
        family.case(f"variable_{name.lower()}", SOME,
                    ctl("get", "{p}a", env={f"ETCDCTL_{name}": value}))
    family.case("variable_wrong_format", SOME, ctl("get", "{p}a", env={"ETCDCTL_WRITE_OUT": "x"}),
                ctl("version", env={"ETCDCTL_WRITE_OUT": "x"}))
    family.case("variable_wrong_value", SOME, ctl("get", "{p}a", env={"ETCDCTL_HEX": "x"}))
    family.case("variable_unknown", SOME, ctl("get", "{p}a", env={"ETCDCTL_BOGUS": "x"}),
                ctl("version", env={"ETCDCTL_BOGUS": "x"}))
    family.case("variable_and_flag", SOME, ctl("get", "{p}a", "-w=simple",
                                               env={"ETCDCTL_WRITE_OUT": "json"}))
    for text in ("", "3", "4", "x"):
        family.case(f"api_{text or 'empty'}", SOME, ctl("get", "{p}a", env={"ETCDCTL_API": text}))
    family.case("watch_key_conflict", ctl("watch", "{p}a", env={"ETCDCTL_WATCH_KEY": "x"}),
                ctl("watch", env={"ETCDCTL_WATCH_RANGE_END": "x"}))
    family.case("watch_range_by_environment", SOME, ctl.lines(
        6, "watch", "--rev={rev+1}", env={"ETCDCTL_WATCH_KEY": "{p}a",
                                          "ETCDCTL_WATCH_RANGE_END": "{p}z"}))


def formats(family: Family, ctl: Ctl) -> None:
    for form in ("simple", "json", "fields"):
        w = f"-w={form}"
        family.case(f"hex_{form}", quiet(put("k", b"\x00\xffA")), ctl("get", "{p}k", "--hex", w),
                    ctl("put", "{p}k", "x", "--prev-kv", "--hex", w),
                    ctl("del", "{p}k", "--prev-kv", "--hex", w))
        family.case(f"quoting_{form}", quiet(put("q", 'a"b\\c\n\té<&>')), ctl("get", "{p}q", w))
        family.case(f"lease_of_key_{form}", grant(0x7A), quiet(put("a", "1", lease=0x7A)),
                    ctl("get", "{p}a", w), ctl("put", "{p}a", "2", "--ignore-lease", w),
                    ctl("lease", "timetolive", "7a", "--keys", w))
        family.case(f"nested_txn_{form}", SOME, ctl(
            "txn", w, stdin='mod("{p}a") > "0"\n\nget {p} --prefix\nput {p}c 3 --prev-kv\n'
            "del {p}b --prev-kv\n\n\n"))
    for arguments in (["compaction", "{rev+1}"], ["defrag"], ["move-leader", "1"],
                      ["check", "perf", "--load=x"]):
        family.case(f"any_format_{arguments[0]}", SOME, ctl(*arguments, "-w=json"))
    family.case("unsupported_formats", SOME, [
        ctl(*command, "-w=table") for command in (
            ["get", "{p}a"], ["put", "{p}a", "1"], ["del", "{p}a"], ["lease", "list"],
            ["lease", "grant", "60"], ["alarm", "list"], ["move-leader", "1"])],
        ctl("endpoint", "status", "-w=protobuf"), ctl("endpoint", "health", "-w=protobuf"),
        ctl("endpoint", "hashkv", "-w=protobuf"))


def more(family: Family, ctl: Ctl) -> None:
    family.case("get_more", SOME, ctl("get", "{p}a", "{p}c", "--limit=1", "-w=fields"),
                ctl("get", "{p}", "--prefix", "--keys-only", "-w=json"),
                ctl("get", "{p}a", "{p}b", "{p}c"), ctl("get", "{p}", "--prefix", "--rev=-1"))
    family.case("put_more", ctl("put", "{p}a", ""), ctl("get", "{p}a"),
                ctl("put", "{p}a", "1", "2"), ctl("put", "{p}a", "1", "--ignore-value"),
                ctl("put", "{p}a", "--ignore-value", "--ignore-lease"),
                ctl("put", "{p}a", "1", "--lease=7a", "--ignore-lease"))
    family.case("del_more", SOME, ctl("del", "", "--prefix", "--prev-kv"), ctl("del", "{p}a", ""),
                ctl("del", "{p}a", "{p}b", "--prefix"))
    family.case("txn_more", SOME, ctl("txn", stdin='c("{p}a")="1"\n\n\n\n'),
                ctl("txn", stdin='value("{p}a") ~ "1"\n\n\n\n'),
                ctl("txn", stdin="\nget\n\n\n"), ctl("txn", stdin="\nput {p}a\n\n\n"),
                ctl("txn", stdin='\nput {p}t "two words"\nget {p}t\n\n\n'),
                ctl("txn", stdin="\nput {p}t 'single ''quotes'\n\n\n"),
                ctl("txn", stdin="\nget {p}a --bogus\n\n\n"),
                ctl("txn", stdin='lease("{p}a") = "zz"\n\n\n\n'))
    family.case("lease_more", ctl("lease", "grant", "0", save="L"), ctl("lease", "grant", "-5"),
                ctl("lease", "grant", "5", "6"), ctl("lease", "timetolive", "zz"),
                ctl("lease", "keep-alive"), ctl("lease", "keep-alive", "zz"),
                ctl("lease", "list", "extra"), ctl("lease", "revoke", "1", "2"))
    family.case("lease_keep_alive_gone", ctl("lease", "keep-alive", "7b"),
                ctl("lease", "keep-alive", "7b", "-w=json"))
    family.case("member_more", ctl("member", "list", "extra"),
                ctl("member", "add", "x", "http://127.0.0.1:9"),
                ctl("member", "add", "x", "y", "--peer-urls=http://127.0.0.1:9"),
                ctl("member", "update", "zz"), ctl("member", "promote"))
    family.case("endpoint_of_two", ctl("endpoint", "status", endpoints="{ep:m1},127.0.0.1:9"),
                ctl("endpoint", "hashkv", endpoints="127.0.0.1:9"),
                ctl("endpoint", "health", "--command-timeout=500ms", endpoints="127.0.0.1:9"))
    family.case("defrag_of_two", ctl("defrag", "--command-timeout=500ms",
                                     endpoints="{ep:m1},127.0.0.1:9"))
    family.case("snapshot_more", ctl("snapshot", "save", "a", "b"),
                ctl("snapshot", "save", "{dir}/s.db", "-w=json"))
    family.case("compaction_more", ctl("compaction", "0"), ctl("compaction", "-1"),
                ctl("compaction", "1", "2"))
    family.case("check_more", ctl("check", "datascale", "--load=x"), ctl("check", "perf", "-h"),
                quiet(put("k", "1")), ctl("check", "perf", "--prefix={p}"),
                ctl("check", "datascale", "--prefix={p}"))
    family.case("watch_more", ctl("watch", "a", "b", "--prefix"), ctl("watch", "a", "--"),
                ctl("watch", "--", "echo"), ctl("watch", "-x"))
    family.case("watch_exec_fails", SOME, ctl("watch", "{p}a", "--rev={rev+1}", "--", "false"),
                ctl("watch", "{p}a", "--rev={rev+1}", "--", "no-such-program"))
    family.case("watch_exec_variables", SOME, ctl.lines(
        4, "watch", "{p}a", "--rev={rev+1}", "--", "sh", "-c",
        'test -n "$ETCD_WATCH_REVISION" && echo "$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY '
        '$ETCD_WATCH_VALUE"'))
