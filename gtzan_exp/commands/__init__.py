"""The subcommands of ``gtzan-exp``: one module each, with its `USAGE` and its `main`."""

COMMANDS = ("train", "validate", "audit", "prepare", "explore", "compare", "predict", "sync", "ui")
