"""DDPG in NumPy with hand-written gradients: the networks of the preset `numpy`, in one floating-point type.

Written for speed: results go into arrays that are reused (`out=`). A network's parameters are one flat vector, so Adam and
the soft update are a few passes over it. The actor's step does not compute the critic's weight gradients. `--float64` is
NumPy's default type; `--float32` is faster.
"""

import platform
import sys

import numpy as np

import common

DTYPE = np.float64 if "--float64" in sys.argv else np.float32
DERIVATIVES = {"linear": None, "relu": lambda x: x > 0, "tanh": lambda x: 1 - x * x}  # as functions of the output


class Network:
    """Dense layers. A critic's action enters one of them as side input; its rows of weights follow those of the features."""

    def __init__(self, inputs, sizes, activations, side=0, side_layer=-1):
        self.activations = activations
        self.side_layer = side_layer
        fan_in = [size + (side if i == side_layer else 0) for i, size in enumerate([inputs, *sizes[:-1]])]
        self.split = inputs if side_layer == 0 else sizes[side_layer - 1]
        self.values = np.zeros(sum((i + 1) * o for i, o in zip(fan_in, sizes)), DTYPE)
        self.gradients = np.zeros_like(self.values)
        self.layers = self.view(self.values, fan_in, sizes)
        self.gradient_layers = self.view(self.gradients, fan_in, sizes)
        self.kept = {}

    @staticmethod
    def view(flat, fan_in, sizes):
        layers, start = [], 0
        for inputs, outputs in zip(fan_in, sizes):
            middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
            layers.append((flat[start:middle].reshape(inputs, outputs), flat[middle:end]))
            start = end
        return layers

    def initialize(self, final_bound):
        for weights, biases in self.layers[:-1]:
            bound = (6 / sum(weights.shape)) ** 0.5  # Glorot & Bengio
            weights[:] = np.random.uniform(-bound, bound, weights.shape)
        for values in self.layers[-1]:
            values[:] = np.random.uniform(-final_bound, final_bound, values.shape)

    def keep(self, name, rows, columns):
        """An array for a result, reused for every minibatch; single rows have separate arrays."""
        key = (*name, rows)
        if key not in self.kept:
            self.kept[key] = np.empty((rows, columns), DTYPE)
        return self.kept[key]

    def forward(self, x, side=None):
        self.inputs, self.side, self.outputs = [], side, []
        for i, (weights, biases) in enumerate(self.layers):
            self.inputs.append(x)
            z = self.keep(("out", i), len(x), len(biases))
            if i == self.side_layer:
                np.matmul(x, weights[: self.split], out=z)
                z += side @ weights[self.split :]
            else:
                np.matmul(x, weights, out=z)
            z += biases
            if self.activations[i] == "relu":
                np.maximum(z, 0, out=z)
            elif self.activations[i] == "tanh":
                np.tanh(z, out=z)
            self.outputs.append(z)
            x = z
        return x

    def backward(self, g):
        """Writes the gradients of the parameters into `gradients`, from the gradient of the output."""
        for i in range(len(self.layers) - 1, -1, -1):
            g = self.through_activation(i, g)
            weights, biases = self.gradient_layers[i]
            if i == self.side_layer:
                np.matmul(self.inputs[i].T, g, out=weights[: self.split])
                np.matmul(self.side.T, g, out=weights[self.split :])
            else:
                np.matmul(self.inputs[i].T, g, out=weights)
            g.sum(0, out=biases)
            if i > 0:
                g = self.input_gradient(i, g)

    def side_gradient(self, g):
        """The gradient with respect to the side input only."""
        for i in range(len(self.layers) - 1, self.side_layer - 1, -1):
            g = self.through_activation(i, g)
            if i > self.side_layer:
                g = self.input_gradient(i, g)
        return g @ self.layers[self.side_layer][0][self.split :].T

    def through_activation(self, i, g):
        derivative = DERIVATIVES[self.activations[i]]
        return g if derivative is None else np.multiply(g, derivative(self.outputs[i]), out=g)

    def input_gradient(self, i, g):
        weights = self.layers[i][0]
        if i == self.side_layer:
            weights = weights[: self.split]
        return np.matmul(g, weights.T, out=self.keep(("gradient", i), len(g), len(weights)))


