"""From a command line to a `Cell`, or to everything that is wrong with it."""
