"""Feedback: what people say of results moves later rankings of their organization, within bounds."""
