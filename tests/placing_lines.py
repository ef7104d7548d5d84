"""What the README tells users to type for Ray and Slurm."""

from pathlib import Path


def readmes_lines(on: str) -> list[str]:
    """Its commands that place workers by ``on``, without their comments."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    return [line.partition("  #")[0] for line in text.splitlines() if line.startswith(f"aetui worker --on {on} ")]
