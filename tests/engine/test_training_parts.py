"""Optimizers, schedules, early stopping, batches, checkpoints and what is kept."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.spec import ClassifierSpec, OptimSpec, RunSpec
from engine.training import checkpoints
from engine.training.averaging import WeightAverage
from engine.training.device import prepare_device
from engine.training.fit import count_batches, shuffled_batches
from engine.training.keeping import kept_epochs
from engine.training.optimizers import BETAS, build_optimizer, set_rate
from engine.training.precision import mixed
from engine.training.schedules import RateSchedule
from engine.training.stopping import EarlyStopping
from engine.training.warping import warp
from store.errors import RequestError

CPU = torch.device("cpu")
OPTIMIZERS = ["sgd", "adam", "adamw", "adagrad"]


def test_one_cycle_rises_to_the_peak_and_falls_to_almost_nothing() -> None:
    schedule = RateSchedule(name="onecycle", peak=0.5, num_steps=101)
    rates = [schedule.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.5 / 10)
    assert rates[10] == max(rates) == 0.5
    assert rates[5] == pytest.approx(0.5 * (1 + 1 / 10) / 2)
    assert rates[100] == pytest.approx(0.5e-4)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_cosine_and_constant() -> None:
    cosine = RateSchedule(name="cosine", peak=2.0, num_steps=11)
    assert [cosine.rate(step) for step in (0, 5, 10)] == pytest.approx([2.0, 1.0, 0.0])
    constant = RateSchedule(name="constant", peak=2.0, num_steps=11)
    assert {constant.rate(step) for step in range(11)} == {2.0}
    assert [constant.still_falls(5), cosine.still_falls(5), cosine.still_falls(11)] == [False, True, False]
    assert RateSchedule(name="onecycle", peak=2.0, num_steps=1).rate(0) > 0


def _epochs_until_over(losses: list[float], patience: int, still_falls: bool) -> int | None:
    stopping = EarlyStopping(patience=patience)
    for epoch, loss in enumerate(losses, 1):
        stopping.update(loss, still_falls)
        if stopping.is_over:
            return epoch
    return None


def test_a_flat_stretch_stops_a_constant_rate_but_not_one_that_will_fall() -> None:
    losses = [3.0, 2.0, *[1.0] * 30]
    # Averages of three: 3, 2.5, 2, 4/3, 1 (epoch 5, the best); then 4 epochs no better.
    assert _epochs_until_over(losses, 4, still_falls=False) == 9
    assert _epochs_until_over(losses, 4, still_falls=True) is None


def test_a_loss_that_clearly_rises_stops_both() -> None:
    losses = [1.3, 1.2, 1.1, *[1.0 + 0.1 * epoch for epoch in range(1, 30)]]
    # Averages: 1.3, 1.25, 1.2, 1.133 (the best, epoch 4), 1.133, 1.2, 1.3, ...
    assert _epochs_until_over(losses, 4, still_falls=False) == 8
    # Clearly above the best, by 5 % and more, from epoch 6 on.
    assert _epochs_until_over(losses, 4, still_falls=True) == 9


def test_one_bad_epoch_among_good_ones_is_averaged_out() -> None:
    losses = [1.0 - 0.02 * epoch + (0.02 if epoch % 3 == 0 else 0) for epoch in range(40)]
    assert _epochs_until_over(losses, 2, still_falls=False) is None


def test_patience_of_zero_never_stops() -> None:
    assert _epochs_until_over([1.0] * 50, 0, still_falls=False) is None


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_go_downhill_and_take_a_new_rate(name: str) -> None:
    weight = torch.nn.Parameter(torch.tensor([4.0]))
    optimizer = build_optimizer(OptimSpec(optimizer=name, lr=0.1), [weight])
    for _ in range(20):
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()
    reached = weight.item()
    assert abs(reached) < 3.9
    set_rate(optimizer, 0.0)
    optimizer.step()
    assert weight.item() == reached


@pytest.mark.parametrize(
    ("name", "torchs"),
    [
        ("sgd", partial(torch.optim.SGD, momentum=0.9)),
        ("adam", partial(torch.optim.Adam, betas=BETAS)),
        ("adamw", partial(torch.optim.AdamW, betas=BETAS)),
        ("adagrad", torch.optim.Adagrad),
    ],
)
def test_optimizers_step_as_torchs_do(name: str, torchs: Callable[..., torch.optim.Optimizer]) -> None:
    reached = []
    for build in (
        lambda weights: build_optimizer(OptimSpec(optimizer=name, lr=0.1, weight_decay=0.5), weights),
        lambda weights: torchs(weights, lr=0.1, weight_decay=0.5, fused=True),
    ):
        weight = torch.nn.Parameter(torch.linspace(-2, 3, 12).reshape(3, 4))
        optimizer = build([weight])
        for _ in range(5):
            weight.grad = None
            (weight**2).sum().backward()
            optimizer.step()
        reached.append(weight.detach())
    assert torch.equal(*reached)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_pulls_at_matrices_and_filters_alone(name: str) -> None:
    """Without it, dead units: the scale of a normalized unit has nothing else that holds it up."""
    filters, scale = (torch.nn.Parameter(torch.full(shape, 4.0)) for shape in ((3, 2), (3,)))
    optimizer = build_optimizer(OptimSpec(optimizer=name, lr=0.1, weight_decay=0.5), [scale, filters])
    filters.grad, scale.grad = torch.zeros_like(filters), torch.zeros_like(scale)
    optimizer.step()
    assert (filters < 4).all()
    assert (scale == 4).all()


def test_numbers_below_the_normal_range_are_flushed() -> None:
    torch.set_flush_denormal(False)
    try:
        tiny = torch.tensor([1e-30])
        assert (tiny * 1e-10).item() > 0
        prepare_device(RunSpec(kind="cae", dataset="digits", epochs=1))
        assert (tiny * 1e-10).item() == 0
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize(("num_images", "batch_size"), [(10, 3), (5, 2), (2, 256), (257, 256), (512, 256), (3, 1)])
def test_batches_hold_every_image_once_and_never_one_alone(num_images: int, batch_size: int) -> None:
    num_batches = count_batches(num_images, batch_size)
    batches = list(shuffled_batches(num_images, num_batches, 0, 1, CPU))
    assert len(batches) == num_batches
    assert sorted(torch.cat(batches).tolist()) == list(range(num_images))
    assert min(map(len, batches)) >= 2
    assert max(map(len, batches)) <= max(batch_size, 3)


def test_the_order_follows_from_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return torch.cat(list(shuffled_batches(100, 4, seed, epoch, CPU))).tolist()

    assert order(1, 2) == order(1, 2)
    assert len({tuple(order(seed, epoch)) for seed in range(4) for epoch in range(1, 5)}) == 16
    assert order(2**63 - 1, 10**6) != order(0, 10**6)


def test_kept_epochs_are_few_even_and_nested() -> None:
    assert kept_epochs(1, 4, 4) == {1, 2, 3, 4}
    assert kept_epochs(1, 9, 4) == {1, 5, 9}
    assert kept_epochs(1, 10, 4) == {1, 5, 9, 10}
    assert kept_epochs(1, 10, 1) == {10}
    assert kept_epochs(7, 10, 2) == {7, 10}
    for limit in (2, 3, 5, 50):
        before: set[int] = set()
        for last in range(1, 300):
            kept = kept_epochs(1, last, limit)
            assert {1, last} <= kept
            assert len(kept) <= limit
            assert kept - {last} <= before
            before = kept


def test_devices() -> None:
    spec = RunSpec(kind="cae", dataset="digits", epochs=1, device="cpu", threads=1)
    assert prepare_device(spec) == CPU
    assert torch.get_num_threads() == 1
    for wrong in ("tpu", "cuda:x", "cuda:99", "cpu:1", ""):
        with pytest.raises(RequestError, match="There is no device"):
            prepare_device(RunSpec(kind="cae", dataset="digits", epochs=1, device=wrong))


def _network() -> torch.nn.Sequential:
    torch.manual_seed(3)
    layers = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten())
    return layers.to(memory_format=torch.channels_last)


def _step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.randn(8, 2, 5, 5).to(memory_format=torch.channels_last)).square().mean().backward()
    optimizer.step()


def _pack(model: torch.nn.Module, optimizer: torch.optim.Optimizer, **changes: Any) -> bytes:
    facts: dict[str, Any] = {"epoch": 2, "step": 3, "spec": {"kind": "cae"}, "record": {"epoch": 2}, "state": {"a": 1}}
    average = WeightAverage(model, decay=0.0)
    return checkpoints.pack(**(facts | changes), average=average, optimizer=optimizer, device=CPU)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_checkpoint_brings_everything_back(name: str, tmp_path: Path) -> None:
    model, path = _network(), tmp_path / "last.safetensors"
    optimizer = build_optimizer(OptimSpec(optimizer=name, lr=0.1), model.parameters())
    for _ in range(3):
        _step(model, optimizer)
    path.write_bytes(_pack(model, optimizer))
    for _ in range(3):  # these draw from the generator and use the moments
        _step(model, optimizer)

    other = _network()
    torch.manual_seed(99)
    for parameter in other.parameters():
        parameter.data.zero_()
    other_optimizer = build_optimizer(OptimSpec(optimizer=name, lr=0.1), other.parameters())
    found = checkpoints.read(path)
    assert (found.epoch, found.step, found.spec, found.record, found.state) == (
        2, 3, {"kind": "cae"}, {"epoch": 2}, {"a": 1},
    )  # fmt: skip
    found.restore_model(other)
    found.restore_optimizer(other_optimizer)
    found.restore_rng(CPU)
    for _ in range(3):
        _step(other, other_optimizer)
    for key, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def test_the_header_is_json_and_the_file_holds_no_pickle(tmp_path: Path) -> None:
    model = _network()
    packed = _pack(model, build_optimizer(OptimSpec(), model.parameters()))
    length = int.from_bytes(packed[:8], "little")
    header = json.loads(packed[8 : 8 + length])
    assert json.loads(header["__metadata__"]["aetui"])["epoch"] == 2
    assert {name.split(".")[0] for name in header} == {"__metadata__", "model", "rng"}  # no step, no moments yet


def test_an_average_follows_its_closed_form_and_leaves_what_is_trained_alone() -> None:
    network = _network()
    average = WeightAverage(network, 0.8)
    weight = network[0].weight
    expected, past = weight.detach().double().clone(), []
    for step in range(1, 61):
        with torch.no_grad():
            weight.copy_(torch.randn_like(weight))
        past.append(weight.detach().clone())
        average.update(step)
        decay = min(0.8, step / (step + 9))  # 0.8 from step 36 on
        expected = decay * expected + (1 - decay) * past[-1].double()
        assert torch.equal(weight, past[-1])
    torch.testing.assert_close(average.model[0].weight, expected.float())
    # From step 36 on it is the sum of 0.2 * 0.8^k of what lies k steps back, up to the rest of 0.8^24 < 0.005.
    recent = sum(0.2 * 0.8**k * past[-1 - k].double() for k in range(24))
    assert (average.model[0].weight - recent).abs().max() < 0.05
    assert not any(tensor.requires_grad for tensor in average.model.parameters())


def test_batch_statistics_are_averaged_and_counters_are_not() -> None:
    network = _network()
    average = WeightAverage(network, 0.5)
    network(torch.randn(8, 2, 5, 5))
    average.update(1000)
    norm, averaged = network[1], average.model[1]
    torch.testing.assert_close(averaged.running_mean, norm.running_mean / 2)
    torch.testing.assert_close(averaged.running_var, (1 + norm.running_var) / 2)
    assert averaged.num_batches_tracked.dtype == torch.int64


def test_without_averaging_the_model_is_the_one_that_is_trained() -> None:
    network = _network()
    average = WeightAverage(network, 0.0)
    assert average.model is network
    average.update(1)
    assert all(weight.requires_grad for weight in average.model.parameters())


def test_a_checkpoint_holds_the_average_to_use_and_the_weights_to_train(tmp_path: Path) -> None:
    network = _network()
    average = WeightAverage(network, 0.9)
    with torch.no_grad():
        network[0].weight.fill_(3.0)
    average.update(100)
    path = tmp_path / "last.safetensors"
    facts: dict[str, Any] = {"epoch": 1, "step": 100, "spec": {}, "record": {}, "state": {}}
    path.write_bytes(
        checkpoints.pack(
            **facts, average=average, optimizer=build_optimizer(OptimSpec(), network.parameters()), device=CPU
        )
    )
    found, used, trained = checkpoints.read(path), _network(), _network()
    found.restore_model(used)
    found.restore_trained(trained)
    assert (trained[0].weight == 3.0).all()
    assert torch.equal(used[0].weight, average.model[0].weight)
    assert not torch.equal(used[0].weight, trained[0].weight)
    with pytest.raises(ValueError, match="another model"):
        found.restore_trained(torch.nn.Linear(2, 2))


def test_bfloat16_is_for_products_alone_and_only_where_it_is_asked_for_or_fast() -> None:
    images, weight = torch.randn(4, 8), torch.randn(8, 8)
    with mixed("bfloat16", CPU):
        product = images @ weight
        loss = torch.nn.functional.mse_loss(product, images)
    assert (product.dtype, loss.dtype, weight.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    with mixed("float32", CPU):
        assert (images @ weight).dtype == torch.float32
    is_fast = "amx_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False
    with mixed("auto", CPU):
        assert (images @ weight).dtype == (torch.bfloat16 if is_fast else torch.float32)


def test_damaged_checkpoints_are_named(tmp_path: Path) -> None:
    model, path = _network(), tmp_path / "last.safetensors"
    packed = _pack(model, build_optimizer(OptimSpec(), model.parameters()))
    import safetensors.torch

    for content in (b"", packed[:100], packed[:-10], b"x" * 500, safetensors.torch.save({"a": torch.ones(1)})):
        path.write_bytes(content)
        with pytest.raises(RequestError, match=r"last\.safetensors is damaged"):
            checkpoints.read(path)
    path.write_bytes(packed)
    with pytest.raises(ValueError, match="another model"):
        checkpoints.read(path).restore_model(torch.nn.Linear(2, 2))


def _blobs(number: int, side: int = 28) -> torch.Tensor:
    """Soft discs in the middle: [N, 1, side, side]."""
    at = torch.arange(side) - (side - 1) / 2
    distance = (at[:, None].square() + at.square()).sqrt()
    return torch.sigmoid(4 - distance).expand(number, 1, side, side).contiguous(memory_format=torch.channels_last)


def _centres(images: torch.Tensor) -> torch.Tensor:
    """Centres of mass in pixels from the middle: [N, 2]."""
    at = torch.arange(images.shape[-1]) - (images.shape[-1] - 1) / 2
    weights = images[:, 0] / images.sum(dim=(1, 2, 3))[:, None, None]
    return torch.stack([(weights.sum(dim=1) * at).sum(dim=1), (weights.sum(dim=2) * at).sum(dim=1)], dim=1)


def test_warping_moves_every_image_a_little_and_differently() -> None:
    images = _blobs(400)
    torch.manual_seed(0)
    warped = warp(images, 1.0)
    assert warped.shape == images.shape
    assert warped.is_contiguous(memory_format=torch.channels_last)
    assert 0 <= warped.min() <= warped.max() <= 1
    shifts = _centres(warped)
    # 0.035 of half of 28 pixels is 0.49; evenly distributed, so its deviation is 0.49 / sqrt(3).
    assert shifts.abs().max() < 0.49 * 1.1
    assert shifts.std(dim=0).tolist() == pytest.approx([0.49 / 3**0.5] * 2, rel=0.1)
    areas = warped.sum(dim=(1, 2, 3)) / images.sum(dim=(1, 2, 3))
    assert 1 / 1.05**2 * 0.98 < areas.min() < 0.95
    assert 1.05 < areas.max() < 1 / 0.95**2 * 1.02
    torch.manual_seed(0)
    assert torch.equal(warped, warp(images, 1.0))
    assert not torch.equal(warped, warp(images, 1.0))


def test_warping_by_nothing_changes_nothing() -> None:
    images = torch.rand(5, 3, 9, 12)
    torch.testing.assert_close(warp(images, 0.0), images, atol=1e-5, rtol=0)


def test_what_is_frozen_cannot_be_augmented() -> None:
    spec = RunSpec(kind="classifier", dataset="digits", epochs=1, start_from="a/0", model=ClassifierSpec())
    assert spec.with_settings({"augment": 1}).augment == 1.0
    with pytest.raises(RequestError, match="augment=0 or freeze=none"):
        spec.with_settings({"augment": 1, "freeze": "convolutions"})
    with pytest.raises(RequestError, match="out of range"):
        spec.with_settings({"augment": -1})
