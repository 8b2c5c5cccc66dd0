"""Embedding models: text in, unit vectors out. Nothing here touches the network; heavy libraries load on first use."""
