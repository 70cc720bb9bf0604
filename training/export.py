"""Export a trained recipe to weights/NAME: `python -m training.export RECIPE`.

Writes NAME.onnx and card.json; weights too large for 25 MB are stored as float16 and computed with as float32. Calibration, mask
choice and figures are filled in by `python -m training.evaluate`, which measures what was exported.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from core.preprocess import FRAMES
from core.runtime import load_network
from training.data import CLASSES, MALIGNANT_CLASSES
from training.recipe import Recipe, build_network, read_recipe
from training.train import RUNS

WEIGHTS = Path("weights")
LARGEST_BYTES = 25 * 2**20
LARGEST_DIFFERENCE = 0.005
"""In probability, between the trained and the exported network."""
TITLES = {"unet": "U-Net", "deeplabv3": "DeepLabV3", "resnet18": "ResNet-18"}
SOURCES = {
    "ham10000": "HAM10000 (CC BY-NC 4.0)",
    "melanoma10k": "photographs of the ISIC archive (non-commercial)",
    "fanconic": "photographs of the ISIC archive (non-commercial)",
    "ph2": "PH2 (research use)",
    "mednode": "MED-NODE (research use)",
}
BANDS = {
    # REQUIREMENTS.md, "Confidence bands": edges of the calibrated malignancy probability
    "high_benign": 0.05,
    "medium_benign": 0.15,
    "malignant": 0.60,
    "medium_malignant": 0.85,
    "high_malignant": 0.95,
}


class Probability(nn.Module):
    """A segmentation network that answers with probabilities rather than logits."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.network(photo))


def export(recipe: Recipe, *, runs: Path = RUNS, weights: Path = WEIGHTS) -> float:
    """Export the recipe's checkpoint; returns the largest difference in probability to the trained network.

    Raises ValueError, and leaves what was exported before, where it is more than LARGEST_DIFFERENCE.
    """
    network = trained(recipe, runs)
    folder = weights / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        card = first_card(recipe, network, to_onnx(network, recipe, Path(partial) / f"{recipe.name}.onnx"))
        write_card(card, Path(partial))
        difference = largest_difference(network, recipe, Path(partial))
        if difference > LARGEST_DIFFERENCE:
            raise ValueError(f"The exported {recipe.name} differs by {difference:.4f} in probability.")
        card["export_difference"] = round(difference, 6)
        write_card(card, Path(partial))
        for name in (f"{recipe.name}.onnx", "card.json"):
            (Path(partial) / name).replace(folder / name)
    return difference


def trained(recipe: Recipe, runs: Path = RUNS) -> nn.Module:
    """Return the averaged network of the recipe's checkpoint; for segmentation it answers with probabilities."""
    checkpoint = torch.load(runs / recipe.name / "checkpoint.pt", map_location="cpu", weights_only=True)
    network = build_network(recipe)
    network.load_state_dict(checkpoint["averaged"])
    network = network.eval().requires_grad_(False)
    if recipe.task == "classification":
        return network
    normalisation, network = network.normalisation, Probability(network).eval()
    network.normalisation = normalisation
    return network


def to_onnx(network: nn.Module, recipe: Recipe, path: Path) -> str:
    """Write the network and return the file's sha256. The batch is free; so are the sides of a segmentation network."""
    free = torch.export.Dim.DYNAMIC
    if recipe.task == "segmentation":
        example, shape = torch.zeros(2, 3, FRAMES[0][1], FRAMES[0][0]), {0: free, 2: free, 3: free}
        outputs = ["probability"]
    else:
        example, shape = torch.zeros(2, 3, recipe.size, recipe.size), {0: free}
        outputs = ["malignant_logit", "class_logits", "malignant_map"]
    torch.onnx.export(
        network,
        (example,),
        str(path),
        input_names=["photo"],
        output_names=outputs,
        dynamic_shapes=(shape,),
        opset_version=18,
        external_data=False,
        dynamo=True,
        verbose=False,
    )
    model = onnx.load(path)
    strip(model)
    # Only where it must be: rounding moves single pixels of DeepLabV3 by 0.011 in probability, of ResNet-18 by far less.
    if model.ByteSize() > LARGEST_BYTES:
        store_as_float16(model)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def strip(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes, which name files and folders of the machine that it ran on."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    graph = model.graph
    for part in [*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output]:
        part.doc_string = ""
        del part.metadata_props[:]


def store_as_float16(model: onnx.ModelProto) -> None:
    """Halve the file: large weights become float16, each cast back to float32 once, when the network is loaded."""
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 256:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)


