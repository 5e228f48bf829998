"""Users, roles, authentication and logins, by command line."""

from __future__ import annotations

from case import FRESH, Family
from ctl import Ctl
from ctl_jobs import terminal
from steps import call, puts, quiet

FORMATS = ("simple", "json", "fields", "table", "protobuf")
# Like all answers it begins with a header; other fields are compared as unknown ones.
HEADER = "etcdserverpb.CompactionResponse"
ROOT = "--user=root:secret"


def family_of(ctl: Ctl) -> Family:
    """All cases; a server without users refuses each of them."""
    family = Family("ctl_auth")
    users(family, ctl)
    roles(family, ctl)
    enabled(family, ctl)
    prompts(family, ctl)
    return family


def users(family: Family, ctl: Ctl) -> None:
    for form in FORMATS:
        w, u = f"-w={form}", f"u_{form}"
        if form == "protobuf":
            family.case("user_protobuf", ctl.protobuf(
                HEADER, "user", "add", f"{u}:pw"),
                ctl.protobuf(HEADER, "user", "get", u),
                ctl.protobuf(HEADER, "user", "list"))
            continue
        family.case(f"user_{form}", ctl("user", "add", f"{u}:pw", w), ctl("role", "add", f"r{u}"),
                    ctl("user", "grant-role", u, f"r{u}", w), ctl("user", "get", u, w),
                    ctl("user", "get", u, "--detail", w), ctl("user", "list", w),
                    ctl("user", "passwd", u, "--interactive=false", w, stdin="new\n"),
                    ctl("user", "revoke-role", u, f"r{u}", w), ctl("user", "delete", u, w))
        family.case(f"auth_status_{form}", ctl("auth", "status", w))
        family.case(f"auth_disable_{form}", ctl("auth", "disable", w))
    family.case("user_add_no_password", ctl("user", "add", "np", "--no-password"),
                ctl("user", "add", "np:colon", "--no-password"), ctl("user", "get", "np"))
    family.case("user_add_by_flag", ctl("user", "add", "fl", "--new-user-password=x"),
                ctl("user", "add", "fl:colon", "--new-user-password=x"),
                ctl("user", "add", "fl2", "--no-password", "--new-user-password=x"))
    family.case("user_add_from_input", ctl("user", "add", "in", "--interactive=false",
                                           stdin="secret and more\n"),
                ctl("user", "add", "in2", "--interactive=false", stdin="secret"),
                ctl("user", "add", "in3", "--interactive=false"))
    family.case("login_without_auth", ctl("get", "{p}a", "--user=root:x"))
    family.case("user_add_two_words", ctl("user", "add", "a:b:c"), ctl("user", "get", "a"))
    family.case("user_add_errors", ctl("user", "add"), ctl("user", "add", "a1", "b1"),
                ctl("user", "add", ":x"), ctl("user", "add", "dup:x"), ctl("user", "add", "dup:x"))
    family.case("user_get_errors", ctl("user", "get"), ctl("user", "get", "nobody"),
                ctl("user", "get", "a", "b"), ctl("user", "get", "nobody", "--detail"))
    family.case("user_delete_errors", ctl("user", "delete"), ctl("user", "delete", "nobody"))
    family.case("user_list_errors", ctl("user", "list", "x"))
    family.case("user_passwd_errors", ctl("user", "passwd"),
                ctl("user", "passwd", "nobody", "--interactive=false", stdin="x\n"))
    family.case("user_role_errors", ctl("user", "grant-role", "a"),
                ctl("user", "grant-role", "nobody", "norole"), ctl("user", "revoke-role", "a"),
                ctl("user", "revoke-role", "nobody", "norole"), ctl("user", "add", "ur:x"),
                ctl("user", "grant-role", "ur", "norole"),
                ctl("user", "revoke-role", "ur", "norole"))
    family.case("user_two_roles", ctl("user", "add", "two:x"), ctl("role", "add", "two1"),
                ctl("role", "add", "two2"), ctl("user", "grant-role", "two", "two2"),
                ctl("user", "grant-role", "two", "two1"), ctl("user", "get", "two"),
                ctl("user", "get", "two", "--detail"),
                ctl("user", "get", "two", "--detail", "-w=json"))


