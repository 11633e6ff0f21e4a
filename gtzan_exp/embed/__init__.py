"""Models that turn a track into a vector: what they are, and where their vectors are kept."""
