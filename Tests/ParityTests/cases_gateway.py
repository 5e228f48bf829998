"""The API as JSON over HTTP: every path, the JSON mapping, errors, streams, WebSockets, CORS."""

from __future__ import annotations

from case import Family, Setup
from gateway import End, K, b64, gw, gw_stream, log_in, ws
from steps import call, http, puts, quiet, put, delete, grant, compact
from world import Ref, Rev

family = Family("gateway")

PATHS = [
    "/v3/kv/range", "/v3/kv/put", "/v3/kv/deleterange", "/v3/kv/txn", "/v3/kv/compaction",
    "/v3/watch", "/v3/lease/grant", "/v3/lease/revoke", "/v3/kv/lease/revoke",
    "/v3/lease/keepalive", "/v3/lease/timetolive", "/v3/kv/lease/timetolive", "/v3/lease/leases",
    "/v3/kv/lease/leases", "/v3/cluster/member/add", "/v3/cluster/member/remove",
    "/v3/cluster/member/update", "/v3/cluster/member/list", "/v3/cluster/member/promote",
    "/v3/maintenance/alarm", "/v3/maintenance/status", "/v3/maintenance/defragment",
    "/v3/maintenance/hash", "/v3/maintenance/hashkv", "/v3/maintenance/snapshot",
    "/v3/maintenance/transfer-leadership", "/v3/maintenance/downgrade", "/v3/lock/lock",
    "/v3/lock/unlock", "/v3/election/campaign", "/v3/election/proclaim", "/v3/election/leader",
    "/v3/election/observe", "/v3/election/resign",
]
AUTH_PATHS = [
    "/v3/auth/enable", "/v3/auth/disable", "/v3/auth/status", "/v3/auth/authenticate",
    "/v3/auth/user/add", "/v3/auth/user/get", "/v3/auth/user/list", "/v3/auth/user/delete",
    "/v3/auth/user/changepw", "/v3/auth/user/grant", "/v3/auth/user/revoke", "/v3/auth/role/add",
    "/v3/auth/role/get", "/v3/auth/role/list", "/v3/auth/role/delete", "/v3/auth/role/grant",
    "/v3/auth/role/revoke",
]
STREAMS = ("/v3/watch", "/v3/lease/keepalive", "/v3/maintenance/snapshot", "/v3/election/observe")


def named(path: str) -> str:
    return path.removeprefix("/v3/").replace("/", "_").replace("-", "_")


# Every path: other methods, bad JSON, the empty request

for path in [*PATHS, *AUTH_PATHS]:
    family.case(f"path_{named(path)}_wrong_method", gw(path, method="GET"),
                gw(path, "{}", method="PUT"), gw(path, method="DELETE"))
    family.case(f"path_{named(path)}_bad_json", gw(path, "{"), gw(path, "[]"), gw(path, "x"))
for path in [*PATHS, *AUTH_PATHS]:
    if path not in STREAMS and "hash" not in path:
        # Locks and candidates wait in line, and etcd's second change of nobody hangs.
        once = "/cluster/" in path or path in ("/v3/lock/lock", "/v3/election/campaign")
        family.case(f"path_{named(path)}_empty", gw(path, "{}"), [] if once else gw(path, ""))
family.case("path_maintenance_hash_empty", gw("/v3/maintenance/hash", "{}", headers=()),
            setup=Setup(fresh=True))
family.case("path_maintenance_hashkv_empty", gw("/v3/maintenance/hashkv", "{}"),
            setup=Setup(fresh=True))
family.case("path_v3beta", gw("/v3beta/kv/range", {"key": K("a")}),
            gw("/v3beta/cluster/member/list", "{}"), gw("/v3beta/nothing", "{}"))
family.case("path_v3alpha", gw("/v3alpha/kv/range", "{}"))
for name, path in {"root": "/v3", "slash": "/v3/", "unknown": "/v3/kv/nothing",
                   "end_slash": "/v3/kv/range/", "beta_root": "/v3beta", "upper": "/V3/kv/range",
                   "query": "/v3/kv/nothing?a=b"}.items():
    family.case(f"routing_{name}", gw(path, "{}", headers=("location",)),
                gw(path, method="GET", headers=("location",)))