def roles(family: Family, ctl: Ctl) -> None:
    for form in FORMATS:
        w, r = f"-w={form}", f"r_{form}"
        if form == "protobuf":
            family.case("role_protobuf", ctl.protobuf(
                HEADER, "role", "add", r),
                ctl.protobuf(HEADER, "role", "list"),
                ctl.protobuf(HEADER, "role", "get", r))
            continue
        family.case(f"role_{form}", ctl("role", "add", r, w),
                    ctl("role", "grant-permission", r, "readwrite", "a", w),
                    ctl("role", "grant-permission", r, "read", "b", "c", w),
                    ctl("role", "grant-permission", r, "write", "p", "--prefix", w),
                    ctl("role", "grant-permission", r, "write", "z", "--from-key", w),
                    ctl("role", "get", r, w), ctl("role", "list", w),
                    ctl("role", "revoke-permission", r, "a", w),
                    ctl("role", "revoke-permission", r, "b", "c", w),
                    ctl("role", "revoke-permission", r, "p", "--prefix", w),
                    ctl("role", "revoke-permission", r, "z", "--from-key", w),
                    ctl("role", "get", r, w), ctl("role", "delete", r, w))
    family.case("role_everything", ctl("role", "add", "all"),
                ctl("role", "grant-permission", "all", "read", "", "--prefix"),
                ctl("role", "get", "all"), ctl("role", "revoke-permission", "all", "", "--prefix"),
                ctl("role", "grant-permission", "all", "READ", "", "--from-key"),
                ctl("role", "get", "all", "-w=fields"),
                ctl("role", "revoke-permission", "all", "", "--from-key"))
    family.case("role_empty_key", ctl("role", "add", "nul"),
                ctl("role", "grant-permission", "nul", "read", ""), ctl("role", "get", "nul"),
                ctl("role", "revoke-permission", "nul", ""))
    family.case("role_merged_permissions", ctl("role", "add", "mg"),
                ctl("role", "grant-permission", "mg", "read", "k"),
                ctl("role", "grant-permission", "mg", "write", "k"), ctl("role", "get", "mg"))
    family.case("role_errors", ctl("role", "add"), ctl("role", "add", ""),
                ctl("role", "add", "again"), ctl("role", "add", "again"), ctl("role", "get"),
                ctl("role", "get", "norole"), ctl("role", "list", "x"), ctl("role", "delete"),
                ctl("role", "delete", "norole"))
    family.case("role_grant_errors", ctl("role", "add", "ge"),
                ctl("role", "grant-permission", "ge"),
                ctl("role", "grant-permission", "ge", "read"),
                ctl("role", "grant-permission", "ge", "execute", "a"),
                ctl("role", "grant-permission", "ge", "read", "a", "b", "--prefix"),
                ctl("role", "grant-permission", "ge", "read", "a", "b", "--from-key"),
                ctl("role", "grant-permission", "ge", "read", "a", "--prefix", "--from-key"),
                ctl("role", "grant-permission", "norole", "read", "a"),
                ctl("role", "grant-permission", "ge", "read", "b", "a"))
    family.case("role_revoke_errors", ctl("role", "add", "re"),
                ctl("role", "revoke-permission", "re"),
                ctl("role", "revoke-permission", "re", "a"),
                ctl("role", "revoke-permission", "norole", "a"),
                ctl("role", "revoke-permission", "re", "a", "b", "--prefix"),
                ctl("role", "revoke-permission", "re", "a", "--prefix", "--from-key"))
    for group in ("auth", "user", "role"):
        family.case(f"{group}_help", ctl(group), ctl(group, "--help"), ctl(group, "bogus"))


def _root(ctl: Ctl) -> list:
    return [ctl("user", "add", "root:secret"), ctl("auth", "enable")]


