"""The same command lines with etcdctl 3.4 and etcdctl 3.5: output, exit code and errors."""

from __future__ import annotations

from case import FRESH, Family, Setup
from ctl import Ctl
from steps import call, delete, get, grant, put, puts, quiet
from world import Ref, Rev

THREE_FRESH = Setup(size=3, fresh=True)
FORMATS = ("simple", "json", "fields", "table")
SOME = puts("a=1", "b=2", "a=11", "c=<&>")
NOSPACE = {"memberID": Ref("m1"), "alarm": "NOSPACE"}
ALARM = quiet(call("Maintenance.Alarm", action="ACTIVATE", **NOSPACE))
# Real etcd drops a membership change while the one before is not wholly applied, see cases_cluster.
SETTLE = quiet(put("settle", "x"))


def kv_cases(family: Family, ctl: Ctl) -> None:
    """put, get and del."""
    for form in FORMATS:
        w = f"-w={form}"
        family.case(f"put_{form}", ctl("put", "{p}a", "1", w),
                    ctl("put", "{p}a", "2", "--prev-kv", w), get("a"))
        family.case(f"get_{form}", SOME, ctl("get", "{p}", "--prefix", w),
                    ctl("get", "{p}a", w), ctl("get", "{p}none", w),
                    ctl("get", "{p}", "--prefix", "--limit=1", w))
        family.case(f"del_{form}", SOME, ctl("del", "{p}a", "--prev-kv", w),
                    ctl("del", "{p}", "--prefix", w), ctl("del", "{p}a", w))
    family.case("get_hex", SOME, quiet(put("bin", b"\x00\xff")),
                ctl("get", "{p}", "--prefix", "--hex"),
                ctl("get", "{p}", "--prefix", "--hex", "-w=fields"))
    for sort in ("CREATE", "KEY", "MODIFY", "VALUE", "VERSION"):
        family.case(f"get_sort_{sort}".lower(), SOME,
                    ctl("get", "{p}", "--prefix", f"--sort-by={sort}"),
                    ctl("get", "{p}", "--prefix", f"--sort-by={sort}", "--order=DESCEND"))
    family.case("get_range", SOME, ctl("get", "{p}a", "{p}c"), ctl("get", "{p}c", "{p}a"))
    family.case("get_from_key", SOME, ctl("get", "{p}b", "--from-key"))
    family.case("get_keys_only", SOME, ctl("get", "{p}", "--prefix", "--keys-only"))
    family.case("get_count_only", SOME, ctl("get", "{p}", "--prefix", "--count-only"),
                ctl("get", "{p}", "--prefix", "--count-only", "-w=fields"),
                ctl("get", "{p}", "--prefix", "--count-only", "-w=json"))
    family.case("get_print_value_only", SOME, ctl("get", "{p}a", "--print-value-only"),
                ctl("get", "{p}a", "--print-value-only", "-w=json"))
    family.case("get_revision", SOME, ctl("get", "{p}a", "--rev={rev+1}"),
                ctl("get", "{p}a", "--rev={rev+99}"), ctl("get", "{p}a", "--rev={rev+1}",
                                                          "-w=json"))
    family.case("get_compacted", SOME, call("KV.Compact", revision=Rev(3)),
                ctl("get", "{p}a", "--rev={rev+1}"))
    family.case("get_serializable", SOME, ctl("get", "{p}a", "--consistency=s"),
                ctl("get", "{p}a", "--consistency=x"))
    family.case("get_errors", ctl("get"), ctl("get", "{p}a", "--order=UP"),
                ctl("get", "{p}a", "--sort-by=SIZE"), ctl("get", "{p}a", "--prefix",
                                                          "--from-key"), ctl("get", ""))
    family.case("get_everything_by_empty_prefix", SOME, ctl("get", "", "--prefix"))
    family.case("put_from_stdin", ctl("put", "{p}a", stdin="two\nlines\n"), get("a"))
    family.case("put_errors", ctl("put"), ctl("put", "", "x"),
                ctl("put", "{p}a", "1", "--lease=zz"),
                ctl("put", "{p}a", "1", "--lease=77777"), ctl("put", "{p}a", "--ignore-value"),
                ctl("put", "{p}a", "1", "--ignore-lease"))
    family.case("put_ignore", SOME, ctl("put", "{p}a", "--ignore-value"), get("a"),
                ctl("put", "{p}a", "5", "--ignore-lease", "--prev-kv"), get("a"))
    family.case("put_too_large", ctl("put", "{p}a", stdin="x" * 1_600_000))
    family.case("put_of_dashes", ctl("put", "--", "{p}-a", "-1"), ctl("get", "--", "{p}-a"))
    family.case("del_range", SOME, ctl("del", "{p}a", "{p}b"),
                ctl("del", "{p}", "--from-key", "--prev-kv"))
    family.case("del_errors", ctl("del"), ctl("del", "{p}a", "--prefix", "--from-key"),
                ctl("del", ""))
    family.case("unknown_format", ctl("get", "{p}a", "-w=xml"))
    family.case("put_protobuf", ctl.protobuf("etcdserverpb.PutResponse", "put", "{p}a", "1"))
    family.case("get_protobuf", SOME, ctl.protobuf("etcdserverpb.RangeResponse", "get", "{p}",
                                                   "--prefix"))
    family.case("del_protobuf", SOME, ctl.protobuf("etcdserverpb.DeleteRangeResponse", "del",
                                                   "{p}a", "--prev-kv"))


