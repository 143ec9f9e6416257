"""Typed settings and the annotated sample; a leaf that imports nothing of ours."""
