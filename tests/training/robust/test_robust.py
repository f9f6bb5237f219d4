"""Robust training: what is trained is what is folded, bounds hold, and runs repeat themselves."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from signflip.errors import DataError, SettingError
from signflip.network import BinaryNetwork, Floats, Integers
from signflip.network.domains import INTERVALS, Interval, propagate
from signflip.problem import Problem, Ties, Untargeted
from signflip.training.robust import (
    Convolution,
    RobustModule,
    RobustReport,
    RobustSettings,
    fold_robust,
    loop,
    train_robust,
)
from signflip.training.robust.adversary import adversarial
from signflip.training.robust.boxes import box_of
from signflip.training.robust.layers import Flow
from signflip.training.robust.scores import Scores
from tests.training.robust.runs import BASE, VOTE, interrupted, same

KINDS = {
    "dense": BASE,
    "ternary": replace(BASE, ternary=True, hidden=(10, 8)),
    "vote": VOTE,
    "deep": replace(
        VOTE, hidden=(9,), convolutions=(*VOTE.convolutions, Convolution(filters=4, size=2)), vote=1
    ),
    "real": replace(VOTE, levels=()),
    "bits": replace(VOTE, convolutions=(), hidden=(9,), levels=(0.5,)),
}


@pytest.fixture(scope="module", params=KINDS)
def trained(
    request: pytest.FixtureRequest, data: tuple[Floats, Integers]
) -> tuple[RobustSettings, RobustModule, BinaryNetwork]:
    settings = KINDS[request.param]
    module = train_robust(settings, *data)
    return settings, module, fold_robust(module)


def test_the_network_is_what_was_trained(
    trained: tuple[RobustSettings, RobustModule, BinaryNetwork], data: tuple[Floats, Integers]
) -> None:
    settings, module, network = trained
    images, labels = data
    assert np.mean(network.predict(images) == labels) > 0.6
    with torch.no_grad():
        # pixels of float32 are the same numbers in float64
        coarse = torch.tensor(images, dtype=torch.float32)
        above = module.forward(Flow(box_of(coarse, 0.0, module.levels).clean, None)).values
        predicted = module.predict(coarse)
    assert above is not None
    signs = network.activations(coarse.double().numpy())[-1]
    rows, columns, channels = module.sign_blocks()[-1].outputs
    order = above.numpy().reshape(-1, rows, columns, channels).transpose(0, 3, 1, 2)
    # real sums are rounded in float32, whole ones are not
    agree = np.mean(signs == order.reshape(len(signs), -1))
    assert agree == 1 if settings.levels else agree > 0.999
    assert np.mean(network.predict(coarse.double().numpy()) == predicted.numpy()) > 0.99
    assert network.output.plain is not settings.ternary
    assert int(np.abs(network.output.weight).max()) <= settings.vote


def test_worst_logits_bound_every_image_of_the_ball(
    trained: tuple[RobustSettings, RobustModule, BinaryNetwork], data: tuple[Floats, Integers]
) -> None:
    settings, module, _ = trained
    images, labels = (torch.tensor(each[:20]) for each in data)
    pixels, epsilon = images.float(), 0.04
    box = box_of(pixels, epsilon, module.levels)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        worst = module.vote.worst_logits(module.boxed(Flow(None, (box.middle, box.radius))), labels)
        for _ in range(30):
            shift = (2 * torch.rand(pixels.shape, generator=generator) - 1) * epsilon
            near = box_of((pixels + shift).clamp(0, 1), 0.0, module.levels).clean
            logits = module.logits(near)
            leads = logits - logits.gather(1, labels[:, None])
            assert bool((leads <= worst + 1e-4).all())
    point = adversarial(module, box, labels, 3, generator, window=0.5)
    assert bool(((point - box.middle).abs() <= box.radius + 1e-6).all())
    if settings.levels:
        assert bool((point.abs() == 1).all())


def test_bound_certified_images_are_proved_by_intervals(
    trained: tuple[RobustSettings, RobustModule, BinaryNetwork], data: tuple[Floats, Integers]
) -> None:
    settings, module, network = trained
    if not settings.levels:
        return  # the first layer of real pixels is rounded in training
    images = data[0][:40].astype(np.float32).astype(np.float64)
    labels = data[1][:40]
    box = box_of(torch.tensor(images).float(), 0.04, module.levels)
    with torch.no_grad():
        worst = module.vote.worst_logits(
            module.boxed(Flow(None, (box.middle, box.radius))), torch.tensor(labels)
        ).scatter(1, torch.tensor(labels)[:, None], -1.0)
    for image, label, leads in zip(images, labels, worst, strict=True):
        if network.predict(image[None])[0] != label:
            continue
        problem = Problem.ball(network, image, epsilon=0.04, goal=Untargeted(), ties=Ties.FLIP)
        bounds = Interval(problem.box.lower, problem.box.upper)
        last = propagate(network.hidden, INTERVALS, bounds)[-1]
        most = max(network.output.lead(r, label).most(last.low, last.high) for r in problem.rivals)
        assert (most < 0) == bool((leads < 0).all())


def test_training_for_robustness_gives_more_of_it(data: tuple[Floats, Integers]) -> None:
    found = {}
    for interval in (0.0, 0.5):
        reports: list[RobustReport] = []
        settings = replace(VOTE, interval=interval, epochs=8, epsilon=0.1)
        train_robust(settings, *data, on_epoch=reports.append)
        assert [report.epoch for report in reports] == list(range(1, 9))
        scores = reports[-1].scores
        assert scores is not None
        assert scores.certified <= scores.attacked <= scores.clean
        found[interval] = scores.certified
    assert found[0.5] > found[0.0]


@pytest.mark.parametrize("best", [3, 4])
def test_the_epoch_is_kept_that_is_best_between_proof_and_attack(
    best: int, data: tuple[Floats, Integers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blunt network, of which bounds know nearly all, is no better for that."""
    blunt = Scores(clean=0.7, attacked=0.6, certified=0.5)
    sharp = Scores(clean=0.9, attacked=0.8, certified=0.4)
    states: list[RobustModule] = []

    def tell(module: RobustModule, *_: object) -> Scores:
        states.append(copy.deepcopy(module))
        return sharp if len(states) == best else blunt

    monkeypatch.setattr(loop, "scores", tell)
    found = train_robust(replace(VOTE, epochs=4), *data)
    assert [same(found, each) for each in states] == [number == best for number in range(1, 5)]


