import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signflip.data import load_dataset
from signflip.methods.surrogate import Surrogate
from signflip.network import BinaryNetwork
from signflip.report.figures import outputs
from signflip.zoo import load_zoo
from tests.support.drawings import drawn, source, texts
from tests.support.results import row
from tests.support.strategies import images, networks
from tests.support.tiny import tiny_network


def test_one_pixel_varies_and_the_others_stay() -> None:
    network = tiny_network()
    image = np.random.default_rng(1).random(16)
    found = outputs.sweep(network, image, 3)
    assert found.value == image[3]
    assert (found.pixel_values[0], found.pixel_values[-1]) == (0.0, 1.0)
    for place in (0, 250, 1000):
        changed = image.copy()
        changed[3] = found.pixel_values[place]
        classes = list(found.classes)
        np.testing.assert_array_equal(
            found.network[place], network.forward(changed[None])[0, classes]
        )
        surrogate = Surrogate(network, image).forward(changed[None])[0, classes]
        np.testing.assert_allclose(found.surrogate[place], surrogate, rtol=1e-5)


@given(networks(), st.data())
def test_the_classes_are_those_that_rank_first(network: BinaryNetwork, data: st.DataObject) -> None:
    image = data.draw(images(network.inputs))
    values = network.forward(image[None])[0]
    first, second = outputs.sweep(network, image, 0).classes
    ranked = sorted(range(network.classes), key=lambda index: (-values[index], index))
    assert [first, second] == ranked[:2]


def test_the_liveliest_pixel_moves_the_outputs_most() -> None:
    network = tiny_network()
    images = np.random.default_rng(2).random((4, 16))
    spreads = np.zeros((4, 16))
    for index, image in enumerate(images):
        for pixel in range(16):
            found = outputs.sweep(network, image, pixel)
            values = found.network[::250]  # the values that the search looks at
            spreads[index, pixel] = np.ptp(values[:, 0] - values[:, 1])
    assert outputs.liveliest(network, images) == divmod(int(spreads.argmax()), 16)
    assert spreads.max() > 0


def test_the_figure_needs_no_results_and_says_what_it_shows() -> None:
    plot = outputs.plot(source(row("fgsm")))
    assert plot.missing is None
    shown = texts(drawn(plot))
    assert {"network (mnist-3x30)", "surrogate (mnist-3x30)", "output of the class"} <= shown
    network, index = load_zoo("mnist-3x30"), int(plot.caption.split("image ")[-1].split(",")[0])
    image = load_dataset("mnist-sample").images[index]
    first = int(network.predict(image[None])[0])
    assert f"class {first}" in shown
    assert f"for which class {first} ranks first" in plot.caption
    assert plot.values.columns[1] == f"network_class_{first}"
    assert plot.values.height == 1001
