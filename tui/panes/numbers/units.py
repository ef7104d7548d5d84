"""Which units of a code are alive, and when so many are dead that it has to be said. Pure functions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.records import Run

if TYPE_CHECKING:  # it brings numpy, which the first paint does not wait for
    from tui.panes.numbers.health import Health

_ACTIVE_VARIANCE = 0.01
"""Of the mean of a variational unit over the data (Burda et al. 2016, section 5.2)."""
_DEAD_NATS = 0.01
_DEAD_SHARE = 1e-3
"""Of the widest unit's deviation: what varies less carries nothing."""


@dataclass(frozen=True, kw_only=True)
class Units:
    """``kl`` in nats an image, of a variational run where it is known; ``spreads`` over the data, where known."""

    active: tuple[bool, ...]
    kl: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()
    source: str = ""

    @property
    def num_dead(self) -> int:
        return len(self.active) - sum(self.active)


def units_of(run: Run, last_epoch: Mapping[str, Any], health: "Health | None") -> Units | None:
    """From the newest of its metrics, the codes it kept and its test figures; None: nothing is known of them."""
    spreads = health.spreads if health else ()
    if "beta" not in run.params:
        if not spreads:
            return None
        widest = max(spreads)
        active = tuple(spread > _DEAD_SHARE * widest for spread in spreads)
        return Units(active=active, spreads=spreads, source=f"validation, epoch {health.epoch if health else 0}")
    kl, source = _numbers(last_epoch.get("kl_by_unit")), f"validation, epoch {last_epoch.get('epoch', 0)}"
    if not kl and health is not None:
        kl, source = _numbers(health.tables.get("kl_by_unit")), "test images"
    if not kl and not spreads:
        return None
    if spreads and len(kl) in (0, len(spreads)):
        active = tuple(spread * spread > _ACTIVE_VARIANCE for spread in spreads)
    else:
        spreads, active = (), tuple(nats > _DEAD_NATS for nats in kl)
    if not kl:
        source = f"validation, epoch {health.epoch if health else 0}"
    return Units(active=active, kl=kl, spreads=spreads, source=source)


def alarm(run: Run, units: Units | None) -> str:
    """The sentence that half or more of the units are dead; "" where they are not, or KL is still warming up."""
    if units is None or 2 * units.num_dead < len(units.active) or run.kind == "classifier":
        return ""
    dead = f"{units.num_dead} of {len(units.active)} units {'is' if units.num_dead == 1 else 'are'} dead"
    if "beta" not in run.params:
        return f"{dead}: they never change; lower lr or latent_dim."
    if run.epoch <= run.params.get("kl_warmup", 0):
        return ""
    return f"{dead}: posterior collapse; lower beta or warm KL up longer."


def _numbers(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list):
        return ()
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        return ()
    return tuple(map(float, values))
