"""The only way out leads to public addresses, once resolved and pinned, within bounds of size and time."""

import ipaddress
import socket
import threading
import time
from typing import Any

import pytest

from hub import egress
from hub.contracts.errors import Misconfigured, Unavailable
from hub.egress import Egress
from tests.stand_in import Answer, StandIn

LOCAL = Egress(egress.networks("127.0.0.0/8"))

# one address of every network that is not the open internet (IANA special-purpose registries), and its neighbours
PRIVATE_V4 = (  # noqa: SIM905  # a list of this length is read as text
    "0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.1 10.1.2.3 10.255.255.255 100.64.0.0 100.64.0.1 100.100.100.200"
    " 100.127.255.255 127.0.0.0 127.0.0.1 127.0.0.53 127.0.1.1 127.1.1.1 127.127.127.127 127.255.255.255 169.254.0.0"
    " 169.254.0.1 169.254.169.123 169.254.169.253 169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.16.0.1"
    " 172.17.0.1 172.20.10.1 172.31.255.255 192.0.0.0 192.0.0.1 192.0.0.170 192.0.0.171 192.0.0.192 192.0.2.0"
    " 192.0.2.1 192.168.0.0 192.168.0.1 192.168.1.1 192.168.255.255 198.18.0.0 198.18.0.1 198.19.255.255 198.51.100.1"
    " 203.0.113.1 224.0.0.1 224.0.0.251 239.255.255.250 239.255.255.255 240.0.0.1 250.1.2.3 255.255.255.254"
    " 255.255.255.255"
).split()
PRIVATE_V6 = (  # noqa: SIM905
    ":: ::1 ::2 fc00:: fc00::1 fd00::1 fd00:ec2::254 fdff::1 fe80:: fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 ff00::1"
    " ff01::1 ff02::1 ff02::fb ff05::2 ff0e::1 100::1 2001::1 2001:2::1 2001:10::1 2001:db8::1 2001:db8:ffff::1"
    " 2001:0:7f00:1::1 3fff::1 5f00::1"
).split()
CARRYING = ("10.0.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0")
# what getaddrinfo, as inet_aton before it, reads as an address
SPELLED = (  # noqa: SIM905
    "0 0x7f000001 0x7f.1 0x7f.0.0.1 0177.0.0.1 0177.1 017700000001 127.1 127.0.1 2130706433 127.0.0.1. 0x0 00.00.00.00"
    " 0xa9fea9fe 2852039166 0251.0376.0251.0376 0xa9.0xfe.0xa9.0xfe 169.254.43518 10.1 0x0a000001 012.1 167772161"
    " 192.168.257 3232235777 0xc0a80101 172.1048577 0xac100001 2886729729 0x64400001 1684275200"
).split()
NAMED = ("localhost", "LOCALHOST", "localhost.", "localHost", "ip6-localhost")
UNREADABLE = (
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "ftp://example.org/",
    "gopher://127.0.0.1:70/_x",
    "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/",
    "tftp://127.0.0.1/x",
    "jar:http://127.0.0.1!/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "//127.0.0.1/",
    "127.0.0.1",
    "http:127.0.0.1",
    "http:/127.0.0.1/",
    "http:///127.0.0.1/",
    "http://",
    "http://?x",
    "http://#x",
    "http://:80/",
    "http://user@127.0.0.1/",
    "http://example.org@127.0.0.1/",
    "http://127.0.0.1@example.org/",
    "http://example.org:80@127.0.0.1/",
    "http://user:secret@example.org/",
    "http://@127.0.0.1/",
    "http://example.org\\@127.0.0.1/",
    "http://127.0.0.1\\.example.org/",
    "http:\\\\127.0.0.1\\",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\r\nHost: example.org/",
    "http://127.0.0.1\n/",
    "http://exa mple.org/",
    "http://127.0.0.1%00.example.org/",
    "http://127.0.0.1%2f@example.org/",
    "http://%31%32%37.0.0.1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:abc/",
    "http://[::1/",
    "http://[::1%25eth0]/",
    "http://[fe80::1%25lo]/",
    "http://[v1.x]/",
    "http://[]/",
    "http://-/",
    "http://./",
    "",
    " http://127.0.0.1/",
    "http://ｌｏｃａｌｈｏｓｔ/",
)
HOSTS = (
    *PRIVATE_V4,
    *(f"[{address}]" for address in PRIVATE_V6),
    *(f"[::ffff:{address}]" for address in CARRYING),
    *(f"[::{address}]" for address in CARRYING),
    *(f"[64:ff9b::{address}]" for address in CARRYING),
    *(
        f"[2002:{int(ipaddress.IPv4Address(a)) >> 16:x}:{int(ipaddress.IPv4Address(a)) & 0xFFFF:x}::1]"
        for a in CARRYING
    ),
    *SPELLED,
    *NAMED,
)
FORBIDDEN = (*(f"http://{host}/" for host in HOSTS), *UNREADABLE)


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gets as far as a connection has passed."""

    def connect(*_: Any) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(egress, "_exchange", connect)


def test_list_of_forbidden_addresses_is_long_and_has_none_twice():
    assert len(set(FORBIDDEN)) == len(FORBIDDEN) >= 190


@pytest.mark.parametrize("url", FORBIDDEN)
@pytest.mark.usefixtures("no_connection")
def test_address_that_is_not_public_is_refused(url: str):
    with pytest.raises((Misconfigured, Unavailable)):
        Egress().request("GET", url)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_address_of_the_open_internet_is_public(address: str):
    assert egress.is_public(ipaddress.ip_address(address))


def test_host_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    with pytest.raises(Misconfigured, match="not a public address"):
        Egress().request("GET", "http://rebinding.example.org/")


def test_name_is_resolved_once_and_the_connection_goes_to_what_was_checked(
    platform: StandIn, monkeypatch: pytest.MonkeyPatch
):
    resolve, asked = socket.getaddrinfo, []

    def answer_otherwise_later(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return resolve("127.0.0.1" if len(asked) == 1 or host == "127.0.0.1" else "127.0.0.2", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer_otherwise_later)
    LOCAL.request("GET", platform.url.replace("127.0.0.1", "rebinding.example.org"))
    assert asked.count("rebinding.example.org") == 1
    assert platform.asked[0].headers["host"].startswith("rebinding.example.org:")


def test_allowed_network_is_let_through_and_its_answer_told_whole(platform: StandIn):
    platform.answer = lambda asked: Answer(201, {"got": asked.json}, {"X-Id": "7"})
    response = LOCAL.request("POST", f"{platform.url}/a?b=c", headers={"X-Key": "k"}, body=b"[1]")
    assert (response.status, response.headers["x-id"], response.body) == (201, "7", b'{"got": [1]}')


def test_redirect_to_another_host_is_not_followed(platform: StandIn):
    platform.answer = lambda _: Answer(302, {}, {"Location": "http://169.254.169.254/latest/meta-data"})
    assert LOCAL.request("GET", platform.url).status == 302


def test_redirect_on_the_same_host_is_followed(platform: StandIn):
    platform.answer = lambda asked: Answer(302, {}, {"Location": "/new"}) if asked.path == "/" else Answer(200)
    assert LOCAL.request("GET", platform.url).status == 200


def test_endless_redirects_end(platform: StandIn):
    platform.answer = lambda _: Answer(302, {}, {"Location": "/again"})
    with pytest.raises(Unavailable, match="without an end"):
        LOCAL.request("GET", platform.url)


def test_answer_that_is_too_large_is_refused(platform: StandIn):
    platform.answer = lambda _: Answer(200, b"x" * (egress.LARGEST_BODY_BYTES + 1))
    with pytest.raises(Unavailable, match="more than"):
        LOCAL.request("GET", platform.url)


@pytest.mark.parametrize("drip", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_answer_that_drips_ends_at_the_deadline(drip: bytes):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip, args=(server, drip), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            Egress(egress.networks("127.0.0.1"), total_seconds=0.3).request(
                "GET", f"http://127.0.0.1:{server.getsockname()[1]}/"
            )
        assert time.monotonic() - began < 2


def _drip(server: socket.socket, first: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(first)
        pause = threading.Event()
        try:
            while not pause.wait(0.05):
                connection.sendall(b"x")
        except OSError:
            return


def test_proxies_of_the_environment_are_not_asked(platform: StandIn, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert LOCAL.request("GET", platform.url).status == 200


@pytest.mark.parametrize("headers", [{"X-A": "b\r\nX-C: d"}, {"X-A\r\nX-C": "d"}, {"X-A": "ü\u2028"}])
def test_header_that_would_be_two_is_refused(platform: StandIn, headers: dict[str, str]):
    with pytest.raises(Misconfigured):
        LOCAL.request("GET", platform.url, headers=headers)
    assert platform.asked == []


def test_caller_cannot_name_another_host(platform: StandIn):
    LOCAL.request("GET", platform.url, headers={"host": "metadata.internal"})
    assert platform.asked[0].headers["host"] == platform.url.removeprefix("http://")


def test_setting_that_is_no_network_is_refused():
    with pytest.raises(Misconfigured, match="OVERWATCH_EGRESS_ALLOW"):
        egress.networks("10.0.0.1/8")