family.case("routing_query_is_ignored", gw("/v3/kv/put?key=x", {"key": K("a")}))
family.case("routing_head", http("HEAD", "/v3/kv/range"))

# KV

family.case("put_and_range", gw("/v3/kv/put", {"key": K("a"), "value": b64("1")}),
            gw("/v3/kv/range", {"key": K("a")}), gw("/v3/kv/range", {"key": K("b")}))
family.case("put_prev_kv", quiet(put("a", "1")),
            gw("/v3/kv/put", {"key": K("a"), "value": b64("2"), "prev_kv": True}))
family.case("put_lease", grant(201), gw("/v3/kv/put", {"key": K("a"), "lease": "201"}),
            gw("/v3/kv/range", {"key": K("a")}))
family.case("put_unknown_lease", gw("/v3/kv/put", {"key": K("a"), "lease": 999}))
family.case("put_ignore_value_absent", gw("/v3/kv/put", {"key": K("a"), "ignore_value": True}))
family.case("put_both_values",
            gw("/v3/kv/put", {"key": K("a"), "value": b64("x"), "ignore_value": True}))
family.case("range_all", puts("a=1", "b=2", "c=3"),
            gw("/v3/kv/range", {"key": K(), "range_end": End()}),
            gw("/v3/kv/range", {"key": K(), "range_end": End(), "limit": 2}),
            gw("/v3/kv/range", {"key": K(), "rangeEnd": End(), "limit": "2"}),
            gw("/v3/kv/range", {"key": K(), "range_end": End(), "keys_only": True}),
            gw("/v3/kv/range", {"key": K(), "range_end": End(), "countOnly": True}))
family.case("range_sorted", puts("a=3", "b=2", "c=1"), *(
    gw("/v3/kv/range", {"key": K(), "range_end": End(), "sort_order": order, "sort_target": target})
    for order, target in (("DESCEND", "KEY"), ("ASCEND", "VALUE"), (2, 3), ("NONE", 4))))
family.case("range_revisions", puts("a=1", "a=2", "a=3"),
            gw("/v3/kv/range", {"key": K("a"), "revision": Rev(+2)}),
            gw("/v3/kv/range", {"key": K("a"), "revision": Rev(+9)}),
            quiet(compact(Rev(+3))), gw("/v3/kv/range", {"key": K("a"), "revision": Rev(+2)}))
family.case("range_filters", puts("a=1", "b=2", "c=3"), *(
    gw("/v3/kv/range", {"key": K(), "range_end": End(), name: Rev(+2)})
    for name in ("min_mod_revision", "maxModRevision", "min_create_revision",
                 "maxCreateRevision")))
family.case("delete", puts("a=1", "b=2"),
            gw("/v3/kv/deleterange", {"key": K("a"), "prev_kv": True}),
            gw("/v3/kv/deleterange", {"key": K(), "rangeEnd": End(), "prevKv": True}),
            gw("/v3/kv/deleterange", {"key": K("a")}))
family.case("compaction", puts("a=1", "a=2"),
            gw("/v3/kv/compaction", {"revision": Rev(+2), "physical": True}),
            gw("/v3/kv/compaction", {"revision": Rev(+2)}),
            gw("/v3/kv/compaction", {"revision": Rev(+9)}))
for target, field, value in (("VERSION", "version", "1"), ("CREATE", "create_revision", Rev(+1)),
                             ("MOD", "modRevision", Rev(+1)), ("VALUE", "value", b64("1")),
                             ("LEASE", "lease", 0)):
    family.case(f"txn_compare_{target.lower()}", quiet(put("a", "1")), gw("/v3/kv/txn", {
        "compare": [{"key": K("a"), "target": target, "result": "EQUAL", field: value}],
        "success": [{"request_range": {"key": K("a")}}],
        "failure": [{"requestPut": {"key": K("b")}}]}))
