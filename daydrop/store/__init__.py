"""Bytes: staged, made durable, linked into place without replacing, opened, removed."""
