"""Silences: while one stands, the alerts it matches open no incident; they return by themselves at its end."""
