"""The form behind ``E``: under which noise runs are measured on the test images."""

from collections.abc import Sequence

from store.records import Run
from tui.requests.fields import Field, Values, count
from tui.requests.measuring import Evaluation
from tui.screens.forms.form import Examine, Form

_NOISE = "gaussian:0.1,0.2,0.3 saltpepper:0.1"


class EvaluateForm(Form[Evaluation]):
    def __init__(self, runs: Sequence[Run], examine: Examine[Evaluation] | None = None) -> None:
        fields = [
            Field(key="noise", default=_NOISE, help="and masking, speckle; or none"),
            Field(key="draws", default="5", help="of each noise"),
        ]
        if all(run.kind == "vae" for run in runs):
            fields.append(Field(key="iwae", default="0", help="samples for the likelihood"))
        self._named = str(runs[0].name) if len(runs) == 1 else f"{len(runs)} marked runs"
        super().__init__(f"Evaluate {self._named}", fields, examine)

    def read(self, values: Values) -> Evaluation:
        return Evaluation(
            noise=tuple(values["noise"].split()),
            draws=count(values, "draws"),
            iwae=count(values, "iwae", 0) if "iwae" in values else 0,
        )

    def summary(self, values: Values) -> str:
        under = f", clean and under {', '.join(self.read(values).noise)}" if values["noise"].strip() else ""
        return f"Test figures of {self._named}{under}; in the background."
