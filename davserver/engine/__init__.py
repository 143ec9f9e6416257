"""The HTTP engine: cheroot where uploads need it to be other than it is. Imports nothing of ours."""
