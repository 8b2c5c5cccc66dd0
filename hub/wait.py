"""Asking a hub from outside whether it is ready."""

import json
import urllib.error
import urllib.request


def is_ready(host: str, port: int) -> bool:
    """Whether the hub at this address answers that everything makes progress. False when nobody answers."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104  # asked, not bound
    try:
        with urllib.request.urlopen(f"http://{shown}:{port}/readyz", timeout=2) as answer:
            return bool(json.load(answer)["status"] == "ready")
    except (urllib.error.URLError, OSError, ValueError):
        return False
