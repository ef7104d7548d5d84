"""Every key, once. Footer, help, palette and a user's own keymap come from here; ids are what a keymap names."""

from textual.binding import Binding, BindingType


def _key(id: str, keys: str, action: str, label: str, tooltip: str, shown: str = "", footer: bool = True) -> Binding:
    return Binding(keys, action, label, id=id, tooltip=tooltip, key_display=shown or None, show=footer)


def _quiet(id: str, keys: str, action: str, label: str, tooltip: str, shown: str = "") -> Binding:
    """A key that works and is in the help, but takes no room in the bottom line."""
    return _key(id, keys, action, label, tooltip, shown, footer=False)


APP: list[BindingType] = [
    _key("app.help", "question_mark", "help", "keys", "All keys that work here, with a search", "?"),
    _key("app.quit", "q", "quit", "leave", "Leave the screen at once; runs go on in the background"),
    _quiet("app.palette", "ctrl+p,colon", "command_palette", "commands", "Find any action by its name", ": ctrl+p"),
    _quiet("app.theme", "T", "change_theme", "theme", "Choose the colours"),
    Binding("ctrl+c", "hint_quit", show=False, system=True),
    Binding("ctrl+q", "nothing", show=False, system=True),
]

RUNS: list[BindingType] = [
    _key("run.new", "n", "new", "new run", "Start a run: opens the form"),
    _quiet("run.again", "R", "again", "again", "The same run again, with changes: opens the form with its settings"),
    _key("run.stop", "x", "stop", "stop", "Stop (finish the epoch, keep the checkpoint) or kill; asks which"),
    _key("run.pause", "p", "pause", "pause", "Pause: give the worker free, go on later under the same number"),
    _key("run.resume", "p", "resume", "resume", "Go on: paused and held in place, stopped and failed as a new run"),
    _key("run.workers", "w", "workers", "workers", "Start workers for the runs that wait, where none is alive"),
    _key("run.mark", "space", "mark", "mark", "Mark the run: the loss pane overlays marked runs"),
    _quiet("run.unmark", "u", "unmark", "unmark all", "Take all marks off"),
    _quiet("run.lock", "exclamation_mark", "lock", "lock", "Lock against deletion, or unlock", "!"),
    _key("run.delete", "D", "delete", "delete", "Delete (asks): the run goes to the trash"),
    _key("run.undo", "z", "undo", "undo", "Take the last deletion back"),
]

PLACES: list[BindingType] = [
    _key("go.side", "tab", "side(1)", "side", "Experiments, runs, pane: go to the next"),
    _quiet("go.side_back", "shift+tab", "side(-1)", "side back", "Experiments, runs, pane: go to the one before"),
    _quiet(
        "go.right",
        "right,l",
        "side_right",
        "right",
        "To the right; in a pane: the cursor, or an epoch on",
        "right l",
    ),
    _quiet("go.left", "left,h", "side_left", "left", "To the left; in a pane: the cursor, or an epoch back", "left h"),
    _key("go.open", "enter", "open", "open", "Experiments: to the runs. Runs and panes: full size", "enter"),
    _key("go.back", "escape", "back", "back", "Back; never leaves the screen", "esc"),
    _key("go.filter", "slash", "filter", "filter", "Filter the rows: words, state:running, val<0.02, !not, a | b", "/"),
    _quiet("go.sort", "s", "sort", "sort", "Sort the runs by any column; failed ones last"),
    _quiet("pane.loss", "1", "pane('loss')", "loss", "The loss pane: curves, live"),
    _quiet("pane.latent", "2", "pane('latent')", "latent", "The latent pane: codes of the validation images"),
    _quiet("pane.search", "3", "pane('search')", "search", "The search pane: what was found, pruned, what mattered"),
    _quiet("pane.numbers", "4", "pane('numbers')", "numbers", "The numbers pane: settings and results"),
    _quiet("pane.log", "5", "pane('log')", "log", "The log pane: what the worker wrote"),
    _quiet("pane.before", "left_square_bracket", "pane_step(-1)", "pane before", "The pane before", "["),
    _quiet("pane.next", "right_square_bracket", "pane_step(1)", "next pane", "The next pane", "]"),
]

PANES: list[BindingType] = [
    _key("loss.log", "L", "log_axis", "log axis", "Loss and search: logarithmic or linear axis"),
    _key(
        "loss.measure",
        "m",
        "measure",
        "measure",
        "Loss: next measure (error, KL). Search: the other view. Latent: next axes",
    ),
    _key("loss.zoom_in", "plus,equals_sign", "zoom(1)", "zoom in", "Loss, latent: half of it, around the cursor", "+"),
    _quiet("loss.zoom_out", "minus", "zoom(-1)", "zoom out", "Loss and latent: twice as much", "-"),
    _quiet("loss.whole", "0", "whole", "all", "Loss and latent: all of it, no cursor"),
    _quiet("loss.pan_on", "shift+right,right_curly_bracket", "pan(1)", "pan on", "Loss: a quarter on", "}"),
    _quiet("loss.pan_back", "shift+left,left_curly_bracket", "pan(-1)", "pan back", "Loss: a quarter back", "{"),
    _quiet("loss.smoother", "greater_than_sign", "smooth(1)", "smoother", "Loss: smooth the curves more", ">"),
    _quiet("loss.rougher", "less_than_sign", "smooth(-1)", "rougher", "Loss: smooth the curves less", "<"),
    _quiet("loss.axis", "X", "x_axis", "x axis", "Loss: along epochs, steps or time"),
    _quiet("loss.limits", "Y", "limits", "limits", "Loss: from where to where the axes go"),
    _quiet("loss.outliers", "O", "outliers", "outliers", "Loss: leave the outermost values out of the y axis, or not"),
    _quiet("loss.part", "v", "part", "part", "Loss: validation or training of runs over each other. Latent: density"),
    _quiet("loss.top", "K", "top", "best runs", "Loss: the experiment's best 3, 5 or 10 runs over each other, or not"),
    _key("latent.before", "comma", "epoch(-1)", "epoch back", "Latent: the epoch before", ","),
    _key(
        "latent.next", "full_stop", "epoch(1)", "epoch on", "Latent: the next epoch; past the last, follow again", "."
    ),
]

