"""The filter line, and what tables make of attributes that another program gave to runs."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from store.json_file import loads
from store.names import RunName
from store.records import Experiment, Run, RunState
from tests.properties.awkward import documents, words
from tui.panes.numbers.differences import differences, shown
from tui.tables.columns import cell_of, fields
from tui.tables.filtering import (
    RunFilter,
    choices_of_experiments,
    choices_of_runs,
    completion,
    experiments_like,
)
from tui.tables.grouping import Grouper
from tui.tables.sorting import Order, in_order

_FIELDS = (
    "state",
    "kind",
    "val",
    "lr",
    "tag",
    "tags",
    "note",
    "mine",
    "test_mse",
    "has",
    "time",
    "number",
    "experiment",
)
_TERMS = st.tuples(
    st.sampled_from(("", "!", "| ", '"')),
    st.sampled_from(_FIELDS) | words,
    st.sampled_from(("", ":", "=", "!=", "<", "<=", ">", ">=")),
    words,
).map("".join)
_QUERIES = st.lists(_TERMS | words, max_size=4).map(" ".join)
_NAMES = st.sampled_from(("mine", "tags", "note", "latent_silhouette")) | words
_ATTRIBUTES = st.dictionaries(_NAMES, documents, max_size=4).map(lambda drawn: loads(json.dumps(drawn)))
"""As the storage gives them."""


def run(number: int, attributes: dict[str, Any]) -> Run:
    return Run(
        trial_id=number,
        name=RunName("digits", number),
        kind="vae",
        dataset="photos \x1b[2J",
        state=RunState.COMPLETE,
        value=0.1 * number,
        last_value=0.02,
        epoch=4,
        epochs=10,
        params={"latent_dim": 6, "lr": 0.004},
        seed=1,
        threads=1,
        attempt=1,
        device="cpu",
        host="box",
        directory="",
        reason="\x1b]0;owned\x07",
        duration_s=90.0,
        test={"mse": 0.021},
        user_attrs=attributes,
    )


@given(query=_QUERIES, attributes=st.lists(_ATTRIBUTES, min_size=2, max_size=3))
def test_any_filter_lets_runs_through_or_not(query: str, attributes: list[dict[str, Any]]) -> None:
    runs = [run(number, each) for number, each in enumerate(attributes)]
    asked = RunFilter()
    asked.look_for(query)
    assert set(map(id, asked.let_through(runs))) <= set(map(id, runs))
    found = completion(query, choices_of_runs(runs))
    assert found is None or found.isprintable() or not query.isprintable()


@given(query=_QUERIES)
def test_any_filter_of_experiments_lets_them_through_or_not(query: str) -> None:
    experiment = Experiment(
        study_id=1, experiment="digits", kind="cae", dataset="x\x1b[2J", states={RunState.COMPLETE: 2}, best=None
    )
    assert experiments_like(query)(experiment) in (True, False)
    completion(query, choices_of_experiments([experiment]))


@given(attributes=st.lists(_ATTRIBUTES, min_size=2, max_size=4), by=st.sampled_from(_FIELDS) | words)
def test_tables_of_any_attributes_are_sorted_grouped_and_shown_harmlessly(
    attributes: list[dict[str, Any]], by: str
) -> None:
    runs = [run(number, each) for number, each in enumerate(attributes)]
    names = {name for each in attributes for name in each} | {by, "dataset", "reason"}
    assert sorted(each.name.number for each in in_order(runs, Order(by=by))) == list(range(len(runs)))
    for group in Grouper().grouped(runs, by, is_sorted=False):
        assert group.title.isprintable()
    for field in fields(sorted(names), runs):
        assert field.title.isprintable()
        for each in runs:
            assert cell_of(field.name)(each).isprintable()
    for rows in differences(runs).sections.values():
        for row in rows:
            assert all(shown(row, at).isprintable() for at in range(len(runs)))
