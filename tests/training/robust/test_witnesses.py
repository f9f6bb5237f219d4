"""Witnesses in training: they flip, stay in their ball, and take the place of weaker points."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from signflip.network import Floats, Integers
from signflip.training.robust import (
    RobustReport,
    RobustSettings,
    fold_robust,
    train_robust,
    witnesses,
)
from signflip.training.robust.boxes import box_of
from signflip.training.robust.settings import WITNESS_METHODS
from signflip.training.robust.witnesses import Witnesses
from tests.training.robust.runs import BASE, VOTE, interrupted, same

KINDS: Mapping[str, RobustSettings] = {
    "dense": replace(BASE, witnesses=0.5, epsilon=0.1),
    "vote": replace(VOTE, witnesses=0.5, epsilon=0.1, witness_reach=1.5),
    "exact": replace(BASE, witnesses=0.2, epsilon=0.1, witness_method="exact"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_flips_inside_its_ball(kind: str, data: tuple[Floats, Integers]) -> None:
    settings = KINDS[kind]
    module = train_robust(replace(settings, witnesses=0.0), *data)
    images, labels = torch.tensor(data[0], dtype=torch.float32), torch.tensor(data[1])
    found = Witnesses(settings, images, labels)
    everyone = torch.arange(len(images))
    assert len(found) == 0
    found.renew(module, everyone)
    assert 0 < len(found) <= settings.witnesses * len(images)

    clean = box_of(images, 0.0, module.levels).clean
    replaced = found.replacing(clean, everyone, module.levels)
    known = (replaced != clean).any(dim=1)
    assert int(known.sum()) == len(found)
    state = found.state()
    points = state["points"].numpy().astype(np.float64)
    assert bool((state["known"] == known).all())
    assert torch.equal(box_of(state["points"], 0.0, module.levels).clean, replaced[known])

    network, held = fold_robust(module), known.numpy()
    away = np.abs(points - data[0][held]).max(axis=1)
    reach = settings.witness_reach * settings.epsilon
    assert away.max() <= reach + 1e-6
    assert away.max() > settings.epsilon  # the balls are larger than those of certification
    assert (network.predict(data[0][held]) == data[1][held]).all()
    assert np.mean(network.predict(points) != data[1][held]) > 0.9  # but for ties


def test_what_withstands_is_forgotten(data: tuple[Floats, Integers]) -> None:
    settings = replace(BASE, witnesses=1.0, epsilon=0.1)
    images, labels = torch.tensor(data[0], dtype=torch.float32), torch.tensor(data[1])
    module = train_robust(replace(settings, witnesses=0.0), *data)
    found, everyone = Witnesses(settings, images, labels), torch.arange(len(images))
    found.renew(module, everyone)
    again = Witnesses(replace(settings, epsilon=0.0), images, labels)
    again.restore(found.state())
    assert len(again) == len(found) > 0
    again.renew(module, everyone)
    assert len(again) == 0


def test_they_come_after_the_ramps_and_change_the_run(data: tuple[Floats, Integers]) -> None:
    settings = replace(VOTE, witnesses=0.3, epsilon=0.1, ramp=0.5)
    counts: list[int] = []

    def note(report: RobustReport) -> None:
        counts.append(report.witnesses)

    attacked = train_robust(settings, *data, on_epoch=note)
    assert counts[:2] == [0, 0]
    assert min(counts[2:]) > 0
    assert not same(attacked, train_robust(replace(settings, witnesses=0.0), *data))


def test_a_run_with_them_is_repeated_and_resumed(
    data: tuple[Floats, Integers], tmp_path: Path
) -> None:
    settings = replace(VOTE, witnesses=0.3, epsilon=0.1)
    whole = train_robust(settings, *data)
    assert same(whole, train_robust(settings, *data))
    path = tmp_path / "run.pt"
    interrupted(settings, data, path, epoch=3)
    assert same(whole, train_robust(settings, *data, checkpoint=path, resume=True))


def test_every_method_that_a_setting_names_is_there() -> None:
    assert tuple(witnesses.METHODS) == WITNESS_METHODS
