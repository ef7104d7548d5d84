"""README's figures, made anew: ``make figures``. Given a root, those of the recipe there; else it runs first."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "aetui")
FOLDER = Path(__file__).parent / "pictures"
FIGURES = ("denoising_3x", "latent", "latent_grid", "mse_over_noise")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = sys.argv[1] if sys.argv[1:] else str(Path(folder) / "runs")
        if not sys.argv[1:]:
            aetui(root, "recipe", "paper", "--preset", "quick")
        out = Path(folder) / "figures"
        aetui(root, "export", "paper-quick-mnist-5k", "--width", "1", "--out", str(out))
        FOLDER.mkdir(exist_ok=True)
        for name in FIGURES:
            shutil.copyfile(out / f"{name}.png", FOLDER / f"{name}.png")


def aetui(root: str, *words: str) -> None:
    print(f"aetui {' '.join(words)}", flush=True)
    subprocess.run([COMMAND, *words, "--root", root], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
