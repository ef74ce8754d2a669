"""Shared by the Python peers: the protocol of bench/runner.js, the check, Pendulum-v1 and its evaluation.

A peer's agent takes a config and has
  learn()                          draws a minibatch from its replay buffer and makes one update
  remember(s, a, r, s2)            stores a transition; no transition ends the task, as on the pendulum
  remember_and_learn(s, a, r, s2)  both, which a peer may do in one call
  explore(s)                       the action for an observation with noise, a list in [-1, 1]
  finish()                         returns when all pending computations are done
  load(networks), update_on(batch), networks()   for the check
"""

import json
import math
import random
import sys
import time

FILL = 10_000  # transitions in the replay buffer before anything is measured: the warm-up of every task
NETWORKS = ("actor", "critic", "targetActor", "targetCritic")


def main(make, version):
    """The last argument is a task as JSON, or the last two arguments are --check and a file of fixtures/update."""
    if sys.argv[-2] == "--check":
        check(make, sys.argv[-1])
        return
    task = json.loads(sys.argv[-1])
    agent = make(task["config"])
    if task["measure"] == "update":
        fill(agent, task["config"])
        step = agent.learn
    else:
        step = Loop(agent, Cheetah() if task.get("environment") else Pendulum()).step

    def run(n):
        for _ in range(n):
            step()
        agent.finish()

    run(20)
    print("ready", version, flush=True)
    for line in sys.stdin:
        n = int(line)
        start = time.perf_counter()
        run(n)
        print(time.perf_counter() - start, flush=True)


def fill(agent, config):
    vector = lambda size: [random.uniform(-1, 1) for _ in range(size)]
    for _ in range(FILL):
        observation, action = vector(config["observationSize"]), vector(config["actionSize"])
        agent.remember(observation, action, random.uniform(-1, 0), vector(config["observationSize"]))


class Loop:
    """Algorithm 1 with one update per step. The buffer is first filled by random actions."""

    def __init__(self, agent, environment):
        self.agent = agent
        self.environment = environment
        self.observation = environment.reset()
        for _ in range(FILL):
            self.advance([random.uniform(-1, 1) for _ in range(environment.action_size)], agent.remember)

    def step(self):
        self.advance(self.agent.explore(self.observation), self.agent.remember_and_learn)

    def advance(self, action, take_in):
        observation, reward = self.environment.step(action)
        take_in(self.observation, action, reward, observation)
        ended = self.environment.steps == self.environment.time_limit
        self.observation = self.environment.reset() if ended else observation


def clipped_noise(mu, scale):
    return [max(-1.0, min(1.0, m + scale * random.gauss(0, 1))) for m in mu]


class Pendulum:
    """Pendulum-v1 in plain floats, which is faster than Gymnasium's class with arrays; action in [-1, 1]."""

    action_size = 1
    time_limit = 200

    def reset(self):
        self.angle = random.uniform(-math.pi, math.pi)
        self.speed = random.uniform(-1, 1)
        self.steps = 0
        return (math.cos(self.angle), math.sin(self.angle), self.speed)

    def step(self, action):
        torque = 2 * action[0]
        turned = (self.angle + math.pi) % (2 * math.pi) - math.pi
        reward = -(turned * turned + 0.1 * self.speed * self.speed + 0.001 * torque * torque)
        speed = self.speed + (15 * math.sin(self.angle) + 3 * torque) * 0.05
        self.speed = max(-8.0, min(8.0, speed))
        self.angle += self.speed * 0.05
        self.steps += 1
        return (math.cos(self.angle), math.sin(self.angle), self.speed), reward


class Cheetah:
    """Gymnasium's HalfCheetah-v5, created as its users create it."""

    action_size = 6
    time_limit = 1000

    def __init__(self):
        import gymnasium

        self.environment = gymnasium.make("HalfCheetah-v5")

    def reset(self):
        self.steps = 0
        return self.environment.reset()[0].tolist()

    def step(self, action):
        import numpy as np

        self.steps += 1
        observation, reward, *_ = self.environment.step(np.asarray(action, dtype=np.float32))
        return observation.tolist(), float(reward)


def mean_return(act, starts):
    """Mean return without noise from starts (angle, speed), all at once; act takes [N, 3] and returns [N] in [-1, 1]."""
    import numpy as np

    angle, speed = np.array(starts, dtype=np.float64).T
    total = np.zeros(len(starts))
    for _ in range(200):
        torque = 2 * np.clip(act(np.stack([np.cos(angle), np.sin(angle), speed], 1).astype(np.float32)), -1, 1)
        turned = (angle + np.pi) % (2 * np.pi) - np.pi
        total -= turned**2 + 0.1 * speed**2 + 0.001 * torque**2
        speed = np.clip(speed + (15 * np.sin(angle) + 3 * torque) * 0.05, -8, 8)
        angle = angle + speed * 0.05
    return float(total.mean())


def check(make, file):
    """Prints the largest differences from the recorded networks after one and after ten updates."""
    import numpy as np

    with open(file, encoding="utf-8") as opened:
        fixture = json.load(opened)
    config = fixture["config"]
    sizes = {"actorHiddenSizes": config["hiddenSizes"], "criticHiddenSizes": config["hiddenSizes"]}
    activations = {"actorActivations": ["relu"], "criticActivations": ["relu"]}
    noise = {"replayCapacity": 1, "noiseScale": 0}
    agent = make({**config, **sizes, **activations, **noise})
    agent.load(fixture["initial"])
    differences = {}
    for update in range(1, 11):
        agent.update_on(fixture["batches"][(update - 1) % len(fixture["batches"])])
        if update in (1, 10):
            networks = agent.networks()
            apart = [
                np.abs(np.asarray(layer[part], dtype=np.float64) - np.asarray(recorded[part])).max()
                for name in NETWORKS
                for layer, recorded in zip(networks[name], fixture["after"][str(update)][name], strict=True)
                for part in ("weights", "biases")
            ]
            differences[update] = float(np.max(apart))  # NaN stays NaN
    print(json.dumps(differences))
