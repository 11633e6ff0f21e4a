"""Text for Markdown."""

from html import escape


def cell(text: str) -> str:
    """Return text as a cell of a table, in one line, that shows what it says."""
    return escape(text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " "), quote=False)
