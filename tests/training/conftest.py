"""A small data folder of drawn moles, in the form of ../shared/data."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

PHOTOS = 72


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Networks this small are only slowed by sharing their work out, most of all where other programs run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["source", "image", "mask", "group", "dx", "malignant", "melanoma", "age", "sex", "site", "width", "height", "sha256"]
        )
        for number in range(PHOTOS):
            dark = number % 3 == 0
            photo, mask = draw(rng, (40, 25, 20) if dark else (140, 90, 70))
            cv2.imwrite(str(folder / f"{number}.png"), photo[:, :, ::-1])
            cv2.imwrite(str(folder / f"{number}.mask.png"), mask)
            name = "mel" if dark else "nv"
            source = "ph2" if number % 5 == 4 else "ham10000"
            writer.writerow([source, f"{number}.png", f"{number}.mask.png", f"G{number}", name, int(dark), int(dark), *[""] * 6])
    return folder


def draw(rng: np.random.Generator, colour) -> tuple[np.ndarray, np.ndarray]:
    photo = np.full((90, 120, 3), (225, 180, 160), np.uint8)
    mask = np.zeros((90, 120), np.uint8)
    centre = (int(rng.integers(50, 70)), int(rng.integers(38, 52)))
    axes = (int(rng.integers(14, 30)), int(rng.integers(12, 24)))
    for canvas, value in ((photo, colour), (mask, 255)):
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)) if canvas is photo else 0, 0, 360, value, -1)
    mask = (photo[..., 0] < 200).astype(np.uint8) * 255
    return np.clip(photo + rng.normal(0, 6, photo.shape), 0, 255).astype(np.uint8), mask


@pytest.fixture
def tiny_recipes(tmp_path) -> dict[str, str]:
    """Paths of a tiny recipe for each task."""
    first = '[[cycles]]\nsources = ["ham10000"]\n'
    texts = {
        "tinyunet": 'task = "segmentation"\nbatch = 4\naverage = 0.9\n'
        '[network]\narchitecture = "unet"\nchannels = [8, 8, 8, 8]\nencoder_width = 0.1\n'
        + first
        + "epochs = 10\nlearning_rate = 1e-2\nstages = [{ share = 0.5, scale = 0.5 }, { share = 0.5 }]\n"
        '[[cycles]]\nsources = ["ham10000", "ph2"]\nepochs = 6\nlearning_rate = 5e-3\nstages = [{ frozen = 4 }]\n',
        "tinydeeplab": 'task = "segmentation"\nbatch = 4\naverage = 0.9\n'
        '[network]\narchitecture = "deeplabv3"\nwidth = 16\natrous_rates = [2, 4]\nencoder_width = 0.1\n'
        + first
        + "epochs = 6\nlearning_rate = 1e-2\n",
        "tinymobilenet": 'task = "classification"\nbatch = 8\naverage = 0.8\nsize = 32\nskin = [208, 154, 164]\n'
        '[network]\narchitecture = "mobilenetv2"\ndropout = 0.0\nencoder_width = 0.25\n' + first + "epochs = 2\nlearning_rate = 2e-3\n",
        "tinyresnet": 'task = "classification"\nbatch = 8\naverage = 0.8\nsize = 32\n'
        '[network]\narchitecture = "resnet18"\ndropout = 0.0\n' + first + "epochs = 4\nlearning_rate = 1e-3\n",
    }
    paths = {}
    for name, text in texts.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        paths[name] = str(path)
    return paths
