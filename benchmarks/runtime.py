"""ONNX Runtime, which serves, against OpenVINO: `python -m benchmarks.runtime` (needs `pip install openvino`).

Both run the exported networks in the same process, in turns, at the same number of threads, on one photo as a page asks
for it. Printed: the ratio of their median times (above 1: ONNX Runtime is faster) and how far their answers differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.runtime import THREADS, Network, load_networks

PRECISIONS = ("f32", "bf16")


def example(network: Network) -> np.ndarray:
    """Return an input of the size that a page gives the network: one photo, or the twelve crops of two masks."""
    details = network.card.details["input"]
    rng = np.random.default_rng(1)
    if network.card.task == "segmentation":
        frame = details["frames"][0]
        return rng.normal(size=(1, 3, frame["height"], frame["width"])).astype(np.float32)
    return rng.normal(size=(12, 3, details["size"], details["size"])).astype(np.float32)


def openvino_network(path: Path, shape: tuple[int, ...], precision: str) -> Callable[[np.ndarray], list[np.ndarray]]:
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(shape)
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(model, "CPU", settings)
    return lambda batch: [np.array(one) for one in compiled([batch]).values()]


def median_times(runs: list[Callable], batch: np.ndarray, rounds: int) -> list[float]:
    """Return the median time of each, run in turns so that what else the machine does falls on all alike."""
    for run in runs:
        run(batch)
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, some in zip(runs, times, strict=True):
            begun = time.perf_counter()
            run(batch)
            some.append(time.perf_counter() - begun)
    return [float(np.median(some)) for some in times]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtime", description=__doc__)
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    try:
        import openvino  # noqa: F401
    except ImportError:
        print("OpenVINO is not installed: pip install openvino", file=sys.stderr)
        return 2
    print("| network | OpenVINO | time / ONNX Runtime's | largest difference of the first output |")
    print("| --- | --- | --- | --- |")
    for name, network in load_networks(options.weights).items():
        batch = example(network)
        others = [openvino_network(options.weights / name / f"{name}.onnx", batch.shape, one) for one in PRECISIONS]
        baseline, *times = median_times([network, *others], batch, options.rounds)
        expected = network(batch)[0]
        for precision, other, one in zip(PRECISIONS, others, times, strict=True):
            difference = float(np.abs(other(batch)[0] - expected).max())
            print(f"| {name} | {precision} | {one / baseline:.2f} | {difference:.4f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
