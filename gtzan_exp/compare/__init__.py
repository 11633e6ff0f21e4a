"""Recorded runs side by side: tables, tests between models, and a page that shows both."""
