"""The classifier (kind ``classifier``): an autoencoder's encoder with a class layer in place of the latent one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data.images import Images
from engine.data.own_files import require_classes
from engine.models.autoencoder import Encoder
from engine.models.base import Examples, Losses, Model, Results
from engine.spec import ClassifierSpec, Freeze
from store.errors import RequestError

_NUM_FROZEN: Mapping[Freeze, int] = {"none": 0, "convolutions": 1, "encoder": 2}
_STAGES = ("convolutions", "head", "output")
_KEPT_BYTES = 1 << 30


class Classifier(Model):
    """Convolutions, hidden layers, class layer; loss: cross entropy to smoothed targets; value: error rate.

    What is frozen is neither trained nor kept in training mode (so batch normalization uses, and leaves, the averages
    it came with), and what it makes of the images is computed once for the whole training.
    """

    value_name = "error"
    begins_anew = True

    def __init__(self, spec: ClassifierSpec, image_shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__(spec, image_shape)
        self.num_classes = num_classes
        self._label_smoothing = spec.label_smoothing
        self.encoder = Encoder(spec, image_shape, num_classes)
        self._num_frozen = _NUM_FROZEN[spec.freeze]
        for stage in self._stages()[: self._num_frozen]:
            stage.requires_grad_(False)
        self.train()

    @classmethod
    def build(cls, spec: ClassifierSpec, training: Images) -> Self:  # type: ignore[override]  # its kind's own settings
        """Raises RequestError: the images have no labels, or all the same."""
        require_classes(training.class_names)
        return cls(spec, training.shape, len(training.class_names))

    def adopt(self, weights: Mapping[str, Tensor]) -> None:
        """Take over an encoder's convolutions, and its hidden layers too unless only the former are to be kept."""
        for name in _STAGES[:1] if self._num_frozen == 1 else _STAGES[:2]:
            prefix = f"encoder.{name}."
            found = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
            if not found:
                raise ValueError("it has no encoder like a classifier's")
            try:
                self.encoder.get_submodule(name).load_state_dict(found)
            except RuntimeError as error:
                raise ValueError("its encoder is of another size: set width, depth and hidden to its") from error

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for stage in self._stages()[: self._num_frozen]:
            stage.eval()
        return self

    def prepare(self, images: Images) -> Examples:
        """The images that have labels; where a part is frozen, what that makes of them.

        Raises:
            RequestError: none has a label.
        """
        images = self.judged(images)
        return Features(self._frozen, images) if self._num_frozen else images

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes] of ``images``."""
        logits: Tensor = self.encoder(images)
        return logits

    def encode(self, images: Tensor) -> Tensor:
        """What the class layer sees: [B, hidden]."""
        codes: Tensor = self.encoder.head(self.encoder.convolutions(images))
        return codes

    def batch_losses(self, inputs: Tensor, labels: Tensor, epoch: float, generator: torch.Generator | None) -> Losses:
        logits = inputs
        for stage in self._stages()[self._num_frozen :]:
            logits = stage(logits)
        wrong = logits.argmax(dim=1) != labels
        loss = functional.cross_entropy(logits, labels, label_smoothing=self._label_smoothing)
        return Losses(loss=loss, error=wrong.float().mean())

    def judged(self, images: Images) -> Images:
        """Those with a label."""
        found = images.labelled()
        if not len(found):
            raise RequestError(
                "A classifier needs labels: in one of the three parts of this data set no image has one."
            )
        return found

    def errors(self, inputs: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """1 where the class is wrong, else 0."""
        wrong: Tensor = self(inputs).argmax(dim=1) != labels
        return wrong.float()

    def measure(self, images: Images) -> Results:
        """``accuracy``, ``error``; ``confusion``: number of images by true class (row) and found class (column)."""
        counts = torch.zeros(self.num_classes**2, dtype=torch.int64, device=images.pixels.device)
        for batch, labels in self.judged(images).batches():
            pairs = labels * self.num_classes + self(batch).argmax(dim=1)
            counts += pairs.bincount(minlength=len(counts))
        confusion = counts.view(self.num_classes, self.num_classes)
        accuracy = confusion.trace().item() / confusion.sum().item()
        tables = {"confusion": confusion.tolist(), "classes": list(images.class_names)}
        return Results(figures={"accuracy": accuracy, "error": 1 - accuracy}, tables=tables)

    def _stages(self) -> list[nn.Module]:
        return [self.encoder.get_submodule(name) for name in _STAGES]

    def _frozen(self, images: Tensor) -> Tensor:
        for stage in self._stages()[: self._num_frozen]:
            images = stage(images)
        return images


class Features:
    """What a frozen part of a model makes of images, and their labels.

    Kept on the images' device in half precision (nothing to a batch-normalized number), where all of them fit into
    1 GiB; else made anew for every batch.
    """

    def __init__(self, frozen: Callable[[Tensor], Tensor], images: Images) -> None:
        self._frozen, self._images = frozen, images
        self._kept: Tensor | None = None
        size = self._make(slice(0, 1)).numel() * len(images) * torch.half.itemsize
        if size <= _KEPT_BYTES:
            self._kept = torch.cat([features.half() for features, _ in self.batches()])

    @property
    def labels(self) -> Tensor:
        return self._images.labels

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, indices: Tensor | slice) -> Tensor:
        return self._make(indices) if self._kept is None else self._kept[indices].float()

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for part in self._images.parts():
            yield self.batch(part), self.labels[part]

    @torch.no_grad()
    def _make(self, indices: Tensor | slice) -> Tensor:
        return self._frozen(self._images.batch(indices))
