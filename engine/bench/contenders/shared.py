"""What all peers are given, that their work is equal: the network with its first weights, the images, their order."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from engine.bench.contenders.textbook import Textbook
from engine.bench.task import DATA_DIR
from engine.data.images import Images
from engine.data.loading import splits_of
from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.models.building import build_model
from engine.spec import RunSpec
from engine.training.fit import count_batches, shuffled_batches


def images_of(spec: RunSpec) -> Images:
    return splits_of(spec, DATA_DIR).train


def network(spec: RunSpec, images: Images) -> Textbook:
    """With the weights that our own training begins with."""
    torch.manual_seed(spec.seed)
    model = build_model(spec, images)
    assert isinstance(model, ConvolutionalAutoencoder)
    return Textbook(model, spec.model.hidden)


class Order(Sampler[int]):
    """Another order each pass, the one that our own training takes in that epoch."""

    def __init__(self, spec: RunSpec, num_images: int) -> None:
        self._spec, self._num_images = spec, num_images
        self._epoch = 0

    def __len__(self) -> int:
        return self._num_images

    def __iter__(self) -> Iterator[int]:
        self._epoch += 1
        batches = count_batches(self._num_images, self._spec.optim.batch_size)
        order = torch.cat(
            list(shuffled_batches(self._num_images, batches, self._spec.seed, self._epoch, torch.device("cpu")))
        )
        yield from order.tolist()


def mean(losses: list[Tensor]) -> float:
    return torch.stack(losses).mean().item()
