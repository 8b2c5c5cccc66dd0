"""New accounts: of a new organization's owner, of somebody who was invited; and the proof of their address."""
