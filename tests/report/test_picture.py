from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from signflip import Problem, attack
from signflip.errors import SettingError
from signflip.methods import Fgsm
from signflip.network import Floats, InputRange
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


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [
        ((15,), (1, 15)),
        ((3, 5), (3, 5)),
        ((1, 3, 5), (3, 5)),
        ((3, 2, 4), (2, 4, 3)),
        ((2, 3, 4), (3, 8)),
    ],
)
def test_images_are_drawn_in_their_shape(shape: tuple[int, ...], drawn: tuple[int, ...]) -> None:
    inputs = int(np.prod(shape))
    network = replace(tiny_network(inputs=inputs), input_shape=shape)
    image = np.random.default_rng(1).random(inputs)
    problem = Problem.ball(network, image, epsilon=0.25)
    witness = problem.box.lower
    figure = draw_attack(problem, witness, title="", label=-1)
    original, perturbation, adversarial = figure.axes[:3]
    pictures = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[:3]]
    assert [picture.shape for picture in pictures] == [drawn] * 3
    assert original.get_title() == "original"
    assert f"of {inputs} " in perturbation.get_xlabel()
    assert adversarial.get_title() == "adversarial image"
    if drawn == (2, 4, 3):  # rows of pixels, each with its three channels
        np.testing.assert_array_equal(pictures[0], image.reshape(shape).transpose(1, 2, 0))
        grey_less = 0.5 + (witness - image).reshape(shape).transpose(1, 2, 0) / 0.5
        np.testing.assert_allclose(pictures[1], grey_less)
    if drawn == (3, 8):  # channels side by side
        np.testing.assert_array_equal(pictures[0][:, :4], image.reshape(shape)[0])


def test_other_input_ranges_are_drawn_from_black_to_white() -> None:
    limits = InputRange(lower=-0.5, upper=1.5)
    network = replace(tiny_network(), input_range=limits)
    problem = Problem.ball(network, np.full(INPUTS, 0.5), epsilon=0.25)
    figure = draw_attack(problem, problem.image, title="", label=3)
    assert np.asarray(figure.axes[0].images[0].get_array()).tolist() == [[0.5] * 4] * 4
