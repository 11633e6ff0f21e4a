"""Everything that touches MLflow; no other module of the package imports it."""
