"""Models that Larq itself makes and predicts with, and whether Signflip reads the same of them.

    python scripts/larq_models.py make FOLDER      where TensorFlow 2 and larq are installed
    python scripts/larq_models.py check FOLDER     where Signflip is, with the extra `keras`

`make` writes models as .h5 and .keras with weights and statistics drawn at random (batch norms of
either sign, whole numbers among them: sums meet thresholds), and images with Larq's classes.
"""

import sys
from pathlib import Path

import numpy as np

IMAGES = 500


def make(folder: Path) -> None:
    """Write the models, and what Larq predicts."""
    import larq
    import tensorflow as tf

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name, model in _models(larq, tf).items():
        for layer in model.layers:
            weights = [
                _drawn(rng, layer, array.shape, k) for k, array in enumerate(layer.get_weights())
            ]
            layer.set_weights(weights)
        # whole numbers, and 0 often: sums of exactly 0
        images = rng.integers(-2, 3, (IMAGES, *model.input_shape[1:])).astype(np.float32)
        images[::5] = 0
        classes = model.predict(images, verbose=0).argmax(axis=1)
        for suffix in (".h5", ".keras"):
            model.save(folder / f"{name}{suffix}")
        np.savez(folder / f"{name}.npz", images=images, classes=classes)
        print(name, np.bincount(classes).tolist())


def _drawn(
    rng: np.random.Generator, layer: object, shape: tuple[int, ...], place: int
) -> np.ndarray:
    if type(layer).__name__ != "BatchNormalization":
        return rng.normal(0, 1, shape).astype(np.float32)
    last = place == len(layer.get_weights()) - 1  # type: ignore[attr-defined]
    return rng.uniform(1, 9, shape) if last else rng.integers(-2, 3, shape) + 0.25 * (place == 0)


def _models(larq: object, tf: object) -> dict[str, object]:
    keras, quant = tf.keras.layers, larq.layers  # type: ignore[attr-defined]
    signs = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign", "use_bias": False}
    first = {"kernel_quantizer": "ste_sign", "use_bias": False}
    dense = [
        quant.QuantDense(24, input_shape=(20,), **first),
        keras.BatchNormalization(scale=False),
        quant.QuantDense(16, **signs),
        keras.BatchNormalization(),
        quant.QuantDense(5, **signs),
        keras.BatchNormalization(scale=False),
        keras.Activation("softmax"),
    ]
    convolution = [
        quant.QuantConv2D(4, 3, padding="same", input_shape=(8, 8, 3), **first),
        keras.BatchNormalization(),
        quant.QuantConv2D(6, 3, padding="same", pad_values=1.0, **signs),
        keras.MaxPooling2D((2, 2)),
        keras.BatchNormalization(),
        quant.QuantConv2D(5, 2, strides=2, padding="same", **signs),
        keras.BatchNormalization(scale=False),
        keras.Flatten(),
        quant.QuantDense(4, activation="softmax", **signs),
    ]
    quantisers = [
        quant.QuantDense(12, input_shape=(15,), kernel_quantizer="magnitude_aware_sign"),
        keras.BatchNormalization(),
        larq.quantizers.ApproxSign(),  # type: ignore[attr-defined]
        quant.QuantDense(9, kernel_quantizer=larq.quantizers.SteTern(0.2)),  # type: ignore[attr-defined]
        quant.QuantDense(3, input_quantizer=larq.quantizers.SwishSign()),  # type: ignore[attr-defined]
    ]
    image = keras.Input((6, 6, 1))
    value = quant.QuantConv2D(3, 2, input_quantizer="ste_sign", **first)(image)
    value = keras.BatchNormalization()(value)
    value = larq.quantizers.SteSign()(value)  # type: ignore[attr-defined]
    value = keras.MaxPooling2D((2, 2), padding="same")(value)
    value = quant.QuantDense(8, **signs)(keras.Flatten()(value))
    sequential = tf.keras.Sequential  # type: ignore[attr-defined]
    return {
        "dense": sequential(dense),
        "convolution": sequential(convolution),
        "quantisers": sequential(quantisers),
        "functional": tf.keras.Model(image, value),  # type: ignore[attr-defined]
    }


def check(folder: Path) -> None:
    """Read the models with Signflip, and compare."""
    from signflip import load_network
    from signflip.network import InputRange
    from signflip.queries.layout import Layout

    for path in sorted([*folder.glob("*.h5"), *folder.glob("*.keras")]):
        network = load_network(path, input_range=InputRange(lower=-2, upper=2))
        with np.load(path.with_suffix(".npz")) as made:
            images = made["images"].reshape(IMAGES, -1).astype(np.float64)
            theirs = made["classes"]
        ours = network.predict(images[:, Layout.of(network).places])
        print(
            f"{path.name}: {network.architecture}, the same class for {(ours == theirs).mean():.2%}"
        )


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
