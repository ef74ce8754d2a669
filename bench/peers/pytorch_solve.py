"""Runs the loop of the preset `small` in PyTorch until it solves the pendulum, for bench/solve.js. With --tuned it uses the
update of pytorch.py, otherwise that of pytorch_optim.py.

The last argument is a job as JSON, and the standard input has the starts of the evaluation. Prints how long it took, without
the evaluations and what only they need.
"""

import json
import random
import sys
import time

import torch

import common
import pytorch
import pytorch_optim

Agent = pytorch.Agent if "--tuned" in sys.argv else pytorch_optim.Agent
job = json.loads(sys.argv[-1])
config = job["config"]
random.seed(job["seed"])
torch.manual_seed(job["seed"])
agent = Agent(config)
pendulum = common.Pendulum()
observation = pendulum.reset()
starts = None
evaluating = 0.0
for step in range(1, job["steps"] + 1):
    warming_up = agent.stored < config["warmupSteps"]
    action = [random.uniform(-1, 1)] if warming_up else agent.explore(observation)
    next_observation, reward = pendulum.step(action)
    agent.remember(observation, action, config["rewardScale"] * reward, next_observation)
    if agent.stored >= config["warmupSteps"]:
        agent.learn()
    observation = pendulum.reset() if pendulum.steps == 200 else next_observation
    if step < job["evaluateFrom"] or step % job["evaluateEvery"]:
        continue
    begin = time.time()
    starts = starts or json.load(sys.stdin)
    mean = common.mean_return(lambda s: agent.act(s)[:, 0], starts)
    solved = mean >= job["solved"]
    if solved or step == job["steps"]:
        seconds = begin - job["spawned"] - evaluating
        print(json.dumps({"solved": solved, "steps": step, "seconds": seconds, "meanReturn": mean}))
        break
    evaluating += time.time() - begin
