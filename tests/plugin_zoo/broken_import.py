"""Cannot be imported."""

raise ImportError("acme_sdk is not installed")
