"""Every key, once. Footer, help, palette and a user's own keymap come from here; ids are what a keymap names."""

from dataclasses import replace

from textual.binding import Binding, BindingType


def _key(id: str, keys: str, action: str, label: str, tooltip: str, shown: str = "", footer: bool = True) -> Binding:
    return Binding(keys, action, label, id=id, tooltip=tooltip, key_display=shown or None, show=footer)


def _quiet(id: str, keys: str, action: str, label: str, tooltip: str, shown: str = "") -> Binding:
    """A key that works and is in the help, but takes no room in the bottom line."""
    return _key(id, keys, action, label, tooltip, shown, footer=False)


def _at_once(binding: Binding) -> Binding:
    """Done before the next key is given to anybody: what is typed behind it in one piece is for where it leads."""
    return replace(binding, priority=True)


APP: list[BindingType] = [
    _key("app.help", "question_mark", "help", "keys", "All keys that work here, with a search", "?"),
    _key("app.quit", "q", "quit", "leave", "Leave the screen at once; runs go on in the background"),
    _quiet("app.palette", "ctrl+p,colon", "command_palette", "commands", "Find any action by its name", ": ctrl+p"),
    _quiet("app.theme", "T", "change_theme", "theme", "Choose the colours"),
    _quiet("app.machine", "M", "machine", "machine", "This machine: its load, and what each worker takes"),
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
    _quiet("run.mark_all", "asterisk", "mark_all", "mark all", "Mark all runs that are shown, or none of them", "*"),
    _quiet("run.unmark", "u", "unmark", "unmark all", "Take all marks off"),
    _quiet("run.tag", "t", "tag", "tags", "Tags of the run, or of all that are marked, in a line below the runs"),
    _quiet("run.note", "N", "note", "note", "A note beside the run, or beside all that are marked"),
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
    _quiet("go.columns", "o", "columns", "columns", "Choose the columns of the runs, and their order"),
    _quiet("go.group", "percent_sign", "group", "group", "Group the runs by any column: optimizer, dim, tags", "%"),
    _quiet("go.hide", "H", "hide_ended", "hide", "Hide pruned and failed runs everywhere, or show them"),
    _quiet("go.wide", "W", "wide", "wide table", "All of the width for the tables, or a part of it"),
    _quiet("pane.loss", "1", "pane('loss')", "loss", "The loss pane: curves, live"),
    _quiet("pane.latent", "2", "pane('latent')", "latent", "The latent pane: codes of the validation images"),
    _quiet("pane.images", "3", "pane('images')", "images", "The image pane: reconstructions, worst, best, samples"),
    _quiet("pane.search", "4", "pane('search')", "search", "The search pane: what was found, pruned, what mattered"),
    _quiet("pane.numbers", "5", "pane('numbers')", "numbers", "The numbers pane: settings and results"),
    _quiet("pane.log", "6", "pane('log')", "log", "The log pane: what the worker wrote"),
    _quiet("pane.before", "left_square_bracket", "pane_step(-1)", "pane before", "The pane before", "["),
    _quiet("pane.next", "right_square_bracket", "pane_step(1)", "next pane", "The next pane", "]"),
]

