"""Choosing by validation errors, and by nothing that was ever seen on the test images."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from engine.recipes.selection import Candidate, candidates, choose
from engine.recipes.steps import Chosen
from store.names import RunName
from store.records import Run, RunState


class Sealed(Mapping[str, float]):
    """Test figures that nobody may look at."""

    def __getitem__(self, key: str) -> float:
        raise AssertionError("a choice looked at test figures")

    def __iter__(self) -> Any:
        raise AssertionError("a choice looked at test figures")

    def __len__(self) -> int:
        raise AssertionError("a choice looked at test figures")


def run(number: int, value: float | None, state: RunState = RunState.COMPLETE, **params: Any) -> Run:
    return Run(
        trial_id=number,
        name=RunName("searched", number),
        kind="cae",
        dataset="digits",
        state=state,
        value=value,
        last_value=value,
        epoch=1,
        epochs=1,
        params=params,
        seed=0,
        threads=1,
        attempt=1,
        device="cpu",
        host=None,
        directory="",
        reason=None,
        duration_s=1.0,
        test=Sealed(),
        user_attrs=Sealed(),
    )


RUNS = [
    run(0, 0.05, lr=1, latent_dim=2),
    run(1, 0.01, state=RunState.PRUNED, lr=2, latent_dim=6),
    run(2, 0.03, lr=3, latent_dim=6),
    run(3, 0.02, lr=4, latent_dim=4),
    run(4, float("inf"), lr=5, latent_dim=6),
    run(5, 0.04, lr=6, latent_dim=6),
    run(6, 0.035, lr=3, latent_dim=6),
]


def test_choosing_never_opens_test_figures_and_a_candidate_has_no_place_for_them() -> None:
    found = candidates(RUNS)
    assert [one.name.number for one in found] == [3, 2, 6, 5, 0]
    assert choose(found, Chosen(search="s", take=("lr",))) == {"lr": 4}
    assert {field.name for field in dataclasses.fields(Candidate)} == {"name", "value", "params"}
    with pytest.raises(AssertionError, match="looked at test figures"):  # the seal holds
        dict(RUNS[0].test)


def test_worse_test_figures_change_no_choice() -> None:
    flattered = [dataclasses.replace(one, test={"mse": float(one.name.number)}) for one in RUNS]
    spoilt = [dataclasses.replace(one, test={"mse": -float(one.name.number)}) for one in RUNS]
    chosen = Chosen(search="s", take=("lr",), where={"latent_dim": 6})
    assert choose(candidates(flattered), chosen) == choose(candidates(spoilt), chosen) == {"lr": 3}


def test_where_restricts_and_gives_way_where_nothing_matches() -> None:
    found = candidates(RUNS)
    assert choose(found, Chosen(search="s", take=("lr",), where={"latent_dim": 6})) == {"lr": 3}
    assert choose(found, Chosen(search="s", take=("lr",), where={"latent_dim": 5})) == {"lr": 4}


def test_ranks_count_each_configuration_once() -> None:
    found = candidates(RUNS)
    take = ("lr", "latent_dim")
    ranked = [choose(found, Chosen(search="s", take=take, rank=rank)) for rank in range(5)]
    assert [settings and settings["lr"] for settings in ranked] == [4, 3, 6, 1, None]
