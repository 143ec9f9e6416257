"""The HTTP engine: cheroot where uploads need it to differ. Imports nothing of ours."""
