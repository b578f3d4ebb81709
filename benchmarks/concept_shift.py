"""Measure online learners in lock step against a loop over samples, on the same streams and with the same results.

The loop is written as the published code is: one sample at a time through the network and back, copies of all weights
for each virtual step, and one remembered sample at a time through the copies. Times are CPU seconds of this process;
the two are measured in turn, and the ratio is the median of the rounds.

    python benchmarks/concept_shift.py
    python benchmarks/concept_shift.py --hidden 80 60 --rounds 5
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quintain.agents.online.homeostatic import LearnerSettings
from quintain.envs.concept_shift import Stream, StreamSettings, make_stream
from quintain.experiments.online_learning import learn_streams

BAR = 20
Vector = NDArray[np.float64]
Parameters = tuple[list[Vector], list[Vector]]


def activations(parameters: Parameters, sample: Vector) -> list[Vector]:
    """Return the input, the hidden layers' outputs and the probabilities, for one sample as a column."""
    layers, (weights, biases) = [sample], parameters
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        z = weight @ layers[-1] + bias
        layers.append(np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1))
    z = weights[-1] @ layers[-1] + biases[-1]
    powers = np.exp(z - z.max())
    return [*layers, powers / powers.sum()]


def gradient(parameters: Parameters, layers: Sequence[Vector], label: int) -> Parameters:
    """Return the gradient of one sample's cross-entropy."""
    error = layers[-1].copy()
    error[label] -= 1
    d_weights, d_biases = [error @ layers[-2].T], [error]
    for weight, output, below in zip(parameters[0][:0:-1], layers[-2:0:-1], layers[-3::-1], strict=True):
        error = (weight.T @ error) * np.where(output > 0, 1, output + 1)
        d_weights.insert(0, error @ below.T)
        d_biases.insert(0, error)
    return d_weights, d_biases


def stepped(parameters: Parameters, gradients: Parameters, rate: float) -> Parameters:
    """Return a copy of the weights and biases after a step."""
    weights, biases = (
        [old - rate * d for old, d in zip(part, change, strict=True)]
        for part, change in zip(parameters, gradients, strict=True)
    )
    return weights, biases


def hits(parameters: Parameters, samples: Sequence[Vector], labels: Sequence[int]) -> int:
    """Count the samples that are classified rightly, one after another."""
    return sum(
        int(activations(parameters, sample)[-1].argmax() == label)
        for sample, label in zip(samples, labels, strict=True)
    )


def initial(settings: LearnerSettings, features: int, classes: int, rng: np.random.Generator) -> Parameters:
    """Draw the weights as the learners in lock step do, with columns for samples."""
    weights, biases = [], []
    widths = (features, *settings.hidden, classes)
    for fan_in, width in itertools.pairwise(widths):
        weights.append(rng.normal(0, np.sqrt(2 / fan_in), (fan_in, width)).T)
        biases.append(rng.normal(size=(1, width)).T)
    return weights, biases


def learn_by_sample(
    stream: Stream, settings: LearnerSettings, rng: np.random.Generator
) -> tuple[list[bool], list[float]]:
    """Return whether each prediction of a homeostatic learner was right, and its learning rates."""
    parameters = initial(settings, stream.data.features.shape[1], stream.data.classes, rng)
    columns = [stream.data.features[k][:, None] for k in stream.order]
    size, rate, right, rates, labels = settings.batch_size, settings.learning_rate, [], [], stream.labels.tolist()
    original = stream.data.labels[stream.order]
    half, step = stream.data.classes // 2, settings.learning_rate / 10
    total: Parameters | None = None
    for index, sample in enumerate(columns):
        layers = activations(parameters, sample)
        guess = int(layers[-1].argmax())
        right.append(guess == labels[index])
        found = gradient(parameters, layers, labels[index])
        total = (
            found
            if total is None
            else (
                [a + b for a, b in zip(total[0], found[0], strict=True)],
                [a + b for a, b in zip(total[1], found[1], strict=True)],
            )
        )
        if index > settings.memory and index % size == 0:
            past = slice(index - settings.memory, index)
            memory = columns[past]
            remembered = stream.permutations[stream.phase[index], original[past]].tolist()
            other = max(rate + (step if guess >= half else -step), 1e-8)
            leave = hits(stepped(parameters, total, rate / size), memory, remembered)
            if hits(stepped(parameters, total, other / size), memory, remembered) > leave:
                rate = max(rate + (step if labels[index] >= half else -step), 1e-8)
        if index % size == size - 1:
            parameters, total = stepped(parameters, total, rate / size), None
            rates.append(rate)
    return right, rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="learners in lock step")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--hidden", type=int, nargs="*", default=[40, 30])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    settings = LearnerSettings(learning_rate=0.03, hidden=tuple(args.hidden))
    made = StreamSettings(samples=args.samples, features=args.features)
    streams = [make_stream(made, np.random.default_rng(seed)) for seed in range(args.seeds)]
    decisions = args.samples // settings.batch_size
    loop, lock_step, ratios, equal = [], [], [], []
    for _ in range(args.rounds):
        start = time.process_time()
        right, _ = learn_by_sample(streams[0], settings, np.random.default_rng(0))
        loop.append((time.process_time() - start) / decisions)
        for dtype in (np.float64, np.float32):
            start = time.process_time()
            run = learn_streams(streams, settings, [np.random.default_rng(s) for s in range(args.seeds)], dtype=dtype)
            spent = (time.process_time() - start) / decisions / args.seeds
            if dtype is np.float64:
                equal.append(run.right[:, 0].tolist() == right)
        lock_step.append(spent)
        ratios.append(loop[-1] / spent)
    print(f"network {args.features}-{'-'.join(map(str, args.hidden))}-10, {args.seeds} learners in lock step")
    print(f"loop over samples, CPU us a minibatch of a learner: {1e6 * statistics.median(loop):,.0f}")
    print(f"lock step in float32, CPU us a minibatch of a learner: {1e6 * statistics.median(lock_step):,.0f}")
    print(f"ratio, median of {args.rounds} rounds: {statistics.median(ratios):.1f} (bar: {BAR})")
    print(f"predictions in float64 equal to those of the loop: {all(equal)}")


if __name__ == "__main__":
    main()