def test_a_run_is_repeated_and_resumed(data: tuple[Floats, Integers], tmp_path: Path) -> None:
    whole = train_robust(VOTE, *data)
    assert same(whole, train_robust(VOTE, *data))
    assert not same(whole, train_robust(replace(VOTE, seed=2), *data))
    path = tmp_path / "run.pt"
    interrupted(VOTE, data, path, epoch=2)
    assert same(whole, train_robust(VOTE, *data, checkpoint=path, resume=True))
    with pytest.raises(SettingError, match="of another run"):
        train_robust(replace(VOTE, epsilon=0.2), *data, checkpoint=path, resume=True)
    with pytest.raises(SettingError, match="needs a checkpoint"):
        train_robust(VOTE, *data, resume=True)


def test_fine_tuning_begins_with_a_trained_network(data: tuple[Floats, Integers]) -> None:
    first = train_robust(VOTE, *data)
    still = train_robust(replace(VOTE, epochs=1, learning_rate=1e-12), *data, start=first)
    weights = [block.weights() for block in first.sign_blocks()]
    assert all(
        torch.equal(one, block.weights())
        for one, block in zip(weights, still.sign_blocks(), strict=True)
    )


def test_a_wider_adversary_is_that_of_the_wider_ball(data: tuple[Floats, Integers]) -> None:
    plain = replace(VOTE, interval=0.0, held_out=0.0, epochs=2, wider=1.0)
    wide = train_robust(replace(plain, epsilon=0.05, wider=2.0), *data)
    assert same(wide, train_robust(replace(plain, epsilon=0.1), *data))
    assert not same(wide, train_robust(replace(plain, epsilon=0.05), *data))


