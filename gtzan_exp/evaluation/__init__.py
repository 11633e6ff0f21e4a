"""From a fitted model to numbers, tables and pictures."""
