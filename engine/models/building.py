"""From a run's configuration to its model, weights drawn from torch's default generator."""

from engine import catalog
from engine.data.images import Images
from engine.models.base import Model
from engine.spec import RunSpec


def build_model(spec: RunSpec, training: Images) -> Model:
    """The model of ``spec`` for such ``training`` images.

    Raises:
        RequestError: there is no such kind, or it cannot learn from them.
    """
    kind: type[Model] = catalog.resolve(catalog.kind(spec.kind).model)
    return kind.build(spec.model, training)
