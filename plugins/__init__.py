"""The bundled connectors: loaded by the same entry point, on the same terms as anybody's."""
