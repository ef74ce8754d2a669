"""Runs Stable-Baselines3's DDPG on Pendulum-v1 for bench/solve.js, with the settings that RL Baselines3 Zoo publishes as tuned
for it. They differ from ours. Prints how long the 20,000 steps took and the return of the policy after them.
"""

import json
import sys
import time

import gymnasium
import numpy as np
from stable_baselines3 import DDPG
from stable_baselines3.common.noise import NormalActionNoise

import common

STEPS = 20_000
job = json.loads(sys.argv[1])
model = DDPG(
    "MlpPolicy",
    gymnasium.make("Pendulum-v1"),
    learning_rate=1e-3,
    buffer_size=200_000,
    learning_starts=10_000,
    batch_size=256,
    gamma=0.98,
    train_freq=1,
    gradient_steps=1,
    action_noise=NormalActionNoise(mean=np.zeros(1), sigma=0.1 * np.ones(1)),
    policy_kwargs=dict(net_arch=[400, 300]),
    seed=job["seed"],
    device="cpu",
)
model.learn(STEPS)
seconds = time.time() - job["spawned"]
# SB3's actions are in the environment's units.
mean = common.mean_return(lambda s: model.predict(s, deterministic=True)[0][:, 0] / 2, json.load(sys.stdin))
print(json.dumps({"solved": mean >= job["solved"], "steps": STEPS, "seconds": seconds, "meanReturn": mean}))
