"""What a file is: its kind by its bytes, and what its name announces."""
