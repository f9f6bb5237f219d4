"""A PyTorch module as the runtime of its own network."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.network import Shape

if TYPE_CHECKING:
    from torch import nn


class TorchRuntime:
    """A module in evaluation, on a copy in float64, or in float32."""

    def __init__(
        self, module: "nn.Module", shape: Shape, least: float, *, double: bool = True
    ) -> None:
        self.dtype: np.dtype[Any] = np.dtype(np.float64 if double else np.float32)
        self._module = copy.deepcopy(module).cpu().eval()
        self._module = self._module.double() if double else self._module.float()
        self._shape = shape
        self._least = least  # of one value, for class 1

    def read(self, images: Floats) -> Floats:
        """The images in its type."""
        return images.astype(self.dtype).astype(np.float64)

    def predict(self, images: Floats) -> Integers:
        """Classes (N,) of images (N, inputs) float64."""
        import torch

        with torch.no_grad():
            read = torch.from_numpy(images.astype(self.dtype))
            values = self._module(read.reshape(-1, *self._shape))
        array: Floats = values.reshape(len(images), -1).numpy()
        classes = array[:, 0] >= self._least if array.shape[1] == 1 else array.argmax(axis=1)
        return classes.astype(np.int64)
