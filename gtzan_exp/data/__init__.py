"""From views on disk to a `Dataset`, and from a `Dataset` to train, validation and test parts."""
