"""Pythae's trainer (Chadebec et al. 2022) on the same network."""

import logging
import math
import tempfile

from pythae.data.datasets import BaseDataset, collate_dataset_output
from pythae.models import AE, AEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader

from engine.bench.contenders.shared import Order, images_of, network
from engine.bench.turns import Turns
from engine.data.images import scale
from engine.spec import RunSpec
from engine.training.device import find_device
from engine.training.optimizers import BETAS

_EPSILON = 1e-8
"""Adam's own."""


class _Encoder(BaseEncoder):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, images: Tensor) -> ModelOutput:
        return ModelOutput(embedding=self.part(images))


class _Decoder(BaseDecoder):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, codes: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.part(codes))


def run(spec: RunSpec, turns: Turns) -> None:
    logging.disable(logging.INFO)
    images = images_of(spec)
    stock = network(spec, images)
    num_pixels = math.prod(images.shape)
    model = AE(
        AEConfig(input_dim=images.shape, latent_dim=spec.model.latent_dim),
        encoder=_Encoder(stock.encoder),
        decoder=_Decoder(stock.decoder),
    )
    dataset = BaseDataset(scale(images.pixels).contiguous(), images.labels)
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model,
            train_dataset=dataset,
            training_config=BaseTrainerConfig(
                output_dir=folder,
                per_device_train_batch_size=spec.optim.batch_size,
                learning_rate=spec.optim.lr,
                optimizer_cls="Adam",
                # Its loss is a sum over pixels: with so much larger gradients, Adam's steps are the same with this.
                optimizer_params={"betas": BETAS, "eps": _EPSILON * num_pixels},
                no_cuda=find_device(spec.device).type == "cpu",
                seed=spec.seed,
            ),
        )
        trainer.train_loader = DataLoader(
            dataset,
            batch_size=spec.optim.batch_size,
            sampler=Order(spec, len(images)),
            collate_fn=collate_dataset_output,
        )
        trainer.prepare_training()
        turns.passes(lambda: float(trainer.train_step(1)) / num_pixels)
