"""Step 5: distil both teachers into the student; resumable; writes distilled.safetensors, distill.csv and distill.svg.

Loss of a batch, T the targets (targets.py) and z_d the student's unit vectors cut to d components:
  Σ_d w_d · 10 · mean over pairs of (z_d·z_dᵀ − T·Tᵀ)², pairs weighted 1 + 3·max(0, T·Tᵀ)
  + (1 − cos(A·z_384, T)) + (1 − cos(B·z_2048, T)), A and B linear maps thrown away afterwards
so that every prefix keeps the similarities of the whole target, in whatever basis suits it. Batches hold texts of one
length; a part of each comes from the same regions of the target space, so that fine differences count.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.cluster import MiniBatchKMeans
from tokenizers import Tokenizer
from torch import Tensor, nn

from arithmetic import autocast
import batching
from batching import by_width, padded
from common import CHECKPOINTS, CONFIG, DATA, SEED, SMOKE, STUDENT, WEIGHTS, WORK, Progress, rows, seeded, sha256, threads
from metrics import similarity_correlation, unit
from student import DIMENSION, Student, from_teacher
from targets import SETTINGS, TEACHERS, TargetSpace, fit, keep_space, labelled, lessons
from teachers import HIDDEN, load_e5
from text import encode, framed, prompt_ids

RECIPE = CONFIG["distill"]
GUIDED = 8192


class Lines:
    """Labelled texts as id sequences of the student's tokenizer, their targets, and batches of them."""

    def __init__(self, tokenizer: Tokenizer, items: list[dict], targets: np.ndarray) -> None:
        limit = {"short": CONFIG["pool"]["short_tokens"], "long": CONFIG["pool"]["long_tokens"], "code": CONFIG["pool"]["long_tokens"]}
        self.prompts = prompt_ids(tokenizer)
        ids = encode(tokenizer, [item["text"] for item in items])
        self.ids = [sequence[: limit[item["kind"]]] for item, sequence in zip(items, ids, strict=True)]
        self.kinds = [item["kind"] for item in items]
        self.targets = targets
        sample = seeded("regions").sample(range(len(targets)), min(len(targets), 20_000))
        regions = MiniBatchKMeans(256, batch_size=2048, n_init=1, max_iter=5, random_state=SEED).fit(targets[sample])
        self.region = regions.predict(targets)

    def batches(self, members: list[int], step: str) -> Iterator[list[int]]:
        """One pass over `members` in random batches of similar length."""
        draw = seeded(f"batches:{step}")
        batches: list[list[int]] = []
        for width, group in by_width([len(ids) + 5 for ids in self.ids], members).items():
            draw.shuffle(group)
            group.sort(key=lambda index: self.region[index])
            near = [group[start:start + 16] for start in range(0, len(group), 16)]
            draw.shuffle(near)
            mixed = [index for part in near for index in part]
            size = min(RECIPE["rows"], RECIPE["tokens"] // width)
            batches += [mixed[start:start + size] for start in range(0, len(mixed) - size + 1, size)]
        draw.shuffle(batches)
        yield from batches

    def tensors(self, batch: list[int], draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """ids, mask and targets of a batch, the prompt of each text drawn at random."""
        share = RECIPE["document_share"]
        sequences = [framed(self.prompts["document" if draw.random() < share[self.kinds[i]] else "query"], self.ids[i], 512)
                     for i in batch]
        ids, mask = padded(sequences)
        return ids, mask, torch.from_numpy(self.targets[batch])


def similarity_loss(output: Tensor, targets: Tensor) -> Tensor:
    """The weighted similarity-matrix loss over all prefix lengths."""
    wanted = targets @ targets.T
    weight = (1 + 3 * wanted.clamp_min(0)) * (1 - torch.eye(len(wanted)))
    weight = weight / weight.sum()
    loss = output.new_zeros(())
    for dimension, factor in RECIPE["similarity"].items():
        cut = F.normalize(output[:, : int(dimension)], dim=-1)
        loss = loss + 10 * factor * ((cut @ cut.T - wanted).square() * weight).sum()
    return loss


class Guides(nn.Module):
    """The two linear maps from the student's output to the target; needed in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Linear(HIDDEN, 2 * HIDDEN)
        self.whole = nn.Linear(DIMENSION, 2 * HIDDEN)
        nn.init.zeros_(self.whole.weight)
        for layer in (self.narrow, self.whole):
            nn.init.zeros_(layer.bias)
            with torch.no_grad():
                layer.weight[:HIDDEN, :HIDDEN] = torch.eye(HIDDEN)

    def forward(self, output: Tensor, targets: Tensor) -> Tensor:
        """Mean cosine distance of both maps."""
        narrow = self.narrow(F.normalize(output[:, :HIDDEN], dim=-1))
        whole = self.whole(F.normalize(output, dim=-1))
        return sum(1 - F.cosine_similarity(guess, targets).mean() for guess in (narrow, whole))  # type: ignore[return-value]


def released() -> dict[str, Tensor]:
    """The weights that restore.py made of the shipped file; a work folder may still hold those of an earlier one."""
    with safe_open(CHECKPOINTS / "released.safetensors", "pt") as file:
        made_of = (file.metadata() or {}).get("model_sha256")
    if made_of != sha256(WEIGHTS / "model.onnx"):
        raise SystemExit(f"released.safetensors is not made of the shipped model.onnx (but of {made_of}): run restore.py")
    return load_file(CHECKPOINTS / "released.safetensors")


def fit_guides(guides: Guides, student: Student, lines: Lines, members: list[int]) -> None:
    """Start the maps of a student that is trained already at their least-squares fit on `members`."""
    sequences = [framed(lines.prompts["document"], lines.ids[index], 512) for index in members]
    output, targets = torch.from_numpy(embed(student, sequences)), torch.from_numpy(lines.targets[members])
    for layer, width in ((guides.narrow, HIDDEN), (guides.whole, DIMENSION)):
        inputs = torch.cat([F.normalize(output[:, :width], dim=-1), torch.ones(len(members), 1)], 1)
        fitted = torch.linalg.solve(inputs.T @ inputs + 0.01 * torch.eye(width + 1), inputs.T @ targets)
        with torch.no_grad():
            layer.weight.copy_(fitted[:width].T)
            layer.bias.copy_(fitted[width])


def set_readout(student: Student, space: TargetSpace) -> None:
    """Let the first 384 components start as the target's first half computed from the last state."""
    with torch.no_grad():
        matrix = torch.from_numpy(space.map)
        student.head.weight.copy_(matrix.T)
        student.head.bias.copy_(-SETTINGS["mean_removed"] * torch.from_numpy(space.mean) @ matrix)


def embed(student: Student, sequences: list[list[int]], tokens: int = 3072) -> np.ndarray:
    """Raw outputs [n, 2048], float32."""
    with torch.inference_mode(), autocast():
        return batching.run(student, sequences, tokens)


class Watch:
    """Quality during training, on development data only: STSb dev and held-out labelled texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.prompt = prompt_ids(tokenizer)["document"]
        self.sets: dict[str, tuple[list[list[int]], list[float]]] = {}
        for lang in ("en", "zh", "de", "ja"):
            records = [record for record in rows(DATA / "text/eval/stsb_dev.tsv.gz") if record[0] == lang][:400]
            texts = [record[2] for record in records] + [record[3] for record in records]
            sequences = [framed(self.prompt, ids, 128) for ids in encode(tokenizer, texts)]
            self.sets[lang] = sequences, [float(record[1]) for record in records]

    def __call__(self, student: Student) -> str:
        """One line of correlations at 64, 384, 1024 and 2048 components."""
        student.eval()
        parts = []
        for lang, (sequences, scores) in self.sets.items():
            vectors = embed(student, sequences)
            half = len(scores)
            figures = [similarity_correlation(unit(vectors[:half], d), unit(vectors[half:], d), scores) for d in (64, 384, 1024, 2048)]
            parts.append(f"{lang} " + "/".join(f"{figure:.4f}" for figure in figures))
        student.train()
        return "  ".join(parts)


def plot(name: str) -> None:
    """The loss curve of a step, as SVG."""
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as pyplot
    with (CHECKPOINTS / f"{name}.csv").open() as handle:
        records = list(csv.DictReader(handle))
    figure, axis = pyplot.subplots(figsize=(8, 4))
    if not records:
        return  # a run of fewer steps than one line has
    for column in list(records[0])[1:]:
        axis.plot([int(record["step"]) for record in records], [float(record[column]) for record in records], label=column)
    axis.set(xlabel="step", yscale="log", title=name)
    axis.legend()
    figure.tight_layout()
    figure.savefig(CHECKPOINTS / f"{name}.svg")


def optimisers(student: Student, guides: Guides, pace: float) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """AdamW for layers and readouts, sparse Adam for the embedding rows that a batch uses; `pace`: times the configured rates."""
    readout = [*student.head.parameters(), *student.wide.parameters(), *guides.parameters()]
    chosen = {id(parameter) for parameter in readout} | {id(student.encoder.words.weight)}
    rest = [parameter for parameter in student.parameters() if id(parameter) not in chosen]
    own = CONFIG["students"][STUDENT]
    dense = torch.optim.AdamW([{"params": rest, "lr": pace * own["rate"]}, {"params": readout, "lr": RECIPE["readout_rate"]}], weight_decay=0.01)
    return dense, torch.optim.SparseAdam([student.encoder.words.weight], lr=pace * own["word_rate"])


def main() -> None:
    """Train, with a checkpoint every 200 steps."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=45, help="the learning rate reaches its end by then at the latest")
    parser.add_argument("--from-released", action="store_true", help="go on from released.safetensors (restore.py)")
    parser.add_argument("--teacher", choices=sorted(TEACHERS), default="both", help="whose labels (label.py); of the larger student only --from-released")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    if arguments.teacher == "large" and not arguments.from_released:
        parser.error("--teacher large: needs --from-released, because a readout begins as a map of the first teacher's states")
    torch.manual_seed(SEED)
    torch.set_num_threads(threads())
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    space = fit(*labelled()[1]) if arguments.teacher == "both" else None
    keep_space(space)
    learned = lessons(space)
    lines = Lines(tokenizer, learned.items, learned.targets)
    held, members = learned.held, learned.drawn
    print(f"{len(members):,} texts in a pass, {sum(len(lines.ids[member]) for member in members):,} tokens", flush=True)

    student = from_teacher(load_e5().encoder, np.load(WORK / "vocabulary.npz")["teacher_ids"])
    student.encoder.words.sparse = True
    guides = Guides()
    if arguments.from_released:
        student.load_state_dict(released())
        fit_guides(guides, student, lines, seeded("guides").sample(members, min(GUIDED, len(members))))
    elif space is not None:
        set_readout(student, space)
    dense, sparse = optimisers(student, guides, RECIPE["released_rates"] if arguments.from_released else 1)
    rates = [group["lr"] for group in (*dense.param_groups, *sparse.param_groups)]
    batches = [batch for epoch in range(math.ceil(RECIPE["passes"])) for batch in lines.batches(members, f"distill{epoch}")]
    batches = batches[: int(len(batches) * RECIPE["passes"] / math.ceil(RECIPE["passes"]))]
    if SMOKE:
        batches = batches[:40]
    begin, spent = 0, 0.0
    saved = CHECKPOINTS / "distill.pt"
    if saved.exists():
        state = torch.load(saved, weights_only=False)
        begin, spent = state["step"], state["spent"]
        student.load_state_dict(state["student"])
        guides.load_state_dict(state["guides"])
        dense.load_state_dict(state["dense"])
        sparse.load_state_dict(state["sparse"])
    watch = Watch(tokenizer)
    draw = np.random.default_rng(SEED + begin)
    log = (CHECKPOINTS / "distill.csv").open("a" if begin else "w", newline="")
    table = csv.writer(log)
    if not begin:
        table.writerow(["step", "similarity", "cosine"])
    progress = Progress("distill", len(batches) - begin)
    start = time.monotonic() - spent
    recent: list[tuple[float, float]] = []
    for step in range(begin, len(batches)):
        # The share of the run that is over: by steps, or by the clock if that runs out first.
        done = max(step / len(batches), (time.monotonic() - start) / (60 * arguments.minutes))
        if done >= 1:
            break
        factor = min(1, (step + 1) / RECIPE["warmup"]) * max(RECIPE["final"], (1 + math.cos(math.pi * done)) / 2)
        for group, rate in zip((*dense.param_groups, *sparse.param_groups), rates, strict=True):
            group["lr"] = rate * factor
        ids, mask, targets = lines.tensors(batches[step], draw)
        with autocast():
            states = student.encoder.states(ids, mask)
        output = student.read(states)
        similarity, cosine = similarity_loss(output, targets), guides(output, targets)
        (similarity + cosine).backward()
        torch.nn.utils.clip_grad_norm_([p for group in dense.param_groups for p in group["params"]], 1.0)
        dense.step()
        sparse.step()
        dense.zero_grad(set_to_none=True)
        sparse.zero_grad(set_to_none=True)
        recent.append((similarity.item(), cosine.item()))
        progress.add(1, f"similarity {recent[-1][0]:.3f} cosine {recent[-1][1]:.3f}")
        if len(recent) == 20:
            table.writerow([step + 1, *np.mean(recent, 0).round(5)])
            log.flush()
            recent.clear()
        if (step + 1) % 200 == 0 or step == 0:
            with torch.inference_mode():
                ids, mask, targets = lines.tensors(held[:128], np.random.default_rng(0))
                loss = similarity_loss(student(ids, mask), targets)
            print(f"step {step + 1}, {time.monotonic() - start:.0f} s: held-out similarity loss {loss:.4f}; {watch(student)}", flush=True)
            torch.save({"step": step + 1, "spent": time.monotonic() - start, "student": student.state_dict(), "guides": guides.state_dict(),
                        "dense": dense.state_dict(), "sparse": sparse.state_dict()}, saved)
    log.close()
    save_file(student.state_dict(), CHECKPOINTS / "distilled.safetensors")
    save_file(guides.state_dict(), CHECKPOINTS / "guides.safetensors")
    print(watch(student))
    plot("distill")


if __name__ == "__main__":
    main()
