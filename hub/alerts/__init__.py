"""Alerts: events with one dedup key, folded into one state whatever their order."""
