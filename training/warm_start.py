"""Begin training from an exported network: its weights keep the names that they have in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from core.runtime import read_card


class OtherNetwork(ValueError):
    """The exported network is not the recipe's; the message says in what they differ."""


def load_exported(network: nn.Module, folder: Path) -> str:
    """Fill a network with the weights of an exported one's folder and return its version. Raises OtherNetwork, UnusableWeights."""
    card = read_card(folder / "card.json")
    found = exported_weights(folder / f"{card.name}.onnx")
    state = network.state_dict()
    counters = {name for name in state if name.endswith("num_batches_tracked")}
    missing = sorted(state.keys() - found.keys() - counters)
    if missing:
        raise OtherNetwork(f"{folder} is another network than the recipe's: it has no weights named {missing[0]} ({len(missing)} such).")
    for name in state.keys() - counters:
        if state[name].shape != found[name].shape:
            raise OtherNetwork(
                f"{folder} is another network than the recipe's: {name} is {tuple(found[name].shape)} there, "
                f"{tuple(state[name].shape)} in the recipe."
            )
    network.load_state_dict({name: found.get(name, state[name]) for name in state})
    return card.version


def exported_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the float32 weights of an ONNX file by their names in training."""
    return {
        weight.name.removeprefix("network.").removesuffix(".half"): torch.from_numpy(numpy_helper.to_array(weight).astype(np.float32))
        for weight in onnx.load(path).graph.initializer
    }
