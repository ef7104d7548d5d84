"""Single lines of rich text, as blocks of a pane are made of them."""

from rich.text import Text

from tui.look import Look


def written(text: str, style: str = "") -> Text:
    """In that style, which (other than a style of the whole text) does not spread to what is appended."""
    return Text(no_wrap=True).append(text, style=style)


def title(text: str, width: int, look: Look) -> Text:
    return cut(written(f" {text}", "bold underline"), width, look)


def cut(line: Text, width: int, look: Look) -> Text:
    line.truncate(width, overflow="ellipsis" if look.is_unicode else "crop")
    return line
