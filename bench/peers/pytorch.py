"""DDPG in eager PyTorch, in the fastest form that we found.

The parameters of all learners are one flat tensor, and so are those of the targets, so the soft update is one lerp.
Gradients come from autograd.grad, which needs no .grad and zero_grad. Adam is PyTorch's fused kernel, called without
torch.optim's bookkeeping (with torch.optim.Adam(fused=True) small networks are a third slower, with foreach=True another
third). The actor's step uses the critic's parameters detached, so their gradients are not computed. A minibatch is one
index_select of whole rows; its columns are views. torch.compile of both losses was slower than this at every size.
"""

import platform

import torch
import torch.nn.functional as F

import common

torch.set_num_interop_threads(1)


class Network:
    """Linear layers with ReLU between them. Weights are [out, in], as in PyTorch, in a slice of flat storage."""

    def __init__(self, sizes, storage):
        self.parameters = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            for shape in ((outputs, inputs), (outputs,)):
                length = outputs * inputs if len(shape) == 2 else outputs
                self.parameters.append(storage[:length].view(shape))
                storage = storage[length:]

    def initialize(self, final_bound):
        # Weights and biases uniform within 1/√fan-in; the last layer within its own bound.
        for index in range(0, len(self.parameters), 2):
            last = index == len(self.parameters) - 2
            bound = final_bound if last else self.parameters[index].shape[1] ** -0.5
            for parameter in self.parameters[index : index + 2]:
                parameter.uniform_(-bound, bound)


class Adam:
    def __init__(self, parameters, rate, adam):
        self.parameters = parameters
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.step_count = torch.zeros(())
        self.step_counts = [self.step_count] * len(parameters)
        self.options = dict(lr=rate, **adam, weight_decay=0.0, amsgrad=False, maximize=False)

    def step(self, gradients):
        self.step_count.add_(1)
        torch._fused_adam_(
            self.parameters, gradients, self.means, self.squares, [], self.step_counts, **self.options
        )


def forward(parameters, x):
    for index in range(0, len(parameters) - 2, 2):
        x = F.relu(F.linear(x, parameters[index], parameters[index + 1]))
    return F.linear(x, parameters[-2], parameters[-1])


class Agent:
    def __init__(self, config):
        self.config = config
        O, A = config["observationSize"], config["actionSize"]
        self.O, self.A, self.B = O, A, config["batchSize"]
        actor_sizes = [O, *config["actorHiddenSizes"], A]
        critic_sizes = [O + A, *config["criticHiddenSizes"], 1]
        count = lambda sizes: sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))
        split = count(actor_sizes)
        self.online = torch.zeros(split + count(critic_sizes))
        self.target = torch.zeros_like(self.online)
        self.nets = {
            "actor": Network(actor_sizes, self.online[:split]),
            "critic": Network(critic_sizes, self.online[split:]),
            "targetActor": Network(actor_sizes, self.target[:split]),
            "targetCritic": Network(critic_sizes, self.target[split:]),
        }
        for name in ("actor", "critic"):
            self.nets[name].initialize(config.get("finalLayerBound", 3e-3))
        self.target.copy_(self.online)
        # The same memory twice: as leaves that autograd tracks, and detached.
        self.actor, self.critic, self.target_actor, self.target_critic = (net.parameters for net in self.nets.values())
        self.actor_leaves = [p.detach().requires_grad_() for p in self.actor]
        self.critic_leaves = [p.detach().requires_grad_() for p in self.critic]
        adam = adam_options(config)
        self.actor_adam = Adam(self.actor, config["actorLearningRate"], adam)
        self.critic_adam = Adam(self.critic, config["criticLearningRate"], adam)
        # Rows (s, a, r, s′, terminated), written through a NumPy view: assigning a tuple to it is faster than to a tensor.
        self.rows = torch.zeros(config["replayCapacity"], 2 * O + A + 2)
        self.row_view = self.rows.numpy()
        self.stored = 0
        self.row = torch.zeros(1, O)
        self.observation = self.row.numpy()[0]

    def update(self, rows):
        O, A = self.O, self.A
        s, sa, r = rows[:, :O], rows[:, : O + A], rows[:, O + A : O + A + 1]
        s2, terminated = rows[:, O + A + 1 : 2 * O + A + 1], rows[:, -1:]
        with torch.no_grad():
            a2 = torch.tanh(forward(self.target_actor, s2))
            next_value = forward(self.target_critic, torch.cat([s2, a2], 1))
            y = r + self.config["discount"] * (1 - terminated) * next_value
        loss = F.mse_loss(forward(self.critic_leaves, sa), y)
        self.critic_adam.step(torch.autograd.grad(loss, self.critic_leaves))
        mu = torch.tanh(forward(self.actor_leaves, s))
        loss = -forward(self.critic, torch.cat([s, mu], 1)).mean()
        self.actor_adam.step(torch.autograd.grad(loss, self.actor_leaves))
        self.target.lerp_(self.online, self.config["softUpdateRate"])

    def learn(self):
        size = min(self.stored, len(self.rows))
        self.update(self.rows.index_select(0, torch.randint(size, (self.B,))))

    def remember(self, s, a, r, s2):
        self.row_view[self.stored % len(self.rows)] = (*s, *a, r, *s2, 0)
        self.stored += 1

    def remember_and_learn(self, s, a, r, s2):
        self.remember(s, a, r, s2)
        self.learn()

    def explore(self, s):
        self.observation[:] = s
        with torch.inference_mode():
            mu = torch.tanh(forward(self.actor, self.row))
        return common.clipped_noise(mu[0].tolist(), self.config["noiseScale"])

    def act(self, observations):
        with torch.inference_mode():
            return torch.tanh(forward(self.actor, torch.from_numpy(observations))).numpy()

    def finish(self):
        pass

    def load(self, networks):
        for name, net in self.nets.items():
            for layer, (weights, biases) in zip(networks[name], zip(net.parameters[::2], net.parameters[1::2])):
                weights.copy_(torch.tensor(layer["weights"]).T)
                biases.copy_(torch.tensor(layer["biases"]))

    def networks(self):
        return {
            name: [{"weights": w.T, "biases": b} for w, b in zip(net.parameters[::2], net.parameters[1::2])]
            for name, net in self.nets.items()
        }

    def update_on(self, batch):
        column = lambda values: torch.tensor(values)[:, None]
        s, a, s2 = (torch.tensor(batch[name]) for name in ("observation", "action", "nextObservation"))
        self.update(torch.cat([s, a, column(batch["reward"]), s2, column(batch["terminated"])], 1))


def adam_options(config):
    adam = config.get("adam", {})  # only recorded files have it
    return dict(beta1=adam.get("beta1", 0.9), beta2=adam.get("beta2", 0.999), eps=adam.get("epsilon", 1e-8))


if __name__ == "__main__":
    common.main(Agent, f"torch {torch.__version__}, Python {platform.python_version()}")