def txn_cases(family: Family, ctl: Ctl) -> None:
    """txn from standard input, and compaction."""
    hit = 'value("{p}a") = "11"\n\nput {p}x 1\nget {p}a\ndel {p}b --prev-kv\n\nget {p}c\n\n'
    miss = 'version("{p}a") > "7"\n\nput {p}x 1\n\nget {p}c\ndel {p}a\n\n'
    for form in FORMATS:
        family.case(f"txn_{form}", SOME, ctl("txn", f"-w={form}", stdin=hit),
                    ctl("txn", f"-w={form}", stdin=miss))
    for target, value in (("c", "{rev+1}"), ("create", "{rev+1}"), ("m", "{rev+3}"),
                          ("mod", "{rev+3}"), ("ver", "2"), ("lease", "0"), ("val", "11")):
        family.case(f"txn_compare_{target}", SOME, [
            ctl("txn", stdin=f'{target}("{{p}}a") {sign} "{value}"\n\nget {{p}}a\n\n\n')
            for sign in "=<>"])
    family.case("txn_not_equal", SOME, ctl("txn", stdin='val("{p}a") != "1"\n\nget {p}a\n\n\n'))
    family.case("txn_empty", ctl("txn", stdin="\n\n\n"))
    family.case("txn_interactive", SOME, ctl("txn", "-i", stdin=hit))
    family.case("txn_errors", ctl("txn", stdin="nonsense\n\n\n\n"), ctl("txn", stdin=""),
                ctl("txn", stdin="\nfly {p}a\n\n\n"), ctl("txn", "extra", stdin="\n\n\n"),
                ctl("txn", stdin='size("a") = "1"\n\n\n\n'))
    family.case("txn_duplicate_key", ctl("txn", stdin="\nput {p}a 1\nput {p}a 2\n\n\n"))
    family.case("txn_key_not_found", ctl("txn", stdin="\nput {p}a --ignore-value\n\n\n"))
    family.case("compaction", SOME, ctl("compaction", "{rev+2}"),
                ctl("compaction", "{rev+2}"), ctl("compaction", "{rev+99}"),
                ctl("compaction", "{rev+3}", "--physical"), ctl("compaction"),
                ctl("compaction", "x"))


