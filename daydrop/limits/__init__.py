"""What one origin may send: the files and bytes of a batch, and room on the disk."""
