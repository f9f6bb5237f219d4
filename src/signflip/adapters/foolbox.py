"""Signflip's methods as attacks of foolbox.

model = SignflipModel(network)
raw, clipped, is_adv = SignflipAttack(Pgd())(model, images, labels, epsilons=[0.01, 0.02])
"""

from functools import partial
from typing import Any

from signflip.adapters.extra import need
from signflip.attack import Method, check_method
from signflip.errors import SettingError

need("foolbox", "foolbox", "signflip.adapters.foolbox")
need("torch", "foolbox", "signflip.adapters.foolbox")

import eagerpy as ep  # noqa: E402  # packages of the extra come after the error that names it
import numpy as np  # noqa: E402
import torch  # noqa: E402
from foolbox.attacks.base import FixedEpsilonAttack  # noqa: E402
from foolbox.criteria import Criterion, Misclassification, TargetedMisclassification  # noqa: E402
from foolbox.distances import Distance, linf  # noqa: E402
from foolbox.models import Model, PyTorchModel  # noqa: E402

from signflip.adapters.one_image import (  # noqa: E402
    adversarial,
    around,
    check_labels,
)
from signflip.arrays import Floats  # noqa: E402
from signflip.network import BinaryNetwork, check_network  # noqa: E402


class SignflipModel(PyTorchModel):  # type: ignore[misc]
    """A binarized network as a model of foolbox, for its attacks and for Signflip's.

    Attributes:
        network: the network.
    """

    def __init__(
        self,
        network: BinaryNetwork,
        *,
        slope: str = "ramp",
        width: float = 1.0,
        epsilon: float | None = None,
        device: Any = "cpu",
    ) -> None:
        """The model; `slope`, `width`, `epsilon` as in `network.to_torch`, for gradients.

        Raises:
            NetworkError: the network is none.
        """
        check_network(network)
        limits = (network.input_range.lower, network.input_range.upper)
        module = network.to_torch(slope=slope, width=width, epsilon=epsilon)
        super().__init__(module, bounds=limits, device=device)
        self.network = network


class SignflipAttack(FixedEpsilonAttack):  # type: ignore[misc]
    """A method of Signflip as an attack of foolbox, for the maximum norm.

    Criteria are `Misclassification` (or labels) and `TargetedMisclassification`. A targeted attack
    raises the target above the clean prediction; a third class may still be above both, and then
    foolbox's `is_adv` is false.

    Attributes:
        method: the method, for example `Pgd()`.
        time_limit: seconds for each image and epsilon, or None.
    """

    distance: Distance = linf

    def __init__(self, method: Method, *, time_limit: float | None = None) -> None:
        """The attack.

        Raises:
            SettingError: the method is none.
        """
        check_method(method)
        self.method = method
        self.time_limit = time_limit

    def run(
        self, model: Model, inputs: Any, criterion: Any, *, epsilon: float, **kwargs: Any
    ) -> Any:
        """Images near `inputs`, adversarial where one was found.

        Raises:
            SettingError: the model is no `SignflipModel`, its bounds or preprocessing are not the
                network's, the criterion is another or has no label for each image, or there are
                other arguments.
        """
        if kwargs:
            raise SettingError(f"{', '.join(kwargs)}: settings belong to the method")
        if not isinstance(model, SignflipModel):
            raise SettingError(f"the model is {model!r}; it must be a SignflipModel(network)")
        images, restore = ep.astensor_(inputs)
        labels, targeted = _labels(criterion)
        check_labels(labels, len(images), model.network.classes, "the criterion's labels")
        flat = images.numpy().reshape(len(images), -1).astype(np.float64)
        predicted = model(images).argmax(axis=-1).numpy()
        if not np.array_equal(predicted, model.network.predict(flat)):
            raise SettingError(
                "the model predicts otherwise than its network: bounds and preprocessing must be "
                "left as they are"
            )
        found = []
        for image, label in zip(flat, labels, strict=True):
            centre, region = around(model.network, image, epsilon)
            kept = partial(
                self._as_given, torch.from_numpy(centre.copy()), images.raw.dtype, epsilon
            )
            witness = adversarial(
                model.network,
                centre,
                region,
                method=self.method,
                label=int(label),
                targeted=targeted,
                time_limit=self.time_limit,
                as_given=kept,
            )
            found.append(witness)
        made = torch.from_numpy(np.stack(found)).to(images.raw.device, images.raw.dtype)
        return restore(ep.astensor(made.reshape(images.shape)))

    def _as_given(
        self, image: "torch.Tensor", dtype: "torch.dtype", epsilon: float, witness: Floats
    ) -> Floats:
        """A witness in the type of the images, clipped as foolbox clips it."""
        given = torch.from_numpy(witness.copy()).to(dtype)
        clipped = self.distance.clip_perturbation(image[None].to(dtype), given[None], epsilon)[0]
        values: Floats = clipped.double().numpy()
        return values


def _labels(criterion: Criterion) -> tuple[Floats, bool]:
    """The labels (N,) of a criterion, and whether they are targets."""
    if isinstance(criterion, Misclassification):
        return criterion.labels.numpy(), False
    if isinstance(criterion, TargetedMisclassification):
        return criterion.target_classes.numpy(), True
    raise SettingError(
        f"the criterion is {criterion!r}; it must be Misclassification or TargetedMisclassification"
    )
