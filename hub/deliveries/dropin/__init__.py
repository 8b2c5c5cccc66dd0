"""Drop-in endpoints: whoever sends to PagerDuty, Alertmanager or Opsgenie sends here by changing the address only."""

from hub.deliveries.dropin import alertmanager, opsgenie, pagerduty
from hub.deliveries.dropin.taking import blp

__all__ = ["alertmanager", "blp", "opsgenie", "pagerduty"]  # each of them adds its routes