def enabled(family: Family, ctl: Ctl) -> None:
    """With authentication switched on, on a server of its own."""
    family.case("enable_without_root", ctl("auth", "enable"), ctl("auth", "enable", "x"),
                ctl("auth", "disable", "x"), ctl("auth", "status", "x"), setup=FRESH)
    family.case("enable_and_log_in", quiet(call("KV.Put", key="a", value="1")), _root(ctl),
                ctl("get", "{p}a"), ctl("get", "{p}a", ROOT),
                ctl("get", "{p}a", "--user=root", "--password=secret"),
                ctl("get", "{p}a", env={"ETCDCTL_USER": "root:secret"}),
                ctl("get", "{p}a", env={"ETCDCTL_USER": "root", "ETCDCTL_PASSWORD": "secret"}),
                ctl("get", "{p}a", "--user=root:wrong"), ctl("get", "{p}a", "--user=nobody:x"),
                ctl("get", "{p}a", "--user=root"), ctl("get", "{p}a", "--user=:x"),
                ctl("get", "{p}a", "--password=secret"), ctl("auth", "status", ROOT),
                ctl("role", "get", "root", ROOT), ctl("user", "get", "root", "--detail", ROOT),
                ctl("put", "{p}a", "2", "--prev-kv", ROOT), ctl("auth", "disable"),
                ctl("auth", "disable", ROOT), ctl("auth", "status"), setup=FRESH)
    family.case("permissions", puts("a=1", "b=2"), ctl("user", "add", "ann:pw"),
                ctl("role", "add", "ra"), ctl("user", "grant-role", "ann", "ra"),
                ctl("role", "grant-permission", "ra", "read", "{p}a"), _root(ctl),
                ctl("get", "{p}a", "--user=ann:pw"), ctl("get", "{p}b", "--user=ann:pw"),
                ctl("put", "{p}a", "x", "--user=ann:pw"), ctl("user", "list", "--user=ann:pw"),
                ctl("user", "get", "ann", "--user=ann:pw"),
                ctl("endpoint", "health", "--user=ann:pw"),
                ctl("watch", "{p}b", "--user=ann:pw"),
                ctl("lock", "{p}lock", "true", "--user=ann:pw"),
                ctl("lock", "{p}lock", "echo", "held", ROOT),
                ctl("txn", "--user=ann:pw", stdin="\nput {p}a 2\n\n\n"),
                ctl("auth", "disable", ROOT), setup=FRESH)
    family.case("without_login", _root(ctl), ctl("put", "{p}a", "1"), ctl("member", "list"),
                ctl("endpoint", "health"), ctl("endpoint", "status"), ctl("lease", "list"),
                ctl("user", "list"), ctl("role", "list"), ctl("auth", "status"),
                ctl("auth", "disable", ROOT), setup=FRESH)


def prompts(family: Family, ctl: Ctl) -> None:
    """Passwords typed at a terminal."""
    ask, again = "Password of", "again for confirmation: "
    family.case("type_password", terminal(
        ctl, [("see", ask), ("hidden", "typed\n"), ("see", again), ("hidden", "typed\n")],
        "user", "add", "typed"))
    family.case("type_different_passwords", terminal(
        ctl, [("see", ask), ("hidden", "one\n"), ("see", again), ("hidden", "two\n")],
        "user", "add", "typed2"))
    family.case("type_empty_password", terminal(
        ctl, [("see", ask), ("hidden", "\n")], "user", "add", "typed3"))
    family.case("type_new_password", ctl("user", "add", "typed4:x"), terminal(
        ctl, [("see", ask), ("hidden", "typed\n"), ("see", again), ("hidden", "typed\n")],
        "user", "passwd", "typed4"))
    family.case("type_login", quiet(call("KV.Put", key="a", value="1")), _root(ctl), terminal(
        ctl, [("see", "Password: "), ("hidden", "secret\n")], "get", "{p}a", "--user=root"),
        terminal(ctl, [("see", "Password: "), ("hidden", "wrong\n")], "get", "{p}a",
                 "--user=root"), ctl("auth", "disable", ROOT), setup=FRESH)
