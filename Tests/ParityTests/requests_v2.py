"""Requests of the v2 HTTP API: fixed stories, and random ones from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """One request; see `Side.filled` for what stands in braces."""

    method: str
    path: str
    body: str = ""
    type: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body}".rstrip()


def get(path: str) -> Request:
    return Request("GET", path)


def key(method: str, path: str, body: str = "") -> Request:
    return Request(method, f"/v2/keys{path}", body, FORM if body else "")


def put(path: str, body: str = "") -> Request:
    return key("PUT", path, body)


def post(path: str, body: str = "") -> Request:
    return key("POST", path, body)


def delete(path: str) -> Request:
    return key("DELETE", path)


def look(path: str) -> Request:
    return key("GET", path)


def members(method: str, path: str, body: str = "", kind: str = JSON) -> Request:
    return Request(method, f"/v2/members{path}", body, kind)


STORIES: dict[str, list[Request]] = {
    "files": [
        look("/"), look(""), put("/a", "value=1"), look("/a"), put("/a", "value=2"), look("/a"),
        put("/a?value=3"), look("/a/"), put("/b", "value="), look("/b"), put("/c"), look("/c"),
        put("/d%20e", "value=x+y%2Bz%26"), look("/d%20e"), put("/f", "value=%3Cb%3E%22"),
        look("/f"), look("/"), delete("/a"), delete("/a"), look("/a"), key("HEAD", "/b"),
        key("HEAD", "/nope"), put("/g", "value=%C3%BC%E2%82%AC"), look("/g"),
    ],
    "directories": [
        put("/d?dir=true"), put("/d?dir=true"), look("/d"), put("/d", "value=1"), post("/d", "value=1"),
        put("/d/e/f", "value=2"), look("/d"), look("/d?recursive=true"), look("/d?recursive=true&sorted=true"),
        look("/?recursive=true"), delete("/d"), delete("/d?dir=true"), delete("/d/e/f?dir=true"),
        delete("/d/e?dir=true"), look("/d"), delete("/d?recursive=true"), look("/d"),
        put("/x?dir=true&value=5"), look("/x"), put("/x/y?dir=true&prevExist=false"),
        put("/x/y?dir=true&prevExist=false"), delete("/x?recursive=true&dir=true"),
        put("/z", "value=1"), put("/z?dir=true"), look("/z"), delete("/z?dir=true"),
    ],
    "in the way": [
        put("/a", "value=1"), put("/a/b", "value=2"), look("/a/b"), look("/a/b/c"), delete("/a/b"),
        put("/a/b?prevExist=true", "value=3"), put("/a/b?prevExist=false", "value=3"),
        post("/a", "value=4"), post("/a/b", "value=4"), put("/a/b?dir=true"),
        put("/a/b?prevValue=1", "value=2"), delete("/a/b?recursive=true"), put("/a/b?refresh=true&ttl=5"),
    ],
    "root": [
        put("/", "value=1"), put("", "value=1"), put("/?dir=true"), delete("/"),
        delete("/?recursive=true"), put("/?prevExist=true", "value=1"), put("/?prevValue=1", "value=2"),
        delete("/?prevValue=1"), post("/", "value=1"), post("", "value=2"), look("/"),
        put("/..", "value=1"), put("/a/..", "value=1"), put("/a/../b", "value=1"), look("/b"), look("//b?recursive=true"),
        look("/./b"), put("/b/.", "value=1"), look("/b/.."), key("HEAD", "//b"), look("//%3Cb%3E&"),
    ],
    "create and update": [
        put("/a?prevExist=true", "value=1"), put("/a?prevExist=false", "value=1"),
        put("/a?prevExist=false", "value=2"), put("/a?prevExist=true", "value=3"), look("/a"),
        put("/a?prevExist=true"), look("/a"), put("/d?dir=true"), put("/d?prevExist=true", "value=1"),
        put("/d?prevExist=true"), put("/d?prevExist=true&dir=true"), look("/d"),
        put("/a?prevExist=true&dir=true"), look("/a"), put("/a", "prevExist=true&value=7"), look("/a"),
        put("/a/b?prevExist=true", "value=3"), put("/p/q/r?prevExist=false", "value=1"), look("/p?recursive=true"),
    ],
    "compare and swap": [
        put("/a", "value=1"), put("/a?prevValue=1", "value=2"), put("/a?prevValue=1", "value=3"),
        put("/a?prevIndex={I}", "value=4"), put("/a?prevIndex=1", "value=5"),
        put("/a?prevIndex=1&prevValue=9", "value=5"), put("/a?prevIndex=1&prevValue=4", "value=5"),
        put("/a?prevIndex={I}&prevValue=9", "value=5"), look("/a"), put("/b?prevValue=1", "value=2"),
        put("/a?prevValue=4&prevExist=true", "value=6"), put("/a?prevValue=4&prevExist=false", "value=6"),
        put("/d?dir=true"), put("/d?prevValue=1", "value=2"), put("/a?prevIndex=0", "value=8"),
        put("/a?prevValue=8&dir=true", "value=9"), look("/a"),
        put("/a?prevIndex=18446744073709551615", "value=8"),
    ],
    "compare and delete": [
        put("/a", "value=1"), delete("/a?prevValue=2"), delete("/a?prevIndex=1"),
        delete("/a?prevIndex=1&prevValue=2"), delete("/a?prevValue=1"), look("/a"), put("/a", "value=2"),
        delete("/a?prevIndex={I}"), delete("/a?prevValue=1"), put("/d?dir=true"), delete("/d?prevValue=1"),
        delete("/d?prevIndex={I}&recursive=true"), delete("/d?dir=true"),
    ],
    "in order": [
        post("/q", "value=1"), post("/q", "value=2"), look("/q"), look("/q?sorted=true"), post("/q?dir=true"),
        post("/q/r/s", "value=3"), look("/q?recursive=true"), post("/q", "value=4&ttl=100"), post("/q"),
        post("/q?prevExist=true", "value=5"), post("/q?prevValue=9", "value=5"), look("/q"),
    ],
    "times to live": [
        put("/a", "value=1&ttl=100"), look("/a"), put("/a", "value=2"), look("/a"), put("/a", "value=3&ttl=50"),
        put("/a?prevExist=true", "value=4&ttl=70"), put("/a?prevExist=true", "value=5"), look("/a"),
        put("/a", "value=6&ttl="), put("/a?prevValue=6", "value=7&ttl=90"), look("/a"),
        put("/d?dir=true", "ttl=100"), put("/d/a", "value=1"), put("/d/b", "value=1&ttl=10"), put("/d/c", "value=1&ttl=1000"),
        look("/d?recursive=true"), put("/d?dir=true&prevExist=true", "ttl=200"), look("/d?recursive=true"),
        put("/d?dir=true&prevExist=true"), look("/d?recursive=true"), put("/a", "value=1&ttl=99999999"), look("/a"),
        delete("/a"), put("/a", "value=1&ttl=0"),
    ],
    "expiry": [
        put("/t", "value=1&ttl=1"), look("/t?wait=true&waitIndex={N}"), look("/t"),
        put("/d?dir=true", "ttl=1"), put("/d/a/b", "value=1"), look("/d/a/b?wait=true&waitIndex={N}"),
        look("/d/a"), look("/?recursive=true"), put("/t", "value=1&ttl=1"),
        put("/t?prevExist=true", "ttl=100&refresh=true"), look("/t"),
        put("/e/x", "value=1"), put("/e?dir=true&prevExist=true", "ttl=1"),
        look("/?wait=true&recursive=true&waitIndex={N}"), look("/e/x"),
        put("/e/x", "value=2"), look("/e/x"),
    ],
    "refresh": [
        put("/a", "value=1&ttl=100"), put("/a", "refresh=true&ttl=50&prevExist=true"), look("/a"),
        put("/a", "refresh=true&ttl=70"), look("/a"), put("/a", "refresh=true&ttl=80&prevValue=1"), look("/a"),
        put("/a", "refresh=true&ttl=50&value=2"), put("/a", "refresh=true"), put("/a", "refresh=x&ttl=5"),
        put("/b", "refresh=true&ttl=5"), put("/b", "refresh=true&ttl=5&prevExist=true"),
        put("/a", "refresh=false&value=3"), look("/a"), put("/d?dir=true"), put("/d?refresh=true&ttl=50&prevExist=true"),
        look("/d"), put("/d?refresh=true&ttl=50"),
    ],
    "hidden": [
        put("/_h", "value=1"), put("/a/_h/b", "value=2"), put("/a/c", "value=3"), look("/"), look("/?recursive=true"),
        look("/a"), look("/_h"), look("/a/_h"), look("/a/_h?recursive=true"), delete("/a?dir=true"),
        delete("/_h"), put("/_d?dir=true"), look("/_d"), put("/a_b", "value=1"), look("/"),
    ],
    "bad fields": [
        put("/a?prevIndex=x", "value=1"), put("/a?prevIndex=-1", "value=1"), put("/a?prevIndex=", "value=1"),
        look("/a?waitIndex=x"), look("/a?recursive=x"), look("/a?sorted=x"), look("/a?wait=x"), look("/a?dir=x"), key("HEAD", "/a?wait=true"),
        look("/a?quorum=x"), look("/a?stream=x"), look("/a?recursive="), put("/a?wait=true", "value=1"),
        delete("/a?wait=true"), put("/a?prevValue=", "value=1"), put("/a", "value=1&prevValue="),
        put("/a?noValueOnSuccess=x", "value=1"), put("/a", "value=1&ttl=x"), put("/a", "value=1&ttl=-1"),
        put("/a", "value=1&ttl=1.5"), put("/a?prevExist=x", "value=1"), put("/a?prevExist=", "value=1"),
        put("/a?b=%zz", "value=1"), put("/a", "value=%zz"), put("/a", "value=%"), put("/a", "value=%4"),
        look("/a?recursive=T"), look("/a?quorum=1"), put("/a?prevIndex=99999999999999999999", "value=1"),
        put("/a?recursive=true&recursive=x", "value=1"), look("/a?recursive=true&recursive=x"),
    ],
    "quiet writes": [
        put("/a?noValueOnSuccess=true", "value=1"), put("/a?noValueOnSuccess=true", "value=2"),
        put("/a?noValueOnSuccess=true&prevExist=true", "value=3"), post("/q?noValueOnSuccess=true", "value=1"),
        put("/a?noValueOnSuccess=true&prevValue=3", "value=4"), look("/a?noValueOnSuccess=true"),
        delete("/a?noValueOnSuccess=true"), put("/a?noValueOnSuccess=true&prevExist=true", "value=3"),
    ],
    "bodies": [
        Request("PUT", "/v2/keys/a", "value=1", "text/plain"), Request("PUT", "/v2/keys/a", "value=1", ""),
        look("/a"), Request("PUT", "/v2/keys/a", "value=2", FORM + "; charset=utf-8"), look("/a"),
        put("/a?value=5", "value=6"), look("/a"), Request("DELETE", "/v2/keys/a", "prevValue=9", FORM),
        Request("GET", "/v2/keys/a", "recursive=x", FORM),
    ],
    "history": [
        put("/a", "value=1"), put("/a", "value=2"), put("/b/c", "value=3"), delete("/a"),
        put("/d?dir=true"), post("/d", "value=4"), put("/b/c?prevValue=3", "value=5"),
        put("/b/c?prevExist=true", "value=6"), delete("/b/c?prevValue=6"), delete("/d?recursive=true"),
        look("/a?wait=true&waitIndex={F}"), look("/b?wait=true&recursive=true&waitIndex={F}"),
        look("/b?wait=true&recursive=true&waitIndex={F+3}"), look("/?wait=true&recursive=true&waitIndex={F+1}"),
        look("/?wait=true&recursive=true&waitIndex={F+3}"), look("/?wait=true&recursive=true&waitIndex={F+4}"),
        look("/?wait=true&recursive=true&waitIndex={F+5}"), look("/?wait=true&recursive=true&waitIndex={F+6}"),
        look("/?wait=true&recursive=true&waitIndex={F+7}"), look("/?wait=true&recursive=true&waitIndex={F+8}"),
        look("/?wait=true&recursive=true&waitIndex={F+9}"), look("/d/x/y?wait=true&waitIndex={F+9}"),
        look("/d?wait=true&waitIndex={F+9}"),
    ],
    "methods and paths": [
        Request("PATCH", "/v2/keys/a"), get("/v2"), get("/v2/"), get("/v2/keysx"), get("/v2/nope"),
        Request("PATCH", "/v2/members"), members("DELETE", ""), members("PUT", ""), Request("POST", "/v2/machines"),
        get("/v2/stats"), get("/v2/stats/nope"), Request("POST", "/v2/stats/store"), Request("PUT", "/v2/stats/self"),
        get("/v2/keys//a//b"), Request("POST", "/v2/auth/users"), Request("POST", "/v2/auth/enable"), get("/v2/auth/nope"),
        get("/v2/auth"),
    ],
    "members": [
        get("/v2/members"), get("/v2/members/"), get("/v2/members/leader"), get("/v2/members/abc"), get("/v2/machines"),
        Request("HEAD", "/v2/machines"), members("POST", "", '{"peerURLs":["x"]}'), members("POST", "", '{"peerURLs":["http://h"]}'),
        members("POST", "", '{"peerURLs":["http://h:1/p"]}'), members("POST", "", '{"peerURLs":["{P}"]}'),
        members("POST", "", '{"peerURLs":["http://h:1"]}', FORM), members("POST", "", '{"peerURLs":["http://h:1"]}', ""),
        members("DELETE", "/abc"), members("DELETE", "/xyz"), members("PUT", "/abc", '{"peerURLs":["http://h:1"]}'),
        members("PUT", "/xyz", '{"peerURLs":["http://h:1"]}'), members("PUT", "/abc", '{"peerURLs":["h:1"]}'),
    ],
    "auth": [
        get("/v2/auth/enable"), get("/v2/auth/users"), get("/v2/auth/roles"), get("/v2/auth/roles/root"),
        get("/v2/auth/users/x"), Request("DELETE", "/v2/auth/enable"), Request("PUT", "/v2/auth/enable"),
        get("/v2/auth/roles/x"),
    ],
}


def random_requests(seed: int, count: int) -> list[Request]:
    """Few keys, all kinds of writes, now and then a look at everything."""
    chance = random.Random(seed)
    names = ["a", "b", "_h", "d"]

    def path() -> str:
        return "/" + "/".join(chance.choice(names) for _ in range(chance.randint(1, 3)))

    def one() -> Request:
        value = f"value={chance.randint(1, 3)}"
        kind = chance.randrange(16)
        ttl = chance.choice(["", "", "&ttl=100", "&ttl=500"])
        match kind:
            case 0 | 1 | 2: return put(path(), value + ttl)
            case 3: return put(path() + "?dir=true", ttl[1:])
            case 4: return put(path() + "?prevExist=false", value + ttl)
            case 5: return put(path() + "?prevExist=true", value + ttl)
            case 6: return put(path() + f"?prevValue={chance.randint(1, 3)}", value + ttl)
            case 7: return put(path() + "?prevIndex={I}", value)
            case 8: return post(path(), value)
            case 9: return delete(path())
            case 10: return delete(path() + "?dir=true")
            case 11: return delete(path() + "?recursive=true")
            case 12: return delete(path() + f"?prevValue={chance.randint(1, 3)}")
            case 13: return put(path(), "refresh=true&ttl=300" + chance.choice(["", "&prevExist=true"]))
            case 14: return put(path() + "?dir=true&prevExist=true", ttl[1:])
            case _: return look(path() + chance.choice(["", "?recursive=true", "?quorum=true"]))

    found = []
    for number in range(count):
        found.append(one())
        if number % 5 == 4:
            found.append(look("/?recursive=true&sorted=true"))
    return found
