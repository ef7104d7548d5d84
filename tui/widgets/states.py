"""How the state of a run is told in a few cells."""

from store.records import Run, RunState
from tui.look import Look, number_text

_TONES = {
    RunState.RUNNING: "table--busy",
    RunState.COMPLETE: "table--good",
    RunState.FAILED: "table--bad",
    RunState.LOST: "table--bad",
    RunState.STALLED: "table--warn",
    RunState.STOPPED: "table--warn",
    RunState.PAUSED: "table--warn",
    RunState.HELD: "table--warn",
}


def state_tone(state: RunState) -> str:
    """The component class of a table that colours it."""
    return _TONES.get(state, "table--muted")


def shown_state(run: Run, look: Look) -> str:
    """Glyph and word; a request not yet obeyed stands behind it."""
    asked = {"stop": "stopping", "pause": "pausing"}.get(str(run.request or ""), "") if run.state.is_live else ""
    return f"{look.glyph(run.state)} {asked or run.state}"


def shown_value(run: Run) -> str:
    return number_text(run.value if run.value is not None else run.last_value, "")
