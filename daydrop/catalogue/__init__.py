"""Rows: the index of the library. The only place with SQL."""
