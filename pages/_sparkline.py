"""A small line of how a number came where it is, to stand under it. Its colour keeps 3:1 on the light and on the dark page."""

from __future__ import annotations

from collections.abc import Sequence

TEAL = "#3D8B91"
WIDTH, HEIGHT, PAD = 160, 40, 5
"""In units of the drawing, which is as wide as its place."""


def sparkline(values: Sequence[float]) -> str:
    """An SVG of two or more values from left to right, the newest with a dot; the least at the foot, a level line in the middle."""
    low, high = min(values), max(values)
    step = (WIDTH - 2 * PAD) / (len(values) - 1)
    points = [
        (PAD + place * step, HEIGHT / 2 if low == high else HEIGHT - PAD - (value - low) / (high - low) * (HEIGHT - 2 * PAD))
        for place, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<polyline points="{line}" fill="none" stroke="{TEAL}" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"/>'
        f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="4" fill="{TEAL}"/></svg>'
    )
