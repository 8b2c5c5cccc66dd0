"""Replaying deliveries, and saying beforehand what that would change."""
