"""DDPG in eager PyTorch as a careful user writes it: torch.optim's foreach Adam, backward() into .grad, and one foreach
lerp for the targets. Storage, sampling and the rest come from pytorch.py, which works below torch.optim.
"""

import platform

import torch
import torch.nn.functional as F

import common
import pytorch


class Agent(pytorch.Agent):
    def __init__(self, config):
        super().__init__(config)
        adam = pytorch.adam_options(config)
        options = dict(betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"], foreach=True)
        self.actor_optimizer = torch.optim.Adam(self.actor_leaves, lr=config["actorLearningRate"], **options)
        self.critic_optimizer = torch.optim.Adam(self.critic_leaves, lr=config["criticLearningRate"], **options)
        self.learners = [*self.actor, *self.critic]
        self.targets = [*self.target_actor, *self.target_critic]

    def update(self, rows):
        O, A = self.O, self.A
        s, sa, r = rows[:, :O], rows[:, : O + A], rows[:, O + A : O + A + 1]
        s2, terminated = rows[:, O + A + 1 : 2 * O + A + 1], rows[:, -1:]
        with torch.no_grad():
            a2 = torch.tanh(pytorch.forward(self.target_actor, s2))
            next_value = pytorch.forward(self.target_critic, torch.cat([s2, a2], 1))
            y = r + self.config["discount"] * (1 - terminated) * next_value
        self.critic_optimizer.zero_grad(set_to_none=True)
        F.mse_loss(pytorch.forward(self.critic_leaves, sa), y).backward()
        self.critic_optimizer.step()
        # The critic's parameters are detached: their gradients are not needed here.
        mu = torch.tanh(pytorch.forward(self.actor_leaves, s))
        self.actor_optimizer.zero_grad(set_to_none=True)
        (-pytorch.forward(self.critic, torch.cat([s, mu], 1)).mean()).backward()
        self.actor_optimizer.step()
        torch._foreach_lerp_(self.targets, self.learners, self.config["softUpdateRate"])


if __name__ == "__main__":
    common.main(Agent, f"torch {torch.__version__}, Python {platform.python_version()}")