PANES: list[BindingType] = [
    _key("loss.log", "L", "log_axis", "log axis", "Loss and search: logarithmic or linear axis"),
    _key(
        "loss.measure",
        "m",
        "measure",
        "next view",
        "Loss: next measure (error, KL). Search: the other view. Latent: PCA, t-SNE, axes. Images: next view",
    ),
    _key("loss.zoom_in", "plus,equals_sign", "zoom(1)", "zoom in", "Loss, latent: half of it. Images: larger", "+"),
    _quiet("loss.zoom_out", "minus", "zoom(-1)", "zoom out", "Loss, latent: twice as much. Images: smaller", "-"),
    _quiet("loss.whole", "0", "whole", "all", "Loss, latent: all of it, no cursor. Images: as large as fits"),
    _quiet("loss.pan_on", "shift+right,right_curly_bracket", "pan(1)", "pan on", "Loss: a quarter on", "}"),
    _quiet("loss.pan_back", "shift+left,left_curly_bracket", "pan(-1)", "pan back", "Loss: a quarter back", "{"),
    _quiet("loss.smoother", "greater_than_sign", "smooth(1)", "smoother", "Loss: smooth the curves more", ">"),
    _quiet("loss.rougher", "less_than_sign", "smooth(-1)", "rougher", "Loss: smooth the curves less", "<"),
    _quiet("loss.axis", "X", "x_axis", "x axis", "Loss: along epochs, steps or time"),
    _quiet("loss.limits", "Y", "limits", "limits", "Loss: from where to where the axes go"),
    _quiet("loss.outliers", "O", "outliers", "outliers", "Loss: leave the outermost values out of the y axis, or not"),
    _quiet("loss.part", "v", "part", "part", "Loss: validation or training. Latent: density. Images: as blocks"),
    _quiet("loss.top", "K", "top", "best runs", "Loss: the experiment's best 3, 5 or 10 runs over each other, or not"),
    _quiet("numbers.difference", "d", "difference", "difference", "What differs between the marked runs, or not"),
    _quiet("loss.compare", "c", "compare", "compare", "The curves of the marked runs over each other"),
    _quiet(
        "go.copy",
        "y",
        "copy",
        "copy",
        "Copy. Numbers: what is shown, as text. Elsewhere: the command that resumes, follows or shows the run",
    ),
    _key("log.error", "f", "error(1)", "next error", "Log: to the next error; a failed run's log opens at its last"),
    _quiet("log.error_before", "F", "error(-1)", "error before", "Log: to the error before"),
    _key("latent.before", "comma", "epoch(-1)", "epoch back", "Latent, images: the epoch before", ","),
    _key(
        "latent.next", "full_stop", "epoch(1)", "epoch on", "Latent, images: the next epoch; past the last, follow", "."
    ),
]

LATENT: list[BindingType] = [
    _key("latent.inspect", "i", "inspect", "inspect", "Latent: a cursor that shows the nearest sample and decodes"),
    _quiet("latent.end", "b", "end", "A to B", "Latent: decode the line from the sample at the cursor to another"),
    _quiet("latent.grid", "number_sign", "grid", "grid", "Latent: decode a grid over what is shown, or not", "#"),
    _quiet("latent.classes", "C", "classes", "classes", "Latent: one class alone in colour, the next, all"),
    _quiet("latent.beside", "B", "beside", "side by side", "Latent: the two marked runs, or the marked one and this"),
    _quiet("latent.play", "P", "play", "play", "Latent: play the training epoch by epoch, or stop"),
]

LATENT_CURSOR: list[BindingType] = [
    Binding("up,k", "cursor(0,-1)", show=False),
    Binding("down,j", "cursor(0,1)", show=False),
]

IMAGE_KEYS: list[BindingType] = [
    Binding("up,k", "turn(0,-1)", show=False),
    Binding("down,j", "turn(0,1)", show=False),
    Binding("pageup", "turn(-1,0)", show=False),
    Binding("pagedown", "turn(1,0)", show=False),
]

FINDING_OUT: list[BindingType] = [
    _key("run.search", "S", "search", "search", "Search for the best settings, or go on with the experiment's search"),
    _key("queue.show", "Q", "queue", "queue", "The queue: what is begun next, and how many workers a device may have"),
    _quiet("news.show", "a", "news", "news", "What ended while you were away, and since"),
    _key("recipes.show", "r", "recipes", "recipes", "Recipes: their steps and table"),
    _quiet("run.evaluate", "E", "evaluate", "evaluate", "Measure the run, or all that are marked, on the test images"),
    _quiet("run.crossval", "V", "cross_validate", "cross-validate", "Train the experiment's best settings on folds"),
    _quiet(
        "run.latent",
        "A",
        "latent_study",
        "latent study",
        "Encode images by the run, or marked ones; tell how classes separate",
    ),
    _quiet("run.export", "e", "export", "export", "Figures and tables for a paper: of the run, marked ones, or more"),
]

