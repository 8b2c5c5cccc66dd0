"""Incidents: alerts that belong together, and the life they share."""
