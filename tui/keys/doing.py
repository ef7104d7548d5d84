"""What the keys of a screen would do just now, and doing it without the key: for the palette and the help."""

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from tui.bindings import GROUPS


def working(screen: Screen[object]) -> dict[str, Binding]:
    """What works on ``screen`` here and now, by id, in the order of the help."""
    ids = {active.binding.id for active in screen.active_bindings.values() if active.enabled}
    return {str(binding.id): binding for group in GROUPS.values() for binding in group if binding.id in ids}


async def do(app: App[object], binding: Binding) -> None:
    """As if its key had been pressed on the screen that is on top."""
    for active in app.screen.active_bindings.values():
        if active.binding.id == binding.id and active.enabled:
            await app.run_action(active.binding.action, active.node)
            return
