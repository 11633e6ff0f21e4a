"""Looking before training: at tracks, at a table of features, at pictures."""
