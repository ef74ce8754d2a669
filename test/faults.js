// The faults that `npm run test:faults` plants. Each `text` occurs exactly once in its file and is replaced by `fault`. `tests` are
// those that must notice it, where they are not the ones of the edited file or its floor.
export const faults = [
  {
    name: "soft update inverted",
    edits: [
      {
        file: "src/nn/parameters.ts",
        text: "online.values, options)",
        fault: "online.values, { rate: 1 - options.rate })",
      },
    ],
  },
  {
    name: "soft update inverted in the kernels",
    edits: [
      {
        file: "src/kernels/reference.ts",
        text: "target[p] += rate *",
        fault: "target[p] += (1 - rate) *",
      },
    ],
  },
  {
    name: "soft update skipped",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "this.#follow(this.targetCritics[j], this.critics[j]);",
        fault: ";",
      },
    ],
  },
  {
    name: "soft update of the actor skipped",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "this.#follow(this.targetActor, this.actor);",
        fault: "",
      },
    ],
  },
  {
    name: "only the first B rows sampled",
    edits: [
      {
        file: "src/ddpg/replay-buffer.ts",
        text: ": random.integer(size);",
        fault: ": row % (size + random.integer(1));",
      },
    ],
  },
  {
    name: "a full buffer replaces only its last row",
    edits: [
      {
        file: "src/ddpg/replay-buffer.ts",
        text: "const index = this.#stored % this.capacity;",
        fault: "const index = Math.min(this.#stored, this.capacity - 1);",
      },
    ],
  },
  {
    name: "targets not copied at the start: critic",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "target.parameters.copyFrom(this.critics[j].parameters);",
        fault: "void [target, j];",
      },
    ],
  },
  {
    name: "targets not copied at the start: actor",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "this.targetActor.parameters.copyFrom(this.actor.parameters);",
        fault: "",
      },
    ],
  },
  {
    name: "online critic in y",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "new Targets(settings, joint ?? this.targetCritics, this.targetNoiseRandom)",
        fault:
          'new Targets(settings, joint ?? this.critics.map((critic) => ({ nextHead: critic.head, nextValues: (rows: Minibatch, action: Policy["observation"]) => critic.values(rows.nextObservation, action) })), this.targetNoiseRandom)',
      },
    ],
  },
  {
    name: "online actor in y",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "this.targetActor.forward(nextObservation)",
        fault: "this.actor.forward(nextObservation)",
      },
    ],
  },
  {
    name: "terminal transitions bootstrapped",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "discount[i] * nextValue",
        fault: "(discount[i] || this.settings.discount) * nextValue",
      },
    ],
  },
  {
    name: "the actor's step also moves the critic",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "this.actor.ascend(this.critic.actionGradient());",
        fault: "this.actor.ascend(this.critic.actionGradient()); this.critic.descend();",
      },
    ],
  },
  {
    name: "policy gradient with the wrong sign",
    edits: [
      {
        file: "src/ddpg/actor.ts",
        text: "-actionGradient.at(i, j) / g.rows",
        fault: "actionGradient.at(i, j) / g.rows",
      },
    ],
  },
  {
    name: "missing mean over B: actor",
    edits: [
      {
        file: "src/ddpg/actor.ts",
        text: "-actionGradient.at(i, j) / g.rows",
        fault: "-actionGradient.at(i, j)",
      },
    ],
  },
  {
    name: "missing mean over B: critic",
    edits: [
      {
        file: "src/ddpg/critic-loss.ts",
        text: "(2 / B) * difference",
        fault: "2 * difference",
      },
    ],
  },
  {
    name: "actor never updated",
    edits: [{ file: "src/ddpg/actor.ts", text: 'this.descendFrom("actor");', fault: "" }],
  },
  {
    name: "observation not advanced",
    edits: [{ file: "src/ddpg/body.ts", text: "this.observation.set(observation);", fault: "void observation;" }],
  },
  {
    name: "next observation taken after the reset",
    edits: [
      {
        file: "src/ddpg/train.ts",
        text: "counter.store(body, where);",
        fault:
          "if (body.answer.terminated || body.answer.truncated) body.answer.observation.set(await environments[body.index].reset(body.environmentRandom)); counter.store(body, where);",
      },
    ],
  },
  {
    name: "truncated stored as terminated",
    edits: [
      {
        file: "src/ddpg/step-counter.ts",
        text: "reward, observation, terminated, index);",
        fault: "reward, observation, terminated || truncated, index);",
      },
    ],
  },
  {
    name: "noisy action not clipped",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "a[i] = Math.min(1, Math.max(-1, mu[i] + size * x[i]));",
        fault: "a[i] = mu[i] + size * x[i];",
      },
      {
        file: "src/ddpg/units.ts",
        text: "Math.min(this.highest[i], Math.max(this.lowest[i], low + ((action[i] + 1) / 2) * (high - low)))",
        fault: "low + ((action[i] + 1) / 2) * (high - low) + 0 * (this.lowest[i] + this.highest[i])",
      },
    ],
  },
  {
    name: "action scaled twice",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "return this.units.toEnvironment(a);",
        fault: "return this.units.toEnvironment(this.units.toEnvironment(a));",
      },
    ],
  },
  {
    name: "action not scaled to the environment's units",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "return this.units.toEnvironment(a);",
        fault: "return Float32Array.from(a);",
      },
    ],
  },
  {
    name: "action not scaled from the environment's units",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: 'this.units.fromEnvironment(this.#unitAction, action, "Ddpg.observe action");',
        fault: "this.#unitAction.set(action);",
      },
    ],
  },
  {
    name: "rounds of updates lose the steps between them",
    edits: [
      {
        file: "src/ddpg/update-schedule.ts",
        text: "counts.owed += Math.floor(",
        fault: "counts.owed = Math.floor(",
      },
    ],
  },
  {
    name: "an agent's file forgets the updates that are owed",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: "if (learning) agent.schedule.restore(learning);",
        fault: "void learning;",
      },
    ],
  },
  {
    name: "a round of updates starts before the episode's end",
    edits: [{ file: "src/ddpg/update-schedule.ts", text: "this.#every === 0 ? counts.episodeEnded :", fault: "" }],
  },
  {
    name: "noise not restarted",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "this.noises.get(body)?.restart();",
        fault: "",
      },
    ],
  },
  {
    name: "noise not restarted at an episode's end",
    edits: [
      {
        file: "src/ddpg/step-counter.ts",
        text: "if (terminated || truncated) this.#agent.endEpisode(index);",
        fault: "",
      },
    ],
  },
  {
    name: "Ornstein–Uhlenbeck noise keeps its state at a restart",
    edits: [
      {
        file: "src/ddpg/noise.ts",
        text: "this.#x.fill(0);",
        fault: "",
      },
    ],
  },
  {
    name: "Ornstein–Uhlenbeck noise without √Δt",
    edits: [
      {
        file: "src/ddpg/noise.ts",
        text: "sigma[i] * Math.sqrt(timeStep) * random.normal()",
        fault: "sigma[i] * timeStep * random.normal()",
      },
    ],
  },
  {
    name: "L2 on biases",
    edits: [
      {
        file: "src/nn/adam.ts",
        text: 'kind === "weights" ? options.weightDecay : 0',
        fault: 'kind !== "scale" ? options.weightDecay : 0',
      },
    ],
  },
  {
    name: "L2 missing",
    edits: [
      {
        file: "src/nn/adam.ts",
        text: 'kind === "weights" ? options.weightDecay : 0',
        fault: 'kind === "scale" ? options.weightDecay : 0',
      },
    ],
  },
  {
    name: "Adam without bias correction",
    edits: [
      {
        file: "src/nn/adam.ts",
        text: "learningRate / (1 - this.#beta1Power)",
        fault: "learningRate",
      },
    ],
  },
  {
    name: "running averages updated twice per update",
    edits: [
      {
        file: "src/ddpg/critic.ts",
        text: "return this.network.sideGradient();",
        fault: "this.network.updateStatistics(); return this.network.sideGradient();",
      },
    ],
  },
  {
    name: "target networks normalize with batch statistics",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "new Target(kernels, mu, batchSize)",
        fault: "new Target(kernels, mu, batchSize, true)",
      },
    ],
  },
  {
    name: "target networks never copy the normalization statistics",
    edits: [
      {
        file: "src/nn/parameters.ts",
        text: "this.#kernels.softUpdate(this.values, online.values, options);\n    this.#statisticValues.set(online.#statisticValues);",
        fault: "this.#kernels.softUpdate(this.values, online.values, options);",
      },
    ],
  },
  {
    name: "wrong derivative of tanh",
    edits: [
      {
        file: "src/kernels/reference.ts",
        text: "(1 - y.at(i, j) * y.at(i, j))",
        fault: "(1 - y.at(i, j))",
      },
    ],
  },
  {
    name: "wrong derivative of ReLU",
    edits: [
      {
        file: "src/kernels/reference.ts",
        text: "if (!(y.at(i, j) > 0)) g.set(i, j, 0);",
        fault: "if (!(y.at(i, j) > -1)) g.set(i, j, 0);",
      },
    ],
  },
  {
    name: "bias gradient missing",
    edits: [
      {
        file: "src/nn/dense.ts",
        text: "if (this.#biasGradient) this.#kernels.sumRows(this.#biasGradient.data, g);",
        fault: "void this.#biasGradient;",
      },
    ],
  },
  {
    name: "a minibatch's first row is not subtracted",
    edits: [{ file: "src/nn/batch-norm.ts", text: "        input = this.output;\n", fault: "" }],
  },
  {
    name: "running averages start with the weight of many minibatches",
    edits: [{ file: "src/nn/batch-norm.ts", text: "  #weight = 0;", fault: "  #weight = 100;" }],
  },
  {
    name: "the averages' weight is not saved",
    edits: [{ file: "src/nn/batch-norm.ts", text: "    this.#weight = weight;\n", fault: "" }],
  },
  {
    name: "what other kernels left is not cleared",
    edits: [
      {
        file: "src/kernels/raw-kernels.ts",
        text: "      new Float32Array(buffer, used, vectorBytes(length) / 4).fill(0);\n",
        fault: "",
      },
    ],
  },
  {
    name: "batch normalization gradient without the mean's term",
    edits: [
      {
        file: "src/kernels/reference.ts",
        text: "(shiftSum + normalized",
        fault: "(0 * shiftSum + normalized",
      },
    ],
  },
  {
    name: "wrong derivative of tanh in WebAssembly",
    edits: [
      {
        file: "src/kernels/wasm/assembly/index.ts",
        text: "f32x4.sub(ONE, f32x4.mul(t, t))));\n    }\n  }\n}\n\n/** `columns`",
        fault: "f32x4.sub(ONE, t)));\n    }\n  }\n}\n\n/** `columns`",
      },
    ],
  },
  {
    name: "wrong derivative of ReLU in WebAssembly",
    edits: [
      {
        file: "src/kernels/wasm/assembly/index.ts",
        text: "v128.and(v128.load(g + p), f32x4.gt(v128.load(y + p), ZERO))",
        fault: "v128.and(v128.load(g + p), f32x4.ge(v128.load(y + p), ZERO))",
      },
    ],
  },
  {
    name: "rewards not scaled",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "reward * this.settings.rewardScale;",
        fault: "reward;",
      },
    ],
  },
  {
    name: "annealing never applied",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "const size = annealing(this.settings, stepsOfNoise);",
        fault: "const size = annealing(this.settings, 0 * stepsOfNoise);",
      },
    ],
  },
  {
    name: "annealing counts the warm-up",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "const size = annealing(this.settings, stepsOfNoise);",
        fault: "const size = annealing(this.settings, this.replayBuffer.stored);",
      },
    ],
  },
  {
    name: "Ornstein–Uhlenbeck noise with θ and σ swapped",
    edits: [
      {
        file: "src/ddpg/noise.ts",
        text: "const process = { theta, mean, sigma: scale, timeStep: settings.noiseTimeStep };",
        fault: "const process = { theta: scale, mean, sigma: theta, timeStep: settings.noiseTimeStep };",
      },
    ],
  },
  {
    name: "non-finite gradients not detected",
    edits: [{ file: "src/nn/adam.ts", text: "if (!(step.squares < 3e38))", fault: "if (step.squares < 0)" }],
  },
  {
    name: "NaN in the actor's loss not detected",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "if (!Number.isFinite(this.diagnostics.actorLoss))",
        fault: "if (this.diagnostics.actorLoss === Infinity)",
      },
    ],
  },
  {
    name: "all bodies share one noise process",
    edits: [{ file: "src/ddpg/ddpg.ts", text: "JSON.stringify(body)", fault: "0" }],
  },
  {
    name: "value computed with the target critic",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "new Network(kernels, q, this.critic.parameters, 1, false)",
        fault: "new Network(kernels, q, this.targetCritic.parameters, 1, false)",
      },
    ],
  },
  {
    name: "gradient norm without the square root",
    edits: [
      {
        file: "src/nn/adam.ts",
        text: "norm ?? Math.sqrt(squares);",
        fault: "norm ?? squares;",
      },
    ],
  },
  {
    name: "mean value negated",
    edits: [
      {
        file: "src/ddpg/diagnostics.ts",
        text: "this.meanValue += sum / head.values.length",
        fault: "this.meanValue -= sum / head.values.length",
      },
    ],
  },
  {
    name: "scale monitor sees unscaled observations",
    edits: [
      { file: "src/ddpg/watchdog.ts", text: "this.monitor.add(this.#scaled,", fault: "this.monitor.add(observation," },
    ],
  },
  {
    name: "threads: every piece starts at the first one's address",
    edits: [
      { file: "src/kernels/wasm/pieces.ts", text: "call[move[0]] + start *", fault: "call[move[0]] + 0 * start *" },
    ],
  },
  {
    name: "threads: the last piece is not cut to the remaining size",
    edits: [
      {
        file: "src/kernels/wasm/pieces.ts",
        text: "Math.min(call[along], unit * Math.floor((units * (piece + 1)) / pieces))",
        fault: "unit * Math.floor((units * (piece + 1)) / pieces)",
      },
    ],
  },
  {
    name: "threads: every piece writes its sums of squares to the first one's address",
    edits: [
      {
        file: "src/kernels/wasm/pieces.ts",
        text: "adamSumBytes / adamChunkBytes]",
        fault: "(0 * adamSumBytes) / adamChunkBytes]",
      },
    ],
  },
  {
    name: "threads: the caller does not wait for helpers",
    edits: [
      {
        file: "src/kernels/wasm/threads.ts",
        text: "this.#waitFor(pieces - own);",
        fault: "if (pieces < own) this.#waitFor(pieces - own);",
      },
    ],
  },
  {
    name: "threads: a helper takes the first piece, which belongs to the caller",
    edits: [
      {
        file: "src/kernels/wasm/threads.ts",
        text: "this.#publish(memory, cut, pieces, 1);",
        fault: "this.#publish(memory, cut, pieces, 0);",
      },
    ],
  },
  {
    name: "threads: the sum of squares is not computed in chunks",
    edits: [
      {
        file: "src/kernels/wasm/assembly/index.ts",
        text: "const CHUNK: usize = 4 * 4096;",
        fault: "const CHUNK: usize = 4 * 1048576;",
      },
    ],
  },
  {
    name: "MuJoCo: the warm start is not restored",
    edits: [
      {
        file: "src/envs/mujoco/engine.ts",
        text: "this.#mujoco.mj_setState(this.#model, this.#data, state.subarray(0, length), this.#allState);",
        fault: `const begin = 1 + this.qpos.length + this.qvel.length;
    const cold = state.map((x, i) => (i >= begin && i < begin + this.qvel.length ? 0 : x));
    this.#mujoco.mj_setState(this.#model, this.#data, cold.subarray(0, length), this.#allState);`,
      },
    ],
  },
  {
    name: "MuJoCo: the lagging position is taken from the restored state",
    edits: [
      {
        file: "src/envs/mujoco/mujoco-environment.ts",
        text: "this.#position = state[0];",
        fault: "this.#position = state[2];",
      },
    ],
  },
  {
    name: "MuJoCo: an automatic reset of the simulation is not detected",
    edits: [
      {
        file: "src/envs/mujoco/engine.ts",
        text: "const wasReset = data.time < before + (steps * this.timestep) / 2;",
        fault: "const wasReset = data.time < 0;",
      },
    ],
  },
  {
    name: "module: products are not rounded before they are added",
    edits: [
      {
        file: "src/export/module.ts",
        text: "out[j] = out[j] + rounded(x * weights[k]);",
        fault: "out[j] = out[j] + x * weights[k];",
      },
    ],
  },
  {
    name: "ONNX: the shift of the normalized observation is left out",
    edits: [
      {
        file: "src/export/onnx.ts",
        text: "denseWithShift(layer, shift)",
        fault: "denseWithShift(layer, shift && null)",
      },
    ],
  },
  {
    name: "events: the checksum of the length is not masked",
    edits: [
      {
        file: "src/training/tensorboard.ts",
        text: "masked(crc32c(bytes.subarray(0, 8)))",
        fault: "crc32c(bytes.subarray(0, 8))",
      },
    ],
  },
  {
    name: "a loaded agent's noise restarts",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: "this.#restoreNoises((body, generation) => agent.noise(body, generation));",
        fault: "",
      },
    ],
  },
  {
    name: "a loaded agent's Adam restarts its bias correction",
    edits: [{ file: "src/nn/adam.ts", text: "= [power1, power2, steps];", fault: "= [1, 1, steps];" }],
  },
  {
    name: "a file's checksum is read but not compared",
    edits: [
      {
        file: "src/base/safetensors.ts",
        text: "digits(crc) === written",
        fault: "digits(crc).length === written.length",
      },
    ],
  },
  {
    name: "run: an equal return replaces the best policy",
    edits: [
      {
        file: "src/training/run-loop.ts",
        text: "meanReturn > this.#best.evaluation.meanReturn",
        fault: "meanReturn >= this.#best.evaluation.meanReturn",
      },
    ],
  },
  {
    name: "run: a resumed run forgets its sums of diagnostics",
    edits: [{ file: "src/training/run-loop.ts", text: "this.#means.restore(saved.means);", fault: "" }],
  },
  {
    name: "run: evaluation time counts as training time",
    edits: [
      {
        file: "src/training/run-loop.ts",
        text: "    this.#stopwatch.stop();\n    const step = this.#step;",
        fault: "    const step = this.#step;",
      },
    ],
  },
  {
    name: "run: an abandoned step keeps its episode",
    edits: [{ file: "src/training/run-loop.ts", text: "this.#agent.loop?.leave();", fault: "" }],
  },
  {
    name: "run: an earlier evaluation's return stops the run",
    edits: [
      {
        file: "src/training/run-loop.ts",
        text: "this.#evaluation?.step !== this.#step) return undefined;",
        fault: "!this.#evaluation) return undefined;",
      },
    ],
  },
  {
    name: "signals: a step in progress gets no time to finish",
    edits: [{ file: "src/cli/run/stop-signals.ts", text: "if (isStepping())", fault: "if (!isStepping)" }],
  },
  {
    name: "an evaluation on the environment of training does not put it back",
    edits: [
      {
        file: "src/ddpg/body.ts",
        text: "if (this.environment && state) restoreState(this.environment, state, this.name);",
        fault: "",
      },
    ],
  },
  {
    name: "an environment that is trained on is never registered",
    edits: [
      { file: "src/ddpg/body.ts", text: "occupy(environment, this.bodies[i], names[i]);", fault: "void occupy;" },
    ],
  },
  {
    name: "an agent is saved while a step is under way",
    edits: [
      { file: "src/ddpg/agent-state.ts", text: "if (loop?.isWaiting) {", fault: "if (loop?.isWaiting && !loop) {" },
    ],
  },
  {
    name: "the answer of a step that was given up is stored",
    edits: [
      {
        file: "src/ddpg/body.ts",
        text: "if (!this.isWaiting) throw new EnvironmentError",
        fault: "if (this.step < 0) throw new EnvironmentError",
      },
    ],
  },
  {
    name: "another loop counts its steps from 1",
    edits: [
      {
        file: "src/ddpg/train.ts",
        text: "agent.loop ?? new Loop",
        fault: "(agent.loop?.bodies[0].environment ? null : agent.loop) ?? new Loop",
      },
    ],
  },
  {
    name: "a forgotten body's id gets the same noise again",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "noise(body: BodyId, generation = this.#forgotten): Noise {",
        fault: "noise(body: BodyId, generation = 0): Noise {",
      },
    ],
  },
  {
    name: "what cannot be loaded is saved",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: "expectLoadable(contents, where);\n  return",
        fault: "void expectLoadable;\n  return",
      },
    ],
  },
  {
    name: "run: an evaluation on the one environment does not wait for the episode's end",
    edits: [
      {
        file: "src/training/run-loop.ts",
        text: "if (this.#step < this.#plan.steps && !isSeveral) return false;",
        fault: "",
      },
    ],
  },
  {
    name: "run: an evaluation that waited is forgotten",
    edits: [
      {
        file: "src/training/run-loop.ts",
        text: "Math.floor(this.#step / evaluation.every) > Math.floor(last / evaluation.every)",
        fault: "this.#step % evaluation.every === 0 && last < this.#step",
      },
    ],
  },
  {
    name: "run: the last policy is evaluated twice, once as the best",
    edits: [
      {
        file: "src/training/run-loop.ts",
        text: "evaluate(policy, evaluationEnvironment, options)",
        fault: "evaluateAgent(this.#agent, evaluationEnvironment, (void policy, void evaluate, options))",
      },
    ],
  },
  {
    name: "an evaluation does not compare the environment's bounds",
    edits: [
      {
        file: "src/training/evaluate.ts",
        text: 'if ("units" in policy && policy.units instanceof Units) policy.units.expectSame(environment, name);',
        fault: "void Units;",
      },
    ],
  },
  {
    name: "bounds with two Float32 numbers between them give no warning",
    edits: [
      {
        file: "src/environment/check-environment.ts",
        text: "if (values >= fewValues) return [];",
        fault: "if (values >= 2) return [];",
      },
    ],
  },
  {
    name: "threads: the memory of collected agents is not used again",
    edits: [
      {
        file: "src/kernels/wasm/memories.ts",
        text: "return { buffer, start, end, release: () => this.#ranges.add(start, end) };",
        fault: "return { buffer, start, end, release() {} };",
      },
    ],
  },
  {
    name: "small kernels have a memory each",
    edits: [
      {
        file: "src/kernels/wasm/memories.ts",
        text: "export const maxPooledBytes = 2 * 1024 * 1024;",
        fault: "export const maxPooledBytes = 0;",
      },
    ],
  },
  {
    name: "a thinned sequence never joins its items",
    edits: [
      {
        file: "src/training/thinned.ts",
        text: "if (this.#complete.length === this.#most) {",
        fault: "if (this.#complete.length === 4 * this.#most) {",
      },
    ],
  },
  {
    name: "an evaluation ignores the environment's own limit",
    edits: [
      {
        file: "src/training/evaluate.ts",
        text: "environment.maxEpisodeSteps ?? defaultMaxEpisodeSteps",
        fault: "defaultMaxEpisodeSteps",
      },
    ],
  },
  {
    name: "a task without an end is reported late",
    edits: [
      {
        file: "src/environment/check-environment.ts",
        text: "steps < stepsWithoutEnd) return;",
        fault: "steps < 100 * stepsWithoutEnd) return;",
      },
    ],
  },
  {
    name: "a promise of bytes is not awaited",
    edits: [
      {
        file: "src/base/bytes.ts",
        text: "const given: unknown = await source;",
        fault: "const given: unknown = source;",
      },
    ],
  },
  {
    name: "a view of bytes loses its offset",
    edits: [
      {
        file: "src/base/bytes.ts",
        text: "new Uint8Array(given.buffer, given.byteOffset, given.byteLength)",
        fault: "new Uint8Array(given.buffer)",
      },
    ],
  },
  {
    name: "a timeout beyond the longest timer fires at once",
    edits: [
      {
        file: "src/environment/environment-calls.ts",
        text: "timeoutMs === undefined || timeoutMs > maxTimerMs",
        fault: "timeoutMs === undefined || timeoutMs > 1e6 * maxTimerMs",
      },
    ],
  },
  {
    name: "a timeout of 0 is accepted",
    edits: [
      {
        file: "src/environment/environment-calls.ts",
        text: "Number.isFinite(timeoutMs) && timeoutMs > 0",
        fault: "Number.isFinite(timeoutMs) && timeoutMs >= 0",
      },
    ],
  },
  {
    name: "a slow final evaluation has more episodes than there is time for",
    edits: [
      {
        file: "src/cli/run/final-evaluation.ts",
        text: "n <= most && n < finalEpisodes",
        fault: "n >= most && n < finalEpisodes",
      },
    ],
  },
  {
    name: "the field's name for a setting is unknown",
    edits: [
      { file: "src/ddpg/other-names.ts", text: 'discount: "gamma discountfactor', fault: 'discount: "discountfactor' },
    ],
  },
  {
    name: "info of an episode counts in later ones too",
    edits: [
      {
        file: "src/environment/episode-info.ts",
        text: "const info = Object.fromEntries(this.#values);\n    this.clear();",
        fault: "const info = Object.fromEntries(this.#values);",
      },
    ],
  },
  {
    name: "few seeds have another statistic",
    edits: [
      {
        file: "src/training/aggregate.ts",
        text: "const value = interquartileMean(values);",
        fault: "const value = seeds < minSeedsForInterval ? mean(values) : interquartileMean(values);",
      },
    ],
  },
  {
    name: "a table's text may be a formula",
    edits: [{ file: "src/cli/report/report-data.ts", text: "test(plain) ?", fault: "test(plain) && !plain ?" }],
  },
  {
    name: "a message as long as the text that it quotes",
    edits: [
      {
        file: "src/base/expect.ts",
        text: "if (text.length <= length) return text;",
        fault: "if (length) return text;",
      },
    ],
  },
  {
    name: "whatever is no regular file is opened",
    edits: [
      { file: "src/node/files.ts", text: "if (!status.isFile()) throw", fault: "if (status.isDirectory()) throw" },
    ],
  },
  {
    name: "a file of text of any size is read",
    edits: [{ file: "src/node/files.ts", text: "if (size > maxBytes) throw", fault: "if (maxBytes < 0) throw" }],
  },
  {
    name: "a safetensors file is read without a look at its header",
    edits: [
      {
        file: "src/node/files.ts",
        text: "const { start, end } = readSafetensorsHeader(descriptor, where);",
        fault: "const { start, end } = { ...readSafetensorsHeader, start: 0, end: size };",
      },
    ],
  },
  {
    name: "output that cannot be written is no failure",
    edits: [{ file: "src/cli/terminal/output.ts", text: "this.#hasFailed = true;", fault: "this.#hasFailed = false;" }],
  },
  {
    name: "a terminal obeys the control characters of a line",
    edits: [
      {
        file: "src/cli/terminal/output.ts",
        text: "printable(withoutSecrets(line))",
        fault: '[withoutSecrets(line), printable("")][0]',
      },
    ],
  },
  {
    name: "the exit code of an environment that ends the process is believed",
    edits: [
      {
        file: "src/cli/terminal/exit.ts",
        text: 'planned = explain(hasRunDry ? "dry" : code);',
        fault: "planned = hasRunDry ? explain(code) : code;",
      },
    ],
  },
  {
    name: "a check keeps all that it observes",
    edits: [
      {
        file: "src/environment/moments.ts",
        text: "const isKept = this.#kept + observation.length <= maxKept;",
        fault: "const isKept = observation.length <= maxKept;",
      },
    ],
  },
  {
    name: "a check compares only what it keeps",
    edits: [
      {
        file: "src/environment/moments.ts",
        text: "if (wanted.observation !== hashOf(observation)) {",
        fault: "if (wanted.observation !== hashOf(observation) && observation.length === 0) {",
      },
    ],
  },
  {
    name: "a number that is too large only after scaling is no error of the environment",
    edits: [
      {
        file: "src/ddpg/step-counter.ts",
        text: "if (!(error instanceof InputError && method.test(error.where))) return error;",
        fault: 'if (!(error instanceof InputError && method.test(error.where) && error.where === "")) return error;',
      },
    ],
  },
  {
    name: "a check uses an environment that a loop is using",
    edits: [
      {
        file: "src/environment/environments-in-use.ts",
        text: "  expectFree(key, name);\n  users.set(key, null);",
        fault: '  if (name !== "" && !users.has(key)) users.set(key, null);',
      },
    ],
  },
  {
    name: "stored rows are loaded whatever they hold",
    edits: [
      {
        file: "src/ddpg/replay-buffer.ts",
        text: "if (!isGood(block[p])) fail(",
        fault: "if (!isGood(block[p]) && size < 0) fail(",
      },
    ],
  },
  {
    name: "a second moment below 0 is loaded",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: 'const min = which === "v" ? 0 : -Infinity;',
        fault: "const min = -Infinity;",
      },
    ],
  },
  {
    name: "a seed is read as Number reads it",
    edits: [
      {
        file: "src/ddpg/tensors.ts",
        text: "String(value) === text;",
        fault: "text !== undefined;",
      },
    ],
  },
  {
    name: "the counters of Adam and of the agent differ",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: "expect(isCounted, ",
        fault: "expect(isCounted || updates > 0, ",
      },
    ],
  },
  {
    name: "a name twice in a header",
    edits: [
      {
        file: "src/base/json.ts",
        text: 'if (name === "__proto__" || names?.has(name)) {',
        fault: 'if (name === "__proto__") {',
      },
    ],
  },
  {
    name: "tensors of a file share bytes",
    edits: [
      {
        file: "src/base/safetensors.ts",
        text: "expect(entry.start === end, field,",
        fault: "expect(entry.start <= end, field,",
      },
    ],
  },
  {
    name: "watch: a line end in a file begins an event",
    edits: [
      {
        file: "src/cli/watch/watch-server.ts",
        text: "const text = JSON.stringify(data).replace(",
        fault: 'const text = (typeof data === "string" ? data : JSON.stringify(data)).replace(',
      },
    ],
  },
  {
    name: "watch: every request of a connection opens its file at once",
    edits: [
      {
        file: "src/cli/watch/watch-server.ts",
        text: "if (response.socket) answer(",
        fault: "if (response.socket || request) answer(",
      },
    ],
  },
  {
    name: "watch: a client that does not read keeps its connection",
    edits: [
      {
        file: "src/cli/watch/watch-server.ts",
        text: "server.timeout = times.stallMs;",
        fault: "server.timeout = 1e6 * times.stallMs;",
      },
    ],
  },
  {
    name: "run: another seed, task or evaluation in config.json than in the checkpoint is believed",
    edits: [
      {
        file: "src/node/same-run.ts",
        text: "if (JSON.stringify(own[field]) === JSON.stringify(value)) continue;",
        fault: "if (field in own) continue;",
      },
    ],
  },
  {
    name: "run: a module instead of a task in config.json is believed",
    edits: [
      {
        file: "src/node/same-run.ts",
        text: "(own === undefined) !== (other === undefined)",
        fault: "own === undefined && other !== undefined",
      },
    ],
  },
  {
    name: "run: no episodes at the end are noticed only there",
    edits: [
      {
        file: "src/node/run-files.ts",
        text: 'finalEpisodes: "a whole number above 0"',
        fault: 'finalEpisodes: "a whole number"',
      },
    ],
  },
  {
    name: "run: a module that has changed is loaded unasked",
    edits: [
      { file: "src/node/trusted-file.ts", text: "if (now === sha256) return;", fault: "if (now.length > 0) return;" },
    ],
  },
  {
    name: "run: a link leads out of the current folder",
    edits: [
      { file: "src/node/trusted-file.ts", text: "() => fs.realpathSync(file)", fault: "() => path.resolve(file)" },
    ],
  },
  {
    name: "run: a folder whose name begins like the current one counts as inside",
    edits: [
      {
        file: "src/node/trusted-file.ts",
        text: 'return below !== ".." &&',
        fault: 'return file.startsWith(folder) || below !== ".." &&',
      },
    ],
  },
  {
    name: "run: the name of an environment is loaded as the path of a module",
    edits: [
      {
        file: "src/cli/environment/environments.ts",
        text: "expect(Object.hasOwn(environments, environment), where,",
        fault: "expect(environment !== undefined, where,",
      },
    ],
  },
  {
    name: "a lock that is not valid counts as none",
    edits: [
      {
        file: "src/node/lock.ts",
        text: 'if (!holder) return taken("one whose lock is not valid"',
        fault:
          'if (!holder) return { kind: "stale", look };\n  if (!holder) return taken("one whose lock is not valid"',
      },
    ],
  },
  {
    name: "a process of another PID namespace is looked up by its id",
    edits: [
      {
        file: "src/node/lock.ts",
        text: "(space === null || space !== processSpace())",
        fault: "space === processSpace.name",
      },
    ],
  },
  {
    name: "the owner does not verify its lock",
    edits: [{ file: "src/node/run-directory.ts", text: "this.#lock.verify();\n      action", fault: "action" }],
  },
  {
    name: "a lock does not beat",
    edits: [{ file: "src/node/lock.ts", text: "fs.futimesSync(descriptor, time, time);", fault: "" }],
  },
  {
    name: "a directory with records of training counts as unstarted",
    edits: [
      {
        file: "src/node/run-directory.ts",
        text: "every(({ step }) => step === 0)",
        fault: "every(({ step }) => step >= 0)",
      },
    ],
  },
  {
    name: "fused: the reference rounds twice",
    edits: [
      {
        file: "src/kernels/reference.ts",
        text: 'arithmetic === "fused" ? fusedMultiplyAdd',
        fault: 'String(arithmetic) === "" ? fusedMultiplyAdd',
      },
    ],
  },
  {
    name: "fused: the exact step rounds to Float64 first",
    edits: [
      {
        file: "src/base/fused.ts",
        text: "if (rest > 0 || rest < 0) {",
        fault: "if (rest > Infinity) {",
      },
    ],
  },
  {
    name: "fused: the probe always says yes",
    edits: [
      {
        file: "src/kernels/wasm/fuse.ts",
        text: "numbers[(c + i * stride) / 4 + j] !== sum",
        fault: "numbers[(c + i * stride) / 4 + j] > sum",
      },
    ],
  },
  {
    name: "fused: other kernels fuse too",
    edits: [
      {
        file: "src/kernels/wasm/fuse.ts",
        text: "\\xfd\\xe4\\x01\\x21\\2/gs",
        fault: "\\xfd\\xe4\\x01/gs",
      },
    ],
    // It counts the steps that are changed in a module.
    tests: ["node/fused"],
  },
  {
    name: "fused: a loaded agent is portable",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "const { arithmetic = saved.arithmetic } = options;",
        fault: 'const { arithmetic = "portable" } = options;',
      },
    ],
  },
  {
    name: "native: kernels with any results are taken",
    edits: [
      {
        file: "src/node/native-check.ts",
        text: "if (hash !== expected[kernels.arithmetic][part]) return part;",
        fault: "if (hash !== expected[kernels.arithmetic][part]) continue;",
      },
    ],
  },
  {
    name: "threads: one busy moment decides",
    edits: [
      {
        file: "src/kernels/wasm/threads.ts",
        text: "for (let more = 2; more > 0",
        fault: "for (let more = 0; more > 0",
      },
    ],
  },
  {
    name: "fused: portable by default",
    edits: [
      {
        file: "src/kernels/choose-backend.ts",
        text: "arithmetic === undefined && isArithmeticOpen(given)",
        fault: "arithmetic === undefined && !isArithmeticOpen(given)",
      },
    ],
  },
  {
    name: "module: a fused sum that is halfway is rounded twice",
    edits: [
      {
        file: "src/export/module.ts",
        text: "else out[j] = step(x, weights[k], out[j]);",
        fault: "else out[j] = total;",
      },
    ],
  },
  {
    name: "running normalization moves during evaluation",
    edits: [
      {
        file: "src/ddpg/policy.ts",
        text: "    this.normalization?.apply(this.observation.data);",
        fault:
          "    this.normalization?.add(this.observation.data);\n    this.normalization?.apply(this.observation.data);",
      },
    ],
  },
  {
    name: "layer normalization without ε",
    edits: [
      {
        file: "src/nn/layer-norm.ts",
        text: "this.#options = { epsilon };",
        fault: "this.#options = { epsilon: 0 * epsilon };",
      },
    ],
  },
  {
    name: "layer normalization of a module: the corrected variance",
    edits: [
      {
        file: "src/export/module.ts",
        text: "distance * distance)) / size)",
        fault: "distance * distance)) / (size - 1))",
      },
    ],
  },
  {
    name: "layer normalization: the gradient without the scale",
    edits: [
      {
        file: "src/kernels/reference.ts",
        text: "round(scale[j] * g.at(i, j));",
        fault: "round(scale[0] * g.at(i, j));",
      },
    ],
  },
  {
    name: "the return that rewards are normalized by continues after a cut",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "    this.noises.get(body)?.restart();\n    this.rewardNormalization?.endEpisode(body);",
        fault: "    this.noises.get(body)?.restart();",
      },
    ],
  },
  {
    name: "the return that rewards are normalized by continues after the task ended",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "    if (terminated) this.rewardNormalization?.endEpisode(body);\n",
        fault: "",
      },
    ],
  },
  {
    name: "running statistics of observations are not restored in an agent",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: '    agent.observationNormalization?.restore(this.#numbers("observationNormalization"));\n',
        fault: "",
      },
    ],
  },
  {
    name: "running statistics of rewards are not restored",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: "    if (agent.rewardNormalization) this.#restoreRewards(agent.rewardNormalization);\n",
        fault: "",
      },
    ],
  },
  {
    name: "a module without the frozen statistics",
    edits: [
      {
        file: "src/export/module.ts",
        text: '  if (normalization) layers.unshift("normalize");\n',
        fault: "",
      },
    ],
  },
  {
    name: "ONNX without the frozen statistics",
    edits: [
      {
        file: "src/export/onnx.ts",
        text: "const shift = foldIntoScaling(statistics, units.scale, units.offset);",
        fault: "const shift = statistics.scale.map(() => 0);",
      },
    ],
  },
  {
    name: "sampled rows are not normalized",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "    this.#normalizeMinibatch();\n  ",
        fault: "    if (this.#updates < 0) this.#normalizeMinibatch();\n  ",
      },
    ],
  },
  {
    name: "two critics: the mean of their targets instead of the minimum",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "nextValue[i] = values[i];",
        fault: "nextValue[i] = j > 0 ? (nextValue[i] + values[i]) / 2 : values[i];",
      },
    ],
  },
  {
    name: "two critics: the minimum is chosen per critic, not row by row",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "if (j > 0 && (values[i] >= nextValue[i]",
        fault: "if (j > 0 && (values[0] >= nextValue[0]",
      },
    ],
  },
  {
    name: "two critics: the actor ascends the second",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "this.critic.values(observation, policyAction)",
        fault: "this.critics[this.critics.length - 1].values(observation, policyAction)",
      },
    ],
  },
  {
    name: "two critics: an error of the second says critic",
    edits: [
      {
        file: "src/ddpg/critic.ts",
        text: "this.descendFrom(this.#name);",
        fault: 'this.descendFrom(this.#name && "critic");',
      },
    ],
  },
  {
    name: "two critics: both start equal",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "random.fork(name));",
        fault: 'random.fork(name && "critic"));',
      },
    ],
  },
  {
    name: "delay off by one",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "(this.#updates + 1) % this.settings.actorDelay",
        fault: "this.#updates % this.settings.actorDelay",
      },
    ],
  },
  {
    name: "delay: the actor's diagnostics are not saved",
    edits: [
      {
        file: "src/ddpg/diagnostics.ts",
        text: "[this.actorLoss, this.actorGradientNorm] = state;",
        fault: "[this.actorLoss] = state;",
      },
    ],
  },
  {
    name: "noise of the target's action not clipped",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "Math.min(clip, Math.max(-clip, scale * this.#random.normal()))",
        fault: "scale * this.#random.normal() + 0 * clip",
      },
    ],
  },
  {
    name: "smoothed target action leaves the bounds",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "Math.min(1, Math.max(-1, action.at(i, j) + noise))",
        fault: "action.at(i, j) + noise",
      },
    ],
  },
  {
    name: "the stream of the target's noise is not saved",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: "targetNoiseRandom: targetNoiseScale === 0,",
        fault: "targetNoiseRandom: targetNoiseScale >= 0,",
      },
    ],
  },
  {
    name: "projection off by an atom",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "distribution[to + below + 1] += above;",
        fault: "distribution[to + below] += above;",
      },
    ],
  },
  {
    name: "projection: returns are not clipped to the support",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "Math.min(K - 1, Math.max(0, first + gamma * k))",
        fault: "first + gamma * k",
      },
    ],
  },
  {
    name: "categorical: the actor follows the logits instead of the value",
    edits: [
      {
        file: "src/ddpg/critic-loss.ts",
        text: "p[row + k] * (atoms[k] - value);",
        fault: "p[row + k] * (atoms[k] - 0 * value);",
      },
    ],
  },
  {
    name: "Huber: the slope is not limited",
    edits: [
      {
        file: "src/ddpg/critic-loss.ts",
        text: "Math.min(1, Math.max(-1, difference))",
        fault: "difference",
      },
    ],
  },
  {
    name: "weights of the rows are ignored",
    edits: [
      {
        file: "src/ddpg/critic-loss.ts",
        text: "weight[i] * ((2 / B) * difference)",
        fault: "(2 / B) * difference",
      },
    ],
  },
  {
    name: "clipping by each tensor's own norm",
    edits: [
      {
        file: "src/nn/adam.ts",
        text: "if (factor < 1 && norm < Infinity) for (let p = 0; p < gradients.length; p++) gradients[p] *= factor;",
        fault:
          "for (const { gradients: g } of this.#tensors) { let s = 0; for (let p = 0; p < g.length; p++) s += g[p] * g[p]; const f = this.#maxGradientNorm / Math.sqrt(s); if (f < 1 && factor < 1 && norm < Infinity) for (let p = 0; p < g.length; p++) g[p] *= f; }",
      },
    ],
  },
  {
    name: "decoupled decay applied to biases",
    edits: [
      {
        file: "src/nn/adam.ts",
        text: 'this.#decay.rate > 0 && kind === "weights"',
        fault: 'this.#decay.rate > 0 && kind !== "scale"',
      },
    ],
  },
  {
    name: "pre-activation penalty: the sum instead of the mean",
    edits: [
      {
        file: "src/nn/activation.ts",
        text: "(2 * this.#factor) / (rows * columns)",
        fault: "2 * this.#factor",
      },
    ],
  },
  {
    name: "a support that is too small is not reported",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "if (Math.abs(y[i]) > support) this.clippedRows++;",
        fault: "if (Math.abs(y[i]) > 2 * support) this.clippedRows++;",
      },
    ],
  },
  {
    name: "returns: a row that a cut shortens counts the full power of the discount",
    edits: [
      {
        file: "src/ddpg/step-returns.ts",
        text: "this.#store(rows, next, k);",
        fault: "this.#store(rows, next, this.#steps);",
      },
    ],
  },
  {
    name: "environments: transitions are stored in the order in which promises settle",
    edits: [
      {
        file: "src/ddpg/train.ts",
        text: "return given.then((step) => take(answer, step));",
        fault:
          "return given.then((step) => { take(answer, step); const list = bodies as Body[]; list.push(...list.splice(list.findIndex((each) => each.index === index), 1)); });",
      },
    ],
  },
  {
    name: "environments: random streams not by the place",
    edits: [
      {
        file: "src/ddpg/body.ts",
        text: "? random : random.fork(",
        fault: '? random : random.fork("body") ?? random.fork(',
      },
    ],
  },
  {
    name: "priorities: never updated",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "if (errors) this.replayBuffer.prioritize(errors);",
        fault: "",
      },
    ],
  },
  {
    name: "priorities: weights not normalized",
    edits: [
      {
        file: "src/ddpg/priorities.ts",
        text: "log(this.#tree.at(rows[i]) / least)",
        fault: "log(this.#tree.at(rows[i]))",
      },
    ],
  },
  {
    name: "priorities: no room made before a step is stored",
    edits: [
      {
        file: "src/ddpg/replay-buffer.ts",
        text: "this.#makeRoomForPriorities(end);",
        fault: "",
      },
    ],
  },
  {
    name: "priorities: a tree that cannot grow says that it did",
    edits: [
      {
        file: "src/ddpg/sum-tree.ts",
        text: "const nodes = new Float64Array(2 * size);",
        fault: "this.#size = size; const nodes = new Float64Array(2 * size);",
      },
    ],
  },
  {
    name: "rows that wait in a file: no room made for them",
    edits: [
      {
        file: "src/ddpg/step-returns.ts",
        text: "this.#buffer.makeRoom(this.#waiting);",
        fault: "",
      },
    ],
  },
  {
    name: "dead actor: updates that do not move it are counted",
    edits: [
      {
        file: "src/ddpg/watchdog.ts",
        text: "const actorUpdates = Math.floor(agent.updates / actorDelay);",
        fault: "const actorUpdates = Math.floor(agent.updates);",
      },
    ],
  },
  {
    name: "a policy that is loaded without its arithmetic loses it",
    edits: [
      {
        file: "src/ddpg/policy.ts",
        text: "this.arithmetic = arithmetic ?? kernels.arithmetic;",
        fault: "this.arithmetic = arithmetic ? kernels.arithmetic : kernels.arithmetic;",
      },
    ],
    // It has a policy in fused arithmetic where there is none.
    tests: ["node/fused"],
  },
  {
    name: "portable arithmetic opens again with threads",
    edits: [
      {
        file: "src/kernels/choose-backend.ts",
        text: "isArithmeticOpen(backend) ? closed(backend) : backend;",
        fault: "isArithmeticOpen(backend) ? (closed(backend), { ...backend }) : backend;",
      },
    ],
  },
  {
    name: "a loaded agent takes the perturbations of a body from another stream",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: "noiseOf(body, generations?.[i] ?? 0)",
        fault: "noiseOf(body, generations ? 0 : 0)",
      },
    ],
  },
  {
    name: "environments: answers after the end of a loop are taken",
    edits: [{ file: "src/ddpg/train.ts", text: "for (const calls of callsOf) calls.abandon();", fault: "" }],
  },
  {
    name: "environments: the policy of a round is copied only after updates",
    edits: [{ file: "src/ddpg/ddpg.ts", text: "return this.#updates + this.#starts;", fault: "return this.#updates;" }],
  },
  {
    name: "fused: no probe",
    edits: [
      {
        file: "src/kernels/wasm/modules.ts",
        text: 'if (this.arithmetic === "fused" && !(await fusesHere(module))) {',
        fault: 'if (this.arithmetic === "fused" && !(await fusesHere(module)) && this.#encoded === "") {',
      },
    ],
  },
  {
    name: "hindsight: a goal relabeled without its reward",
    edits: [
      {
        file: "src/ddpg/hindsight.ts",
        text: "this.#goals.withGoal(this.#relabeled, steps[k].nextObservation, goal, where);",
        fault: "this.#relabeled.set(steps[k].nextObservation);",
      },
    ],
  },
  {
    name: "hindsight: s keeps the goal of the episode",
    edits: [
      {
        file: "src/ddpg/hindsight.ts",
        text: "this.#goals.withGoal(this.#relabeled, steps[t].observation, goal, where);",
        fault: "this.#relabeled.set(steps[t].observation);",
      },
    ],
  },
  {
    name: "hindsight: goals from before the step",
    edits: [
      {
        file: "src/ddpg/hindsight.ts",
        text: "t + this.#random.integer(steps.length - t)",
        fault: "this.#random.integer(steps.length)",
      },
    ],
  },
  {
    name: "hindsight: the end at the new goal is not stored",
    edits: [
      {
        file: "src/ddpg/hindsight.ts",
        text: "discountSteps = outcome.terminated ? 0 : k - t + 1;",
        fault: "discountSteps = k - t + 1;",
      },
    ],
  },
  {
    name: "hindsight: rewards after the end at the new goal",
    edits: [{ file: "src/ddpg/hindsight.ts", text: "if (outcome.terminated) break;", fault: "" }],
  },
  {
    name: "hindsight: one episode for all bodies",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: 'this.hindsight?.add(body, observation, action, nextObservation, "Ddpg.observe");',
        fault: 'this.hindsight?.add(0, observation, action, nextObservation, "Ddpg.observe");',
      },
    ],
  },
  {
    name: "hindsight: a cut episode is not relabeled",
    edits: [{ file: "src/ddpg/ddpg.ts", text: 'this.hindsight?.end(body, "Ddpg.endEpisode");', fault: "" }],
  },
  {
    name: "hindsight: rewards are not scaled",
    edits: [
      {
        file: "src/ddpg/hindsight.ts",
        text: "(outcome.reward * rewardScale)",
        fault: "(outcome.reward * Math.min(1, rewardScale))",
      },
    ],
  },
  {
    name: "hindsight: relabeled rows begin the updates",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "const stored = this.replayBuffer.stored - (this.hindsight?.stored ?? 0);",
        fault: "const stored = this.replayBuffer.stored;",
      },
    ],
  },
  {
    name: "hindsight: the goals' stream is not saved",
    edits: [
      {
        file: "src/ddpg/agent-state.ts",
        text: 'hindsightRandom: hindsight === "none",',
        fault: "hindsightRandom: hindsight.length > 0,",
      },
    ],
  },
  {
    name: "hindsight: goals are checked only before the next step",
    edits: [
      {
        file: "src/environment/goal-check.ts",
        text: "this.#held = { ...moment, observation, action, achieved, where };",
        fault: "this.#held = { ...moment, observation, action, achieved, where };\n    this.end();",
      },
    ],
  },
  {
    name: "dm_control: a restore leaves out the first half of the next step",
    edits: [
      {
        file: "src/envs/mujoco/engine.ts",
        text: "if (this.#isCurrent) this.#mujoco.mj_step1(this.#model, this.#data);",
        fault: "",
      },
    ],
  },
  {
    name: "dm_control: a restore forgets the target",
    edits: [{ file: "src/envs/mujoco/engine.ts", text: "this.target.set(state.subarray(length));", fault: "" }],
  },
  {
    name: "dm_control: a target that a start does not place stays where it was",
    edits: [{ file: "src/envs/mujoco/engine.ts", text: "this.target.set(this.#ownTarget);", fault: "" }],
  },
  {
    name: "dm_control: the cheetah has a tenth of the time to come to rest",
    edits: [{ file: "src/envs/dm-control/cheetah.ts", text: "settleSteps: 200", fault: "settleSteps: 20" }],
  },
  {
    name: "dm_control: the clock runs while the cheetah comes to rest",
    edits: [{ file: "src/envs/mujoco/engine.ts", text: "this.#data.time = 0;", fault: "" }],
  },
  {
    name: "dm_control: starts that touch are taken",
    edits: [
      {
        file: "src/envs/mujoco/mujoco-environment.ts",
        text: "if (task.accepts?.(this.#simulation) ?? true) break;",
        fault: "if (tries > 0) break;",
      },
    ],
  },
  {
    name: "dm_control: another Gaussian",
    edits: [
      {
        file: "src/envs/dm-control/reward.ts",
        text: "exp(log(valueAtMargin) * distance * distance)",
        fault: "exp(-2 * distance * distance)",
      },
    ],
  },
  {
    name: "dm_control: the finger's body turns as hard as in the other tasks",
    edits: [
      { file: "src/envs/dm-control/finger.ts", text: "model: model(0.03, 0.03),", fault: "model: model(0.03, 0.5)," },
    ],
  },
  {
    name: "an id with a slash makes directories",
    edits: [{ file: "src/node/run-files.ts", text: "replaceAll(/[\\\\/:", fault: "replaceAll(/[\\\\:" }],
  },
  {
    name: "a joint pass: the next rows learn too",
    edits: [
      {
        file: "src/ddpg/critic.ts",
        text: "this.#nextOutputGradient.data.fill(0);",
        fault: "this.#nextOutputGradient.data.fill(0.01);",
      },
    ],
  },
  {
    name: "a joint pass: both halves have the recorded observations",
    edits: [
      {
        file: "src/ddpg/critic.ts",
        text: "join(this.#observation, observation, nextObservation);",
        fault: "join(this.#observation, observation, nextObservation ? observation : nextObservation);",
      },
    ],
  },
  {
    name: "a joint pass: the targets follow slowly",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: 'if (this.settings.batchNormPass === "joint") target',
        fault: 'if (this.settings.batchNormPass === "joint" && this.#updates < 0) target',
      },
    ],
  },
  {
    name: "a joint pass: the actor's gradient passes through the statistics of a minibatch",
    edits: [{ file: "src/nn/batch-norm.ts", text: "this.#usedRunning = !batchStatistics;", fault: "" }],
  },
  {
    name: "softmax: the padding counts in the sum",
    edits: [
      {
        file: "src/kernels/wasm/assembly/index.ts",
        text: "clearPadding(p, columns, width);\n    let s",
        fault: "let s",
      },
    ],
  },
  {
    name: "softmax: the largest number is not subtracted",
    edits: [
      {
        file: "src/kernels/wasm/assembly/index.ts",
        text: "exp4(f32x4.sub(v128.load(x + k), m))",
        fault: "exp4(f32x4.sub(v128.load(x + k), f32x4.mul(m, ZERO)))",
      },
    ],
  },
  {
    name: "the projection does not move returns by the discount",
    edits: [
      {
        file: "src/ddpg/targets.ts",
        text: "const position = Math.min(K - 1, Math.max(0, first + gamma * k));",
        fault: "const position = Math.min(K - 1, Math.max(0, first + (gamma > 0 ? k : 0)));",
      },
    ],
  },
  {
    name: "safetensors: the upper half of the header's length is ignored",
    edits: [
      {
        file: "src/base/safetensors.ts",
        text: "if (view.getUint32(4, true) > 0 || length > maxHeaderLength) {",
        fault: "if (length > maxHeaderLength) {",
      },
    ],
  },
  {
    name: "report: groups are sorted by falling values",
    tests: ["cli/report/report"],
    edits: [
      {
        file: "src/cli/report/groups.ts",
        text: 'if (typeof a === "number" && typeof b === "number") return a - b;',
        fault: 'if (typeof a === "number" && typeof b === "number") return b - a;',
      },
    ],
  },
  {
    name: "report: runs deeper in a folder are left out",
    edits: [
      {
        file: "src/cli/report/report.ts",
        text: "(isRun(each) ? [each] : runsInside(each, depth - 1))",
        fault: "(isRun(each) ? [each] : runsInside(each, 0))",
      },
    ],
  },
  {
    name: "trajectory: a row has the observation after its action",
    edits: [
      {
        file: "src/cli/report/trajectory.ts",
        text: "    this.#row(taken, reward);\n    this.steps++;\n    this.#step++;\n    this.#observation = numbersOf(observation);",
        fault:
          "    this.#observation = numbersOf(observation);\n    this.#row(taken, reward);\n    this.steps++;\n    this.#step++;",
      },
    ],
  },
  {
    name: "godot: the end of a connection that was sent away ends the wait of the next",
    edits: [{ file: "src/node/outside/godot.ts", text: "if (chosen !== socket) return;", fault: "" }],
  },
  {
    name: "outside: options that only a run's file names are not asked for",
    edits: [
      {
        file: "src/cli/environment/environments.ts",
        text: ".filter(([name]) => options[name as keyof OutsideOptions] === undefined)",
        fault: ".filter(([name]) => options[name as keyof OutsideOptions] !== undefined)",
      },
    ],
  },
  {
    name: "outside: a run's file names a Python module, and it is imported",
    edits: [
      {
        file: "src/cli/environment/environments.ts",
        text: "address.kind.isHarmless(address.rest) ? undefined : environment, options);",
        fault:
          "address.kind.isHarmless(address.rest) || environment !== undefined ? undefined : environment, options);",
      },
    ],
  },
  {
    name: "outside: the length of a frame is not compared with the hello's",
    edits: [
      {
        file: "src/node/outside/frames.ts",
        text: "if (this.#length !== body.length) this.#refuse(",
        fault: "if (this.#length < body.length) this.#refuse(",
      },
    ],
  },
  {
    name: "outside: a second simulator may connect",
    edits: [{ file: "src/node/outside/tcp.ts", text: "if (peer) {", fault: "if (peer?.destroyed) {" }],
  },
  {
    name: "outside: numbers of info that a step does not have are given",
    edits: [
      {
        file: "src/node/outside/link.ts",
        text: "if (!Number.isFinite(value)) continue;",
        fault: "if (value === undefined) continue;",
      },
    ],
  },
  {
    name: "outside: a child that hangs is not stopped",
    edits: [
      { file: "src/node/outside/link.ts", text: "if (left > 1) this.#timer", fault: "if (left > -1e9) this.#timer" },
    ],
  },
  {
    name: "TORCS: a state that came before the action is taken for its result",
    edits: [
      {
        file: "src/node/outside/torcs.ts",
        text: "for (let text = socket.take(); text !== undefined; text = socket.take()) {",
        fault: 'for (let text = ["***"].pop(); text !== undefined && text !== "***"; text = socket.take()) {',
      },
    ],
  },
  {
    name: "TORCS: a car that was left in a race keeps the server",
    edits: [
      {
        file: "src/node/outside/torcs.ts",
        text: "if (this.#isRacing) this.#socket?.send(restart);",
        fault: "if (this.#isRacing) this.#socket?.send(idle);",
      },
    ],
  },
  {
    name: "action-reverting noise does not look at the action",
    edits: [
      {
        file: "src/ddpg/noise.ts",
        text: "change(this.#process, at.action[i], i, this.random)",
        fault: "change(this.#process, 0 * at.action[i], i, this.random)",
      },
    ],
  },
  {
    name: "Godot: a frame of any length is awaited",
    edits: [{ file: "src/node/outside/godot.ts", text: "if (end > this.maxBytes + 4) {", fault: "if (end < 4) {" }],
  },
  {
    name: "Godot: a cut episode gets the observation of the next one",
    edits: [
      {
        file: "src/node/outside/godot.ts",
        text: "observation: isCut ? this.#before : this.#observation,",
        fault: "observation: isCut ? this.#observation : this.#observation,",
      },
    ],
  },
  {
    name: "ONNX for Godot: the state does not pass through",
    edits: [
      {
        file: "src/export/onnx.ts",
        text: 'if (names.state) graph.node("Identity",',
        fault: 'if (names.state) graph.node("Tanh",',
      },
    ],
  },
  {
    name: "a planner does not put the environment back",
    edits: [
      {
        file: "src/planning/planner.ts",
        text: "        restoreState(this.#environment, state, this.#name);\n      }\n      this.#wait",
        fault: "        state.fill(0);\n      }\n      this.#wait",
      },
    ],
  },
  {
    name: "a planner never leaves the way of its last plan",
    edits: [{ file: "src/planning/planner.ts", text: "const freshFraction = 0.2;", fault: "const freshFraction = 0;" }],
  },
  {
    name: "sweep: the id of a run does not depend on its steps",
    edits: [
      {
        file: "src/cli/sweep/job.ts",
        text: "[environment, steps, environments,",
        fault: "[environment, steps * 0, environments,",
      },
    ],
  },
  {
    name: "sweep: whole numbers at the ends of a range are drawn half as often",
    edits: [
      {
        file: "src/cli/sweep/matrix.ts",
        text: "const half = isWhole ? 0.5 : 0;",
        fault: "const half = isWhole ? 0 : 0;",
      },
    ],
  },
  {
    name: "sweep: settings with a failed run are called the best",
    edits: [
      {
        file: "src/cli/sweep/summary.ts",
        text: "complete.find(({ failed }) => failed === 0)",
        fault: "complete.find(({ failed }) => failed >= 0)",
      },
    ],
  },
  {
    name: "layer normalization: the padding counts in the variance",
    edits: [
      {
        file: "src/kernels/wasm/assembly/index.ts",
        text: "    clearPadding(normalized, columns, width);\n    const inverse",
        fault: "    const inverse",
      },
    ],
  },
  {
    name: "layer normalization: the sums of a row are added in another order",
    edits: [
      {
        file: "src/kernels/wasm/assembly/index.ts",
        text: "f32x4.add(s0, f32x4.mul(v128.load(x), v128.load(y)));",
        fault: "f32x4.add(s1, f32x4.mul(v128.load(x), v128.load(y)));",
      },
    ],
  },
  {
    name: "layer normalization: a second thread writes to the deviations of the first",
    edits: [
      {
        file: "src/kernels/wasm/pieces.ts",
        text: '["inverseDeviation", 4],\n      ["x", "xStride"],',
        fault: '["inverseDeviation", 0],\n      ["x", "xStride"],',
      },
    ],
  },
  {
    name: "layer normalization overwrites an activation that learns",
    edits: [
      {
        file: "src/nn/network.ts",
        text: "if (learns && layer.output === below",
        fault: "if (!learns && layer.output === below",
      },
    ],
  },
  {
    name: "actors: a message that comes twice is learned from twice",
    edits: [
      {
        file: "src/training/actors/roster.ts",
        text: "if (batch <= last || (isBye && !known))",
        fault: "if (batch <= 0 * last || (isBye && !known))",
      },
    ],
  },
  {
    name: "actors: an episode continues over a message that is missing",
    edits: [
      {
        file: "src/training/actors/roster.ts",
        text: "cuts: isBye || missing > 0 ? [body] : []",
        fault: "cuts: isBye ? [body] : []",
      },
    ],
  },
  {
    name: "actors: the statistics of normalization are not taken with the weights",
    edits: [
      {
        file: "src/training/actors/acting.ts",
        text: "policy.restore(contents, where);",
        fault:
          "const kept = policy.normalization?.save(); policy.restore(contents, where); if (kept) policy.normalization?.restore(kept);",
      },
    ],
  },
  {
    name: "actors: how many updates follow depends on whether a transition was waited for",
    edits: [
      {
        file: "src/ddpg/learn-from.ts",
        text: "await counter.learn(body, where, name);",
        fault: 'if ("then" in given) agent.takeTurn(); await counter.learn(body, where, name);',
      },
    ],
  },
  {
    name: "actors: a checkpoint forgets how much of a message is learned from",
    edits: [
      {
        file: "src/training/actors/stream-source.ts",
        text: "row: this.#row, duplicates",
        fault: "row: this.#row * 0, duplicates",
      },
    ],
  },
  {
    name: "actors: observations that are not finite are learned from",
    edits: [
      {
        file: "src/training/actors/frame.ts",
        text: "expectFinite(columns.next,",
        fault: "((..._: unknown[]) => {})(columns.next,",
      },
    ],
  },
  {
    name: "nats: the secret of an address is shown",
    edits: [
      {
        file: "src/base/nats-address.ts",
        text: "at < 0 ? address.slice(scheme.length) : address.slice(at + 1)",
        fault: "at < 0 ? address.slice(scheme.length) : address.slice(scheme.length)",
      },
    ],
  },
  {
    name: "nats: a worker that has lost its lease writes the state",
    tests: ["cli/sweep/nats/store"],
    edits: [
      {
        file: "src/cli/sweep/nats/lease.ts",
        text: "if (now?.state.lease !== this.id) {",
        fault: "if (now === undefined) {",
      },
    ],
  },
  {
    name: "nats: the checkpoint of a job is not restored",
    tests: ["cli/sweep/nats/store"],
    edits: [
      {
        file: "src/cli/sweep/nats/run-job.ts",
        text: 'if (findRun(directory, wanted, undefined) === "checkpoint") return true;',
        fault: 'if (findRun(directory, wanted, undefined) === "checkpoint") return false;',
      },
    ],
  },
  {
    name: "nats: a worker loads what a job names",
    tests: ["cli/sweep/nats/job-message"],
    edits: [
      {
        file: "src/cli/sweep/nats/allowed.ts",
        text: "if (!listed && !isBuiltIn) return",
        fault: 'if (!listed && !isBuiltIn && environment === "") return',
      },
    ],
  },
  {
    name: "actors: a message is bounded by rows only",
    edits: [
      {
        file: "src/training/actors/actor-link.ts",
        text: "splice(0, this.#fit(this.#rows));\n        this.#oldest",
        fault: "splice(0, maxRows);\n        this.#oldest",
      },
    ],
  },
  {
    name: "nats: an object that does not come is waited for without end",
    edits: [
      {
        file: "src/cli/sweep/nats/store.ts",
        text: "const timer = setTimeout(stop, limitMs);",
        fault: "const timer = setTimeout(stop, 1e9 + limitMs);",
      },
    ],
  },
  {
    name: "actors: a stored step whose other goals fail is not learned from",
    edits: [
      {
        file: "src/ddpg/learn-from.ts",
        text: "if (agent.steps === steps) {",
        fault: "if (agent.steps >= steps) {",
      },
    ],
  },
  {
    name: "nats: the plan of a job depends on the order of its fields",
    edits: [
      {
        file: "src/cli/sweep/nats/job-message.ts",
        text: "update(JSON.stringify(deciding))",
        fault: "update(JSON.stringify([...deciding, { ...config, versions: 0, commit: 0 }]))",
      },
    ],
  },
  {
    name: "nats: a job whose state was removed is not claimed",
    tests: ["cli/sweep/nats/store"],
    edits: [
      {
        file: "src/cli/sweep/nats/lease.ts",
        text: "await store.write(sweep, id, state, last)",
        fault: "await store.write(sweep, id, state, found ? last : 0)",
      },
    ],
  },
  {
    name: "nats: the environments of a sweep get the password of its server",
    tests: ["cli/sweep/nats/store"],
    edits: [
      {
        file: "src/cli/run/children.ts",
        text: "!/^DDPG_NATS_/i.test(name)",
        fault: 'name !== ""',
      },
    ],
  },
  {
    name: "watch: a curve that was cut back keeps the points of before",
    edits: [
      {
        file: "src/cli/watch/overview.ts",
        text: "if (from === now.length && before.length === now.length) return undefined;",
        fault: "if (from === now.length) return undefined;",
      },
    ],
  },
  {
    name: "watch: a viewer that does not read is sent rows",
    edits: [
      {
        file: "src/cli/watch/overview.ts",
        text: "if (viewer.isFull) break;",
        fault: "if (viewer.isFull && rows.length > 1e6) break;",
      },
    ],
  },
  {
    name: "watch: a run of several that is gone is still served",
    tests: ["cli/watch/overview"],
    edits: [
      {
        file: "src/cli/watch/watch-server.ts",
        text: "const directory = source.directoryOf(id);",
        fault: 'const directory = source.directoryOf(id) ?? (opened.has(id) ? "" : undefined);',
      },
    ],
  },
  {
    name: "watch: the curve of a resumed run keeps what was cut",
    edits: [
      {
        file: "src/node/run-curve.ts",
        text: "(status?.size ?? 0) < this.#bytes",
        fault: "(status?.size ?? 0) < 0",
      },
    ],
  },
  {
    name: "watch: the run of a sweep may be a link to elsewhere",
    tests: ["cli/watch/overview"],
    edits: [
      {
        file: "src/cli/watch/folder-runs.ts",
        text: "if (isLink(directory)) return [];",
        fault: "if (isLink(folder)) return [];",
      },
    ],
  },
  {
    name: "nats: a worker that notices heartbeats late ends",
    edits: [
      {
        file: "src/cli/sweep/nats/store.ts",
        text: "/heartbeats missed/i",
        fault: "/heartbeats lost/i",
      },
    ],
  },
  {
    name: "actors: a server that refuses a message has acknowledged it",
    edits: [
      {
        file: "src/training/actors/actor-server.ts",
        text: "if (error) throw new JetStreamError(",
        fault: "if (error && seq === undefined) throw new JetStreamError(",
      },
    ],
  },
  {
    name: "page: an actuator is taken for that of the joint with its own number",
    edits: [
      {
        file: "src/envs/mujoco/engine.ts",
        text: "joint: actuator_trnid[2 * i]",
        fault: "joint: Math.min(i, actuator_trnid.length)",
      },
    ],
  },
  {
    name: "render: a pixel that left a shadow keeps its color",
    edits: [
      {
        file: "src/cli/render/ray-caster.ts",
        text: "if (!isApart) stale[at] = 1;",
        fault: "if (!isApart) stale[at] = Math.max(0, stale[at]);",
      },
    ],
  },
  {
    name: "a planner that has found no reward searches near its last plan",
    edits: [
      {
        file: "src/planning/planner.ts",
        text: "(this.#isLost || kind < freshFraction)",
        fault: "((this.#isLost && kind < 0) || kind < freshFraction)",
      },
    ],
  },
  {
    name: "an agent whose preset is not named has another than the default",
    edits: [
      {
        file: "src/ddpg/ddpg.ts",
        text: "preset = defaultPreset,",
        fault: 'preset = defaultPreset === "robust" ? "standard" : defaultPreset,',
      },
    ],
  },
  {
    name: "watch: a body is stepped although no page is open",
    edits: [
      {
        file: "src/cli/watch/live-body.ts",
        text: "while (this.#viewers.size === 0 &&",
        fault: "while (this.#viewers.size < 0 &&",
      },
    ],
  },
  {
    name: "watch: the body keeps the policy that it began with",
    edits: [
      {
        file: "src/cli/watch/live-body.ts",
        text: "newest.version === this.#policyVersion",
        fault: 'this.#policyVersion !== ""',
      },
    ],
  },
  {
    name: "watch: a viewer whose buffer is full is sent what has gone",
    edits: [
      {
        file: "src/cli/watch/overview.ts",
        text: "if (viewer.isFull) return;",
        fault: "if (viewer.isFull && !viewer.hasBegun) return;",
      },
    ],
  },
  {
    name: "watch: a finished run with a damaged configuration waits",
    tests: ["cli/watch/overview"],
    edits: [
      {
        file: "src/cli/watch/run-summary.ts",
        text: 'hasConfig: this.configVersion !== ""',
        fault: "hasConfig: this.config !== undefined",
      },
    ],
  },
  {
    name: "watch: a damaged record on a server hides the other sweeps",
    edits: [
      {
        file: "src/cli/watch/nats-runs.ts",
        text: "problems.push(error);\n      }\n    }\n    this.#recordProblems",
        fault: "problems.push(error);\n        break;\n      }\n    }\n    this.#recordProblems",
      },
    ],
  },
  {
    name: "watch: a damaged state on a server ends the states of its sweep",
    tests: ["cli/watch/nats-runs"],
    edits: [
      {
        file: "src/cli/sweep/nats/store.ts",
        text: "const state = await readable(id, onUnreadable, () =>",
        fault: "const state = await readable(id, onUnreadable === raise ? onUnreadable : raise, () =>",
      },
    ],
  },
  {
    name: "a planner that found a reward in a later iteration searches far from it",
    edits: [
      {
        file: "src/planning/planner.ts",
        text: "worst = Math.min(worst, this.#returns[this.#order[samples - 1]]);",
        fault:
          "worst = this.#returns[this.#order[samples - 1]];\n      if (iteration === 0) this.#isLost = best === worst;",
      },
      { file: "src/planning/planner.ts", text: "    this.#isLost = best === worst;\n", fault: "" },
    ],
  },
  {
    name: "evaluate: a controller is looked for where the environment's module went",
    tests: ["cli/evaluate"],
    edits: [
      {
        file: "src/cli/environment/controller.ts",
        text: "moduleFile(where, fromHere(file))",
        fault: "moduleFile(where, fromHere(file) && file)",
      },
    ],
  },
  {
    name: "evaluate: a figure does not say that the episode is longer",
    edits: [
      {
        file: "src/cli/report/trajectory.ts",
        text: "this.#step >= maxDrawnSteps && reward !== null",
        fault: "this.#step >= maxDrawnSteps && reward === null",
      },
    ],
  },
  {
    name: "plan: an episode that was killed ends the others",
    edits: [
      {
        file: "src/cli/plan.ts",
        text: 'if (how === "stopped" || isKilled) return;',
        fault: 'if (how === "stopped" || (isKilled && why === "")) return;',
      },
    ],
  },
  {
    name: "actors: a learner takes the channel before its first evaluation",
    tests: ["cli/act"],
    edits: [
      {
        file: "src/cli/run/actors.ts",
        text: "if (saved) await run.begin();",
        fault: "await run.begin();",
      },
    ],
  },
  {
    name: "actors: of the messages that were set aside, the first is said in place of the last",
    tests: ["cli/act"],
    edits: [
      {
        file: "src/cli/run/actors.ts",
        text: "this.#last = { line, data };",
        fault: "this.#last ??= { line, data };",
      },
    ],
  },
  {
    name: "actors: what the server did not take is not said",
    edits: [
      {
        file: "src/training/actors/actor-link.ts",
        text: "if (unsentRows > 0 && !this.hasEnded)",
        fault: "if (unsentRows > 1e9 && !this.hasEnded)",
      },
    ],
  },
  {
    name: "render: at the horizon the sky is kept where the camera moved",
    edits: [
      {
        file: "src/cli/render/ray-caster.ts",
        text: "met[at] === sky && rough[at] === 0 ? 0 : 1",
        fault: "met[at] === sky && rough[at] >= 0 ? 0 : 1",
      },
    ],
  },
  {
    name: "render: the sky is kept where a body at rest comes into view",
    edits: [
      {
        file: "src/cli/render/ray-caster.ts",
        text: "if (stands && !moved",
        fault: "if ((stands || true) && !moved",
      },
    ],
  },
  {
    name: "a planner that has found no reward draws no waves",
    edits: [{ file: "src/planning/planner.ts", text: "const waveFraction = 0.5;", fault: "const waveFraction = 0;" }],
  },
  {
    name: "nats: a job of an earlier round stays in the queue",
    edits: [
      {
        file: "src/cli/sweep/nats/store.ts",
        text: 'if (message?.header.get("Nats-Msg-Id") === messageId(job, round)) return;',
        fault: 'if (message?.header.get("Nats-Msg-Id") !== undefined) return;',
      },
    ],
  },
  {
    name: "benchmark: the names of two published results cover each other",
    edits: [
      {
        file: "src/cli/benchmark/page.ts",
        text: '{ ...lower, side: "below" }',
        fault: "lower",
      },
    ],
    tests: ["cli/benchmark/benchmark"],
  },
];
