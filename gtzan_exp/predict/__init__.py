"""A recorded model on audio files, as text."""
