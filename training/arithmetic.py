"""The number format in which networks are computed: bfloat16 where PyTorch and the processor multiply it, else float32.

Elsewhere bfloat16 is imitated, one product at a time, and takes many times as long as float32.
"""

from __future__ import annotations

from pathlib import Path

import torch

INSTRUCTIONS = ("amx_bf16", "avx512_bf16")


def _multiplies_bfloat16() -> bool:
    try:
        processor = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return torch.backends.mkldnn.is_available() and any(name in processor for name in INSTRUCTIONS)


FAST = torch.bfloat16 if _multiplies_bfloat16() else torch.float32


def autocast() -> torch.autocast:
    """A context in which products of matrices are computed in FAST."""
    return torch.autocast("cpu", torch.bfloat16, enabled=FAST is torch.bfloat16)
