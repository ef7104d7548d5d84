"""The recipes of this root: how far each is, step by step, and its table beside the reference's numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen

from store.names import RunName
from tui import actions, bindings
from tui.look import Look, duration_text, printable
from tui.messages import Done, RecipesChanged, RowsChanged
from tui.watcher import Watcher
from tui.widgets.key_line import KeyLine
from tui.widgets.lines import Lines
from tui.widgets.recipe_tables import FigureTable, StepTable
from tui.widgets.table import RowTable

if TYPE_CHECKING:
    from engine.recipes.driving import DrivenRecipe
    from store.database import Database

_WIDTHS = [(0, "-narrow"), (160, "-wide")]
_HEIGHTS = [(0, "-low"), (44, "-high")]


class RecipeScreen(Screen["RunName | str | None"]):
    """Left with the run or the experiment to go to, None for where one was.

    ``act`` does something in a thread of its own, ``new`` opens the form of a new recipe.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.RECIPES, *bindings.CHOICE]
    AUTO_FOCUS = "#steps"
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    def __init__(
        self,
        watcher: Watcher,
        look: Look,
        recipes: RecipesChanged,
        rows: RowsChanged | None,
        *,
        act: Callable[[actions.Action], None],
        new: Callable[[], None],
        data_dir: Path | None,
    ) -> None:
        super().__init__()
        self._watcher, self._look, self._data_dir = watcher, look, data_dir
        self._act, self._new = act, new
        self._recipes, self._rows = recipes.recipes, rows
        self._name = self._recipes[0].name if self._recipes else None

    def compose(self) -> ComposeResult:
        look = self._look
        yield Lines(id="recipe-head")
        with Container(id="recipe-tables"):
            yield StepTable(look, id="steps")
            yield FigureTable(look, id="figures")
        yield Lines(id="recipe-detail")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._watcher.show_recipe(self._name)
        self._show()

    def on_unmount(self) -> None:
        self._watcher.show_recipe(None)

    @property
    def chosen(self) -> "DrivenRecipe | None":
        return next((recipe for recipe in self._recipes if recipe.name == self._name), None)

    @property
    def _is_whole(self) -> bool:
        """Its parts are there: not yet all while it is mounted, and not all any more while it is taken down."""
        return all(self.query(f"#{part}") for part in ("recipe-head", "steps", "figures", "recipe-detail"))

    @property
    def _steps(self) -> StepTable:
        return self.query_one("#steps", StepTable)

    @property
    def _figures(self) -> FigureTable:
        return self.query_one("#figures", FigureTable)

    # What the watcher says

    def take_recipes(self, message: RecipesChanged) -> None:
        names = {recipe.name for recipe in self._recipes}
        begun = [recipe.name for recipe in message.recipes if recipe.name not in names]
        self._recipes = message.recipes
        if begun or self.chosen is None:  # what was just begun is what one wants to see
            self._choose(begun[0] if begun else self._recipes[0].name if self._recipes else None)
        elif self._is_whole:
            self._show()

    def take_rows(self, message: RowsChanged) -> None:
        self._rows = message
        if self._is_whole:
            self._show()

    # What is shown

    def _choose(self, name: str | None) -> None:
        self._name = name
        self._watcher.show_recipe(name)
        if self._is_whole:
            self._show()

    def _show(self) -> None:
        recipe = self.chosen
        self._steps.set_items(recipe.steps if recipe else [])
        self._steps.styles.max_height = len(self._steps.items) + 2  # the table may have what few steps leave
        rows = self._rows if self._rows and self._rows.name == self._name else None
        self._figures.set_items(rows.rows if rows else [])
        self._figures.empty_text = printable(rows.says) if rows else "The table is being worked out." if recipe else ""
        self._figures.refresh()
        for table in (self._steps, self._figures):
            table.display = recipe is not None
        self._show_head()
        self._show_detail()
        self.refresh_bindings()

    def _show_head(self) -> None:
        recipe = self.chosen
        if recipe is None:
            starts = f"{bindings.key_of('recipe.new')} starts the reference study or one of your own."
            says = Text(f"\n No recipe has run here yet: {starts}", style="dim")
            self.query_one("#recipe-head", Lines).show_text(says)
            return
        title = Text(f" {recipe.name}", style="bold", no_wrap=True)
        title.append(f"  {printable(recipe.title)}", style="not bold dim")
        if len(self._recipes) > 1:
            place = [each.name for each in self._recipes].index(recipe.name) + 1
            keys = ", ".join(map(bindings.key_of, ("choice.before", "choice.next")))
            keys = self._look.pick("← →", keys) if keys == "left, right" else keys
            title.append(f"  {place} of {len(self._recipes)} recipes ({keys})", style="not bold")
        lines = [title, Text(" ").append_text(standing(recipe, self._look))]
        for line in lines:
            line.truncate(self.size.width, overflow="ellipsis" if self._look.is_unicode else "crop")
        self.query_one("#recipe-head", Lines).show_text(Text("\n").join(lines))

    def _show_detail(self) -> None:
        """What the line under the cursor has no room for."""
        step, row = self._steps.current, self._figures.current
        says = ""
        if self.focused is self._figures:
            says = "; ".join(row.notes) or row.command if row else ""
        elif step is not None:
            says = step.says or (f"its runs are in {step.experiment}" if step.experiment else "")
        line = Text(f" {printable(says)}", style="dim", no_wrap=True)
        line.truncate(self.size.width, overflow="ellipsis" if self._look.is_unicode else "crop")
        self.query_one("#recipe-detail", Lines).show_text(line)

    @on(RowTable.Moved)
    def _moved(self) -> None:
        self._show_detail()
        self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        self._show_detail()
        self.refresh_bindings()

    def on_resize(self) -> None:
        self._show_head()
        self._show_detail()

    # Keys

    def action_choose(self, steps: int) -> None:
        names = [recipe.name for recipe in self._recipes]
        if self._name in names:
            self._choose(names[(names.index(self._name) + steps) % len(names)])

    def action_new_recipe(self) -> None:
        self._new()

    def action_go_on(self) -> None:
        if self.chosen is not None:
            self._act(actions.drive(self.chosen.asked, self.chosen.num_workers, self._data_dir))

    def action_hold(self) -> None:
        if self._name is not None:
            self._act(_hold(self._name))

    def action_open(self) -> None:
        self.dismiss(self._place())

    def action_back(self) -> None:
        self.dismiss(None)

    def _place(self) -> RunName | str | None:
        """Where what is under the cursor was made."""
        if self.focused is self._figures:
            row = self._figures.current
            return row.runs[0] if row and row.runs else None
        return self._steps.current.experiment if self._steps.current else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        recipe = self.chosen
        match action:
            case "go_on":
                return recipe is not None and not recipe.is_driven and not recipe.is_done
            case "hold":
                return recipe is not None and recipe.is_driven
            case "open":
                return self.is_mounted and self._place() is not None
            case "choose":
                return len(self._recipes) > 1
        return True


def standing(recipe: "DrivenRecipe", look: Look) -> Text:
    """Whether it is driven, and how far it is."""
    goes_on = bindings.key_of("recipe.go_on")
    failed = sum(str(step.state) == "failed" for step in recipe.steps)
    if recipe.is_driven:
        word = look.pick("▶", ">") + " driven now"
    elif recipe.is_done:
        word = look.pick("✓", "+") + " done"
    elif recipe.is_over:
        word = look.pick("✗", "!") + f" over, {failed} failed: {goes_on} tries again"
    elif recipe.was_interrupted:
        word = look.pick("‖", '"') + f" held back: {goes_on} goes on"
    else:
        word = f"? not driven: {goes_on} goes on"
    text = Text(word, style="bold", no_wrap=True)
    text.append(f"  {recipe.num_steps_done} of {len(recipe.steps)} steps done", style="not bold")
    if not recipe.is_over:
        text.append(f"  {duration_text(recipe.left_s)} left", style="not bold")
    return text


def _hold(name: str) -> actions.Action:
    def act(database: "Database") -> Done:
        from engine.recipes import driving

        driving.hold(database, name)
        return Done(f"{name}: asked to hold everything back; {bindings.key_of('recipe.go_on')} goes on.")

    return act
