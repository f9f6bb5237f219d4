"""Array descriptions against the same network in plain NumPy, and the networks of others."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from signflip import load_network
from signflip.attack import attack
from signflip.data import load_dataset
from signflip.errors import NetworkError
from signflip.formats.arrays import read_arrays
from signflip.methods import Exact
from signflip.network import BinaryNetwork, InputRange
from signflip.problem import Problem, Untargeted
from signflip.result import Verdict
from tests.support.datasets import full_test_set
from tests.support.others import foreign_network

RNG = np.random.default_rng(5)
NORM = """
[[step]]
kind = "batch_norm"
mean = "{0}.mean"
variance = "{0}.var"
gamma = "{0}.gamma"
beta = "{0}.beta"
epsilon = 1e-3
"""
DENSE = """
[[step]]
kind = "dense"
weight = "{0}.w"
bias = "{0}.b"
{1}
"""
HEAD = 'format = "signflip-arrays"\narrays = "net.npz"\n'


def norm_arrays(name: str, size: int) -> dict[str, np.ndarray]:
    return {
        f"{name}.mean": RNG.normal(size=size),
        f"{name}.var": RNG.uniform(0.5, 2, size),
        f"{name}.gamma": RNG.normal(size=size),
        f"{name}.beta": RNG.normal(size=size),
    }


def normed(x: np.ndarray, name: str, a: dict[str, np.ndarray]) -> np.ndarray:
    root = np.sqrt(a[f"{name}.var"] + 1e-3)
    result: np.ndarray = a[f"{name}.gamma"] * (x - a[f"{name}.mean"]) / root + a[f"{name}.beta"]
    return result


def write(folder: Path, text: str, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(folder / "net.npz", **arrays)  # type: ignore[arg-type]
    path = folder / "net.toml"
    path.write_text(HEAD + text)
    return path


@pytest.mark.parametrize("at_zero", [1, -1, 0])
def test_dense_layers_with_batch_norms(tmp_path: Path, at_zero: int) -> None:
    a = {
        "one.w": RNG.choice([-1.0, 1.0], (7, 9)),
        "one.b": RNG.normal(size=7),
        "two.w": RNG.choice([0, 1], (7, 5)),
        "two.b": RNG.integers(-2, 3, 5),
        "out.w": RNG.normal(size=(3, 5)),
        "out.b": RNG.normal(size=3),
        **norm_arrays("n", 7),
    }
    sign = f'\n[[step]]\nkind = "sign"\nat_zero = {at_zero}\n'
    text = "input = { shape = [3, 3] }\n" + DENSE.format("one", "") + NORM.format("n") + sign
    text += DENSE.format("two", 'values = "bits"\nlayout = "in out"') + sign
    text += DENSE.format("out", "")
    network = load_network(write(tmp_path, text, a))

    def signs(x: np.ndarray) -> np.ndarray:
        return np.where(x == 0, at_zero, np.sign(x))

    images = RNG.random((200, 9))
    hidden = signs(normed(images @ a["one.w"].T + a["one.b"], "n", a))
    hidden = signs(hidden @ (2 * a["two.w"] - 1) + a["two.b"])
    values = hidden @ a["out.w"].T + a["out.b"]
    assert np.array_equal(network.predict(images), values.argmax(axis=1))
    assert network.image_shape == (3, 3)


def test_counted_matches_and_the_highest_bit(tmp_path: Path) -> None:
    a = {
        "w0": RNG.choice([0, 1], (11, 10)),
        "t0": RNG.integers(2, 6, 11),
        "w1": RNG.choice([0, 1], (6, 11)),
        "t1": RNG.integers(4, 8, 6),
    }
    text = (
        'output = "highest bit"\nclasses = 4\ninput = { shape = [8], range = [0, 255], step = 1 }\n'
    )
    text += '\n[[step]]\nkind = "affine"\nshift = -128.0\n\n[[step]]\nkind = "sign"\nat_zero = 1\n'
    for layer, more in ((0, "pad_columns = 2"), (1, "")):
        text += f'\n[[step]]\nkind = "dense"\nweight = "w{layer}"\nvalues = "bits"\n{more}\n'
        text += f'\n[[step]]\nkind = "threshold"\nthreshold = "t{layer}"\n'
        text += 'of = "matches"\ncompare = ">"\n'
    network = load_network(write(tmp_path, text, a))
    assert network.input_range == InputRange(lower=0, upper=255, step=1)
    images = RNG.integers(0, 256, (300, 8))
    bits = (images >= 128).astype(int)
    matches = (bits[:, None, :] == a["w0"][None, :, :8]).sum(axis=2)
    bits = (matches > a["t0"]).astype(int)
    bits = ((bits[:, None, :] == a["w1"][None]).sum(axis=2) > a["t1"]).astype(int)[:, :4]
    highest = np.where(bits.any(axis=1), 3 - bits[:, ::-1].argmax(axis=1), 0)
    assert len(set(highest.tolist())) > 1
    assert np.array_equal(network.predict(images.astype(np.float64)), highest)


def test_convolution_and_pooling_before_the_norm(tmp_path: Path) -> None:
    a = {"c": RNG.choice([-1, 1], (3, 1, 2, 2)), "w": RNG.choice([-1, 1], (3, 12))}
    a |= norm_arrays("n", 3)
    text = "input = { shape = [1, 5, 5] }\n"
    text += '\n[[step]]\nkind = "conv2d"\nweight = "c"\n'
    text += '\n[[step]]\nkind = "max_pool"\nsize = [2, 2]\n' + NORM.format("n")
    text += '\n[[step]]\nkind = "sign"\nat_zero = 1\n\n[[step]]\nkind = "dense"\nweight = "w"\n'
    network = load_network(write(tmp_path, text, a))
    images = RNG.random((50, 5, 5))
    windows = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))
    sums = np.einsum("nijkl,fkl->nfij", windows, a["c"][:, 0])
    pooled = sums.reshape(50, 3, 2, 2, 2, 2).max(axis=(3, 5))
    hidden = np.where(normed(pooled.transpose(0, 2, 3, 1), "n", a) >= 0, 1, -1).transpose(
        0, 3, 1, 2
    )
    values = hidden.reshape(50, -1) @ a["w"].T
    assert np.array_equal(network.predict(images.reshape(50, -1)), values.argmax(axis=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace('"one.w"', '"four.w"'), "no array 'four.w'; there are one.b"),
        (lambda t: t.replace("at_zero = 1", "at_zero = 2"), "at_zero"),
        (lambda t: t.replace("at_zero = 1", ""), "at_zero.*required"),
        (lambda t: t.replace("sign", "relu"), "does not match any of the expected tags|relu"),
        (lambda t: t + "\nnonsense = 3\n", "nonsense"),
        (lambda t: t.replace("[4]", "[5]"), r"step 0 \(dense\).*5 values"),
        (lambda t: t.replace("net.npz", "no.npz"), "no.npz cannot be read"),
        (lambda t: t + "[", "is no TOML"),
    ],
)
def test_a_wrong_description_is_refused(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    a = {"one.w": RNG.choice([-1, 1], (3, 4)), "one.b": np.zeros(3), "out": np.ones((2, 3))}
    text = "input = { shape = [4] }\n" + DENSE.format("one", "")
    text += '\n[[step]]\nkind = "sign"\nat_zero = 1\n\n[[step]]\nkind = "dense"\nweight = "out"\n'
    path = write(tmp_path, text, a)
    load_network(path)
    path.write_text(change(path.read_text()))
    with pytest.raises(NetworkError, match=message):
        read_arrays(path)


SMALL = """
input = { shape = [4] }
[[step]]
kind = "dense"
weight = "w"
bias = "b"
values = "VALUES"
[[step]]
kind = "sign"
at_zero = 1
[[step]]
kind = "dense"
weight = "v"
"""
NAN = np.array([[np.nan, 1, 1, 0]] * 3)


@pytest.mark.parametrize(
    ("values", "arrays", "message"),
    [
        ("latent", {"w": NAN}, "the array 'w' holds nan; every number must be finite"),
        ("latent", {"w": np.full((3, 4), -np.inf)}, "the array 'w' holds -inf"),
        ("bits", {"w": NAN}, "the array 'w' holds nan"),
        ("numbers", {"b": np.array([1, np.inf, 0])}, "the array 'b' holds inf"),
        ("numbers", {"b": np.zeros(3, np.longdouble)}, "'b' is .*; numbers may have 64 bits"),
        ("numbers", {"w": np.ones((3, 4), complex)}, "'w' is complex128; it must be real"),
        ("numbers", {"w": np.ones((0, 4))}, r"'w' has shape \(0, 4\); .* none of them empty"),
        ("numbers", {"w": np.ones(4)}, r"'w' has shape \(4,\); it must have 2 axes"),
        ("numbers", {"b": np.ones(2)}, r"'b' has shape \(2,\); it must have 3 entries"),
    ],
)
def test_arrays_that_are_no_weights_are_named(
    tmp_path: Path, values: str, arrays: dict[str, np.ndarray], message: str
) -> None:
    a = {"w": np.ones((3, 4)), "b": np.zeros(3), "v": np.ones((2, 3))}
    load_network(write(tmp_path, SMALL.replace("VALUES", values), a))
    with pytest.raises(NetworkError, match=message):
        load_network(write(tmp_path, SMALL.replace("VALUES", values), {**a, **arrays}))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("[-12]", "input.shape.0: .* greater than or equal to 1, and not -12"),
        ("[-3, -4]", "input.shape.0"),
        (
            "[2000000000]",
            r"input.shape is \[2000000000\], 2000000000 inputs; there may be 16777216",
        ),
        ("[4], range = [1, 0]", "net.toml: the input range is 1.0 to 0.0"),
    ],
)
def test_shapes_and_ranges_that_cannot_be_are_refused(
    tmp_path: Path, shape: str, message: str
) -> None:
    a = {"w": np.ones((3, 12)), "b": np.zeros(3), "v": np.ones((2, 3))}
    text = SMALL.replace("VALUES", "numbers").replace("[4]", shape)
    with pytest.raises(NetworkError, match=message):
        load_network(write(tmp_path, text, a))


def test_one_array_without_a_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.replace("VALUES", "numbers"), {})
    np.save(tmp_path / "net.npy", np.ones(3))
    path.write_text(path.read_text().replace("net.npz", "net.npy"))
    with pytest.raises(NetworkError, match=r"net\.npy is one array without a name"):
        load_network(path)


def counted(threshold: np.ndarray, folder: Path, of: str = "sum") -> BinaryNetwork:
    """Four filters over a 6x6 image, as many as there are columns after them."""
    rng = np.random.default_rng(2)
    a = {"c": rng.choice([-1, 1], (4, 1, 3, 3)), "w": np.ones((2, 64)), "t": threshold}
    text = "input = { shape = [1, 6, 6] }\n"
    text += '\n[[step]]\nkind = "conv2d"\nweight = "c"\n'
    text += f'\n[[step]]\nkind = "threshold"\nthreshold = "t"\nof = "{of}"\ncompare = ">="\n'
    text += '\n[[step]]\nkind = "dense"\nweight = "w"\n'
    return load_network(write(folder, text, a))


def test_a_threshold_is_of_a_value_or_of_a_channel(tmp_path: Path) -> None:
    channels, values = np.array([-2.0, 0, 1, 2]), np.arange(64.0) / 16 - 2
    for threshold, expected in (
        (channels, np.repeat(channels, 16)),
        (channels.reshape(4, 1, 1), np.repeat(channels, 16)),
        (values, values),
        (values.reshape(4, 4, 4), values),
    ):
        assert np.array_equal(counted(threshold, tmp_path).hidden[0].threshold, expected)
    matches = counted(channels, tmp_path, of="matches").hidden[0].threshold
    assert np.array_equal(matches, 2 * np.repeat(channels, 16) - 9)


@pytest.mark.parametrize(
    ("shape", "fits"),
    [((3,), True), ((1, 3), True), ((), True), ((0, 3), False), ((4,), False), ((3, 3), False)],
)
@pytest.mark.parametrize("name", ["mean", "variance", "gamma", "beta"])
def test_a_batch_norm_has_an_entry_for_each_channel(
    tmp_path: Path, name: str, shape: tuple[int, ...], fits: bool
) -> None:
    steps = """
        input = { shape = [4] }
        [[step]]
        kind = "dense"
        weight = "w"
        [[step]]
        kind = "batch_norm"
        mean = "mean"
        variance = "variance"
        gamma = "gamma"
        beta = "beta"
        epsilon = 0
        [[step]]
        kind = "sign"
        at_zero = 1
    """
    arrays = {key: np.full(3, 4.0) for key in ("mean", "variance", "gamma", "beta")}
    path = write(tmp_path, steps, {"w": np.ones((3, 4)), **arrays, name: np.full(shape, 4.0)})
    if fits:
        # 4 (x - 4) / 2 + 4
        assert load_network(path).hidden[0].threshold.tolist() == [2.0] * 3
        return
    with pytest.raises(NetworkError, match=rf"the array '{name}' has shape .* of 3 channels"):
        load_network(path)


@pytest.mark.parametrize("shape", [(1,), (16,), (4, 4), (4, 16), (1, 4, 4)])
def test_another_number_of_thresholds_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(NetworkError, match=r"the threshold 't' has shape .* one for each channel"):
        counted(np.zeros(shape), tmp_path)


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    a = {"one.w": RNG.choice([-1, 1], (3, 4)), "one.b": np.zeros(3)}
    path = write(tmp_path, "input = { shape = [4] }\n" + DENSE.format("one", ""), a)
    arrays = tmp_path / "net.npz"
    whole, rng = arrays.read_bytes(), np.random.default_rng(1)
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(0, 256)
        arrays.write_bytes(bytes(data[: rng.integers(1, len(data) + 1)]))
        # whatever it is now, nothing but an error of ours comes of it
        with contextlib.suppress(NetworkError):
            load_network(path)


# --- networks of others, where they lie -----------------------------------------------------------


def chainer_network(tmp_path: Path, name: str) -> BinaryNetwork:
    path = foreign_network("msakai", f"{name}.npz")
    norm = (
        '\n[[step]]\nkind = "batch_norm"\nmean = "{0}/avg_mean"\nvariance = "{0}/avg_var"\n'
        'gamma = "{0}/gamma"\nbeta = "{0}/beta"\nepsilon = 2e-5\n'
    )
    sign = '\n[[step]]\nkind = "sign"\nat_zero = 0\n'
    text = f'format = "signflip-arrays"\narrays = "{path}"\ninput = {{ shape = [28, 28] }}\n'
    text += '\n[[step]]\nkind = "reshape"\nshape = [784]\n' + norm.format("input_bn") + sign
    for block in range(4):
        text += f'\n[[step]]\nkind = "dense"\nweight = "blocks/{block}/lin/W"\n'
        text += f'bias = "blocks/{block}/lin/b"\n' + norm.format(f"blocks/{block}/bn") + sign
    text += '\n[[step]]\nkind = "dense"\nweight = "output_lin/W"\nbias = "output_lin/b"\n'
    (tmp_path / "net.toml").write_text(text)
    return load_network(tmp_path / "net.toml")


@pytest.mark.parametrize("name", ["mnist", "mnist_back_image", "mnist_rot"])
def test_chainer_networks_agree_with_their_arrays(tmp_path: Path, name: str) -> None:
    network = chainer_network(tmp_path, name)
    with np.load(foreign_network("msakai", f"{name}.npz")) as archive:
        z = {key: archive[key].astype(np.float64) for key in archive.files}

    def batch_norm(x: np.ndarray, key: str) -> np.ndarray:
        root = np.sqrt(z[f"{key}/avg_var"] + 2e-5)
        scaled = (x - z[f"{key}/avg_mean"]) / root * z[f"{key}/gamma"]
        result: np.ndarray = scaled + z[f"{key}/beta"]
        return result

    images = full_test_set("mnist").images
    hidden = np.sign(batch_norm(images, "input_bn"))
    for block in range(4):
        sums = hidden @ z[f"blocks/{block}/lin/W"].T + z[f"blocks/{block}/lin/b"]
        hidden = np.sign(batch_norm(sums, f"blocks/{block}/bn"))
    values = hidden @ z["output_lin/W"].T + z["output_lin/b"]
    assert np.array_equal(network.predict(images), values.argmax(axis=1))


@pytest.mark.parametrize(
    ("name", "image", "nearest"),
    [
        ("mnist", "7_label9", 1),
        ("mnist_rot", "8_label1", 1),
        ("mnist_rot", "16_label5", 1),
        ("mnist_back_image", "32_label3", 2),
        ("mnist_back_image", "73_label5", 4),
    ],
)
def test_their_smallest_changes_are_those_published(
    tmp_path: Path, name: str, image: str, nearest: int
) -> None:
    network = chainer_network(tmp_path, name)
    picture = load_dataset(foreign_network("msakai", "img", f"bnn_{name}_{image}.png")).images[0]
    if name != "mnist":  # these data sets are kept transposed
        picture = picture.reshape(28, 28).T.ravel()
    for levels, verdict in ((nearest - 1, Verdict.ROBUST), (nearest, Verdict.FLIPPED)):
        problem = Problem.ball(
            network, picture, epsilon=levels / 255, goal=Untargeted(), ties="flip", grid="8bit"
        )
        assert problem.prediction == int(image[-1])
        assert attack(problem, Exact()).verdict is verdict


def test_the_lfc_of_bnn_pynq(tmp_path: Path) -> None:
    path = foreign_network("bnn-pynq", "lfc_mnist.npz")
    text = f'format = "signflip-arrays"\narrays = "{path}"\noutput = "highest bit"\nclasses = 10\n'
    text += "input = { shape = [28, 28], range = [0, 255], step = 1 }\n"
    text += '\n[[step]]\nkind = "affine"\nshift = -128.0\n\n[[step]]\nkind = "sign"\nat_zero = 1\n'
    for layer, more in ((0, "pad_columns = 48"), (1, ""), (2, ""), (3, "")):
        text += f'\n[[step]]\nkind = "dense"\nweight = "w{layer}"\nvalues = "bits"\n{more}\n'
        text += f'\n[[step]]\nkind = "threshold"\nthreshold = "t{layer}"\n'
        text += 'of = "matches"\ncompare = ">"\n'
    (tmp_path / "net.toml").write_text(text)
    network = load_network(tmp_path / "net.toml")
    test_set = full_test_set("mnist")
    predicted = network.predict(np.rint(test_set.images * 255))
    assert np.mean(predicted == test_set.labels) == pytest.approx(0.9840)


@pytest.mark.parametrize("name", ["TFC_1W1A.onnx", "finn_build_dataflow_model.onnx"])
def test_the_tfc_of_finn(name: str) -> None:
    path = foreign_network("qonnx", name)
    network = load_network(path)
    test_set = full_test_set("mnist")
    images = test_set.images
    if name.startswith("finn"):
        network = load_network(path, input_range=InputRange(lower=0, upper=255, step=1))
        images = np.rint(images * 255)
    assert np.mean(network.predict(images) == test_set.labels) == pytest.approx(0.9296)
