"""From views on disk to a `Dataset`, and from a `Dataset` to the parts of a split."""
