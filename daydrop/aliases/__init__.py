"""The paths in `Upload` that go on answering for items."""
