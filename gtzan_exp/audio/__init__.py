"""From audio to views: tracks, features and spectrograms."""
