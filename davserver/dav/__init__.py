"""The WebDAV face: WsgiDAV, a provider for it, and methods of our own where it falls short."""
