"""Whatever is sent to whatever route: never a 5xx, always the error shape, soon."""

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import pytest
from werkzeug.test import TestResponse

from hub.http.body import API_LIMIT_BYTES, DEEPEST
from hub.http.openapi.answers import Operation
from hub.http.openapi.common import ID_PREFIXES
from tests.factories import Hub, Person
from tests.security.surface import API, Surface, arguments, furnish, is_error_shape, path_of

SLOWEST_SECONDS = 1.0
FEWEST_BODIES = 400
JSON = "application/json"


@dataclass(frozen=True)
class Body:
    """What is sent, and as what."""

    name: str
    raw: bytes
    content_type: str = JSON
    encoding: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": self.content_type} | ({"Content-Encoding": self.encoding} if self.encoding else {})


BROKEN_JSON = (
    b"", b" ", b"{", b"}", b"[", b"]", b'"', b"{]", b"[}", b"nul", b"tru", b"True", b"None", b"undefined", b"NaN",
    b"-", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"1e", b"0x10", b"+1", b"'a'", b"{'a': 1}", b"{a: 1}",
    b'{"a" 1}', b'{"a": }', b'{"a": 1,}', b"[1,]", b"[,1]", b'{"a": 1} {"b": 2}', b"/* */ {}", b"{} //",
    b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\x00", b"{}\x00", b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"',
    b'{"a": "\xf8\x88\x80\x80\x80"}', b'"\\ud800"', b'{"\\udfff": 1}', b'"\\u0000"', b'{"title": "a\\u0000b"}',
    b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}', b'"\\x41"', b'"\\u12"', b'"a\nb"', b'"\t"', b"1e400",
    b"-1e400", b"9" * 400, b"1" * 20, b"-9223372036854775809", b"[" * 100_000, b"{\"a\":" * 100_000,
    b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), b'{"a":' * 65 + b"1" + b"}" * 65, b"<xml/>", b"a=1&b=2",
    b"--x\r\n\r\n", b"%PDF-1.7", b"\x1f\x8b", b"\x80\x04]", b"!!python/object:os.system", b"{{7*7}}",
)  # fmt: skip

ANY_VALUE = (
    None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, 2**31, 2**53, 2**63 - 1, "", " ", "0", "true", "null", [], {},
    [[]], [None], [{}], {"": ""}, {"$ref": "#"}, {"__proto__": {}}, {"$ne": None}, "a" * 10_000, "\u202e", "\u200b",
    "\ufeff", "\ud7ff", "😀" * 500, "A\u0301" * 300, "' OR '1'='1", "1; DROP TABLE users; --", "%' ESCAPE '",
    "${jndi:ldap://x}", "{{7*7}}", "<script>1</script>", "../../etc/passwd", "file:///etc/passwd",
    "http://169.254.169.254/", "\r\nX-A: b", "%00", "%s%n", "(a+)+$", "inc_" + "0" * 32, "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "2026-01-05T10:00:60Z", "NaN", "-1", "1e9", "٣",
)  # fmt: skip


def structural() -> Iterator[Body]:
    """Bodies that are wrong before any schema is asked."""
    yield from (Body(f"broken {number}", raw) for number, raw in enumerate(BROKEN_JSON))
    yield from (Body(f"whole {value!r:.30}", json.dumps(value).encode()) for value in ANY_VALUE)
    for kind in (
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "",
        "x",
        "application/json; charset=utf-16",
        "application/json; charset=x",
        "application/jsonp",
        "*/*",
        "a" * 2_000,
    ):
        yield Body(f"type {kind:.30}", b"{}", kind)
    yield Body("too large", b'"' + b"a" * API_LIMIT_BYTES + b'"')
    yield Body("bomb", gzip.compress(b" " * 50_000_000), encoding="gzip")
    yield Body("bomb in a bomb", gzip.compress(gzip.compress(b" " * 5_000_000)), encoding="gzip")
    for encoding in ("gzip", "deflate", "br", "identity, gzip", "gzip, gzip", "x", "a" * 500):
        yield Body(f"not {encoding:.20}", b"{}", encoding=encoding)
    yield Body("cut", gzip.compress(b'{"a": 1}')[:-6], encoding="gzip")
    yield Body("raw deflate", zlib.compress(b"{}")[2:-4], encoding="deflate")
    yield Body("surplus", gzip.compress(b"{}") + b"more", encoding="gzip")
    yield from (
        Body(f"wide {keys}", json.dumps(dict.fromkeys(map(str, range(keys)))).encode()) for keys in (1_000, 60_000)
    )
    yield Body("long list", json.dumps([0] * 200_000).encode())
    yield Body("at the limit of depth", b"[" * DEEPEST + b"]" * DEEPEST)