def test_no_gradient_comes_through_a_sign_beyond_the_window(data: tuple[Floats, Integers]) -> None:
    module = train_robust(replace(VOTE, epochs=1), *data)
    labels = torch.tensor(data[1][:50])
    box = box_of(torch.tensor(data[0][:50]).float(), 0.2, module.levels)

    def point(steps: int, window: float) -> torch.Tensor:
        random = torch.Generator().manual_seed(0)
        return adversarial(module, box, labels, steps, random, window)

    start = point(1, 1e-9)
    assert torch.equal(start, point(3, 1e-9))
    assert not torch.equal(start, point(1, 1.0))


def test_weights_below_a_sign_learn_nothing_from_beyond_the_learning_window(
    data: tuple[Floats, Integers],
) -> None:
    settings = replace(BASE, interval=0.0, held_out=0.0, epochs=1)
    none = RobustModule(settings, inputs=data[0].shape[1], classes=int(data[1].max()) + 1)
    still = train_robust(replace(settings, learning_window=1e-9), *data, start=none)
    moved = train_robust(replace(settings, learning_window=1.0), *data, start=none)
    for before, narrow, wide in zip(*map(latents, (none, still, moved)), strict=True):
        assert torch.equal(before, narrow)
        assert not torch.equal(before, wide)
    assert not torch.equal(none.vote.weights.latent, still.vote.weights.latent)


def latents(module: RobustModule) -> list[torch.Tensor]:
    return [block.weights.latent for block in module.sign_blocks()]


