"""The demo model's tools: what is drawn is judged right, and what training computes is what diffusers computes."""

import os
import pathlib
import sys
import tempfile
import unittest

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import dit
import export
import judge
import scenes
import text
import train_tokenizer
import vae

SEED = int(os.environ.get("DITMILL_TEST_SEED") or numpy.random.SeedSequence().entropy % 2**31)
print(f"test_demo_model: DITMILL_TEST_SEED={SEED}")


def shaken(model: torch.nn.Module) -> torch.nn.Module:
    """A model in which every parameter matters."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter) / max(1, parameter[0].numel()) ** 0.5
    return model.eval()


class DemoModel(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(SEED)
        self.rng = numpy.random.default_rng(SEED)

    def test_judge_sees_what_was_drawn(self):
        every = scenes.scenes()
        for index in self.rng.choice(len(every), 60, replace=False):
            self.assertEqual(judge.judge(scenes.render(every[index], self.rng)), every[index])

    def test_judge_tells_nothing_of_noise(self):
        seen = judge.judge(self.rng.integers(0, 256, (9, 64, 64, 3), dtype=numpy.uint8))
        self.assertIsNone(seen.motion)

    def test_held_out_words_and_pairs_are_known_from_training(self):
        known = scenes.training_scenes()
        for scene in scenes.held_out_scenes():
            self.assertNotIn(scene, known)
            for a in judge.ATTRIBUTES:
                for b in judge.ATTRIBUTES:
                    self.assertTrue(any(getattr(scene, a) == getattr(other, a) and getattr(scene, b) == getattr(other, b)
                                        for other in known))

    def test_prompts_fit(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "spiece.model").write_bytes(train_tokenizer.train())
            texts = text.Texts(pathlib.Path(folder))
            for scene in self.rng.choice(scenes.scenes(), 50):
                _, lengths = texts.ids(scenes.prompts(scene))
                self.assertLess(int(lengths.max()), text.LONGEST)

    @torch.no_grad()
    def test_vae_equals_diffusers(self):
        model = shaken(vae.make_vae(8))
        clips = torch.rand(2, 3, 9, 32, 48) * 2 - 1
        expected = model.encode(clips).latent_dist
        mean, logarithm = vae.encode(model, clips)
        torch.testing.assert_close(mean, expected.mean, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(logarithm, expected.logvar, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(vae.decode(model, mean).clamp(-1, 1), model.decode(mean).sample, atol=1e-4, rtol=1e-4)

    @torch.no_grad()
    def test_exported_vae_has_the_published_statistics(self):
        model = shaken(vae.make_vae(8))
        mean, scale = torch.randn(16), torch.rand(()) + 0.5
        clips, latents = torch.rand(1, 3, 5, 32, 32) * 2 - 1, torch.randn(1, 16, 2, 4, 4)
        wide = mean.view(-1, 1, 1, 1)
        encoded, decoded = (vae.encode(model, clips)[0] - wide) / scale, vae.decode(model, latents * scale + wide)
        export.take_in_statistics(model, mean, scale)
        published, deviation = (torch.tensor(model.config[name]).view(-1, 1, 1, 1)
                                for name in ("latents_mean", "latents_std"))
        torch.testing.assert_close((vae.encode(model, clips)[0] - published) / deviation, encoded, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(vae.decode(model, latents * deviation + published), decoded, atol=1e-4, rtol=1e-4)

    @torch.no_grad()
    def test_transformer_equals_diffusers(self):
        model = shaken(dit.make_transformer())
        latents, sigmas = torch.randn(3, 16, 3, 8, 6), torch.rand(3)
        lengths = torch.tensor([1, 9, text.LONGEST])
        texts = torch.randn(3, text.LONGEST, text.WIDTH)
        padded = torch.zeros(3, dit.TEXT_TOKENS, text.WIDTH)
        for row, length in enumerate(lengths):
            padded[row, :length] = texts[row, :length]
        expected = model(latents, 1000 * sigmas, padded).sample
        got = dit.forward(model, latents, sigmas, texts, lengths, dit.rope_of(model, latents))
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


if __name__ == "__main__":
    unittest.main()
