"""Text that anybody may have written (names, notes, reasons, lines of a log), made harmless to show."""


def printable(text: str, kept: str = "") -> str:
    """``text`` with ``?`` for what would move the cursor, change the screen or turn a line round, but for ``kept``."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in kept else "?" for character in text)


def one_line(text: str, most: int) -> str:
    """``text`` as one line that can be shown, cut where it is longer than ``most`` characters."""
    line = printable(" ".join(text.splitlines()))
    return line if len(line) <= most else f"{line[:most]} ..."
