"""The JSON front door: body limits, strict JSON, one error shape, envelopes, pages, public ids."""
