"""Plain HTTP on the client port."""

from __future__ import annotations

import json
import re

from case import Family, Setup, Step
from steps import call, http, puts, quiet, put, stop_member, call_until
from world import Ref, World

family = Family("http")
TYPE = ("content-type",)


def alarm(action: str, kind: str):
    return quiet(call("Maintenance.Alarm", action=action, memberID=Ref("m1"), alarm=kind))


def version() -> Step:
    """The keys of /version; the versions themselves differ."""

    def run(world: World):
        status, fields, body = world.member().http("GET", "/version")
        parts = {key: re.sub(r"\d+", "N", value) for key, value in json.loads(body).items()}
        return {"status": status, "type": fields.get("content-type"), "body": parts,
                "newline": body.endswith("\n")}

    return Step("GET /version", run)


def metrics(*wanted: str) -> Step:
    """Whether these series exist in /metrics, with which type."""

    def run(world: World):
        status, fields, body = world.member().http("GET", "/metrics")
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", body, re.MULTILINE))
        return {"status": status, "type": fields.get("content-type", "").split(";")[0],
                **{name: kinds.get(name) for name in wanted}}

    return Step(f"GET /metrics {' '.join(wanted)}", run)


family.case("version", version())
family.case("version_wrong_method", http("POST", "/version", headers=("allow", *TYPE)),
            http("HEAD", "/version"), http("DELETE", "/version"))
family.case("health", http("GET", "/health", headers=TYPE))
family.case("health_serializable", http("GET", "/health?serializable=true"))
family.case("health_wrong_method", http("POST", "/health", headers=("allow",)),
            http("PUT", "/health"))
for kind in ("NOSPACE", "CORRUPT"):
    family.case(f"health_with_{kind}".lower(), alarm("ACTIVATE", kind),
                http("GET", "/health", headers=TYPE), http("GET", f"/health?exclude={kind}"),
                http("GET", "/health?exclude=OTHER"), alarm("DEACTIVATE", kind),
                http("GET", "/health"))
family.case("health_with_both_alarms_excluded", alarm("ACTIVATE", "NOSPACE"),
            alarm("ACTIVATE", "CORRUPT"),
            http("GET", "/health?exclude=NOSPACE&exclude=CORRUPT"))
LOST = [quiet(put("a", "1")), stop_member("m1"), stop_member("m2"), quiet(call_until(
    "Maintenance.Status", lambda answer: getattr(answer, "leader", 1) == 0, at="m3"))]
family.case("health_without_leader", LOST, http("GET", "/health", at="m3"),
            http("GET", "/health?serializable=true", at="m3"), setup=Setup(size=3, fresh=True))
for path in ("/", "/nothing", "/versions", "/health/", "/v3"):
    name = path.strip("/").replace("/", "_") or "root"
    family.case(f"not_found_{name}" + ("_slash" if path == "/health/" else ""),
                http("GET", path, headers=TYPE))
for path in ("/v2/keys", "/v2/members"):
    family.case(f"not_found_{path[1:].replace('/', '_')}", http("GET", path, headers=TYPE),
                setup=Setup(flags=("--enable-v2=false",)))
family.case("livez", http("GET", "/livez"), http("GET", "/readyz"))
family.case("options", http("OPTIONS", "/version"), http("OPTIONS", "/health"))
family.case("cors_without_origin_allowed", http("GET", "/version", show_body=False, headers=(
    "access-control-allow-origin", "access-control-allow-methods"),
    request_headers={"Origin": "http://elsewhere"}))
METRICS = {
    "server": ("etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_id",
               "etcd_server_leader_changes_seen_total", "etcd_server_proposals_committed_total",
               "etcd_server_proposals_applied_total", "etcd_server_proposals_pending",
               "etcd_server_proposals_failed_total", "etcd_server_version",
               "etcd_server_quota_backend_bytes"),
    "storage": ("etcd_disk_wal_fsync_duration_seconds",
                "etcd_disk_backend_commit_duration_seconds",
                "etcd_mvcc_db_total_size_in_bytes", "etcd_mvcc_db_total_size_in_use_in_bytes",
                "etcd_debugging_mvcc_keys_total"),
    "traffic": ("grpc_server_handled_total", "grpc_server_started_total",
                "etcd_network_client_grpc_received_bytes_total",
                "etcd_network_client_grpc_sent_bytes_total"),
    "process": ("process_resident_memory_bytes", "process_cpu_seconds_total",
                "process_open_fds", "process_start_time_seconds"),
}
for name, series in METRICS.items():
    family.case(f"metrics_{name}", puts("a=1"), metrics(*series))
family.case("metrics_wrong_method", http("POST", "/metrics", show_body=False))

FAMILIES = [family]