RECIPES: list[BindingType] = [
    _key("recipe.new", "n", "new_recipe", "new recipe", "Start a recipe: opens the form"),
    _key("recipe.go_on", "p", "go_on", "go on", "Go on with the recipe in the background, where it was"),
    _key("recipe.hold", "p", "hold", "hold", "Hold all of the recipe back; p goes on where it was"),
    _key("recipe.open", "enter", "open", "open", "To the runs of the step", "enter"),
    _key("recipe.back", "escape", "back", "back", "Back to the experiments", "esc"),
]

QUEUE: list[BindingType] = [
    _key("queue.up", "K,shift+up", "place('up')", "up", "One place nearer to being begun", "K"),
    _key("queue.down", "J,shift+down", "place('down')", "down", "One place further from it", "J"),
    _key("queue.first", "f", "place('first')", "first", "To be begun next"),
    _key("queue.last", "e", "place('last')", "last", "To the end of the queue"),
    _key("queue.hold", "p", "hold", "hold", "Hold the run back in its place, or let it go on"),
    _key("queue.more", "plus,equals_sign", "slots(1)", "more slots", "One worker more on the device, at most", "+"),
    _key("queue.fewer", "minus", "slots(-1)", "fewer", "One worker less; one too many leaves after its run", "-"),
    _key("queue.side", "tab", "side", "side", "Devices or runs"),
    _key("queue.open", "enter", "open", "open", "To the run", "enter"),
    _key("queue.back", "escape", "back", "back", "Back to the experiments", "esc"),
]

