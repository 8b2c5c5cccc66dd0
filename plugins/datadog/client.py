"""datadog-api-client over the hub's way out, and what the errors of Datadog's API mean."""

from typing import Any
from urllib.parse import urlencode

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException
from datadog_api_client.rest import ClientRetry

from hub.contracts import Config, Http, Misconfigured, Unavailable

LONGEST_WAIT_SECONDS = 5


class _Pool:
    """What the client asks of a connection pool, by the hub's way out; retried by the client's own policy."""

    def __init__(self, http: Http, configuration: Configuration) -> None:
        self._http = http
        self._policy = ClientRetry(total=configuration.max_retries, backoff_factor=configuration.retry_backoff_factor)

    def request(self, method: str, url: str, *, headers: Any, fields: Any = None, body: Any = None, **_: Any) -> Any:
        target = f"{url}?{urlencode(fields)}" if fields else url
        sent = {str(name): str(value) for name, value in headers.items()}
        raw = body.encode() if isinstance(body, str) else body or b""
        policy: Any = self._policy
        while True:
            answer = _Answer(self._http.request(method, target, headers=sent, body=raw))
            if not policy.total or not policy.is_retry(method, answer.status, has_retry_after=True):
                return answer
            if (policy.get_retry_after(answer) or 0) > LONGEST_WAIT_SECONDS:  # the next poll is soon enough
                return answer
            policy = policy.increment(method, url, response=answer)
            policy.sleep(answer)

    def clear(self) -> None:
        """There is nothing to close: every request has a connection of its own."""


class _Answer:
    """A response in the shape of urllib3's."""

    def __init__(self, response: Any) -> None:
        self.status = response.status
        self.reason = ""
        self.data = response.body
        self.headers = response.headers

    def getheaders(self) -> Any:
        return self.headers

    def get_redirect_location(self) -> bool:
        return False


def client_of(config: Config, http: Http) -> ApiClient:
    """datadog-api-client with the keys of the config."""
    configuration = Configuration(host=config["api_url"], enable_retry=True, max_retries=2)
    configuration.api_key = {"apiKeyAuth": config["api_key"], "appKeyAuth": config.get("app_key", "")}
    client = ApiClient(configuration)
    client.rest_client.pool_manager = _Pool(http, configuration)
    return client


def asked(ask: Any, permission: str = "") -> dict[str, Any]:
    """The answer as plain values. Raises Unavailable, or Misconfigured naming the permission."""
    try:
        answer: dict[str, Any] = ask().to_dict()
    except ApiException as error:
        if error.status in {408, 429} or error.status >= 500:
            raise Unavailable(f"Datadog answered {error.status}.") from error
        lacks = f", or they lack {permission}" if permission else ""
        raise Misconfigured(f"Datadog answered {error.status}: it does not accept the keys{lacks}.") from error
    return answer


def is_there(ask: Any, permission: str) -> bool:
    """Whether what is asked for exists. Raises as `asked`."""
    try:
        asked(ask, permission)
    except Misconfigured as error:
        if isinstance(error.__cause__, ApiException) and error.__cause__.status == 404:
            return False
        raise
    return True