class Adam:
    def __init__(self, network, rate, adam):
        self.network, self.rate = network, rate
        self.beta1, self.beta2, self.epsilon = adam.get("beta1", 0.9), adam.get("beta2", 0.999), adam.get("epsilon", 1e-8)
        self.mean, self.square, self.scratch = (np.zeros_like(network.values) for _ in range(3))
        self.steps = 0

    def step(self):
        g, scratch = self.network.gradients, self.scratch
        self.steps += 1
        self.mean *= self.beta1
        self.mean += np.multiply(g, 1 - self.beta1, out=scratch)
        self.square *= self.beta2
        np.multiply(g, g, out=scratch)
        scratch *= 1 - self.beta2
        self.square += scratch
        np.multiply(self.square, 1 / (1 - self.beta2**self.steps), out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += self.epsilon
        np.divide(self.mean, scratch, out=scratch)
        scratch *= self.rate / (1 - self.beta1**self.steps)
        self.network.values -= scratch


class Agent:
    def __init__(self, config):
        self.config = config
        self.O, self.A = config["observationSize"], config["actionSize"]
        adam = config.get("adam", {})  # only recorded files have it
        self.nets = {name: self.make(name) for name in common.NETWORKS}
        self.actor, self.critic, self.target_actor, self.target_critic = self.nets.values()
        for learner, target in ((self.actor, self.target_actor), (self.critic, self.target_critic)):
            learner.initialize(config.get("finalLayerBound", 3e-3))
            target.values[:] = learner.values
        self.actor_adam = Adam(self.actor, config["actorLearningRate"], adam)
        self.critic_adam = Adam(self.critic, config["criticLearningRate"], adam)
        self.rows = np.zeros((config["replayCapacity"], 2 * self.O + self.A + 2), DTYPE)
        self.stored = 0

    def make(self, name):
        kind = "actor" if "ctor" in name else "critic"
        hidden, activations = self.config[f"{kind}HiddenSizes"], self.config[f"{kind}Activations"]
        if len(activations) == 1:
            activations = activations * len(hidden)
        if kind == "actor":
            return Network(self.O, [*hidden, self.A], [*activations, "tanh"])
        layer = self.config["actionEntersLayer"] - 1
        return Network(self.O, [*hidden, 1], [*activations, "linear"], self.A, layer)

    def update(self, s, a, r, s2, terminated):
        next_value = self.target_critic.forward(s2, self.target_actor.forward(s2))
        y = r + self.config["discount"] * (1 - terminated) * next_value
        self.critic.backward((2 / len(y)) * (self.critic.forward(s, a) - y))
        self.critic_adam.step()
        mu = self.actor.forward(s)
        self.critic.forward(s, mu)
        self.actor.backward(self.critic.side_gradient(np.full((len(y), 1), -1 / len(y), DTYPE)))
        self.actor_adam.step()
        for learner, target in ((self.actor, self.target_actor), (self.critic, self.target_critic)):
            target.values *= 1 - self.config["softUpdateRate"]
            scratch = np.multiply(learner.values, self.config["softUpdateRate"], out=self.scratch(learner))
            target.values += scratch

    def scratch(self, network):
        return (self.actor_adam if network is self.actor else self.critic_adam).scratch

    def learn(self):
        size = min(self.stored, len(self.rows))
        rows = self.rows[np.random.randint(0, size, self.config["batchSize"])]
        O, A = self.O, self.A
        self.update(rows[:, :O], rows[:, O : O + A], rows[:, O + A, None], rows[:, O + A + 1 : -1], rows[:, -1:])

    def remember(self, s, a, r, s2):
        self.rows[self.stored % len(self.rows)] = (*s, *a, r, *s2, 0)
        self.stored += 1

    def remember_and_learn(self, s, a, r, s2):
        self.remember(s, a, r, s2)
        self.learn()

    def explore(self, s):
        # The preset's noise is an offset that is gone after a few steps. This noise has the same cost.
        mu = self.actor.forward(np.array([s], DTYPE))
        return common.clipped_noise(mu[0].tolist(), self.config["noiseScale"])

    def finish(self):
        pass

    def load(self, networks):
        for name, net in self.nets.items():
            for (weights, biases), layer in zip(net.layers, networks[name]):
                weights[:], biases[:] = layer["weights"], layer["biases"]

    def networks(self):
        return {
            name: [{"weights": weights, "biases": biases} for weights, biases in net.layers]
            for name, net in self.nets.items()
        }

    def update_on(self, batch):
        s, a, s2 = (np.array(batch[name], DTYPE) for name in ("observation", "action", "nextObservation"))
        r, terminated = (np.array(batch[name], DTYPE)[:, None] for name in ("reward", "terminated"))
        self.update(s, a, r, s2, terminated)


if __name__ == "__main__":
    common.main(Agent, f"numpy {np.__version__}, Python {platform.python_version()}")
