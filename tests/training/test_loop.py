from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from signflip.errors import DataError, SettingError
from signflip.network import Floats, Integers
from signflip.training import BinaryModule, EpochReport, TrainingSettings, fold, train

SETTINGS = TrainingSettings(hidden=(16, 8), epochs=5, batch_size=32, seed=3, device="cpu")


@pytest.fixture(scope="module")
def data() -> tuple[Floats, Integers]:
    """1,000 images of 20 values; the class says which of three groups of values is brightest."""
    images = np.random.default_rng(0).random((1000, 20))
    groups = np.stack([images[:, start::3].mean(axis=1) for start in range(3)])
    return images, np.argmax(groups, axis=0)


def same(first: BinaryModule, second: BinaryModule) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_training_learns_and_folds(data: tuple[Floats, Integers]) -> None:
    images, labels = data
    module = train(replace(SETTINGS, epochs=20), images[:800], labels[:800])
    network = fold(module)
    assert np.mean(network.predict(images[800:]) == labels[800:]) > 0.7
    with torch.no_grad():
        logits = module.double()(torch.tensor(images)).numpy()
    assert np.array_equal(network.predict(images), logits.argmax(axis=1))


def test_the_seed_decides_the_weights(data: tuple[Floats, Integers]) -> None:
    first, second = train(SETTINGS, *data), train(SETTINGS, *data)
    assert same(first, second)
    assert not same(first, train(replace(SETTINGS, seed=4), *data))


def test_the_callers_random_numbers_are_left_alone(data: tuple[Floats, Integers]) -> None:
    before = torch.get_rng_state()
    train(replace(SETTINGS, epochs=1), *data)
    assert torch.equal(before, torch.get_rng_state())


def test_latent_weights_stay_clipped(data: tuple[Floats, Integers]) -> None:
    module = train(replace(SETTINGS, learning_rate=0.5), *data)
    largest = [linear.latent.detach().abs().max().item() for linear, _ in module.hidden_layers()]
    assert largest == [1, 1]


def test_reports_come_after_each_epoch(data: tuple[Floats, Integers]) -> None:
    reports: list[EpochReport] = []
    train(SETTINGS, *data, on_epoch=reports.append)
    assert [(report.epoch, report.epochs) for report in reports] == [(n, 5) for n in range(1, 6)]
    assert reports[-1].loss < reports[0].loss
    assert reports[-1].seconds >= reports[0].seconds >= 0


class InterruptError(Exception):
    pass


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_resuming_gives_the_weights_of_an_uninterrupted_run(
    data: tuple[Floats, Integers], tmp_path: Path, stop: int
) -> None:
    def interrupt(report: EpochReport) -> None:
        if report.epoch == stop:
            raise InterruptError

    checkpoint = tmp_path / "run.pt"
    with pytest.raises(InterruptError):
        train(SETTINGS, *data, on_epoch=interrupt, checkpoint=checkpoint)
    left: list[int] = []
    resumed = train(
        SETTINGS,
        *data,
        checkpoint=checkpoint,
        resume=True,
        on_epoch=lambda report: left.append(report.epoch),
    )
    assert left == list(range(stop + 1, 6))
    assert same(resumed, train(SETTINGS, *data))


def test_resume_without_a_checkpoint_is_refused(data: tuple[Floats, Integers]) -> None:
    with pytest.raises(SettingError, match="checkpoint=PATH"):
        train(SETTINGS, *data, resume=True)


def test_a_checkpoint_of_other_settings_or_data_is_refused(
    data: tuple[Floats, Integers], tmp_path: Path
) -> None:
    images, labels = data
    path = tmp_path / "run.pt"
    train(replace(SETTINGS, epochs=1), images, labels, checkpoint=path)
    with pytest.raises(SettingError, match=r"of another run .*epochs 1, not 5"):
        train(SETTINGS, images, labels, checkpoint=path, resume=True)
    with pytest.raises(SettingError, match=r"of another run .*data_sha256"):
        train(replace(SETTINGS, epochs=1), images[1:], labels[1:], checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((40, 2, 2)), np.arange(40) % 2, "flatten"),
        (np.zeros((40, 4)), np.arange(39) % 2, r"\(39,\)"),
        (np.zeros((31, 4)), np.arange(31) % 2, "31 images, fewer than a batch of 32"),
        (np.full((40, 4), 255), np.arange(40) % 2, "divide bytes by 255"),
        (np.full((40, 4), -0.1), np.arange(40) % 2, "divide bytes by 255"),
        (np.full((40, 4), np.nan), np.arange(40) % 2, "nan"),
        (np.zeros((40, 4)), np.zeros(40, dtype=np.int64), "at least two classes"),
        (np.zeros((40, 4)), np.arange(40) % 2 - 1, "integers from 0"),
        (np.zeros((40, 4)), (np.arange(40) % 2).astype(float), "float64"),
    ],
)
def test_bad_data_is_refused(images: Floats, labels: Integers, message: str) -> None:
    with pytest.raises(DataError, match=message):
        train(SETTINGS, images, labels)


@pytest.mark.parametrize("device", ["toaster", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(data: tuple[Floats, Integers], device: str) -> None:
    with pytest.raises(SettingError, match=f"{device}.*use 'auto' or 'cpu'"):
        train(replace(SETTINGS, device=device), *data)
