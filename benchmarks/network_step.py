"""What does a step of training cost beyond that of plain Keras? Paired, in one process.

The same network is trained by its classifier, as a run does, on pictures in a memory-mapped file,
and by ``model.fit`` on float32 arrays in memory. They take turns; the goal is a ratio of 1.05.

    python benchmarks/network_step.py [PAIRS] [PICTURES]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from gtzan_exp.basics import keras_loader
from gtzan_exp.data.inputs import ImageStack
from gtzan_exp.models.networks import CNN2D, CNNGap
from gtzan_exp.models.trainer import Trainer

TRAINER = Trainer(epochs=2, patience=None, keep="last")
CASES = {
    "cnn2d": (CNN2D(trainer=TRAINER), (70, 100, 3)),
    "cnn_gap": (CNNGap(filters=8, trainer=TRAINER), (128, 128, 1)),
}


def main(pairs: int, pictures: int) -> None:
    keras = keras_loader.load()
    labels = np.arange(pictures) % 10
    for name, (classifier, shape) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pixels.npy"
            np.save(path, np.random.default_rng(0).integers(0, 256, (pictures, *shape), np.uint8))
            stack = ImageStack(np.load(path, mmap_mode="r"))
            numbers = np.asarray(stack)

            def plain(classifier=classifier, shape=shape, numbers=numbers) -> None:
                network = classifier.network(shape, 10)
                adam = keras.optimizers.Adam(TRAINER.learning_rate)
                network.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
                network.fit(numbers, labels, TRAINER.batch_size, TRAINER.epochs, verbose=0)

            ways = {"gtzan-exp": lambda c=classifier, x=stack: c.fit(x, labels), "plain": plain}
            ratios = []
            for pair in range(pairs + 1):
                took, worked = {}, {}
                for way, train in ways.items():
                    started, before = perf_counter(), process_time()
                    train()
                    took[way] = perf_counter() - started
                    worked[way] = process_time() - before
                if pair:  # the first one warms up
                    ratios.append(took["gtzan-exp"] / took["plain"])
                    busy = worked["gtzan-exp"] / took["gtzan-exp"]
                    work = worked["gtzan-exp"] / worked["plain"]
                    print(
                        f"{name}, pair {pair}: gtzan-exp {took['gtzan-exp']:.2f} s, plain"
                        f" {took['plain']:.2f} s, ratio {ratios[-1]:.2f}, of CPU time {work:.2f},"
                        f" {busy:.2f} cores busy",
                        flush=True,
                    )
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name}: ratio: median {statistics.median(ratios):.2f}, {spread} (goal: 1.05)")


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[1:]]
    main(*(given + [5, 640][len(given) :]))