family.case("txn_all_ops", quiet(put("a", "1")), gw("/v3/kv/txn", {"success": [
    {"request_put": {"key": K("b"), "value": b64("2")}}, {"request_range": {"key": K("a")}},
    {"requestDeleteRange": {"key": K("a"), "prev_kv": True}},
    {"request_txn": {"success": [{"request_range": {"key": K("b")}}]}}]}))
family.case("txn_failure_branch", gw("/v3/kv/txn", {
    "compare": [{"key": K("a"), "target": 0, "result": "GREATER", "version": "0"}],
    "failure": [{"request_put": {"key": K("a")}}]}))
family.case("txn_not_equal", gw("/v3/kv/txn", {
    "compare": [{"key": K("a"), "result": "NOT_EQUAL", "target": "MOD", "mod_revision": "5"}]}))
family.case("txn_empty_op", gw("/v3/kv/txn", {"success": [{}]}),
            gw("/v3/kv/txn", {"success": [None]}))
family.case("txn_duplicate_key", gw("/v3/kv/txn", {
    "success": [{"request_put": {"key": K("a")}}, {"request_put": {"key": K("a")}}]}))
family.case("txn_two_alternatives", gw("/v3/kv/txn", {"success": [
    {"request_put": {"key": K("a")}, "request_range": {"key": K("a")}}]}))
family.case("txn_too_many", gw("/v3/kv/txn", {
    "success": [{"request_put": {"key": K(str(n))}} for n in range(129)]}))
family.case("txn_wrong_kinds", *(gw("/v3/kv/txn", body) for body in (
    {"success": {}}, {"success": ["a"]}, {"success": [{"request_put": []}]}, {"compare": [1]},
    {"compare": [{"target": "NOPE"}]}, {"compare": [{"result": 1.5}]})))

# The JSON mapping

for name, limit in {"string": '"1"', "number": "1", "null": "null", "true": "true",
                    "object": "{}", "array": "[]", "word": '"abc"', "empty": '""',
                    "fraction": "1.5", "huge": "99999999999999999999", "negative": "-1",
                    "spaces": '" 1 "', "quoted_fraction": '"1.5"'}.items():
    family.case(f"json_int64_{name}", puts("a=1", "b=1"), gw("/v3/kv/range", (
        '{"limit":' + limit + ',"key":', K(), ',"range_end":', End(), "}")))
family.case("json_int64_exponent", gw("/v3/kv/range", ('{"limit":1e3,"key":', K(), "}")))
for name, value in {"number": "3", "object": "{}", "bool": "true", "null": "null",
                    "bytes": "[97,98]", "bad": '"Zm9v!"', "short": '"Z"', "padding": '"Zg=x"',
                    "empty": '""', "escaped": '"Z\\u0067=="', "tail": '"Zg==Zg=="'}.items():
    family.case(f"json_bytes_{name}", gw("/v3/kv/range", f'{{"key":{value}}}'))
family.case("json_bytes_url_safe", gw("/v3/kv/range", '{"key":"-_z9"}'))
family.case("json_bytes_unpadded", gw("/v3/kv/range", '{"key":"Zm9vYg"}'))
for name, value in {"name": '"DESCEND"', "number": "2", "unknown_name": '"UP"',
                    "lower": '"descend"', "quoted_number": '"2"', "bool": "true",
                    "fraction": "1.5", "null": "null"}.items():
    family.case(f"json_enum_{name}", puts("a=1", "b=2"), gw("/v3/kv/range", (
        '{"key":', K(), ',"range_end":', End(), f',"sort_order":{value}}}')))
for name, value in {"string": '"true"', "number": "1", "null": "null", "true": "true"}.items():
    family.case(f"json_bool_{name}", gw("/v3/kv/range", (
        '{"key":', K("a"), f',"serializable":{value}}}')))
