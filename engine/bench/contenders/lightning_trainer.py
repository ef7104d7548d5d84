"""Lightning's ``Trainer`` on the same network, its loader with two workers."""

import logging
import time
import warnings
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.nn import functional

from engine.bench.contenders.plain import loader
from engine.bench.contenders.shared import images_of, mean, network
from engine.bench.contenders.textbook import Textbook
from engine.bench.turns import Turns
from engine.spec import RunSpec
from engine.training.device import find_device
from engine.training.optimizers import BETAS

_LOADER_WORKERS = 2


class _Module(lightning.LightningModule):
    def __init__(self, network: Textbook, lr: float) -> None:
        super().__init__()
        self.network, self.lr = network, lr
        self.losses: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, _ = batch
        loss = functional.mse_loss(self.network(images), images)
        self.losses.append(loss.detach())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr, betas=BETAS)


class _InTurns(Callback):
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._began = 0.0

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        if trainer.current_epoch == 0:
            self._turns.ready()
        self._turns.wait()
        module.losses.clear()
        self._began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        loss = mean(module.losses)
        self._turns.tell(time.perf_counter() - self._began, loss)


def run(spec: RunSpec, turns: Turns) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    images = images_of(spec)
    trainer = lightning.Trainer(
        max_epochs=spec.epochs,
        accelerator="cpu" if find_device(spec.device).type == "cpu" else "gpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[_InTurns(turns)],
    )
    trainer.fit(_Module(network(spec, images), spec.optim.lr), loader(spec, images, _LOADER_WORKERS))
