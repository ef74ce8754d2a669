"""DDPG in JAX: storing, sampling and the whole update are one jitted call whose state is donated, so that the replay
buffer and the parameters change in place. Acting is a second jitted call. The optimizer is optax.adam.

The parameters of a small network are one flat vector that the jitted function splits. A call then passes a dozen arrays
instead of sixty, which makes 64-64 a fifth faster. It would make 400-300 a fifth slower, so there the parameters are
one array for each layer.
"""

import platform

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

import common


def forward(layers, x):
    *hidden, (weights, biases) = layers
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    return x @ weights + biases


def initial(sizes, final_bound, random):
    """Weights and biases uniform within 1/√fan-in; the last layer within its own bound."""
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        bound = final_bound if len(layers) == len(sizes) - 2 else inputs**-0.5
        uniform = lambda *shape: random.uniform(-bound, bound, shape).astype(np.float32)
        layers.append((uniform(inputs, outputs), uniform(outputs)))
    return layers


def pack(layers):
    """The parameters as they are stored, and a function that turns them into layers."""
    if sum(weights.size for weights, _ in layers) < 20_000:
        return ravel_pytree(layers)
    return layers, lambda layers: layers


def copied(tree):
    """A copy, because a donated array may have only one owner."""
    return jax.tree.map(jnp.array, tree)


class Agent:
    def __init__(self, config):
        self.config = config
        O, A, B = config["observationSize"], config["actionSize"], config["batchSize"]
        random = np.random.default_rng()
        bound = config.get("finalLayerBound", 3e-3)
        actor, unpack_actor = pack(initial([O, *config["actorHiddenSizes"], A], bound, random))
        critic, unpack_critic = pack(initial([O + A, *config["criticHiddenSizes"], 1], bound, random))
        self.mu = lambda actor, s: jnp.tanh(forward(unpack_actor(actor), s))
        self.value = lambda critic, s, a: forward(unpack_critic(critic), jnp.concatenate([s, a], 1))[:, 0]
        self.unpack = dict(zip(common.NETWORKS, (unpack_actor, unpack_critic) * 2))
        adam = config.get("adam", {})  # only recorded files have it
        adam = dict(b1=adam.get("beta1", 0.9), b2=adam.get("beta2", 0.999), eps=adam.get("epsilon", 1e-8))
        self.actor_adam = optax.adam(config["actorLearningRate"], **adam)
        self.critic_adam = optax.adam(config["criticLearningRate"], **adam)
        self.networks_state = {
            "actor": copied(actor),
            "critic": copied(critic),
            "targetActor": copied(actor),
            "targetCritic": copied(critic),
            "actorAdam": self.actor_adam.init(copied(actor)),
            "criticAdam": self.critic_adam.init(copied(critic)),
        }
        capacity = config["replayCapacity"]
        # Rows (s, a, r, s′, terminated), the number stored, and the key for sampling.
        self.buffer = (jnp.zeros((capacity, 2 * O + A + 2)), jnp.zeros((), jnp.int32), jax.random.key(1))

        def store(buffer, row):
            rows, stored, key = buffer
            return rows.at[stored % capacity].set(row), stored + 1, key

        def learn(networks, buffer):
            rows, stored, key = buffer
            key, sampling = jax.random.split(key)
            picked = jax.random.randint(sampling, (B,), 0, jnp.minimum(stored, capacity))
            return self.update(networks, rows[picked]), (rows, stored, key)

        self.jitted_store = jax.jit(store, donate_argnums=0)
        self.jitted_learn = jax.jit(learn, donate_argnums=(0, 1))
        self.jitted_step = jax.jit(lambda n, b, row: learn(n, store(b, row)), donate_argnums=(0, 1))
        self.jitted_update = jax.jit(self.update, donate_argnums=0)
        self.jitted_act = jax.jit(self.mu)

    def update(self, networks, rows):
        O, A = self.config["observationSize"], self.config["actionSize"]
        s, a, r = rows[:, :O], rows[:, O : O + A], rows[:, O + A]
        s2, terminated = rows[:, O + A + 1 : 2 * O + A + 1], rows[:, -1]
        n = dict(networks)
        next_value = self.value(n["targetCritic"], s2, self.mu(n["targetActor"], s2))
        y = r + self.config["discount"] * (1 - terminated) * next_value

        critic_loss = lambda critic: jnp.mean((self.value(critic, s, a) - y) ** 2)
        gradient = jax.grad(critic_loss)(n["critic"])
        step, n["criticAdam"] = self.critic_adam.update(gradient, n["criticAdam"])
        n["critic"] = optax.apply_updates(n["critic"], step)
        gradient = jax.grad(lambda actor: -jnp.mean(self.value(n["critic"], s, self.mu(actor, s))))(n["actor"])
        step, n["actorAdam"] = self.actor_adam.update(gradient, n["actorAdam"])
        n["actor"] = optax.apply_updates(n["actor"], step)
        for target, learner in (("targetActor", "actor"), ("targetCritic", "critic")):
            n[target] = optax.incremental_update(n[learner], n[target], self.config["softUpdateRate"])
        return n

    def learn(self):
        self.networks_state, self.buffer = self.jitted_learn(self.networks_state, self.buffer)

    def remember(self, s, a, r, s2):
        self.buffer = self.jitted_store(self.buffer, np.array((*s, *a, r, *s2, 0), np.float32))

    def remember_and_learn(self, s, a, r, s2):
        row = np.array((*s, *a, r, *s2, 0), np.float32)
        self.networks_state, self.buffer = self.jitted_step(self.networks_state, self.buffer, row)

    def explore(self, s):
        action = self.jitted_act(self.networks_state["actor"], np.array(s, np.float32))
        return common.clipped_noise(np.asarray(action).tolist(), self.config["noiseScale"])

    def finish(self):
        jax.block_until_ready(self.networks_state)

    def load(self, networks):
        for name in common.NETWORKS:
            layers = [tuple(np.array(layer[part], np.float32) for part in ("weights", "biases")) for layer in networks[name]]
            self.networks_state[name] = copied(pack(layers)[0])

    def networks(self):
        return {
            name: [{"weights": weights, "biases": biases} for weights, biases in self.unpack[name](self.networks_state[name])]
            for name in common.NETWORKS
        }

    def update_on(self, batch):
        column = lambda values: np.array(values)[:, None]
        s, a, s2 = (np.array(batch[name]) for name in ("observation", "action", "nextObservation"))
        rows = np.concatenate([s, a, column(batch["reward"]), s2, column(batch["terminated"])], 1)
        self.networks_state = self.jitted_update(self.networks_state, rows.astype(np.float32))


if __name__ == "__main__":
    common.main(Agent, f"jax {jax.__version__}, optax {optax.__version__}, Python {platform.python_version()}")
