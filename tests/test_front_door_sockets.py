"""What a real server on a real socket makes of bytes that no client library would send."""

import re
from collections.abc import Iterator

import pytest

from hub.settings import Settings
from tests.served import exchange, is_alive, serving

LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
BODY = b'{"email": "a@example.org", "password": "x"}'


@pytest.fixture(scope="module")
def address(hub_settings: Settings) -> Iterator[str]:
    with serving(hub_settings) as found:
        yield found


def status(answer: bytes) -> int:
    return int(re.match(rb"HTTP/1\.1 (\d{3})", answer)[1])


def chunked(*chunks: bytes) -> bytes:
    framed = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def test_body_in_chunks_is_one_body(address: str):
    answer = exchange(address, chunked(BODY[:10], BODY[10:]))
    assert (status(answer), b"unauthenticated" in answer) == (401, True)


def test_body_in_chunks_has_the_same_limit(address: str):
    answer = exchange(address, chunked(*[b" " * 100_000] * 12))
    assert (status(answer), b"too_large" in answer) == (413, True)


def test_body_that_is_cut_off_is_no_body(address: str):
    answer = exchange(address, LOGIN + f"Content-Length: {len(BODY) + 1}\r\n\r\n".encode() + BODY, is_all=True)
    assert (status(answer), b"ends before" in answer) == (400, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        GET + b"Content-Length: -1\r\n\r\n",
        GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        GET + b"Transfer-Encoding: gzip\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b": empty\r\n\r\n",
        GET + b"X-Y : spaced\r\n\r\n",
        LOGIN + b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        LOGIN + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        LOGIN + b"Content-Length: abc\r\n\r\n",
        LOGIN + b"Content-Length: 99999999999999999999\r\n\r\n",
        LOGIN + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n",
        LOGIN + b"Content-Length: 100\r\n\r\n{",
        b"".join([GET, *(f"X-{number}: a\r\n".encode() for number in range(2_000)), b"\r\n"]),
        GET + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda raw: raw[-40:].decode("latin-1"),
)
def test_bytes_that_are_hardly_http_break_nothing(address: str, raw: bytes):
    answer = exchange(address, raw)
    assert not re.search(rb"HTTP/1\.\d 5\d\d", answer), answer[:300]
    assert b"Traceback" not in answer
    assert is_alive(address)


def test_one_request_smuggled_behind_another_is_not_answered_for_the_first(address: str):
    inner = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    raw = (
        LOGIN.replace(b"Connection: close\r\n", b"")
        + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    answer = exchange(address, raw + inner)
    assert answer.count(b"HTTP/1.1 200") == 0 or status(answer) in {400, 422}
