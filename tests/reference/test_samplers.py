"""Samplers against diffusers' schedulers: tables, and the way of a sample through given flows, bit for bit."""

import random
import unittest

import numpy as np
import torch

import probe
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

SEED = probe.fresh_seed("test_samplers")


SOLVERS = ("unipc", "euler", "wan-unipc", "wan-euler", "wan-dpm++")


def unipc(shift: float):
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)


def shifted(levels: np.ndarray, shift: float) -> np.ndarray:
    return shift * levels / (1 + (shift - 1) * levels)


def scheduler(solver: str, shift: float):
    """diffusers' own for a solver that is diffusers'."""
    return FlowMatchEulerDiscreteScheduler(shift=shift) if solver == "euler" else unipc(shift)


def prepared(solver: str, steps: int, shift: float):
    """diffusers' scheduler, with the levels of Wan's own code (Wan2.1 wan/utils) where the solver is Wan's."""
    if solver in ("unipc", "euler"):
        ready = scheduler(solver, shift)
        ready.set_timesteps(steps)
    elif solver == "wan-unipc":
        highest = float(np.float32(1.0 - 0.001))
        ready = unipc(1.0)
        ready.set_timesteps(sigmas=shifted(np.linspace(highest, 0, steps + 1)[:-1], shift))
    elif solver == "wan-euler":
        ready = FlowMatchEulerDiscreteScheduler(shift=shift)
        ready.set_timesteps(sigmas=[1 - i / steps for i in range(steps)])
    else:
        sigmas = shifted(np.linspace(1, 0, steps + 1)[:-1], shift)
        ready = DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.0, algorithm_type="dpmsolver++",
            solver_order=2, final_sigmas_type="zero", euler_at_final=False)
        ready.set_timesteps(steps)
        ready.sigmas = torch.from_numpy(np.append(sigmas, 0).astype(np.float32))
        ready.timesteps = torch.from_numpy((sigmas * 1000).astype(np.int64))
    ready.set_begin_index(0)
    return ready


class Samplers(unittest.TestCase):
    def test_tables_are_equal(self):
        rng = random.Random(SEED)
        cases = [(solver, steps, shift) for solver in SOLVERS for steps, shift in
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
        for solver in SOLVERS:
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
