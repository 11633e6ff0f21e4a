"""The subcommands of ``gtzan-exp``: one module each, with its `USAGE` and its `main`."""

COMMANDS = (
    "train",
    "validate",
    "audit",
    "check",
    "prepare",
    "explore",
    "compare",
    "predict",
    "sync",
    "ui",
    "init",
)
