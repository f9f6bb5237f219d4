"""Problems behind input thresholds that are small enough to go through all patterns."""

import itertools

import numpy as np

from signflip.arrays import Floats
from signflip.network import BinaryNetwork, OutputLayer, SignLayer, Sparse
from signflip.problem import Problem, Standing, Target, Ties, Untargeted


def random_network(rng: np.random.Generator, pixels: int, levels: int, width: int) -> BinaryNetwork:
    """Input thresholds, a layer of few inputs each, and an output of whole or real weights."""
    reads = np.tile(np.arange(pixels), levels)
    # coarse, so that thresholds of a pixel, and ends of boxes, often fall together
    at = rng.integers(1, 10, len(reads)) / 10
    last = rng.choice([-1, 0, 0, 1], (width, len(reads)))
    threshold = rng.integers(-3, 4, width) + rng.choice([0.0, 0.5])
    classes = 3
    if rng.random() < 0.3:
        weight = rng.integers(-99, 100, (classes, width)) / 64
        bias = rng.integers(-99, 100, classes) / 64
    else:
        weight = rng.integers(-3, 4, (classes, width)).astype(float)
        bias = rng.integers(-2, 3, classes).astype(float)
    return BinaryNetwork(
        (
            SignLayer(Sparse.selection(pixels, reads), at),
            SignLayer.dense(last, threshold),
        ),
        OutputLayer(weight, np.ones(classes), bias),
    )


def random_problem(seed: int, pixels: int, levels: int, width: int) -> Problem:
    rng = np.random.default_rng(seed)
    network = random_network(rng, pixels, levels, width)
    image = rng.integers(0, 11, pixels) / 10
    mask = None if rng.random() < 0.7 else rng.random(pixels) < 0.8
    prediction = int(network.predict(image[None])[0])
    goal = Untargeted() if rng.random() < 0.7 else Target((prediction + 1) % 3)
    ties = Ties.FLIP if rng.random() < 0.5 else Ties.NONE
    epsilon = float(rng.choice([0.1, 0.2, 0.3]))
    return Problem.ball(network, image, epsilon=epsilon, goal=goal, mask=mask, ties=ties)


def best_standing(problem: Problem) -> Standing:
    """The best of all patterns: each pixel takes each value at which a neuron switches."""
    layer = problem.network.hidden[0]
    reads = np.argmax(layer.map.rows(slice(None)) != 0, axis=1)
    values: list[list[float]] = []
    for pixel, (low, high) in enumerate(zip(problem.box.lower, problem.box.upper, strict=True)):
        inner = layer.threshold[(reads == pixel) & (layer.threshold > low)]
        values.append([low, *sorted({float(t) for t in inner if t <= high})])
    images: Floats = np.array(list(itertools.product(*values)))
    signs = np.unique(problem.network.activations(images)[-1], axis=0)
    return max(problem.standing(row) for row in signs)