for name, body in {
    "unknown_field": '{"key":"YQ==","nothing":[{"a":1}]}', "wrong_case": '{"KEY":"YQ=="}',
    "twice": '{"key":"YQ==","key":"Yg=="}', "both_names": '{"key":"AA==","range_end":"YQ==","rangeEnd":"AA=="}',
    "trailing": '{"key":"YQ=="} x', "two_values": '{"key":"YQ=="}{"key":3}',
    "comma": '{"key":"YQ==",}', "no_colon": '{"key" "YQ=="}', "single_quotes": "{'key':1}",
    "null": "null", "number": "3", "string": '"x"', "array": "[1]", "cut": '{"key":"YQ',
    "cut_word": '{"key":nul', "control": '{"key":"\n"}', "spaces": '  \n\t {"key" : "YQ==" } ',
    "comment": '/* x */ {"key":"YQ=="}', "bom": '\ufeff{"key":"YQ=="}', "blank": "   ",
}.items():
    family.case(f"json_text_{name}", gw("/v3/kv/range", body))
family.case("json_put_everything", gw("/v3/kv/put", {
    "key": K("a"), "value": b64(bytes(range(256))), "lease": "0", "prevKv": True,
    "ignore_lease": False}), gw("/v3/kv/range", {"key": K("a")}))

# Headers and limits

family.case("header_content_type_is_not_looked_at", *(
    gw("/v3/kv/range", {"key": K("a")}, request_headers={"Content-Type": kind})
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded",
                 "application/octet-stream")))
family.case("header_timeout", *(
    gw("/v3/kv/range", {"key": K("a")}, request_headers={"Grpc-Timeout": value})
    for value in ("5S", "5000m", "1H", "x", "5", "5Q")))
family.case("header_has_leader",
            gw("/v3/kv/range", {"key": K("a")}, request_headers={"Grpc-Metadata-hasleader": "true"}))
family.case("limit_request_too_large",
            gw("/v3/kv/put", {"key": K("a"), "value": b64(bytes(1_600_000))}))
family.case("limit_message_too_large",
            gw("/v3/kv/put", {"key": b64("a"), "value": b64(bytes(2_200_000))}))

# Leases

family.case("lease_life", gw("/v3/lease/grant", {"TTL": "600", "ID": 301}),
            gw("/v3/lease/grant", {"TTL": 600, "ID": "301"}),
            gw("/v3/lease/timetolive", {"ID": "301", "keys": True}), gw("/v3/lease/leases", "{}"),
            gw("/v3/lease/revoke", {"ID": 301}), gw("/v3/lease/revoke", {"ID": 301}),
            gw("/v3/lease/timetolive", {"ID": 301}))
family.case("lease_old_paths", grant(302), quiet(put("a", "1", lease=302)),
            gw("/v3/kv/lease/timetolive", {"ID": "302", "keys": True}),
            gw("/v3/kv/lease/leases", "{}"), gw("/v3/kv/lease/revoke", {"ID": "302"}))
family.case("lease_server_id", gw("/v3/lease/grant", {"TTL": 600}, save="L"),
            gw("/v3/lease/timetolive", {"ID": Ref("L")}))
family.case("lease_too_large", gw("/v3/lease/grant", {"TTL": "9000000001"}))
family.case("keepalive", grant(303), gw_stream("/v3/lease/keepalive", {"ID": "303"}, None))
family.case("keepalive_several", grant(304), gw_stream(
    "/v3/lease/keepalive", ({"ID": "304"}, "\n", {"ID": "5"}, {"ID": 304}), None))
family.case("keepalive_nothing", gw_stream("/v3/lease/keepalive", "", None))
family.case("keepalive_bad_second", grant(305), gw_stream(
    "/v3/lease/keepalive", ({"ID": "305"}, "x"), None))

# Cluster and maintenance

family.case("member_list", gw("/v3/cluster/member/list", "{}"),
            gw("/v3/cluster/member/list", {"linearizable": True}))
