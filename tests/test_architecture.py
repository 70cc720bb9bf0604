"""The rules of layout: who may import whom, and pages short enough to see whole."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"Home", "pages", "services", "core", "db", "training", "benchmarks", "tests"}
FORBIDDEN = {
    "pages": {"sqlalchemy", "alembic", "cv2", "torch", "torchvision", "db", "core", "training", "tests"},
    "services": {"streamlit", "torch", "torchvision", "pages", "training", "tests"},
    "core": {"streamlit", "sqlalchemy", "torch", "torchvision", "services", "db", "pages", "training", "tests"},
    "db": OURS - {"db"} | {"streamlit", "torch", "torchvision", "cv2"},
    "training": {"streamlit", "services", "db", "pages", "tests"},
    "Home.py": {"sqlalchemy", "cv2", "torch", "torchvision", "db", "training", "tests"},
}
LONGEST_PAGE = 150
LONGEST_SHARED_PART = 250
"""Files that pages share (their names begin with _) hold several functions, each short."""


def modules_of(layer: str) -> list[Path]:
    path = ROOT / layer
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level package names that a file imports anywhere, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_layer_imports_only_what_it_may(layer: str) -> None:
    files = modules_of(layer)
    assert files, f"{layer} holds no Python file"
    broken = {str(path.relative_to(ROOT)): sorted(imported(path) & FORBIDDEN[layer]) for path in files}
    assert {path: names for path, names in broken.items() if names} == {}


def test_serving_never_loads_torch() -> None:
    code = (
        "import sys, Home, core, services.photos; services.photos.core; "
        "bad = sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'torchvision'}); sys.exit(','.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_core_runs_without_streamlit_and_sqlalchemy() -> None:
    code = (
        "import sys, core, core.analyser; "
        "bad = sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'streamlit', 'sqlalchemy'}); sys.exit(','.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [str(p.relative_to(ROOT)) for p in modules_of("pages")])
def test_page_is_short_enough_to_see_whole(page: str) -> None:
    longest = LONGEST_SHARED_PART if Path(page).name.startswith("_") else LONGEST_PAGE
    assert len((ROOT / page).read_text().splitlines()) <= longest


def test_every_page_asks_who_is_there() -> None:
    """A page file of a role calls require_role for that role before it draws."""
    for role in ("patient", "doctor", "admin"):
        for path in modules_of(f"pages/{role}"):
            if path.name == "__init__.py":
                continue
            assert f'require_role("{role}"' in path.read_text(), f"{path.relative_to(ROOT)} does not check the role"


def test_only_generated_pictures_are_in_the_repository() -> None:
    """Research photographs must never be committed; the formats they come in are not used by ours."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [name for name in files if name.lower().endswith((".bmp", ".heic", ".dcm"))] == []


def test_weights_are_small_enough_to_ship() -> None:
    files = [path for path in (ROOT / "weights").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 80e6
    assert all(path.stat().st_size <= 25e6 for path in files)
    assert not [path.name for path in files if path.suffix in {".pt", ".pth", ".ckpt"}]
