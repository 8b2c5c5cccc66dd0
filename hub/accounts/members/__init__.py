"""The same people, seen from their organization: who belongs to it and as what."""
