"""Tasks for the tests of the bridge: `gymnasium:interop_tasks:Trivial-v0` imports this module first."""
import os
import sys
import time

import gymnasium
import numpy as np
from gymnasium import spaces


class Trivial(gymnasium.Env):
    """Does next to nothing, to measure what the bridge itself takes. With `at`, its ends do what `mode` says."""

    observation_space = spaces.Box(-1, 1, (2, 3), np.float32)
    action_space = spaces.Box(-2, 2, (2,), np.float64)

    def __init__(self, mode="", at=0, closed=None):
        self.mode, self.at, self.steps, self.closed = mode, at, 0, closed
        self.observation = np.zeros((2, 3), np.float32)
        print("hello from", type(self).__name__)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation[:] = self.np_random.uniform(-1, 1, (2, 3))
        return self.observation, {}

    def step(self, action):
        self.steps += 1
        if self.mode and self.steps > self.at:
            self.go_wrong()
        return self.observation, -float(abs(action[0])), False, False, {}

    def go_wrong(self):
        if self.mode == "raises":
            raise ValueError("the road is closed")
        if self.mode == "dies":
            print("out of oil", file=sys.stderr, flush=True)
            os._exit(3)
        if self.mode == "writes":
            print("still alive", flush=True)
            os.write(1, b"still alive\n")
            assert sys.stdin.read() == ""
        if self.mode == "sleeps":
            time.sleep(3600)
        while self.mode == "loops":
            pass


    def close(self):
        if self.closed:
            time.sleep(0.3)  # as one that writes what it recorded
            with open(self.closed, "w") as file:
                file.write("closed")


class Parts(Trivial):
    """Observes parts of several kinds, in the order of the space. The numbers are known."""

    observation_space = spaces.Dict(
        {
            "z": spaces.Box(-np.inf, np.inf, (2,), np.float64),
            "kind": spaces.Discrete(3),
            "a": spaces.Tuple((spaces.Box(0, 255, (2,), np.uint8), spaces.MultiBinary(2))),
        }
    )

    def reset(self, *, seed=None, options=None):
        gymnasium.Env.reset(self, seed=seed)
        return self.observe(), {"seed": seed, "text": "no number", "list": [1], "flag": True, "nan": np.nan}

    def step(self, action):
        self.steps += 1
        many = {f"n{i}": np.float32(i) for i in range(40)}
        return self.observe(), np.float64(0.1), np.bool_(self.steps == 2), False, many if self.steps > 1 else {}

    def observe(self):
        kind = self.steps % 3
        return {"z": np.array([0.1, 1e-300]), "kind": kind, "a": (np.array([7, 255], np.uint8), np.array([0, 1]))}


class Unbounded(Trivial):
    action_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)


class Whole(Trivial):
    action_space = spaces.Box(0, 3, (2,), np.int64)


for task in (Trivial, Parts, Unbounded, Whole):
    gymnasium.register(f"{task.__name__}-v0", task, max_episode_steps=50, disable_env_checker=True)
