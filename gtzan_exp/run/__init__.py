"""The runner: one cell in, one recorded run out."""
