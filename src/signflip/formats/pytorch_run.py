"""A PyTorch module as the runtime of its own network."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.network import Shape

if TYPE_CHECKING:
    from torch import nn


class TorchRuntime:
    """A module in evaluation, on a copy in float64."""

    def __init__(self, module: "nn.Module", shape: Shape, least: float) -> None:
        self.dtype: np.dtype[Any] = np.dtype(np.float64)
        self._module = copy.deepcopy(module).double().cpu().eval()
        self._shape = shape
        self._least = least  # of one value, for class 1

    def read(self, images: Floats) -> Floats:
        """The images as they are."""
        return images

    def predict(self, images: Floats) -> Integers:
        """Classes (N,) of images (N, inputs) float64."""
        import torch

        with torch.no_grad():
            values = self._module(torch.from_numpy(images).reshape(-1, *self._shape))
        array: Floats = values.reshape(len(images), -1).numpy()
        classes = array[:, 0] >= self._least if array.shape[1] == 1 else array.argmax(axis=1)
        return classes.astype(np.int64)
