"""Outbound: changes of incidents told to platforms, each in order, at least once, with an id that stays."""
