"""A whole upload gets its day, its folder and name, and its rows."""
