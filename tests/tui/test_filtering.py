"""The language of the filter line."""

from typing import Any

import pytest

from store.names import RunName
from store.records import Experiment, Run, RunState
from tui.tables.filtering import (
    RunFilter,
    choices_of_experiments,
    choices_of_runs,
    completion,
    experiments_like,
)
from tui.tables.sorting import Order, in_order


def run(number: int = 3, state: RunState = RunState.FAILED, **changes: Any) -> Run:
    facts: dict[str, Any] = {
        "trial_id": number, "name": RunName("digits", number), "kind": "vae", "dataset": "mnist-5k", "state": state,
        "value": None, "last_value": 0.0187, "epoch": 4, "epochs": 10, "seed": 1, "threads": 1, "attempt": 1,
        "params": {"latent_dim": 6, "lr": 0.004, "optimizer": "adam", "noise": "0..0.5"}, "device": "cpu",
        "host": "box", "directory": "", "reason": "RuntimeError: out of luck", "duration_s": 90.0,
        "test": {"mse": 0.021}, "user_attrs": {"tag": "first try"},
    }  # fmt: skip
    return Run(**(facts | changes))


def lets_through(words: str, found: Run) -> bool:
    asked = RunFilter()
    asked.look_for(words)
    return bool(asked.let_through([found]))


@pytest.mark.parametrize(
    "words",
    [
        "", "  ", "FAILED dim=6", "out luck", "state:fail", "state=failed", "!state:running", "kind:vae val<0.02",
        "lr>1e-3 lr<=4e-3", "lr=4e-3", "latent_dim!=7", "dim=6.0", "has:tag", "!has:note", "tag:first",
        'tag="first try"',
        '"first try"', "running | failed", "running|state=failed", "kind:cae | kind:vae dim:6", "test_mse<0.03",
        "time>60", "run=3", "number>=3", "noise:0..0.5", "value>0.01 error<0.02", "seed=1", "optim:ad", "!locked:true",
        "state:", "|", "failed |", "nosuch!=1",
    ],
)  # fmt: skip
def test_lets_through(words: str) -> None:
    assert lets_through(words, run())


@pytest.mark.parametrize(
    "words",
    [
        "failed dim=7", "state:running", "!failed", "!state=failed", "val<0.01", "val>0.02", "lr>0.004", "lr<nothing",
        "has:note", "!has:tag", "running | complete", "kind:vae dim:7 | kind:cae", "latent_dim!=6",
        "nosuch=1", "nosuch<1",
        "nosuch:1", '"try first"', "locked:true", "optimizer=ada", "kind:vae !optim=adam",
    ],
)  # fmt: skip
def test_keeps_back(words: str) -> None:
    assert not lets_through(words, run())


def test_words_that_name_no_field_are_looked_for_as_they_stand() -> None:
    assert lets_through("RuntimeError:", run())
    assert lets_through("digits/3", run())


def test_experiments_have_fields_too() -> None:
    found = Experiment(
        study_id=1, experiment="vae-search", kind="vae", dataset="mnist", best=0.02,
        states={RunState.RUNNING: 1, RunState.PRUNED: 0, RunState.COMPLETE: 4},
    )  # fmt: skip
    for words in ("search", "kind:vae best<0.03", "runs>=5", "state:running state:complete", "name:vae"):
        assert experiments_like(words)(found), words
    for words in ("state:pruned", "runs<5", "has:nothing", "best>0.03"):
        assert not experiments_like(words)(found), words
    assert choices_of_experiments([found])["state"] == {"running", "complete"}


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("st", "state"), ("lat", "latent_dim"), ("ha", "has"), ("failed st", "failed state"), ("!st", "!state"),
        ("a|ki", "a|kind"), ("state:f", "state:failed"), ("state!=F", "state!=failed"), ("optim:a", "optim:adam"),
        ("has:ta", "has:tag"), ("state", None), ("state:", None), ("state:failed", None), ("zzz", None), ("", None),
        ("lr>0.", None), ("test_", "test_mse"),
    ],
)  # fmt: skip
def test_completes(typed: str, suggested: str | None) -> None:
    assert completion(typed, choices_of_runs([run()])) == suggested


def test_runs_in_order() -> None:
    runs = [
        run(0, RunState.COMPLETE, value=0.03, params={"lr": 0.1}),
        run(1, RunState.FAILED, value=0.01),
        run(2, RunState.COMPLETE, value=0.02, params={"lr": 0.01}),
        run(3, RunState.RUNNING, last_value=float("nan")),
        run(4, RunState.COMPLETE, value=0.02, test={"mse": 0.5}),
    ]

    def numbers(by: str, is_down: bool = False) -> list[int]:
        return [found.name.number for found in in_order(runs, Order(by=by, is_down=is_down))]

    assert numbers("number") == [0, 1, 2, 3, 4]
    assert numbers("run", True) == [4, 3, 2, 1, 0]
    assert numbers("error") == [2, 4, 0, 1, 3]
    assert numbers("val", True) == [0, 2, 4, 1, 3]
    assert numbers("lr", True) == [0, 2, 3, 4, 1]
    assert numbers("test_mse") == [0, 2, 3, 4, 1]
    assert numbers("nosuch") == [0, 1, 2, 3, 4]


def test_values_with_blanks_are_not_offered() -> None:
    assert "tag" in choices_of_runs([run()])
    assert completion("tag:f", choices_of_runs([run()])) is None
