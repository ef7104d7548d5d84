"""The form behind ``Y``: which part of the axes the loss pane shows."""

import math
from dataclasses import replace

from engine.spec import convert
from store.errors import RequestError
from tui.bindings import key_of
from tui.panes.loss.chart import Chart, Span
from tui.requests.fields import Field, Values
from tui.screens.forms.form import Form


class LimitsForm(Form[Chart]):
    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        fields = [
            Field(key="x", default=_text(chart.x_span), help="LOW..HIGH; empty: all"),
            Field(key="y", default=_text(chart.y_span), help="LOW..HIGH; empty: all"),
        ]
        super().__init__("Limits of the axes", fields)

    def read(self, values: Values) -> Chart:
        return replace(self._chart, x_span=_span(values, "x"), y_span=_span(values, "y"), without_outliers=False)

    def summary(self, values: Values) -> str:
        return f"{key_of('loss.whole')} shows all of both again."


def _text(span: Span | None) -> str:
    return "" if span is None else f"{span[0]:.6g}..{span[1]:.6g}"


def _span(values: Values, key: str) -> Span | None:
    """Raises RequestError: it is not LOW..HIGH."""
    text = values[key].strip()
    if not text:
        return None
    low, separator, high = text.partition("..")
    if not separator:
        raise RequestError(f"{key}={text!r} is not LOW..HIGH, as in 0.01..0.05.")
    span = convert(key, low.strip(), float), convert(key, high.strip(), float)
    if not all(map(math.isfinite, span)) or span[0] >= span[1]:
        raise RequestError(f"{key}={text!r} shows nothing: the first number must be below the second.")
    return span
