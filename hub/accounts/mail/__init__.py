"""Mail to people: who is sent what, and the transport, which notifications use too."""
