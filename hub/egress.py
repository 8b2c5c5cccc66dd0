"""The only way out: every outgoing HTTP request of ours and of plugins, its address checked, pinned, and capped.

A name is resolved once, every address it has must be public or allowed by the operator, and the connection goes to
the address that was checked, so that a second answer of the name server changes nothing.
"""

import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPException
from typing import cast
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from hub.contracts.connector import Response
from hub.contracts.errors import Misconfigured, Unavailable

LARGEST_BODY_BYTES = 8 * 1024 * 1024
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
MOST_REDIRECTS = 3

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9.])?|[0-9A-Fa-f:.]+")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\uffff\\]")

# forms of IPv6 that carry an IPv4 address, which is where such a connection would end: prefix → bits behind it
_TRANSLATED: Mapping[ipaddress.IPv6Network, int] = {
    ipaddress.IPv6Network("64:ff9b::/96"): 0,  # NAT64, RFC 6052
    ipaddress.IPv6Network("64:ff9b:1::/48"): 0,  # NAT64 for local use, RFC 8215
    ipaddress.IPv6Network("2002::/16"): 80,  # 6to4, RFC 3056
    ipaddress.IPv6Network("::/96"): 0,  # IPv4-compatible, RFC 4291
    ipaddress.IPv6Network("::ffff:0:0:0/96"): 0,  # IPv4-translated, RFC 2765
}

# IANA's special-purpose networks that the standard library takes for public
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "5f00::/16")))
_UNICAST = ipaddress.IPv6Network("2000::/3")  # what IANA has given out of IPv6

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """OVERWATCH_EGRESS_ALLOW: addresses and networks, separated by commas. Raises Misconfigured."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise Misconfigured(f"OVERWATCH_EGRESS_ALLOW={text!r}: {error}.") from error


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: `host` as it is named in the request, `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a redirect must not leave."""
        return (self.scheme, self.host, self.port)


def place_of(url: str) -> Place:
    """Raises Misconfigured for anything but a plain http or https URL: readers differ over the others."""
    if _UNPRINTABLE.search(url):
        raise Misconfigured("The address may hold printable ASCII only, and no backslash.")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise Misconfigured("The address must begin with https:// or http:// and name a valid host.") from error
    host = (parts.hostname or "").rstrip(".")
    if parts.username is not None or "@" in parts.netloc:
        raise Misconfigured("The address must not carry a user name or password.")
    if not _NAME.fullmatch(host):
        raise Misconfigured("The address names no host.")
    return Place(parts.scheme, host, port, f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}")


def is_public(address: Address) -> bool:
    """Whether it is an address of the open internet, also when looked at through IPv6's forms of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = _inside(address)
        if inside is not None:
            return is_public(inside)
        if address.teredo is not None or address not in _UNICAST:
            return False
    is_special = any(address in network for network in _SPECIAL)
    return address.is_global and not (is_special or address.is_multicast or address.is_reserved)


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, shift in _TRANSLATED.items():
        if address in network:
            return ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return None


@dataclass(frozen=True)
class Egress:
    """The contracts' Http. `allowed` are networks that the operator permits though they are not public."""

    allowed: Sequence[Network] = field(default=())
    total_seconds: float = TOTAL_SECONDS

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Sends one request; redirects of a GET are followed on the same host only.

        Raises Unavailable when no whole answer comes in time, Misconfigured for an address that is refused.
        """
        place = place_of(url)
        for _ in range(MOST_REDIRECTS + 1):
            response = self._once(method, place, headers or {}, body)
            to = response.headers.get("location")
            if method != "GET" or response.status not in _REDIRECTS or not to:
                return response
            next_place = place_of(urljoin(f"{place.scheme}://{_netloc(place)}{place.target}", to))
            if next_place.origin != place.origin:
                return response
            place = next_place
        raise Unavailable(f"{place.host} redirects without an end.")

    def addresses(self, place: Place) -> list[Address]:
        """Where the host is; all of it public or allowed. Raises Misconfigured or Unavailable."""
        try:
            found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{place.host} is not known to the name server.") from error
        addresses = list(dict.fromkeys(ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found))
        if not addresses or not all(is_public(each) or self._is_allowed(each) for each in addresses):
            raise Misconfigured(
                f"{place.host} is not a public address; the operator can permit it with OVERWATCH_EGRESS_ALLOW."
            )
        return addresses

    def _is_allowed(self, address: Address) -> bool:
        inside = _inside(address) if isinstance(address, ipaddress.IPv6Address) else None
        return any((inside or address) in network for network in self.allowed)

    def _once(self, method: str, place: Place, headers: Mapping[str, str], body: bytes) -> Response:
        address = self.addresses(place)[0]
        with self._pool(place, address) as pool:
            try:
                return _exchange(pool, method, place, headers, body, self.total_seconds)
            except (HTTPError, HTTPException, OSError) as error:
                raise Unavailable(f"{place.host} does not answer: {type(error).__name__}.") from error
            except ValueError as error:  # a method or header that cannot stand in a request
                raise Misconfigured(f"The request to {place.host} cannot be sent: {type(error).__name__}.") from error

    def _pool(self, place: Place, address: Address) -> HTTPConnectionPool:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=self.total_seconds)
        if place.scheme == "http":
            return HTTPConnectionPool(str(address), place.port, timeout=timeout, retries=False)
        return HTTPSConnectionPool(
            str(address),
            place.port,
            timeout=timeout,
            retries=False,
            ssl_context=self._tls,
            server_hostname=place.host,
            assert_hostname=place.host,
        )


def _exchange(
    pool: HTTPConnectionPool, method: str, place: Place, headers: Mapping[str, str], body: bytes, seconds: float
) -> Response:
    sent = {name: value for name, value in headers.items() if name.lower() not in {"host", "accept-encoding"}}
    # no compression: what is capped is then what arrives
    sent |= {"Host": _netloc(place), "Accept-Encoding": "identity"}
    sent.setdefault("User-Agent", "Overwatch")
    connection = cast(HTTPConnection, pool._get_conn())  # not urlopen, because a timer must be able to hang up
    is_over = threading.Event()
    hang_up = threading.Timer(seconds, _hang_up, [connection, is_over])
    hang_up.daemon = True
    hang_up.start()
    try:
        connection.timeout = CONNECT_SECONDS
        connection.connect()
        connection.request(method, place.target, body=body or None, headers=sent, preload_content=False)
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        answer = connection.getresponse()
        content = answer.read(LARGEST_BODY_BYTES + 1, decode_content=False)
        if is_over.is_set():
            raise Unavailable(f"{place.host} takes too long.")
    finally:
        hang_up.cancel()
        connection.close()
    if len(content) > LARGEST_BODY_BYTES:
        raise Unavailable(f"{place.host} answers with more than {LARGEST_BODY_BYTES} bytes.")
    return Response(answer.status, _lowered(answer.headers.items()), content)


def _hang_up(connection: HTTPConnection, is_over: threading.Event) -> None:
    is_over.set()  # first, for whoever reads then learns at once that this is no answer's end
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _lowered(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _netloc(place: Place) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    return host if place.port == _PORTS[place.scheme] else f"{host}:{place.port}"
