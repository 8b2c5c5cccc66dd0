"""A small client of the hub's own HTTP API, for the demo and the benchmarks."""

from typing import Any

import urllib3

from hub.contracts.errors import OverwatchError


class ApiRefused(OverwatchError):
    """The hub answered with an error; the message holds its status and words."""


class Client:
    """Calls one hub, as one person once `log_in` or `register` has been called, or by an API key."""

    def __init__(self, address: str, connections: int = 4, api_key: str = "") -> None:
        self.address = address.rstrip("/")
        self._token = ""
        self._api_key = api_key
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, timeout=urllib3.Timeout(30))

    def register(self, **account: str) -> None:
        """Creates an organization with this person as its owner. Raises ApiRefused."""
        self._token = self.call("POST", "/auth/register", account)["access_token"]

    def log_in(self, email: str, password: str) -> None:
        """Raises ApiRefused."""
        self._token = self.call("POST", "/auth/login", {"email": email, "password": password})["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The whole answer as JSON; None when it has no body. `path` is below /api/v1, or a whole address."""
        url = path if path.startswith("http") else f"{self.address}/api/v1{path}"
        proof = {} if path.startswith("http") else self._proof()
        headers = {"Content-Type": "application/json", **proof}
        return _read(method, path, self._pool.request(method, url, json=body, headers=headers))

    def upload(self, path: str, body: bytes, content_type: str) -> Any:
        """POSTs bytes; the whole answer as JSON. Raises ApiRefused."""
        headers = {"Content-Type": content_type, **self._proof()}
        url = f"{self.address}/api/v1{path}"
        return _read("POST", path, self._pool.request("POST", url, body=body, headers=headers))

    def _proof(self) -> dict[str, str]:
        if self._api_key:
            return {"X-API-Key": self._api_key}
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def connect(self, platform: str, name: str) -> str:
        """A new integration's webhook address, with its token."""
        made = self.call("POST", "/integrations", {"platform": platform, "name": name})
        address: str = made["data"]["webhook_url"]
        return address


def _read(method: str, path: str, answer: urllib3.BaseHTTPResponse) -> Any:
    found = answer.json() if answer.data else None
    if answer.status >= 400:
        raise ApiRefused(f"{method} {path}: {answer.status} {found and found.get('error')}")
    return found
