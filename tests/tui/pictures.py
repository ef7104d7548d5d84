"""README's pictures of the screen, drawn anew: ``make pictures``. Everything in them is trained here."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from store.names import RunName
from store.paths import Root
from tests.tui import svg
from tests.tui.test_screen import at_home, current, home, sees
from tui.app import AetuiApp

COMMAND = str(Path(sys.executable).parent / "aetui")
FOLDER = Path(__file__).parent / "pictures"
SIZE = (116, 32)
TRAINED = (
    "run cae --set latent_dim=6 --epochs 8",
    "run cae --set latent_dim=2 --epochs 8",
    "run vae --set latent_dim=2 --epochs 12",
    "search cae --dataset digits --trials 16 --epochs 4 --name digits-search",
    "evaluate vae-mnist-5k/0",
    "latent vae-mnist-5k/0",
    "tag cae-mnist-5k/0 --add keep",
)
CAE, VAE = RunName("cae-mnist-5k", 0), RunName("vae-mnist-5k", 0)
PICTURES: dict[str, tuple[RunName, tuple[str, ...], str]] = {
    "loss": (CAE, ("1", "space", "space", "k", "L"), "2 marked"),
    "latent": (VAE, ("2", "tab", "i", *["right"] * 6, *["up"] * 4), "at the cursor"),
    "images": (CAE, ("3", "enter"), "reconstruction"),
    "search": (RunName("digits-search", 0), ("4",), "what mattered"),
    "numbers": (VAE, ("5",), "units"),
    "log": (CAE, ("6",), "epoch"),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"HOME": folder, "LANG": "C.UTF-8", "COLORTERM": "truecolor"}
        root = Root(Path(folder) / "runs")
        for command in TRAINED:
            print(f"aetui {command}", flush=True)
            done = [COMMAND, *command.split(), "--root", str(root.path)]
            subprocess.run(done, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        for name in PICTURES:
            asyncio.run(draw(root, name))


async def draw(root: Root, name: str) -> None:
    run, keys, sign = PICTURES[name]
    async with AetuiApp(root, focus=run).run_test(size=SIZE) as pilot:
        await at_home(pilot)
        await until(pilot, lambda: current(pilot) == run)
        await pilot.press(*keys)
        await until(pilot, sees(pilot, sign))
        if name == "search":
            await until(pilot, lambda: (found := home(pilot).panes.search.findings) and found.importance.shares)
        svg.write(FOLDER / f"{name}.svg", await svg.at_rest(pilot, f"aetui: {name}"))


async def until(pilot: Pilot[object], condition: Callable[[], object]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.05)
            await pilot.pause()


if __name__ == "__main__":
    main()