def test_without_a_ramp_a_run_is_like_a_fine_tuning_of_its_first_weights(
    data: tuple[Floats, Integers],
) -> None:
    settings = replace(VOTE, epochs=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        classes = int(data[1].max()) + 1
        first = RobustModule(settings, inputs=data[0].shape[1], classes=classes)
    tuned = train_robust(settings, *data, start=first)
    assert same(train_robust(replace(settings, ramp=0.0), *data), tuned)
    assert not same(train_robust(replace(settings, ramp=0.5), *data), tuned)


def test_a_lenient_loss_counts_an_image_by_its_chance(data: tuple[Floats, Integers]) -> None:
    """Of images that are all classified surely and rightly but for some, these count for little."""
    labels = data[1].copy()
    labels[:50] = (labels[:50] + 1) % 3  # the order of a batch is drawn, and so are its losses
    trained = train_robust(replace(BASE, epochs=10, interval=0.0, held_out=0.0), *data)
    settings = replace(BASE, interval=0.0, held_out=0.0, epochs=1, learning_rate=1e-12)
    losses = {
        share: loss_of(replace(settings, leniency=share), data[0], labels, start=trained)
        for share in (0.0, 0.5, 1.0)
    }
    assert losses[0.0] > losses[0.5] > losses[1.0] > 0


def loss_of(
    settings: RobustSettings,
    images: Floats,
    labels: Integers,
    start: RobustModule | None = None,
) -> float:
    """The mean loss of a run's last epoch."""
    losses: list[float] = []
    train_robust(
        settings, images, labels, start=start, on_epoch=lambda report: losses.append(report.loss)
    )
    return losses[-1]


def test_a_smoothed_label_is_spread_over_all_classes(data: tuple[Floats, Integers]) -> None:
    settings = replace(VOTE, interval=0.0, held_out=0.0, epochs=1, learning_rate=1e-12)
    losses = {
        share: loss_of(replace(settings, smoothing=share), *data) for share in (0.0, 0.2, 0.4)
    }
    assert losses[0.2] - losses[0.0] != 0
    # the loss is linear in the share, and the weights stay
    assert losses[0.4] - losses[0.2] == pytest.approx(losses[0.2] - losses[0.0], rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epsilon": 1.5}, "epsilon is 1.5; it must be from 0 to 1"),
        ({"interval": -0.1}, "interval is -0.1"),
        ({"held_out": 0.95}, "held_out is 0.95"),
        ({"pgd": -1}, "pgd is -1; it must be from 0 to 1,000 steps"),
        ({"pgd": 10**24}, "pgd is 1000000000000000000000000; it must be from 0 to 1,000 steps"),
        ({"pgd": 1.5}, "pgd is 1.5; it must be a whole number"),
        ({"wider": 0.5}, "wider is 0.5; it must be at least 1"),
        ({"window": 0.0}, "window is 0.0; it must be above 0"),
        ({"window": 1.5}, "window is 1.5"),
        ({"learning_window": 0.0}, "learning_window is 0.0; it must be above 0"),
        ({"leniency": -0.5}, "leniency is -0.5; it must be from 0 to 1"),
        ({"ramp": 1.5}, "ramp is 1.5; it must be from 0 to 1"),
        ({"smoothing": 1.0}, "smoothing is 1.0; it must be from 0 to 0.9"),
        ({"vote": 0}, "vote is 0"),
        ({"vote": 3}, "weights are -1 and .1 only"),
        ({"levels": (0.5, 0.5)}, "they must rise"),
        ({"levels": (1.0,)}, "lie between 0 and 1"),
        ({"levels": (0.3, 0.3 + 1e-12)}, "as float32 numbers too"),
        ({"hidden": ()}, "hidden is"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epsilon": None}, "epsilon is None; it must be a number"),
        ({"window": "a"}, "window is 'a'; it must be a number"),
        ({"wider": None}, "wider is None; it must be a number"),
        ({"ternary": "no"}, "ternary is 'no'; it must be True or False"),
        ({"levels": 0.5}, r"levels is 0.5; it must be a tuple of numbers: \(0.3, 0.6\)"),
        ({"levels": ("a",)}, r"levels is \('a',\); it must be a tuple of numbers"),
        ({"convolutions": "32@5x5/2"}, "convolutions is '32@5x5/2'; it must be a tuple of Convol"),
        ({"convolutions": ("32@5x5/2",)}, r"such as \(Convolution.parse\('32@5x5/2'\),\)"),
        ({"image_shape": 28}, r"image_shape is 28; it must be a tuple of two whole numbers"),
        ({"image_shape": (28, 28, 1)}, r"it must be \(rows, columns\), each at least 1"),
        ({"image_shape": (0, 28)}, r"image_shape is \(0, 28\); it must be \(rows, columns\)"),
        ({"witnesses": 1.5}, "witnesses is 1.5; it must be from 0 to 1"),
        ({"witness_reach": 0.5}, "witness_reach is 0.5; it must be at least 1"),
        ({"witness_method": "milp"}, "witness_method is 'milp'; it must be one of walk, exact"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        RobustSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["a", None, 1.5])
def test_what_is_no_number_makes_no_convolution(wrong: object) -> None:
    with pytest.raises(SettingError, match=f"filters is {wrong!r}; it must be a whole number"):
        Convolution(filters=wrong, size=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [3, "32", "32@5", "32@5x4/2", "a@5x5", "0@5x5/2", "4@3x3/0"])
def test_texts_that_are_no_convolution(text: object) -> None:
    with pytest.raises(SettingError, match="convolution"):
        Convolution.parse(text)  # type: ignore[arg-type]


def test_convolutions_are_read_and_written() -> None:
    assert Convolution.parse("32@5x5/2") == Convolution(filters=32, size=5, stride=2)
    assert str(Convolution.parse("8@3x3")) == "8@3x3/1"


def test_data_that_does_not_fit(data: tuple[Floats, Integers]) -> None:
    images, labels = data
    with pytest.raises(SettingError, match="64 pixels, and image_shape is \\(4, 4\\)"):
        train_robust(replace(VOTE, image_shape=(4, 4)), images, labels)
    with pytest.raises(SettingError, match="no neuron is left"):
        train_robust(
            replace(VOTE, convolutions=(Convolution(filters=2, size=12),), image_shape=(1, 64)),
            images,
            labels,
        )
    with pytest.raises(DataError, match="fewer than a batch of 480"):
        train_robust(replace(VOTE, batch_size=480), images, labels)
