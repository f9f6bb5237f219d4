"""Signflip's methods as evasion attacks of the Adversarial Robustness Toolbox (ART).

classifier = art_classifier(network)
found = SignflipEvasion(classifier, Pgd(), eps=0.02).generate(images)
"""

from functools import partial
from typing import Any, ClassVar

from signflip.adapters.extra import need
from signflip.attack import Method
from signflip.errors import SettingError

need("art", "art", "signflip.adapters.art")
need("torch", "art", "signflip.adapters.art")

import numpy as np  # noqa: E402  # packages of the extra come after the error that names it
import numpy.typing as npt  # noqa: E402
import torch  # noqa: E402
from art.attacks.attack import EvasionAttack  # noqa: E402
from art.estimators.classification import PyTorchClassifier  # noqa: E402
from art.utils import check_and_transform_label_format  # noqa: E402

from signflip.adapters.one_image import adversarial, rounded_into  # noqa: E402
from signflip.adapters.torch_module import TorchNetwork  # noqa: E402
from signflip.network import BinaryNetwork  # noqa: E402
from signflip.problem import Box  # noqa: E402


def art_classifier(
    network: BinaryNetwork, *, slope: str = "ramp", width: float = 1.0, device: str = "cpu"
) -> Any:
    """A binarized network as a classifier of ART, for its attacks and for Signflip's.

    Args:
        network: the network.
        slope: as in `network.to_torch`, for gradient attacks.
        width: the same.
        device: `cpu` or `gpu`.
    """
    shape = network.image_shape
    return PyTorchClassifier(
        network.to_torch(slope=slope, width=width),
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
            SettingError: the classifier holds no network of Signflip.
        """
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
            SettingError: a targeted attack lacks its labels, or there are other arguments.
        """
        mask = kwargs.pop("mask", None)
        if kwargs:
            raise SettingError(f"{', '.join(kwargs)}: settings belong to the method")
        flat = x.reshape(len(x), -1).astype(np.float64)
        free = np.ones(x.shape, dtype=bool) if mask is None else np.broadcast_to(mask, x.shape) != 0
        found = []
        for image, label, freed in zip(
            flat, self._labels(flat, y), free.reshape(flat.shape), strict=True
        ):
            box = Box.ball(image, self.eps, freed)
            witness = adversarial(
                self.network,
                image,
                box,
                method=self.method,
                label=int(label),
                targeted=self.targeted,
                time_limit=self.time_limit,
                as_given=partial(rounded_into, box, dtype=x.dtype),
            )
            found.append(witness.astype(x.dtype))
        return np.array(found, dtype=x.dtype).reshape(x.shape)

    def _labels(self, flat: npt.NDArray[Any], y: npt.NDArray[Any] | None) -> npt.NDArray[np.int64]:
        if y is not None:
            hot = check_and_transform_label_format(y, nb_classes=self.network.classes)
            labels: npt.NDArray[np.int64] = hot.argmax(axis=1)
            return labels
        if self.targeted:
            raise SettingError("the attack is targeted and y is None; give the classes to reach")
        return self.network.predict(flat)
