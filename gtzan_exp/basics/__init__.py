"""Shared basics: errors, checks, names, processes, files."""