def watch_cases(family: Family, ctl: Ctl) -> None:
    """watch from a revision of the past, so that nothing depends on timing."""
    changes = [SOME, quiet(delete("a"))]
    counts = {"simple": 12, "json": 1, "fields": 12}
    for form, count in counts.items():
        family.case(f"watch_{form}", changes, ctl.lines(
            count, "watch", "{p}", "--prefix", "--rev={rev+1}", f"-w={form}"))
    family.case("watch_prev_kv", changes, ctl.lines(
        9, "watch", "{p}a", "--rev={rev+1}", "--prev-kv"))
    family.case("watch_prev_kv_json", changes, ctl.lines(
        1, "watch", "{p}a", "--rev={rev+1}", "--prev-kv", "-w=json"))
    family.case("watch_range", changes, ctl.lines(
        3, "watch", "{p}b", "{p}c", "--rev={rev+1}"))
    family.case("watch_by_environment", changes, ctl.lines(
        3, "watch", "--rev={rev+1}", env={"ETCDCTL_WATCH_KEY": "{p}b"}))
    family.case("watch_exec", changes, ctl.lines(
        4, "watch", "{p}b", "--rev={rev+1}", "--", "sh", "-c",
        "echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE"))
    family.case("watch_interactive", changes, ctl.lines(
        3, "watch", "-i", stdin="watch {p}b --rev={rev+1}\n"))
    family.case("watch_compacted", changes, call("KV.Compact", revision=Rev(4)),
                ctl("watch", "{p}a", "--rev={rev+1}"))
    family.case("watch_errors", ctl("watch"), ctl("watch", "{p}a", "--rev=x"))


def lease_cases(family: Family, ctl: Ctl) -> None:
    """lease and its subcommands."""
    for form in FORMATS:
        w = f"-w={form}"
        family.case(f"lease_grant_{form}", ctl("lease", "grant", "600", w, save="L"))
        family.case(f"lease_revoke_{form}", grant(0x7A), ctl("lease", "revoke", "7a", w),
                    ctl("lease", "revoke", "7a", w))
        family.case(f"lease_timetolive_{form}", grant(0x7A), quiet(put("a", "1", lease=0x7A)),
                    ctl("lease", "timetolive", "7a", w),
                    ctl("lease", "timetolive", "7a", "--keys", w),
                    ctl("lease", "timetolive", "7b", w))
        family.case(f"lease_list_{form}", ctl("lease", "list", w), grant(0x7A), grant(0x7C, 900),
                    ctl("lease", "list", w))
        family.case(f"lease_keep_alive_{form}", grant(0x7A),
                    ctl("lease", "keep-alive", "7a", "--once", w))
    family.case("lease_keep_alive_unknown", ctl("lease", "keep-alive", "7d", "--once"))
    family.case("lease_keep_alive_line", grant(0x7A), ctl.lines(1, "lease", "keep-alive", "7a"))
    family.case("lease_put", ctl("lease", "grant", "600", save="L"),
                ctl("put", "{p}a", "1", "--lease={hex:L}"), ctl("get", "{p}a", "-w=fields"),
                ctl("get", "{p}a", "-w=json"), ctl("lease", "revoke", "{hex:L}"),
                ctl("get", "{p}a"))
    family.case("lease_errors", ctl("lease", "grant"), ctl("lease", "grant", "x"),
                ctl("lease", "grant", "9000000001"), ctl("lease", "revoke", "xyz"),
                ctl("lease", "revoke"), ctl("lease", "timetolive"))