family.case("member_add_bad_url", gw("/v3/cluster/member/add", {"peerURLs": ["nothing"]}),
            gw("/v3/cluster/member/add", {"peerURLs": "nothing"}))
family.case("member_remove_unknown", gw("/v3/cluster/member/remove", {"ID": "12345"}))
family.case("member_promote_voter", gw("/v3/cluster/member/promote", {"ID": Ref("m1")}))
family.case("member_add_and_remove", gw("/v3/cluster/member/add", {
    "peerURLs": ["http://127.0.0.1:1"], "isLearner": True}), gw("/v3/cluster/member/list", "{}"),
    setup=Setup(fresh=True))
family.case("status", gw("/v3/maintenance/status", "{}"))
family.case("alarm", gw("/v3/maintenance/alarm", {"action": "ACTIVATE", "memberID": Ref("m1"),
                                                  "alarm": "NOSPACE"}),
            gw("/v3/maintenance/alarm", {"action": 0}), gw("/v3/kv/put", {"key": K("a")}),
            gw("/v3/maintenance/alarm", {"action": "DEACTIVATE", "memberID": Ref("m1"),
                                         "alarm": 1}))
family.case("transfer_to_itself",
            gw("/v3/maintenance/transfer-leadership", {"targetID": Ref("m1")}))
for name, body in {"no_version": {"version": ""}, "word": {"version": "x"},
                   "one_part": {"version": "3"}, "four_parts": {"version": "3.5.0.1"},
                   "far": {"version": "2.0"}, "higher": {"action": "ENABLE", "version": "9.9"},
                   "nothing_to_cancel": {"action": "CANCEL"}, "unknown": {"action": 7}}.items():
    family.case(f"downgrade_{name}", gw("/v3/maintenance/downgrade", body))
    action = {"ENABLE": 1, "CANCEL": 2}.get(body.get("action"), body.get("action", 0))
    family.case(f"downgrade_{name}_grpc", call(
        "Maintenance.Downgrade", action=action, version=body.get("version", "")))
family.case("snapshot_first", gw_stream("/v3/maintenance/snapshot", "{}", 1))

# Watch

family.case("watch_created", gw_stream("/v3/watch", {"create_request": {"key": K("a")}}, 1))
family.case("watch_events", gw_stream(
    "/v3/watch", {"createRequest": {"key": K(), "rangeEnd": End()}}, 3,
    [quiet(put("a", "1")), quiet(delete("a"))]))
family.case("watch_history", puts("a=1", "a=2"), gw_stream("/v3/watch", {"create_request": {
    "key": K("a"), "start_revision": Rev(+1), "prev_kv": True}}, 2))
family.case("watch_two_requests", gw_stream("/v3/watch", (
    {"create_request": {"key": K("a"), "watch_id": "7"}}, "\n",
    {"create_request": {"key": K("b"), "watch_id": 8}}), 2))
family.case("watch_cancel", gw_stream("/v3/watch", (
    {"create_request": {"key": K("a"), "watch_id": 7}}, {"cancel_request": {"watch_id": "7"}}), 2))
family.case("watch_filters", gw_stream("/v3/watch", {"create_request": {
    "key": K("a"), "filters": ["NOPUT"]}}, 2, [quiet(put("a", "1")), quiet(delete("a"))]))
family.case("watch_filters_by_number", gw_stream("/v3/watch", {"create_request": {
    "key": K("a"), "filters": [1]}}, 2, [quiet(put("a", "1"))]))
family.case("watch_filters_bad", gw("/v3/watch", '{"create_request":{"filters":["NO"]}}'),
            gw("/v3/watch", '{"create_request":{"filters":"NOPUT"}}'))
family.case("watch_compacted", puts("a=1", "a=2", "a=3"), quiet(compact(Rev(+3))), gw_stream(
    "/v3/watch", {"create_request": {"key": K("a"), "start_revision": Rev(+1)}}, 2))
family.case("watch_empty_range", gw_stream("/v3/watch", {"create_request": {
    "key": K("b"), "range_end": K("a")}}, 1))
