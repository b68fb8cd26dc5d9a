"""Step 4: train the towers on what the backbone and the text model see. `--variant` names a set of changed options.

Without `--whole`, the dev photos are left out and measured at the end: that is how variants are chosen. With it, all
photos are trained on, for export. Keeps a checkpoint and goes on from it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from typing import Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

from backbone import classifier
from blocks import late
from data import Texts, Training, features_of, imagined, label, merged, of_language, view
from metrics import percent, recalls, unit
from sets import KINDS, dev_photos, labels, photos, trained_emoji
from shared import CONFIG, SEED, WORK, Progress, autocast, seeded
from towers import Towers, contrast, likeness


def schedule(step: int, total: int, options: dict[str, Any]) -> float:
    """Warm up linearly, then follow a half cosine to `final`."""
    if step < options["warmup"]:
        return (step + 1) / options["warmup"]
    share = (step - options["warmup"]) / max(1, total - options["warmup"])
    return options["final"] + (1 - options["final"]) * (1 + math.cos(math.pi * share)) / 2


class Trainer:
    """Draws batches and adds up their losses."""

    def __init__(self, options: dict[str, Any], whole: bool) -> None:
        self.options = options
        self.data = Training(whole, options["views"])
        self.rows, self.biases = map(torch.from_numpy, classifier())
        self.texts = Texts(self.data.texts())
        self.captions = [of_language(item, self.texts.rows) for item in self.data.photos.items]
        self.names = [of_language(item, self.texts.rows) for item in self.data.emoji.items]
        self.towers = Towers(options, self.texts.pieces.weights, self.data.photos.views[0].shape[1])
        self.towers.image.head.standardise.measure(torch.from_numpy(self.data.photos.views[0]))
        rows = torch.from_numpy(self.texts.vectors[-20_000:, :self.towers.text.width].astype(np.float32))
        self.towers.text.head.standardise.measure(torch.nn.functional.normalize(rows, dim=1))

    def usable(self) -> list[int]:
        """Photos of which at least one text is computed."""
        return [i for i, texts in enumerate(self.captions) if texts["en"]]

    def loss(self, chosen: list[int], step: int) -> torch.Tensor:
        """Of one batch: photos against English and Chinese captions, classes and emoji against their names."""
        draw, generator = seeded(f"batch-{step}"), np.random.default_rng([SEED, step])
        known, options = self.texts.rows, self.options
        views = [draw.randrange(len(options["views"])) for _ in chosen]
        before = np.stack([self.data.photos.views[view][i] for view, i in zip(views, chosen, strict=True)])
        told = self.told(torch.from_numpy(before))
        classes = self.classes(told, generator)
        signs = generator.choice(len(self.data.emoji.items), options["emoji"]["rows"], replace=False)
        pictures = self.features(chosen, views, before, classes, signs, generator)
        words = [draw.choice(draw.choice(self.captions[i][lang])) for lang in ("en", "zh") for i in chosen]
        words += [label(c, draw.choice(("en", "zh")), known, draw) for c in classes]
        words += [draw.choice(draw.choice(self.names[i][draw.choice(("en", "zh"))])) for i in signs]
        with autocast():
            seen, said = self.towers.image(pictures), self.towers.text(*self.texts(words))
        seen, said = seen.float(), said.float()
        n, c = len(chosen), len(classes)
        scale = options["scale"]
        captions = contrast(seen[:n], said[:n], scale) + contrast(seen[:n], said[n:2 * n], scale)
        named = contrast(seen[n:n + c], said[2 * n:2 * n + c], scale)
        signed = contrast(seen[n + c:], said[2 * n + c:], scale)
        told = torch.cat([told, self.told(pictures[n:n + c])])
        taught = likeness(seen[:n + c], said[2 * n:2 * n + c], told[:, classes], scale)
        return captions / 2 + options["labels"]["weight"] * named + options["labels"]["told"] * taught + options["emoji"]["weight"] * signed

    def told(self, features: torch.Tensor) -> torch.Tensor:
        """What the backbone's own classifier scores each label, before softmax."""
        return features @ self.rows.T + self.biases

    def classes(self, told: torch.Tensor, generator: np.random.Generator) -> np.ndarray:
        """The labels of a batch: those that the backbone says of its photos, up to half of them, and others."""
        rows = self.options["labels"]["rows"]
        said = generator.permutation(np.unique(told.argmax(1).numpy()))[:rows // 2]
        others = np.setdiff1d(np.arange(told.shape[1]), said)
        return np.concatenate([said, generator.choice(others, rows - len(said), replace=False)])

    def features(self, chosen: list[int], views: list[int], before: np.ndarray, classes: np.ndarray, signs: np.ndarray,
                 generator: np.random.Generator) -> torch.Tensor:
        """Of photos, each in some view; of what is imagined of classes; of emoji."""
        return torch.from_numpy(np.concatenate([
            before, imagined(generator, self.data.photos.views[0], classes), self.data.emoji.views[0][signs]]))

    def groups(self) -> list[dict[str, Any]]:
        """What is trained, each group at its own share of the rate."""
        return [{"params": list(self.towers.parameters()), "share": 1.0}]


class Tuner(Trainer):
    """Goes on from trained towers, and tunes the backbone's last blocks with them."""

    def __init__(self, options: dict[str, Any], whole: bool) -> None:
        super().__init__(options, whole)
        state = torch.load(WORK / f"towers-{options['tune']['from']}{'-whole' if whole else ''}.pt", weights_only=False)
        if state["pieces"].rows != self.texts.pieces.rows:
            raise ValueError("the towers to go on from were trained on other texts: train them again")
        self.towers.load_state_dict(state["towers"], strict=False)  # all but the blocks, which begin as the backbone's
        self.maps = [late(f"train-{name}")[self.data.kept] for name in options["views"]]
        self.signs = late("emoji-plain")[trained_emoji()]
        self.strayed = torch.zeros(())

    def features(self, chosen: list[int], views: list[int], before: np.ndarray, classes: np.ndarray, signs: np.ndarray,
                 generator: np.random.Generator) -> torch.Tensor:
        """As the tuned blocks see them; classes are imagined over the same photos."""
        maps = torch.stack([self.maps[view][i] for view, i in zip(views, chosen, strict=True)])
        seen = self.towers.image.blocks(torch.cat([maps, self.signs[signs]]))
        own, signed = seen[:len(chosen)], seen[len(chosen):]
        self.strayed = self.stray(torch.from_numpy(before), own)
        named = torch.from_numpy(imagined(generator, own.detach().numpy(), classes))
        return torch.cat([own, named, signed])

    def stray(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """How far the backbone's own classifier says something else than before: it must still know its labels."""
        said = [torch.log_softmax(self.told(features), 1) for features in (after, before)]
        return torch.nn.functional.kl_div(*said, reduction="batchmean", log_target=True)

    def loss(self, chosen: list[int], step: int) -> torch.Tensor:
        """Of one batch, and of straying."""
        return super().loss(chosen, step) + self.options["tune"]["keep"] * self.strayed

    def groups(self) -> list[dict[str, Any]]:
        """Heads, and blocks."""
        blocks = [parameter for parameter in self.towers.image.blocks.parameters() if parameter.requires_grad]
        heads = [parameter for name, parameter in self.towers.named_parameters() if not name.startswith("image.blocks.")]
        return [{"params": heads, "share": 1.0}, {"params": blocks, "share": self.options["tune"]["share"], "weight_decay": 0.0}]


def embed_texts(towers: torch.nn.Module, texts: Texts, items: list[str]) -> np.ndarray:
    """Vectors of texts, in pieces."""
    with torch.no_grad():
        return np.concatenate([towers.text(*texts(items[i:i + 1000])).numpy() for i in range(0, len(items), 1000)])


def measure_dev(towers: Towers, texts: Texts) -> dict[str, dict[str, float]]:
    """Search among the dev photos."""
    chosen = sorted(dev_photos())
    items = [photos("train")[i] for i in chosen]
    with torch.no_grad():
        seen = unit(towers.image(torch.from_numpy(features_of(towers.image, "train-plain")[chosen])).numpy())
    figures = {}
    for kind in KINDS:
        pairs = [(i, text) for i, item in enumerate(items) for text in item.texts[kind] if text in texts.rows]
        said = unit(embed_texts(towers, texts, [text for _, text in pairs]))
        figures[kind] = recalls(said @ seen.T, np.array([i for i, _ in pairs]))
    return figures


def measure_labels(towers: Towers, texts: Texts) -> dict[str, dict[str, float]]:
    """
    How well the label words find pictures, in two ways; no picture of a label is looked at.

    loss, top-1: of features imagined for each label over the dev photos, at full length, and in percent. agrees: on how many of
    the dev photos of which the backbone is more than half sure the words say the same label, in percent.
    """
    dev = sorted(dev_photos())
    features = features_of(towers.image, "train-plain")[dev]
    rows, biases = classifier()
    told = torch.softmax(torch.from_numpy(view("train-plain")[dev] @ rows.T + biases), 1)
    sure = told.amax(1) > 0.5
    with torch.no_grad():
        seen, photos_seen = (unit(towers.image(torch.from_numpy(part)).numpy())
                             for part in (imagined(np.random.default_rng(SEED), features, np.arange(len(rows))), features[sure.numpy()]))
    figures = {}
    for lang in ("en", "zh"):
        said = unit(embed_texts(towers, texts, [label[lang][0] for label in labels()]))
        scores = torch.from_numpy(CONFIG["train"]["scale"] * seen @ said.T)
        right = torch.arange(len(scores))
        top = (scores >= scores.amax(1, keepdim=True))[right, right]  # labels of one name share a rank
        agrees = (photos_seen @ said.T).argmax(1) == told[sure].argmax(1).numpy()
        figures[lang] = {"loss": round(float(torch.nn.functional.cross_entropy(scores, right)), 3), "top-1": percent(top.numpy()), "agrees": percent(agrees)}
    return figures


def report_dev(variant: str, towers: Towers, texts: Texts, cpu_seconds: int) -> None:
    """Append a variant's figures to `dev.jsonl`."""
    figures, named = measure_dev(towers, texts), measure_labels(towers, texts)
    with (WORK / "dev.jsonl").open("a") as out:
        out.write(json.dumps({"variant": variant, "cpu_seconds": cpu_seconds, "texts": len(texts.rows), "dev": figures, "labels": named}) + "\n")
    for kind, found in {**figures, **named}.items():
        print(f"{variant} {kind} {found}")


def train(variant: str, whole: bool) -> None:
    """Train one variant; writes `towers-<variant>[-whole].pt` and appends dev figures to `dev.jsonl`."""
    options = merged(CONFIG["train"], CONFIG["variants"][variant])
    name = f"towers-{variant}{'-whole' if whole else ''}"
    torch.manual_seed(SEED)
    trainer = Tuner(options, whole) if options["image"]["tuned"] else Trainer(options, whole)
    towers = trainer.towers
    usable = trainer.usable()
    n = len(usable)
    steps = n // options["photos"]
    total = steps * options["epochs"]
    averaging = int(total * (1 - options["averaged_share"]))
    optimiser = torch.optim.AdamW(trainer.groups(), lr=options["rate"], weight_decay=options["decay"], betas=(0.9, 0.98))
    averaged = AveragedModel(towers)
    checkpoint = WORK / f"{name}.checkpoint.pt"
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        towers.load_state_dict(state["towers"])
        optimiser.load_state_dict(state["optimiser"])
        averaged.load_state_dict(state["averaged"])
        first = state["step"]
    progress = Progress(name, total)
    progress.add(first)
    start = time.process_time()
    for step in range(first, total):
        order = seeded(f"epoch-{step // steps}").sample(usable, n)
        at = step % steps * options["photos"]
        for group in optimiser.param_groups:
            group["lr"] = options["rate"] * group["share"] * schedule(step, total, options)
        loss = trainer.loss(order[at:at + options["photos"]], step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step >= averaging:
            averaged.update_parameters(towers)
        progress.add(1, f"loss {loss.item():.3f}")
        if (step + 1) % (steps * options["checkpoint_epochs"]) == 0:
            torch.save({"towers": towers.state_dict(), "optimiser": optimiser.state_dict(), "averaged": averaged.state_dict(), "step": step + 1}, checkpoint)
    chosen = averaged.module.eval()
    torch.save({"options": options, "towers": chosen.state_dict(), "pieces": trainer.texts.pieces}, WORK / f"{name}.pt")
    checkpoint.unlink(missing_ok=True)
    if not whole:
        report_dev(variant, chosen, trainer.texts, round(time.process_time() - start))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", default="both")
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train(arguments.variant, arguments.whole)