def cluster_cases(family: Family, ctl: Ctl) -> None:
    """member, endpoint, move-leader."""
    for form in FORMATS:
        w = f"-w={form}"
        family.case(f"member_list_{form}", ctl("member", "list", w))
        family.case(f"endpoint_health_{form}", ctl("endpoint", "health", w))
        family.case(f"endpoint_status_{form}", SOME, ctl("endpoint", "status", w))
        family.case(f"endpoint_status_cluster_{form}", ctl("endpoint", "status", "--cluster", w))
        family.case(f"endpoint_hashkv_{form}", SOME, ctl("endpoint", "hashkv", w), setup=FRESH)
    family.case("member_list_hex", ctl("member", "list", "--hex"),
                ctl("member", "list", "--hex", "-w=json"))
    family.case("member_add_learner", ctl("member", "add", "x", "--learner",
                "--peer-urls=http://127.0.0.1:9", save="x"),
                ctl("member", "promote", "{hex:x}"),
                quiet(put("a", "1")), ctl("member", "remove", "{hex:x}"),
                ctl("member", "list", "-w=json"), setup=FRESH)
    family.case("member_update", ctl("member", "update", "{hex:m1}",
                "--peer-urls=http://127.0.0.1:9"), ctl("member", "list"), setup=FRESH)
    family.case("member_errors", ctl("member", "add"), ctl("member", "add", "x"),
                ctl("member", "add", "x", "--peer-urls=nonsense"),
                ctl("member", "add", "x", "--peer-urls={peer:m1}"), ctl("member", "remove"),
                SETTLE, ctl("member", "remove", "xyz"), ctl("member", "remove", "1234"),
                SETTLE, ctl("member", "update", "1234"),
                SETTLE, ctl("member", "promote", "1234"),
                SETTLE, ctl("member", "promote", "{hex:m1}"))
    family.case("member_remove_last", ctl("member", "remove", "{hex:m1}"), setup=FRESH)
    family.case("endpoint_health_with_alarm", ALARM, ctl("endpoint", "health"),
                ctl("endpoint", "health", "-w=json"))
    family.case("endpoint_status_with_alarm", ALARM, ctl("endpoint", "status"),
                ctl("endpoint", "status", "-w=json"))
    family.case("move_leader_to_itself", ctl("move-leader", "{hex:m1}"),
                ctl("move-leader", "{hex:m1}", "-w=json"))
    family.case("move_leader_errors", ctl("move-leader"), ctl("move-leader", "xyz"),
                ctl("move-leader", "1234"))
    family.case("move_leader_of_three", ctl("move-leader", "{hex:m2}", at="m3"),
                ctl("move-leader", "{hex:m2}"),
                ctl("move-leader", "{hex:m1}", endpoints="{ep:m1},{ep:m2},{ep:m3}"),
                setup=THREE_FRESH)


def maintenance_cases(family: Family, ctl: Ctl) -> None:
    """alarm, defrag, snapshot, check and the command line itself."""
    for form in FORMATS:
        w = f"-w={form}"
        family.case(f"alarm_{form}", ctl("alarm", "list", w), ALARM, ctl("alarm", "list", w),
                    ctl("put", "{p}a", "1"), ctl("alarm", "disarm", w), ctl("alarm", "list", w),
                    ctl("put", "{p}a", "1"))
        family.case(f"defrag_{form}", SOME, ctl("defrag", w), setup=FRESH)
    family.case("defrag_cluster", ctl("defrag", "--cluster"), setup=FRESH)
    family.case("alarm_errors", ctl("alarm", "list", "x"), ctl("alarm", "disarm", "x"),
                ctl("alarm"))
    family.case("snapshot_save", SOME, ctl("snapshot", "save", "{dir}/saved.db"),
                ctl("snapshot", "save"), ctl("snapshot", "save", "{dir}/no/such/dir.db"))
    family.case("snapshot_save_of_two", ctl("snapshot", "save", "{dir}/saved.db",
                endpoints="{ep:m1},{ep:m1}"))
    family.case("check_perf_bad_load", ctl("check", "perf", "--load=huge"))
    family.case("unknown_command", ctl("nonsense"))
    family.case("unknown_flag", ctl("get", "{p}a", "--nonsense"))
    family.case("environment", puts("a=1"), ctl("get", "{p}a", env={"ETCDCTL_WRITE_OUT": "json"}))
    family.case("no_such_endpoint", ctl("get", "{p}a", "--command-timeout=300ms",
                                        endpoints="127.0.0.1:9"))
    family.case("prefix_of_command", puts("a=1"), ctl("ge", "{p}a"), ctl("endpoint", "heal"))


def family_of(tool: str, name: str | None = None) -> Family:
    """All command lines with one client."""
    family = Family(name or tool, tool=tool)
    for part in (kv_cases, txn_cases, watch_cases, lease_cases, cluster_cases,
                 maintenance_cases):
        part(family, Ctl(tool))
    return family


FAMILIES = [family_of("etcdctl34"), family_of("etcdctl35")]
