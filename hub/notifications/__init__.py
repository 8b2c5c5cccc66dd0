"""Notifications inside the hub: who hears of what, in the inbox, by mail, and in the stream."""
