"""Embedders, which turn tracks into vectors, and the files of their vectors."""
