"""What everyone is told of an upload: its receipt, the reason for its day, and the log."""
