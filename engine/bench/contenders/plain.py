"""The loop that most people write: torchvision's ``ToTensor``, a ``DataLoader``, Adam, and nothing else."""

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from engine.bench.contenders.shared import Order, images_of, mean, network
from engine.bench.turns import Turns
from engine.data.images import Images
from engine.spec import RunSpec
from engine.training.device import find_device
from engine.training.optimizers import BETAS

_LOADER_WORKERS = 2


def run(spec: RunSpec, turns: Turns) -> None:
    """With two loader workers."""
    _run(spec, turns, _LOADER_WORKERS)


def run_without_workers(spec: RunSpec, turns: Turns) -> None:
    _run(spec, turns, 0)


class Digits(Dataset[tuple[Tensor, int]]):
    """As ``torchvision.datasets.MNIST`` hands them out: each a PIL image, then a tensor."""

    def __init__(self, images: Images) -> None:
        self._pixels, self._labels = images.pixels[:, 0], images.labels
        self._transform = ToTensor()

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self._pixels[index].numpy(), mode="L")
        return self._transform(image), int(self._labels[index])


def loader(spec: RunSpec, images: Images, workers: int) -> DataLoader[tuple[Tensor, int]]:
    return DataLoader(
        Digits(images),
        batch_size=spec.optim.batch_size,
        sampler=Order(spec, len(images)),
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def _run(spec: RunSpec, turns: Turns, workers: int) -> None:
    device = find_device(spec.device)
    images = images_of(spec)
    model = network(spec, images).to(device)
    batches = loader(spec, images, workers)
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.optim.lr, betas=BETAS)

    def one_pass() -> float:
        model.train()
        losses = []
        for batch, _ in batches:
            inputs = batch.to(device)
            optimizer.zero_grad()
            loss = functional.mse_loss(model(inputs), inputs)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
        return mean(losses)

    turns.passes(one_pass)
