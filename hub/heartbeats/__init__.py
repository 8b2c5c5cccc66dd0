"""Heartbeats: what should be heard from every n seconds; silence becomes an event like any platform's."""
