"""The form behind ``n`` among recipes: the reference study by its preset, or a user's own file."""

from dataclasses import dataclass
from typing import get_args

from engine import catalog
from engine.recipes.asked import PAPER, AskedRecipe
from engine.recipes.paper_presets import PRESETS, Preset
from store.errors import RequestError
from store.names import check_name
from tui.requests.fields import Field, Values, count, device, whole_number
from tui.screens.forms.form import Examine, Form

_FILE = "a file"
_PAPER_ONLY = ("preset", "dataset", "seeds", "seed", "device", "threads")


@dataclass(frozen=True)
class NewRecipe:
    """``num_workers`` None: as many as a recipe usually has."""

    asked: AskedRecipe
    num_workers: int | None


class RecipeForm(Form[NewRecipe]):
    def __init__(self, examine: Examine[NewRecipe] | None = None) -> None:
        names = tuple(dataset.name for dataset in catalog.datasets())
        fields = [
            Field(key="recipe", default=PAPER, choices=(PAPER, _FILE)),
            Field(key="file", default="recipe.toml", help="TOML: a table for every step"),
            Field(key="preset", default="quick", choices=get_args(Preset)),
            Field(key="dataset", default="", help="empty: the preset's", suggestions=names),
            Field(key="seeds", default="1", help="how often finals are repeated"),
            Field(key="seed", default="0", help="the first of them"),
            Field(key="name", default="", help="its experiments begin with it"),
            Field(key="device", default="auto", help="auto, cpu, cuda or cuda:N"),
            Field(key="threads", default="1", help="of a run, on the CPU"),
            Field(key="workers", default="2", help="at once"),
        ]
        super().__init__("New recipe", fields, examine)

    def is_shown(self, field: Field, choices: Values) -> bool:
        if choices.get("recipe") == _FILE:
            return field.key not in _PAPER_ONLY
        return field.key != "file"

    def read(self, values: Values) -> NewRecipe:
        name = values["name"].strip() or None
        if name is not None:
            check_name(name)
        num_workers = count(values, "workers")
        if values["recipe"] == _FILE:
            file = values["file"].strip()
            if not file.endswith(".toml"):
                raise RequestError(f"file={file!r} is no TOML file: name one that ends in .toml.")
            return NewRecipe(AskedRecipe(source=file, name=name), num_workers)
        dataset = values["dataset"].strip() or None
        if dataset is not None:
            catalog.dataset(dataset)
        asked = AskedRecipe(
            source=PAPER,
            name=name,
            preset=values["preset"],
            dataset=dataset,
            num_seeds=count(values, "seeds"),
            seed=whole_number(values, "seed"),
            device=device(values["device"].strip()),
            threads=count(values, "threads"),
        )
        return NewRecipe(asked, num_workers)

    def summary(self, values: Values) -> str:
        if values["recipe"] == _FILE:
            return f"The recipe in {values['file'].strip()}, in the background; the same again goes on with it."
        preset = values["preset"]
        dataset = values["dataset"].strip() or PRESETS[preset].dataset
        return f"The reference study ({preset}) on {dataset}, in the background; the same again goes on with it."
