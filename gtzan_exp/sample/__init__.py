"""The embedded data set: synthetic audio of ten genres, so that everything runs without data."""
