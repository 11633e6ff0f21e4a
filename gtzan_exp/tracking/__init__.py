"""Everything that uses MLflow; no other room imports it."""
