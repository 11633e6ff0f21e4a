"""Predictions of recorded models on audio files, as text."""
