"""Exploration before training: tracks, the table of features, images."""
