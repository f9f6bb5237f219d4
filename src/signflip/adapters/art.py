"""Signflip's methods as evasion attacks of the Adversarial Robustness Toolbox (ART).

classifier = art_classifier(network)
found = SignflipEvasion(classifier, Pgd(), eps=0.02).generate(images)
"""

from functools import partial
from typing import Any, ClassVar

from signflip.adapters.extra import need
from signflip.attack import Method, check_method
from signflip.errors import SettingError

need("art", "art", "signflip.adapters.art")
need("torch", "art", "signflip.adapters.art")

import numpy as np  # noqa: E402  # packages of the extra come after the error that names it
import numpy.typing as npt  # noqa: E402
import torch  # noqa: E402
from art.attacks.attack import EvasionAttack  # noqa: E402
from art.estimators.classification import PyTorchClassifier  # noqa: E402

from signflip.adapters.one_image import (  # noqa: E402
    adversarial,
    around,
    check_labels,
    rounded_into,
)
from signflip.adapters.torch_module import TorchNetwork  # noqa: E402
from signflip.arrays import Booleans, Floats  # noqa: E402
from signflip.network import BinaryNetwork, check_network  # noqa: E402


def art_classifier(
    network: BinaryNetwork,
    *,
    slope: str = "ramp",
    width: float = 1.0,
    epsilon: float | None = None,
    device: str = "cpu",
) -> Any:
    """A binarized network as a classifier of ART, for its attacks and for Signflip's.

    Args:
        network: the network.
        slope: as in `network.to_torch`, for gradient attacks.
        width: the same.
        epsilon: the same.
        device: `cpu` or `gpu`.

    Raises:
        NetworkError: the network is none.
    """
    check_network(network)
    shape = network.image_shape
    return PyTorchClassifier(
        network.to_torch(slope=slope, width=width, epsilon=epsilon),
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(1, *shape) if len(shape) == 2 else shape,  # channels first
        nb_classes=network.classes,
        clip_values=(network.input_range.lower, network.input_range.upper),
        device_type=device,
    )


