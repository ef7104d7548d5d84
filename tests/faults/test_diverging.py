"""Losses that no training comes back from: ended early, failed with a reason, not tried again."""

import math

import pytest
import torch

from engine import jobs
from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.training.stopping import Growth
from store import listing
from store.database import Database
from store.records import RunState
from tests.faults.undisturbed import short_spec


@pytest.mark.parametrize(("factor", "shown"), [(math.nan, "nan"), (1e11, "e+")])
def test_a_loss_that_explodes_ends_the_run(
    database: Database, monkeypatch: pytest.MonkeyPatch, factor: float, shown: str
) -> None:
    batch_losses = ConvolutionalAutoencoder.batch_losses

    def exploding(
        self: ConvolutionalAutoencoder, inputs: torch.Tensor, labels: torch.Tensor, epoch: float, *rest: object
    ):  # type: ignore[no-untyped-def]
        losses = batch_losses(self, inputs, labels, epoch, *rest)  # type: ignore[arg-type]
        if self.training and epoch >= 1.5:
            object.__setattr__(losses, "loss", losses.loss * factor)
        return losses

    monkeypatch.setattr(ConvolutionalAutoencoder, "batch_losses", exploding)
    name = jobs.enqueue(database, short_spec(epochs=3), "exploding")
    (found,) = jobs.run_inline(database)
    assert (found.name, found.state, found.attempt) == (name, RunState.FAILED, 1)
    assert found.reason is not None
    assert found.reason.startswith("the loss became ")
    assert shown in found.reason
    assert found.reason.endswith("in epoch 2: try a lower lr")
    assert found.epoch == 1
    assert jobs.run_inline(database) == [], "it is not tried again"
    assert database.root.run(name).last.exists()
    assert listing.run(database, name).value is None


def test_what_is_too_much_is_told_by_the_first_loss() -> None:
    assert not Growth().is_too_much(5000.0)
    assert Growth().is_too_much(1e5)
    assert not Growth(first=0.2).is_too_much(1e5)
    assert Growth(first=0.2).is_too_much(1e6)
    assert not Growth(first=5e4).is_too_much(1e10), "a sum over the pixels of large images"
    assert Growth(first=-3.0).is_too_much(1e10), "a likelihood"
