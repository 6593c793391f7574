"""Trains text encoder and transformer together by flow matching, as Wan was: x = (1 - sigma) clip + sigma noise, and the
transformer tells noise - clip. A tenth of the prompts is empty or negative, for guidance."""

import numpy
import torch

import dit
import judge
import sample
import scenes
import text
from checkpoint import Average, Training, descend, warm_cosine
from latents import trained_vae

STEPS, BATCH, RATE = 20000, 128, 1e-3
SHIFT = 3.0  # sigmas as `flow_shift: 3` spreads them
UNTOLD, NEGATIVE = 0.1, 0.3
LOOK = 1000  # steps between looks at what it draws


class Model(torch.nn.Module):
    """What is trained."""

    def __init__(self, rows: int):
        super().__init__()
        self.encoder, self.transformer = text.make_encoder(rows), dit.make_transformer()


def batch(step: int, data: dict, known: list[scenes.Scene], wordings: dict) -> tuple[torch.Tensor, list[str]]:
    """Latents and prompts, the same for a step in every run."""
    rng = numpy.random.default_rng([3, step])
    chosen = rng.integers(len(data["latents"]), size=BATCH)
    prompts = []
    for number in data["scene"][chosen].tolist():
        words = wordings.setdefault(number, scenes.prompts(known[number]))
        prompts.append(words[rng.integers(len(words))])
        if rng.random() < UNTOLD:
            prompts[-1] = scenes.NEGATIVE_PROMPT if rng.random() < NEGATIVE else ""
    return data["latents"][chosen].float(), prompts


def loss_of(model: Model, latents: torch.Tensor, ids: torch.Tensor, lengths: torch.Tensor, rope: tuple) -> torch.Tensor:
    even = (torch.arange(len(latents)) + torch.rand(len(latents))) / len(latents)
    sigmas = SHIFT * even / (1 + (SHIFT - 1) * even)
    noise = torch.randn_like(latents)
    at = sigmas.view(-1, 1, 1, 1, 1)
    texts = text.encode(model.encoder, ids, lengths)
    told = dit.forward(model.transformer, (1 - at) * latents + at * noise, sigmas, texts, lengths, rope)
    return (told.float() - (noise - latents)).square().mean()


def look(training: Training, average: Average, texts: text.Texts, data: dict) -> dict[str, float]:
    """How often held-out prompts are drawn right, in 64 clips of 20 Euler steps."""
    drawn = Model(texts.rows).eval()
    drawn.load_state_dict(average.parameters_by_name(), strict=False)
    told = scenes.held_out_scenes()[:64]
    clips = sample.sample(drawn, trained_vae(training.folder), data, texts,
                          [scenes.prompts(scene)[0] for scene in told], training.step)
    rights = [judge.right(scene, judge.judge(clip)) for scene, clip in zip(told, clips)]
    shares = {name: sum(each[name] for each in rights) / len(rights) for name in judge.ATTRIBUTES}
    return {"all": sum(all(each.values()) for each in rights) / len(rights), **shares}


def main() -> None:
    training = Training("dit", __doc__, STEPS)
    texts, data = text.Texts(training.folder), torch.load(training.folder / "latents.pt")
    known, wordings = scenes.training_scenes(), {}
    torch.manual_seed(3)
    model = Model(texts.rows)
    average = Average(model, 0.9995)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    parts = {"model": model, "average": average, "optimizer": optimizer}
    training.resume(parts)
    rope = dit.rope_of(model.transformer, data["latents"][:1])
    losses, going = [], training.step < training.steps
    while going:
        for group in optimizer.param_groups:
            group["lr"] = RATE * warm_cosine(training.step, training.steps, 500)
        latents, prompts = batch(training.step, data, known, wordings)
        torch.manual_seed(training.step)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, latents, *texts.ids(prompts), rope)
        descend(model, optimizer, loss)
        average.update(model, training.step)
        training.step += 1
        losses.append(float(loss.detach()))
        if training.step % 50 == 0:
            training.report(loss=sum(losses) / len(losses), rate=optimizer.param_groups[0]["lr"])
            losses = []
        if training.step % LOOK == 0:
            training.report(**look(training, average, texts, data))
        going = training.goes_on(parts)


if __name__ == "__main__":
    main()
