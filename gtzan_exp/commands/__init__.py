"""The subcommands: one module each, with a `USAGE` and a `main` that returns the exit status."""

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
