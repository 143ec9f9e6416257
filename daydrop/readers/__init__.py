"""Processes with limits, which parse files of unknown origin and can be killed."""