family.case("watch_bad_second", gw_stream("/v3/watch", (
    {"create_request": {"key": K("a")}}, "x"), 2, [quiet(put("a", "1"))]))

# WebSockets

family.case("ws_watch", ws("/v3/watch", [{"create_request": {"key": K("a")}}], 2,
                           [quiet(put("a", "1"))]))
family.case("ws_watch_two", ws("/v3/watch", [
    {"create_request": {"key": K("a")}}, {"create_request": {"key": K("b"), "watch_id": 5}}], 2))
family.case("ws_watch_cut_in_two", ws("/v3/watch", ['{"create_request":', '{"key":"YQ=="}}'], 1))
family.case("ws_unary", ws("/v3/kv/range", [{"key": K("a")}], None))
family.case("ws_unary_error", ws("/v3/kv/range", ["{}"], None))
family.case("ws_bad_json", ws("/v3/kv/range", ["x"], None))
family.case("ws_watch_bad_json", ws("/v3/watch", ["x"], None))
family.case("ws_unknown_path", ws("/v3/nothing", ["{}"], None))
family.case("ws_keepalive", grant(306), ws("/v3/lease/keepalive", [{"ID": 306}, {"ID": 5}], 2))
family.case("ws_ping", ws("/v3/watch", [{"create_request": {"key": K("a")}}], 2, ping=True))
family.case("ws_subprotocol", ws("/v3/kv/range", [{"key": K("a")}], None, request_headers={
    "Sec-WebSocket-Protocol": "bearer, x.1"}))
family.case("ws_watch_subprotocol", ws("/v3/watch", [{"create_request": {"key": K("a")}}], 1,
                                       request_headers={"Sec-WebSocket-Protocol": "Bearer, x"}))
family.case("ws_origin", ws("/v3/kv/range", [{"key": K("a")}], None, request_headers={
    "Origin": "http://elsewhere.example"}))
family.case("ws_old_version", ws("/v3/watch", [], 1, request_headers={
    "Sec-WebSocket-Version": "8"}))
family.case("ws_no_key", ws("/v3/watch", [], 1, request_headers={"Sec-WebSocket-Key": ""}))
family.case("ws_elsewhere", ws("/version", [], 1))

# Users

FRESH = Setup(fresh=True)
USERS = [quiet(step) for step in (
    gw("/v3/auth/user/add", {"name": "root", "password": "r"}),
    gw("/v3/auth/role/add", {"name": "root"}),
    gw("/v3/auth/user/grant", {"user": "root", "role": "root"}),
    gw("/v3/auth/user/add", {"name": "ann", "password": "a"}),
    gw("/v3/auth/role/add", {"name": "some"}),
    gw("/v3/auth/user/grant", {"user": "ann", "role": "some"}),
    gw("/v3/auth/role/grant", {"name": "some", "perm": {
        "permType": "READWRITE", "key": b64("m"), "range_end": b64("n")}}),
    gw("/v3/auth/enable", "{}"))] + [log_in("root", "r"), log_in("ann", "a")]
MINE, OTHER = {"key": b64("m/1")}, {"key": b64("z")}
for path, mine, other in (
        ("/v3/kv/range", MINE, OTHER), ("/v3/kv/put", MINE, OTHER),
        ("/v3/kv/deleterange", MINE, OTHER),
        ("/v3/kv/txn", {"success": [{"request_put": MINE}]}, {"success": [{"request_put": OTHER}]}),
        ("/v3/lock/lock", {"name": b64("m")}, {"name": b64("z")}),
        ("/v3/election/campaign", {"name": b64("m")}, {"name": b64("z")}),
        ("/v3/election/leader", {"name": b64("m")}, {"name": b64("z")})):
    family.case(f"user_{named(path)}", USERS, gw(path, mine), gw(path, mine, user="ann"),
                gw(path, other, user="ann"), gw(path, other, user="root"), setup=FRESH)
