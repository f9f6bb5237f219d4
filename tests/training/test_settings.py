from dataclasses import replace

import pytest
import torch

from signflip.errors import SettingError
from signflip.training import TrainingSettings

SETTINGS = TrainingSettings()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": ()}, "hidden is"),
        ({"hidden": (10, 0)}, "hidden is"),
        ({"epochs": 0}, "epochs is 0; it must be from 1 to 100,000"),
        ({"epochs": 10**24}, "epochs is 1000000000000000000000000; it must be from 1 to 100,000"),
        ({"epochs": 1.5}, "epochs is 1.5; it must be a whole number"),
        ({"batch_size": 2.5}, r"batch_size is 2.5; it must be a whole number"),
        ({"batch_size": 1}, "batch_size is 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"learning_rate": 1.5}, "learning_rate is 1.5; it must be above 0 and at most 1"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"seed": -1}, "seed is -1"),
        ({"hidden": 3}, r"hidden is 3; it must be a tuple of whole numbers, one a layer: \(100, "),
        ({"hidden": "100"}, "hidden is '100'; it must be a tuple of whole numbers"),
        ({"hidden": (1.5,)}, r"hidden is \(1.5,\); it must be a tuple of whole numbers"),
        ({"learning_rate": "a"}, "learning_rate is 'a'; it must be a number, such as 0.5"),
        ({"learning_rate": None}, "learning_rate is None; it must be a number"),
        ({"device": None}, "device is None; it must be a name: 'auto' or 'cpu'"),
        ({"seed": 2**63}, "seed is"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        replace(SETTINGS, **change)  # type: ignore[arg-type]


def test_the_device_is_a_gpu_if_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert SETTINGS.torch_device().type == expected
    assert replace(SETTINGS, device="cpu").torch_device().type == "cpu"
