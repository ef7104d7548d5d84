"""The form behind ``V``: how the best configurations of an experiment are cross-validated."""

from dataclasses import dataclass

from engine.crossval import DEFAULT_FOLDS, DEFAULT_TOP, MAX_FOLDS, MAX_TOP, target_experiment
from store.errors import RequestError
from tui.requests.fields import Field, Values, whole_number
from tui.screens.forms.form import Examine, Form


@dataclass(frozen=True)
class WantedFolds:
    top: int
    folds: int


class CrossvalForm(Form[WantedFolds]):
    def __init__(self, experiment: str, examine: Examine[WantedFolds] | None = None) -> None:
        fields = [
            Field(key="top", default=str(DEFAULT_TOP), help="best configurations"),
            Field(key="folds", default=str(DEFAULT_FOLDS), help="parts of the images"),
        ]
        super().__init__(f"Cross-validation of {experiment}", fields, examine)
        self._experiment = experiment

    def read(self, values: Values) -> WantedFolds:
        return WantedFolds(_within(values, "top", 1, MAX_TOP), _within(values, "folds", 2, MAX_FOLDS))

    def summary(self, values: Values) -> str:
        wanted = self.read(values)
        each = wanted.folds + 1
        return (
            f"Up to {wanted.top * each} runs in {target_experiment(self._experiment)}: "
            f"each configuration on {wanted.folds} folds and a hold-out; what is there already stays."
        )


def _within(values: Values, key: str, low: int, high: int) -> int:
    number = whole_number(values, key)
    if not low <= number <= high:
        raise RequestError(f"{key}={number} is out of range: it must lie in [{low}, {high}].")
    return number