LATENT: list[BindingType] = [
    _key("latent.inspect", "i", "inspect", "inspect", "Latent: a cursor that shows the nearest sample and decodes"),
    _quiet("latent.end", "b", "end", "A to B", "Latent: decode the line from the sample at the cursor to another"),
    _quiet("latent.grid", "number_sign", "grid", "grid", "Latent: decode a grid over what is shown, or not", "#"),
    _quiet("latent.play", "P", "play", "play", "Latent: play the training epoch by epoch, or stop"),
]

LATENT_CURSOR: list[BindingType] = [
    Binding("up,k", "cursor(0,-1)", show=False),
    Binding("down,j", "cursor(0,1)", show=False),
]

FINDING_OUT: list[BindingType] = [
    _key("run.search", "S", "search", "search", "Search for the best settings, or go on with the experiment's search"),
    _key("recipes.show", "r", "recipes", "recipes", "Recipes: their steps and table"),
    _quiet("run.evaluate", "E", "evaluate", "evaluate", "Measure the run, or all that are marked, on the test images"),
    _quiet("run.crossval", "V", "cross_validate", "cross-validate", "Train the experiment's best settings on folds"),
    _quiet("run.latent", "A", "latent_study", "latent study", "Encode images by the run, tell how classes separate"),
]

RECIPES: list[BindingType] = [
    _key("recipe.new", "n", "new_recipe", "new recipe", "Start a recipe: opens the form"),
    _key("recipe.go_on", "p", "go_on", "go on", "Go on with the recipe in the background, where it was"),
    _key("recipe.hold", "p", "hold", "hold", "Hold all of the recipe back; p goes on where it was"),
    _key("recipe.open", "enter", "open", "open", "To the runs of the step", "enter"),
    _key("recipe.back", "escape", "back", "back", "Back to the experiments", "esc"),
]

TABLE: list[BindingType] = [
    _quiet("move.up", "up,k", "move(-1)", "up", "One row up", "up k"),
    _quiet("move.down", "down,j", "move(1)", "down", "One row down", "down j"),
    _quiet("move.page_up", "pageup,ctrl+u", "page(-1)", "page up", "A page up", "pgup"),
    _quiet("move.page_down", "pagedown,ctrl+d", "page(1)", "page down", "A page down", "pgdn"),
    _quiet("move.first", "g,home", "first", "first", "The first row", "g home"),
    _quiet("move.last", "G,end", "last", "last", "The last row", "G end"),
]

SCROLL: list[BindingType] = [
    _quiet("scroll.up", "up,k", "scroll_up", "up", "One line up"),
    _quiet("scroll.down", "down,j", "scroll_down", "down", "One line down"),
    _quiet("scroll.page_up", "pageup", "page_up", "page up", "A page up"),
    _quiet("scroll.page_down", "pagedown", "page_down", "page down", "A page down"),
    _quiet("scroll.first", "g,home", "scroll_home", "first", "The first line"),
    _quiet("scroll.last", "G,end", "scroll_end", "last", "The last line"),
]

FORM: list[BindingType] = [
    _key("form.start", "enter", "start", "start", "Start what the form says", "enter"),
    _key("form.next", "down,tab", "app.focus_next", "next", "The next field", "down"),
    _key("form.before", "up,shift+tab", "app.focus_previous", "before", "The field before", "up"),
    _key("form.cancel", "escape", "cancel", "cancel", "Close the form, start nothing", "esc"),
]

FORM_INPUT: list[BindingType] = [
    _key("form.submit", "enter", "submit", "start", "Start what the form says", "enter"),
]

CHOICE: list[BindingType] = [
    _quiet("choice.next", "right,l,space", "choose(1)", "next", "The next choice"),
    _quiet("choice.before", "left,h", "choose(-1)", "before", "The choice before"),
]

HELP: list[BindingType] = [
    _key("help.close", "escape", "dismiss", "close", "Close the help", "esc"),
    _quiet("help.up", "up", "scroll(-1)", "up", "One line up"),
    _quiet("help.down", "down", "scroll(1)", "down", "One line down"),
    _quiet("help.page_up", "pageup", "scroll(-10)", "page up", "Ten lines up"),
    _quiet("help.page_down", "pagedown", "scroll(10)", "page down", "Ten lines down"),
]

HOME: list[BindingType] = [*RUNS, *PLACES, *FINDING_OUT, *PANES, *LATENT]

GROUPS: dict[str, list[Binding]] = {
    title: [binding for binding in group if isinstance(binding, Binding) and binding.id]
    for title, group in {
        "runs": RUNS,
        "going about": PLACES,
        "panes": [*PANES, *LATENT],
        "finding out": FINDING_OUT,
        "recipes": RECIPES,
        "moving in a list": TABLE,
        "everywhere": APP,
    }.items()
}
"""What the help lists, in this order."""


def shown_key(binding: Binding) -> str:
    """How the key is written for people."""
    return binding.key_display or binding.key.split(",")[0]
