"""Sound to views: tracks, features, spectrograms, and the synthetic sample."""