def first_card(recipe: Recipe, network: nn.Module, sha256: str) -> dict:
    """Return a card with everything but what is fitted and measured on the exported network."""
    card = {
        "name": recipe.name,
        "title": TITLES.get(recipe.name, recipe.name),
        "version": "",
        "task": recipe.task,
        "sha256": sha256,
        "data": {"sources": list(recipe.sources), "split": "by group, sha256 of the group's name: 70/8/7/15 %"},
        "licence": licence(recipe),
        "caution": "A reference and follow-up aid, not a medical device.",
    }
    if recipe.task == "segmentation":
        return card | {
            "input": {
                "normalisation": network.normalisation,
                "frames": [{"width": width, "height": height} for width, height in FRAMES],
            },
            "classes": [{"name": "lesion"}],
            "threshold": 0.5,
            "expected_dice": {"intercept": 0.0, "certainty": 1.0, "agreement": 0.0},
            "metrics": [],
        }
    return card | {
        "input": {"normalisation": network.normalisation, "size": recipe.size, "context": recipe.context},
        "classes": [{"name": name, "malignant": name in MALIGNANT_CLASSES} for name in CLASSES],
        "malignant_means": "melanoma, basal-cell carcinoma or actinic keratosis / Bowen's disease",
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "bands": BANDS,
        "metrics": [],
    }


def licence(recipe: Recipe) -> str:
    """Say whose photographs the weights were learned from, and that this binds their use."""
    sources = ", ".join(dict.fromkeys(SOURCES.get(source, source) for source in recipe.sources))
    encoder = (
        " The encoder began from MobileNetV2 weights of ImageNet (Apache-2.0)." if recipe.network["architecture"] == "deeplabv3" else ""
    )
    return f"Learned from non-commercial research photographs: {sources}. For non-commercial use only.{encoder}"


def write_card(card: dict, folder: Path) -> None:
    """Write card.json with a version that changes when the network's answers can."""
    answers = {name: card.get(name) for name in ("sha256", "input", "threshold", "expected_dice", "calibration", "bands")}
    card["version"] = "1." + hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:8]
    partial = folder / "card.json.partial"
    partial.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / "card.json")


def largest_difference(network: nn.Module, recipe: Recipe, folder: Path) -> float:
    """Return the largest difference in probability between trained and exported network on smooth random pictures."""
    exported = load_network(folder)
    rng = np.random.default_rng(recipe.seed)
    differences = []
    for width, height in FRAMES if recipe.task == "segmentation" else ((recipe.size, recipe.size),):
        coarse = torch.from_numpy(rng.normal(0, 1, (4, 3, 6, 6)).astype(np.float32))
        batch = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
        with torch.inference_mode():
            expected = network(batch)
        if recipe.task == "classification":
            expected, found = torch.sigmoid(expected[0]).numpy(), 1 / (1 + np.exp(-exported(batch.numpy())[0]))
        else:
            expected, found = expected.numpy(), exported(batch.numpy())[0]
        differences.append(float(np.abs(expected - found).max()))
    return max(differences)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("recipe", help="name in training/recipes, or path of a .toml file")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the checkpoints")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder to write NAME/ into")
    options = parser.parse_args()
    recipe = read_recipe(options.recipe)
    difference = export(recipe, runs=options.runs, weights=options.weights)
    size = (options.weights / recipe.name / f"{recipe.name}.onnx").stat().st_size / 2**20
    print(f"{recipe.name}: {size:.1f} MB, differs from the trained network by at most {difference:.5f} in probability")


if __name__ == "__main__":
    main()
