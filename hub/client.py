"""A small client of the hub's own HTTP API, for the demo and the benchmarks."""

from typing import Any

import urllib3

from hub.contracts.errors import OverwatchError


class ApiRefused(OverwatchError):
    """The hub answered with an error; the message holds its status and words."""


class Client:
    """Calls one hub, as one person once `log_in` or `register` has been called."""

    def __init__(self, address: str, connections: int = 4) -> None:
        self.address = address.rstrip("/")
        self._token = ""
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
        headers = {"Authorization": f"Bearer {self._token}"} if self._token and not path.startswith("http") else {}
        answer = self._pool.request(method, url, json=body, headers={"Content-Type": "application/json", **headers})
        found = answer.json() if answer.data else None
        if answer.status >= 400:
            raise ApiRefused(f"{method} {path}: {answer.status} {found and found.get('error')}")
        return found

    def connect(self, platform: str, name: str) -> str:
        """A new integration's webhook address, with its token."""
        made = self.call("POST", "/integrations", {"platform": platform, "name": name})
        address: str = made["data"]["webhook_url"]
        return address
