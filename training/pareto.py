"""Quality against speed, the area of a point its bytes, as an SVG; points that no other beats in both stand on a line."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

Point = tuple[str, float, float, float]


def front(points: list[Point]) -> list[Point]:
    """The points that no other beats in speed and quality at once, fastest last."""
    return sorted((point for point in points if not any(other[1] > point[1] and other[2] >= point[2] or other[1] >= point[1] and other[2] > point[2]
                                                        for other in points)), key=lambda point: point[1])


def plot(points: list[Point], path: Path) -> None:
    """Points are (name, texts a CPU-second, quality, megabytes)."""
    matplotlib.rcParams["svg.hashsalt"] = "quiver"  # the same file from the same points
    figure, axes = plt.subplots(figsize=(7, 4.2))
    best = front(points)
    axes.plot([point[1] for point in best], [point[2] for point in best], color="#9ab", linewidth=1, zorder=1)
    axes.scatter([point[1] for point in points], [point[2] for point in points], s=[4 * point[3] ** 0.8 + 20 for point in points], color="#27c", alpha=0.75, zorder=2)
    for name, speed, quality, megabytes in points:
        axes.annotate(f"{name} ({megabytes:,.0f} MB)", (speed, quality), textcoords="offset points", xytext=(8, 6), fontsize=8)
    axes.set_xscale("log")
    axes.margins(0.25)
    axes.set_xlabel("short texts a CPU-second, one core, tokens ready")
    axes.set_ylabel("mean of STSb en, zh, Tatoeba, XQuAD")
    axes.grid(alpha=0.25)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
