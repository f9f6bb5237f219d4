"""How many neurons of the last layer IProp tries to change at once."""

from dataclasses import dataclass

from signflip.errors import SettingError
from signflip.settings import check_number, check_whole


@dataclass(frozen=True, kw_only=True)
class AdaptiveStep:
    """The paper's step: a share of the width at first, halved as long as nothing better is found.

    Attributes:
        share: of the width of the last hidden layer, at first.
        patience: iterations without a better incumbent, after which the step is halved.

    Raises:
        SettingError: a setting is out of range.
    """

    share: float = 0.05
    patience: int = 5

    def __post_init__(self) -> None:
        check_number(share=self.share)
        check_whole(patience=self.patience)
        if not 0 < self.share <= 1:
            raise SettingError(
                f"the adaptive step's share is {self.share}; it must be above 0 and at most 1: "
                "0.05 is the paper's"
            )
        if self.patience < 1:
            raise SettingError(
                f"the adaptive step's patience is {self.patience}; it must be at least 1"
            )

    def first(self, width: int) -> int:
        """The first step for a last hidden layer of `width` neurons; at least 1."""
        return max(1, round(self.share * width))

    def after(self, step: int, failures: float) -> int:
        """The step after `failures` iterations in a row without a better incumbent; at least 1.

        Halved where failures are infinite too: where going on at this step is of no use.
        """
        return max(1, step // 2) if failures >= self.patience else step


@dataclass(frozen=True, kw_only=True)
class ConstantStep:
    """Always the same step.

    Attributes:
        neurons: how many neurons to change at once.

    Raises:
        SettingError: it is less than 1.
    """

    neurons: int

    def __post_init__(self) -> None:
        check_whole(neurons=self.neurons)
        if self.neurons < 1:
            raise SettingError(
                f"the constant step is {self.neurons} neurons; it must be at least 1"
            )

    def first(self, width: int) -> int:
        """The step, at most `width`."""
        return min(self.neurons, width)

    def after(self, step: int, failures: float) -> int:
        """The same step, whatever happened."""
        del failures
        return step


StepSize = AdaptiveStep | ConstantStep
