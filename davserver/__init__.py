"""The WebDAV face, the HTTP engine, and the one place where all is wired together."""
