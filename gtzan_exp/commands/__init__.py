"""The subcommands of ``gtzan-exp``: one module each, with a `USAGE` and a `main`."""

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