family.case("user_bad_token", USERS, *(
    gw("/v3/kv/range", MINE, request_headers={"Authorization": text})
    for text in ("nonsense", "Bearer nonsense", "abcdefghijklmnop.12")), setup=FRESH)
family.case("user_bearer", USERS, gw("/v3/kv/range", MINE, user="ann", scheme="Bearer "),
            setup=FRESH)
family.case("user_watch_own", USERS, gw_stream(
    "/v3/watch", {"create_request": MINE}, 1, user="ann"), setup=FRESH)
family.case("user_watch_other", USERS, gw_stream(
    "/v3/watch", {"create_request": OTHER}, 1, user="ann"), setup=FRESH)
family.case("user_watch_nobody", USERS, gw_stream(
    "/v3/watch", {"create_request": MINE}, 1), setup=FRESH)
family.case("user_administration", USERS, gw("/v3/auth/user/list", "{}"),
            gw("/v3/auth/user/list", "{}", user="ann"), gw("/v3/auth/user/list", "{}", user="root"),
            gw("/v3/auth/user/get", {"name": "ann"}, user="ann"),
            gw("/v3/auth/role/get", {"role": "some"}, user="ann"),
            gw("/v3/auth/status", "{}", user="root"), gw("/v3/auth/disable", "{}", user="ann"),
            gw("/v3/auth/disable", "{}", user="root"), gw("/v3/auth/status", "{}"), setup=FRESH)
family.case("user_wrong_password", USERS,
            gw("/v3/auth/authenticate", {"name": "ann", "password": "x"}),
            gw("/v3/auth/authenticate", {"name": "nobody", "password": "x"}), setup=FRESH)
family.case("user_token", USERS, gw("/v3/auth/authenticate", {"name": "ann", "password": "a"}),
            setup=FRESH)

# Who may ask

ALLOW = ("access-control-allow-origin", "access-control-allow-methods",
         "access-control-allow-headers", "allow")


def asks(origin: str | None):
    fields = {"Origin": origin} if origin else {}
    return [gw("/v3/kv/range", {"key": K("a")}, headers=ALLOW, request_headers=fields),
            http("GET", "/health", headers=ALLOW, request_headers=fields),
            http("OPTIONS", "/v3/kv/range", headers=ALLOW, request_headers=fields),
            http("GET", "/v3/nothing", headers=ALLOW, request_headers=fields)]


CORS = Setup(flags=("--cors=http://a.example:80,https://b.example:8443",))
for name, origin in {"none": None, "first": "http://a.example:80",
                     "second": "https://b.example:8443", "other": "http://c.example",
                     "other_scheme": "https://a.example:80", "no_port": "http://a.example", "null": "null"}.items():
    family.case(f"cors_list_{name}", asks(origin), setup=CORS)
    family.case(f"cors_any_{name}", asks(origin))
family.case("cors_star", asks("http://x.example"), setup=Setup(flags=("--cors=*",)))
HOSTS = Setup(flags=("--host-whitelist=localhost,127.0.0.1,::1",))
for name, host in {"address": "127.0.0.1:2379", "name": "localhost", "name_port": "localhost:99",
                   "other": "evil.example", "other_port": "evil.example:2379",
                   "six": "[::1]:2379", "upper": "LOCALHOST"}.items():
    for path in ("/version", "/v3/kv/range"):
        method = "GET" if path == "/version" else "POST"
        family.case(f"host_{name}{'' if method == 'GET' else '_v3'}", http(
            method, path, show_body=False, headers=ALLOW, request_headers={"Host": host}),
            setup=HOSTS)
family.case("host_any", http("GET", "/health", request_headers={"Host": "evil.example"}))
OFF = Setup(flags=("--enable-grpc-gateway=false",))
family.case("off", gw("/v3/kv/range", "{}"), gw("/v3", method="GET"), gw("/v3/", "{}"),
            gw("/v3beta/kv/range", "{}"), ws("/v3/watch", [], 1), http("GET", "/health"),
            setup=OFF)

FAMILIES = [family]
