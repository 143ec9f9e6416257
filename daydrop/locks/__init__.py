"""Locks that hold between threads, and between the processes of one machine."""
