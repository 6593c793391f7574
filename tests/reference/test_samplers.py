"""Samplers against diffusers' schedulers: tables, and the way of a sample through given flows, bit for bit."""

import random
import unittest

import torch

import probe
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

SEED = probe.fresh_seed("test_samplers")


def scheduler(solver: str, shift: float):
    if solver == "euler":
        return FlowMatchEulerDiscreteScheduler(shift=shift)
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)


def prepared(solver: str, steps: int, shift: float):
    ready = scheduler(solver, shift)
    ready.set_timesteps(steps)
    ready.set_begin_index(0)
    return ready


class Samplers(unittest.TestCase):
    def test_tables_are_equal(self):
        rng = random.Random(SEED)
        cases = [(solver, steps, shift) for solver in ("unipc", "euler") for steps, shift in
                 [(1, 3.0), (2, 7.0), (50, 3.0), (50, 5.0), (rng.randrange(1, 200), rng.uniform(0.5, 16))]]
        for solver, steps, shift in cases:
            with self.subTest(solver=solver, steps=steps, shift=shift):
                got = probe.run("sampler", "-", {"solver": solver, "steps": steps, "shift": shift})
                want = prepared(solver, steps, shift)
                self.assertTrue(torch.equal(got["sigmas"], want.sigmas))
                self.assertTrue(torch.equal(got["timesteps"], want.timesteps.float()))

    def test_samples_are_equal(self):
        rng = random.Random(SEED + 1)
        generator = torch.Generator().manual_seed(SEED)
        for solver in ("unipc", "euler"):
            for dtype in (torch.float32, torch.bfloat16):
                steps, shift = rng.randrange(1, 12), rng.uniform(1, 8)
                with self.subTest(solver=solver, dtype=dtype, steps=steps, shift=shift):
                    flows = torch.randn(steps, 1, 4, 2, 6, 10, generator=generator).to(dtype)
                    sample = torch.randn(1, 4, 2, 6, 10, generator=generator)
                    got = probe.run("sampler", "-", {"solver": solver, "steps": steps, "shift": shift},
                                    {"flows": flows, "sample": sample})
                    want = prepared(solver, steps, shift)
                    for step, timestep in enumerate(want.timesteps):
                        sample = want.step(flows[step], timestep, sample, return_dict=False)[0]
                        self.assertEqual(got[f"sample.{step}"].dtype, sample.dtype)
                        self.assertTrue(torch.equal(got[f"sample.{step}"], sample), f"step {step}")


if __name__ == "__main__":
    unittest.main()
