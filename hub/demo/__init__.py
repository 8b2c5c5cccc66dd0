"""The demo: a believable incident storm of three platforms, through the real webhooks."""