class SignflipEvasion(EvasionAttack):  # type: ignore[misc]
    """A method of Signflip as an evasion attack of ART, for the maximum norm.

    A targeted attack raises the target above the clean prediction; a third class may still be above
    both.

    Attributes:
        method: the method, for example `Pgd()`.
        eps: the radius.
        targeted: whether labels are classes to reach.
        time_limit: seconds for each image, or None.
    """

    attack_params: ClassVar = [
        *EvasionAttack.attack_params,
        "method",
        "eps",
        "targeted",
        "time_limit",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: Any,
        method: Method,
        *,
        eps: float,
        targeted: bool = False,
        time_limit: float | None = None,
    ) -> None:
        """The attack on a classifier that `art_classifier` made.

        Raises:
            SettingError: the classifier holds no network of Signflip, or the method is none.
        """
        check_method(method)
        super().__init__(estimator=estimator)
        parts = estimator.model.modules()
        module = next((part for part in parts if isinstance(part, TorchNetwork)), None)
        if module is None:
            raise SettingError(
                f"the estimator's model is {estimator.model!r}; it must hold network.to_torch(): "
                "make it by art_classifier(network)"
            )
        self.network = module.network
        self.method = method
        self.eps = eps
        self.targeted = targeted
        self.time_limit = time_limit

    def generate(
        self, x: npt.NDArray[Any], y: npt.NDArray[Any] | None = None, **kwargs: Any
    ) -> npt.NDArray[Any]:
        """Images like `x` (N, ...), adversarial where one was found; their type is that of `x`.

        Args:
            x: images, float32 or float64.
            y: labels, (N,) or one-hot (N, classes); targets if the attack is targeted. None for the
                predictions.
            kwargs: `mask`, as `x` or of one image, not 0 where a pixel may change.

        Raises:
            SettingError: the images, labels, mask or radius are of another type or shape, a
                targeted attack lacks its labels, the classifier changes images before its network
                sees them, or there are other arguments.
        """
        mask = kwargs.pop("mask", None)
        if kwargs:
            raise SettingError(f"{', '.join(kwargs)}: settings belong to the method")
        flat = self._flat(x)
        free = _free(mask, x.shape)
        found = []
        for image, label, freed in zip(
            flat, self._labels(flat, y), free.reshape(flat.shape), strict=True
        ):
            centre, region = around(self.network, image, self.eps, freed)
            witness = adversarial(
                self.network,
                centre,
                region,
                method=self.method,
                label=int(label),
                targeted=self.targeted,
                time_limit=self.time_limit,
                as_given=partial(rounded_into, region.box, dtype=x.dtype),
            )
            found.append(witness.astype(x.dtype))
        return np.array(found, dtype=x.dtype).reshape(x.shape)

    def _flat(self, x: Any) -> Floats:
        """The images (N, inputs) float64."""
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or x.dtype.itemsize > 8:
            kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
            raise SettingError(
                f"x is {kind}; it must be an array of float32 or float64 in the network's input "
                f"range, {self.network.input_range}: x.astype(np.float32)"
            )
        if x.ndim < 2 or not x.size or x[0].size != self.network.inputs:
            raise SettingError(
                f"x has shape {x.shape}; it must hold at least one image, (N, ...) with "
                f"{self.network.inputs} values each"
            )
        shape = self.network.image_shape
        if len(shape) > 1 and _wide(x.shape[1:]) not in (_wide(shape), _wide((x[0].size,))):
            raise SettingError(
                f"x has shape {x.shape}; this network reads (N, {x[0].size}) or (N, "
                f"{', '.join(map(str, shape))}): channels come first"
            )
        if np.asarray(self.eps).dtype.kind not in "iuf" or np.ndim(self.eps):
            raise SettingError(f"eps is {self.eps!r}; it must be one number")
        flat: Floats = x.reshape(len(x), -1).astype(np.float64)
        self._refuse_preprocessing(flat)
        return flat

    def _refuse_preprocessing(self, flat: Floats) -> None:
        """Refuse a classifier that predicts otherwise than its network, here or on noise."""
        inputs, shape = self.network.input_range, (-1, *self.estimator.input_shape)
        noise = np.random.default_rng(0).uniform(inputs.lower, inputs.upper, (16, flat.shape[1]))
        # float32, as ART rounds class values to it: those of other images may tie
        read = np.concatenate([flat, noise]).astype(np.float32)
        theirs = self.estimator.predict(read.reshape(shape)).argmax(axis=1)
        if not np.array_equal(theirs, self.network.predict(read.astype(np.float64))):
            raise SettingError(
                "the classifier predicts otherwise than its network: it must have no preprocessing "
                "and no defences: make it by art_classifier(network)"
            )

    def _labels(self, flat: Floats, y: npt.NDArray[Any] | None) -> npt.NDArray[np.int64]:
        if y is None:
            if self.targeted:
                raise SettingError(
                    "the attack is targeted and y is None; give the classes to reach"
                )
            return self.network.predict(flat)
        labels, classes = np.asarray(y), self.network.classes
        if labels.dtype.kind not in "biuf":
            raise SettingError(f"y is {labels.dtype}; labels must be whole numbers, or one-hot")
        if labels.shape == (len(flat), classes):
            labels = labels.argmax(axis=1)
        elif labels.shape == (len(flat), 1):
            labels = labels[:, 0]
        check_labels(labels, len(flat), classes, "y: labels")
        return labels.astype(np.int64)


def _wide(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its axes of one, which change no order."""
    return tuple(size for size in shape if size != 1)


def _free(mask: Any, shape: tuple[int, ...]) -> Booleans:
    """Where pixels may change."""
    if mask is None:
        return np.ones(shape, dtype=np.bool_)
    if np.asarray(mask).dtype.kind not in "biuf" or not np.isfinite(mask).all():
        raise SettingError("the mask must hold numbers: 0 where a pixel stays, another where not")
    try:
        free: Booleans = np.broadcast_to(mask, shape) != 0
    except ValueError as error:
        raise SettingError(
            f"the mask has shape {np.shape(mask)}; it must have that of x, {shape}, or of one image"
        ) from error
    return free
