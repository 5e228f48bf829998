"""All cases of the suite, in order."""

from __future__ import annotations

import importlib

MODULES = [
    "cases_kv", "cases_txn", "cases_compact", "cases_watch", "cases_lease", "cases_cluster",
    "cases_maintenance", "cases_http", "cases_limits", "cases_etcdctl", "cases_auth",
    "cases_gateway", "cases_lock",
]

ALL_CASES = [
    case
    for module in MODULES
    for family in importlib.import_module(module).FAMILIES
    for case in family.cases
]
