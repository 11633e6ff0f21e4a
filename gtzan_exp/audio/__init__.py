"""Sound to views: tracks, features and spectrograms."""
