"""The best matrix multiplication that this machine's libraries have, one thread: GFLOP/s of NumPy, and of PyTorch's in bfloat16.

    pip install numpy torch && OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python gemm.py

Shapes of all-MiniLM-L6-v2's layers at 512 tokens, and a large square; the best of five. CPU-seconds, so that other work counts
for nothing. PyTorch is left out where it is missing.
"""

import time

import numpy as np

SHAPES = [(512, 384, 384), (512, 384, 1536), (512, 1536, 384), (1024, 1024, 1024)]


def rate(multiply, shape: tuple[int, int, int]) -> float:
    rows, inner, columns = shape
    operations = 2 * rows * inner * columns
    repeats = max(1, round(2e10 / operations))
    multiply()
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(repeats):
            multiply()
        best = min(best, (time.process_time() - started) / repeats)
    return operations / best / 1e9


def main() -> None:
    try:
        import torch
        torch.set_num_threads(1)
    except ImportError:
        torch = None
    for shape in SHAPES:
        rows, inner, columns = shape
        a, b = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32)
        rates = {"numpy fp32": rate(lambda: a @ b, shape)}
        if torch is not None:
            for name, kind in (("torch fp32", torch.float32), ("torch bf16", torch.bfloat16)):
                x, y = torch.ones(rows, inner, dtype=kind), torch.ones(inner, columns, dtype=kind)
                rates[name] = rate(lambda: x @ y, shape)
        print(" x ".join(map(str, shape)), ", ".join(f"{name} {value:.0f} GFLOP/s" for name, value in rates.items()), flush=True)


if __name__ == "__main__":
    main()