NEWS: list[BindingType] = [
    _key("news.open", "enter", "open", "open", "To the run", "enter"),
    _key("news.back", "escape", "back", "back", "Back to the experiments", "esc"),
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

LOG: list[BindingType] = [
    _key("log.search", "slash", "search", "search", "Log: search it, as one types", "/"),
    _key("log.match", "n", "match(1)", "next match", "Log: the next match"),
    _quiet("log.match_before", "N", "match(-1)", "match before", "Log: the match before"),
    _key("log.forget", "escape", "forget", "forget", "Log: search no more", "esc"),
]

LOG_PANE: list[BindingType] = [*SCROLL, *LOG]

LOG_SEARCH: list[BindingType] = [
    _key("log.close", "escape", "close", "forget", "Close the search line, search no more", "esc"),
]

FORM: list[BindingType] = [
    _key("form.start", "enter", "start", "start", "Start what the form says", "enter"),
    _at_once(_key("form.next", "down,tab", "app.focus_next", "next", "The next field", "down")),
    _at_once(_key("form.before", "up,shift+tab", "app.focus_previous", "before", "The field before", "up")),
    _key("form.cancel", "escape", "cancel", "cancel", "Close the form, start nothing", "esc"),
]

FORM_INPUT: list[BindingType] = [
    _key("form.submit", "enter", "submit", "start", "Start what the form says", "enter"),
]

CHOICE: list[BindingType] = [
    _quiet("choice.next", "right,l,space", "choose(1)", "next", "The next choice"),
    _quiet("choice.before", "left,h", "choose(-1)", "before", "The choice before"),
]

NOTE_LINE: list[BindingType] = [
    _key("note.write", "enter", "submit", "write", "Write it beside the runs", "enter"),
    _key("note.leave", "escape", "leave", "leave", "Change nothing", "esc"),
]

COLUMNS: list[BindingType] = [
    replace(binding, priority=True)  # in front of what the line that searches does with it
    for binding in (
        _key("columns.take", "enter", "screen.take", "take", "Take these columns", "enter"),
        _key("columns.choose", "space", "screen.choose", "on or off", "The column is there, or not"),
        _key("columns.up", "K,shift+up", "screen.shift(-1)", "up", "The column nearer to the beginning", "K"),
        _key("columns.down", "J,shift+down", "screen.shift(1)", "down", "The column further from it", "J"),
        _key("columns.usual", "ctrl+u", "screen.usual", "usual", "The usual columns again"),
        _key("columns.cancel", "escape", "screen.cancel", "cancel", "As it was before", "esc"),
        _quiet("columns.next", "down,tab", "screen.move(1)", "next", "The next field"),
        _quiet("columns.before", "up,shift+tab", "screen.move(-1)", "before", "The field before"),
        _quiet("columns.page_down", "pagedown", "screen.move(10)", "page down", "Ten fields down"),
        _quiet("columns.page_up", "pageup", "screen.move(-10)", "page up", "Ten fields up"),
    )
]

HELP: list[BindingType] = [
    _key("help.close", "escape", "close", "close", "Close the help", "esc"),
    _quiet("help.up", "up", "move(-1)", "up", "The line above"),
    _quiet("help.down", "down", "move(1)", "down", "The line below"),
    _quiet("help.page_up", "pageup", "page(-1)", "page up", "A page up"),
    _quiet("help.page_down", "pagedown", "page(1)", "page down", "A page down"),
]

MACHINE: list[BindingType] = [
    _key("machine.close", "escape,M,q", "close", "close", "Close the machine", "esc"),
    _quiet("machine.up", "up,k", "scroll(-1)", "up", "One line up"),
    _quiet("machine.down", "down,j", "scroll(1)", "down", "One line down"),
]

EXPORTING: list[BindingType] = [
    _key("export.end", "escape", "end", "end the export", "End the export: nothing of it is left", "esc"),
    _key("export.leave", "b", "leave", "in the background", "It goes on in the background, and the screen is back"),
]

HOME: list[BindingType] = [*RUNS, *PLACES, *FINDING_OUT, *PANES, *LATENT]

SCOPES: dict[str, list[BindingType]] = {
    "lists": [*APP, *HOME, *TABLE],
    "panes": [*APP, *HOME, *LOG_PANE],
    "recipes": [*APP, *RECIPES, *CHOICE, *TABLE],
    "queue": [*APP, *QUEUE, *TABLE],
    "news": [*APP, *NEWS, *TABLE],
    "search line": LOG_SEARCH,
    "note line": NOTE_LINE,
    "columns": COLUMNS,
    "forms": [*FORM_INPUT, *FORM, *CHOICE],
    "help": HELP,
    "machine": MACHINE,
    "export": EXPORTING,
}
"""What listens at once in each place: there, an action of the user's own keymap must not take another's key."""

GROUPS: dict[str, list[Binding]] = {
    title: [binding for binding in group if isinstance(binding, Binding) and binding.id]
    for title, group in {
        "runs": RUNS,
        "going about": PLACES,
        "panes": [*PANES, *LATENT, *LOG],
        "finding out": FINDING_OUT,
        "recipes": RECIPES,
        "the queue": QUEUE,
        "news": NEWS,
        "choosing columns": COLUMNS,
        "moving in a list": TABLE,
        "everywhere": APP,
    }.items()
}
"""What the help lists, in this order."""


_BY_ID = {str(b.id): b for scope in SCOPES.values() for b in scope if isinstance(b, Binding) and b.id}

ORDER = {id: number for number, id in enumerate(_BY_ID)}
"""Id -> its place in the bottom line."""

OWN_KEYS: dict[str, str] = {}
"""Id -> how the user's own key is written, for those that the keymap gives another."""


def shown_key(binding: Binding) -> str:
    """How the key is written for people."""
    return OWN_KEYS.get(binding.id or "") or binding.key_display or binding.key.split(",")[0]


def key_of(id: str) -> str:
    """How the key of that action is written in a sentence: the user's own, else ours; of several the first."""
    return shown_key(_BY_ID[id]).split()[0]