def mutations(example: Any) -> Iterator[Body]:
    """The operation's own example with every field, in turn, of every value, left out, or beside an unknown one."""
    if not isinstance(example, dict):
        return
    yield Body("unknown field", json.dumps(example | {"is_admin": True}).encode())
    for name in example:
        yield Body(
            f"without {name}", json.dumps({key: value for key, value in example.items() if key != name}).encode()
        )
        for value in ANY_VALUE:
            yield Body(f"{name} = {value!r:.40}", json.dumps(example | {name: value}).encode())
        for value in ANY_VALUE[::3]:  # what a field holds is read by the same code as the field itself
            if isinstance(example[name], list):
                yield Body(f"{name} = [{value!r:.40}]", json.dumps(example | {name: [value]}).encode())
            if isinstance(example[name], dict) and example[name]:
                inner = {key: value for key in example[name]}
                yield Body(f"{name} = {{… {value!r:.40}}}", json.dumps(example | {name: inner}).encode())


@pytest.fixture(scope="module")
def surface(hub: Hub) -> Surface:
    return Surface(hub)


STRUCTURAL = list(structural())


@dataclass
class Caller:
    """Somebody who owns one of everything; when an operation has ended who they were, they log in, or somebody else."""

    hub: Hub
    surface: Surface

    def __post_init__(self) -> None:
        self.begin()
        self.addresses = map(str, IPv4Network("10.0.0.0/16").hosts())  # each may try to log in a few times a minute

    def begin(self) -> None:
        """As the owner of a new organization."""
        self.who = self.hub.register()
        self.ids = furnish(self.surface, self.who)

    def send(self, operation: Operation, body: Body) -> tuple[TestResponse, float]:
        """The answer, and its seconds. In somebody's name: what is refused at the door has not been read."""
        told = self._send(operation, body)
        if told[0].status_code != 401 or operation.is_public:
            return told
        again = self.hub.log_in(self.who.email, address=next(self.addresses))
        if again.status_code == 200:
            self.who.token = again.json["access_token"]
        else:
            self.begin()
        return self._send(operation, body)

    def _send(self, operation: Operation, body: Body) -> tuple[TestResponse, float]:
        values = {name: self.ids.get(ID_PREFIXES.get(name, ""), "alertmanager") for name in arguments(operation)}
        headers = {"Authorization": f"Bearer {self.who.token}"} | body.headers
        path, method = path_of(operation, values), operation.method.upper()
        began = time.perf_counter()
        answer = self.hub.http.open(path, method=method, data=body.raw, headers=headers)
        return answer, time.perf_counter() - began


def problems(caller: Caller, operation: Operation, bodies: list[Body]) -> list[str]:
    found = []
    for body in bodies:
        answer, seconds = caller.send(operation, body)
        is_refused = 400 <= answer.status_code < 500 and is_error_shape(answer)
        is_read = answer.status_code != 401 or operation.is_public
        if not (answer.status_code < 400 or (is_refused and is_read)) or seconds > SLOWEST_SECONDS:
            told = f"{answer.status_code} {seconds:.2f} s {answer.text[:200]}"
            found.append(f"{operation.method} {operation.path} {body.name}: {told}")
    return found


def test_no_body_breaks_any_route(hub: Hub, surface: Surface):
    found: list[str] = []
    sent: set[bytes] = set()
    caller = Caller(hub, surface)
    for operation in changes(surface):
        if operation.method == "delete":  # an empty body deletes, and the next one would find nothing
            caller.begin()
        bodies = STRUCTURAL + list(mutations(surface.example(operation)))
        found += problems(caller, operation, bodies)
        sent |= {body.raw for body in bodies}
    assert not found, "\n".join(found[:40])
    assert len(sent) >= FEWEST_BODIES


def changes(surface: Surface) -> list[Operation]:
    """Every operation that takes a body; those that delete come last."""
    found = [operation for operation in surface.operations if operation.method in {"post", "put", "patch", "delete"}]
    return sorted(found, key=lambda operation: operation.method == "delete")


@pytest.mark.parametrize("value", ANY_VALUE[10:], ids=lambda value: f"{value!r:.20}")
def test_no_query_breaks_any_list(hub: Hub, surface: Surface, owner: Person, value: Any):
    text = value if isinstance(value, str) else json.dumps(value)
    for operation in surface.operations:
        if operation.method == "get" and not arguments(operation) and "stream" not in operation.path:
            for parameter in surface.queries(operation):
                answer = owner.call("GET", operation.path.removeprefix(API), query_string={parameter["name"]: text})
                told = f"{operation.path}?{parameter['name']}={text:.40}: {answer.text[:200]}"
                assert answer.status_code == 200 or (answer.status_code < 500 and is_error_shape(answer)), told


HOSTILE_IDS = (
    "%00",
    "%2e%2e%2f",
    "%ff",
    "'",
    "inc_%00" + "0" * 31,
    "a" * 3_000,
    "%F0%9F%98%80",
    "null",
    "-1",
    "inc_" + "g" * 32,
)


@pytest.mark.parametrize("identity", HOSTILE_IDS, ids=lambda identity: identity[:12])
def test_no_id_breaks_any_path(surface: Surface, owner: Person, identity: str):
    for operation in surface.operations:
        if arguments(operation):
            path = path_of(operation, dict.fromkeys(arguments(operation), identity))
            answer = owner.call(operation.method.upper(), path.removeprefix(API), json=surface.example(operation))
            refusals = {400, 403, 404, 405, 422} | ({401} if operation.is_public else set())
            assert answer.status_code in refusals, f"{operation.method} {path}: {answer.text}"
            assert is_error_shape(answer)
