from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from signflip import Problem, attack
from signflip.errors import DataError, SettingError
from signflip.methods import Fgsm
from signflip.network import Floats
from signflip.report.picture import check_picture_name, draw_attack, save_picture
from tests.support.tiny import INPUTS, tiny_network


def attacked(epsilon: float = 0.2) -> tuple[Problem, Floats]:
    image = np.random.default_rng(1).random(INPUTS)
    problem = Problem.ball(tiny_network(), image, epsilon=epsilon)
    return problem, attack(problem, Fgsm()).witness


def test_a_picture_shows_both_images_the_change_and_the_predictions() -> None:
    problem, witness = attacked()
    figure = draw_attack(problem, witness, title="the title", label=2)
    original, perturbation, adversarial = figure.axes[:3]
    for axes, expected in (
        (original, problem.image),
        (perturbation, witness - problem.image),
        (adversarial, witness),
    ):
        assert np.array_equal(np.asarray(axes.images[0].get_array()).ravel(), expected)
    assert perturbation.images[0].get_clim() == (-0.2, 0.2)
    assert original.get_title() == "original, label 2"
    assert perturbation.get_title() == "perturbation, magnified 5 times"
    assert f"predicted {problem.prediction}\n" in original.get_xlabel()
    assert f"predicted {problem.replay(witness).prediction}\n" in adversarial.get_xlabel()


def test_no_change_can_be_drawn() -> None:
    problem, witness = attacked(epsilon=0)
    figure = draw_attack(problem, witness, title="", label=0)
    assert "0 of 16 pixels changed" in figure.axes[1].get_xlabel()


def test_names_are_no_formulas_and_the_settings_of_users_have_no_part(tmp_path: Path) -> None:
    problem, witness = attacked()
    title = "cost $x_{ y$.safetensors"
    pictures = []
    users: dict[Any, Any] = {"text.usetex": True, "savefig.dpi": 20, "image.cmap": "jet"}
    for settings in ({}, users):
        with mpl.rc_context(settings):
            figure = draw_attack(problem, witness, title=title, label=2)
            save_picture(figure, tmp_path / "a.png")
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF")]
)
def test_formats(tmp_path: Path, name: str, start: bytes) -> None:
    problem, witness = attacked()
    save_picture(draw_attack(problem, witness, title="", label=0), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_an_unknown_format() -> None:
    with pytest.raises(SettingError, match=r"a.bmp is no name of a picture; it must end in .png,"):
        check_picture_name(Path("a.bmp"))


def test_an_image_that_is_not_square() -> None:
    image = np.full(15, 0.5)
    problem = Problem.ball(tiny_network(inputs=15), image, epsilon=0.1)
    with pytest.raises(DataError, match="has 15 pixels and only square images can be drawn"):
        draw_attack(problem, image, title="", label=0)
