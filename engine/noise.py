"""Kinds of noise that test figures are asked for under, by name. Free of torch: ``engine.models.noise`` adds them."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from engine.spec import convert
from store.errors import RequestError

NoiseKind = Literal["gaussian", "saltpepper", "masking", "speckle"]
_HIGHEST = {"gaussian": 10.0, "saltpepper": 1.0, "masking": 1.0, "speckle": 10.0}


@dataclass(frozen=True, kw_only=True)
class Noise:
    """One kind of noise at one level, on pixels in [0, 1]; what comes out is not clipped.

    ``factor`` is, for ``gaussian``, the deviation of what is added to a pixel; for ``speckle``, of what is added as a
    part of the pixel's own value; for ``saltpepper``, the share of pixels that become black or white; for ``masking``,
    of those that become black.
    """

    kind: NoiseKind
    factor: float

    def __post_init__(self) -> None:
        if self.kind not in _HIGHEST:
            raise RequestError(f"There is no noise {self.kind!r}: take one of {', '.join(get_args(NoiseKind))}.")
        if not 0 <= self.factor <= _HIGHEST[self.kind]:
            raise RequestError(
                f"{self.kind} noise of {self.factor:g} is out of range: it goes from 0 to {_HIGHEST[self.kind]:g}."
            )

    def __str__(self) -> str:
        return f"{self.kind}:{self.factor:g}"

    @classmethod
    def parse(cls, text: str) -> list[Self]:
        """What ``KIND:FACTOR[,FACTOR...]`` names.

        Raises:
            RequestError: it is not written so, or there is no such noise.
        """
        kind, colon, factors = text.partition(":")
        if not colon:
            raise RequestError(f"{text!r} names no noise: write it like gaussian:0.1,0.2.")
        return [cls(kind=kind, factor=convert(kind, factor, float)) for factor in factors.split(",")]  # type: ignore[arg-type]  # checked there
