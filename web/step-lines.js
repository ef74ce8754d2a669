// Finds the lines of source code that implement each of the seven steps. It runs when the page is built, because the page has no
// use for the rest of the files.
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";

const source = (file) => new URL(`../${file}`, import.meta.url);

/** The files that the lines are from. */
export const sources = ["src/ddpg/ddpg.ts", "src/ddpg/train.ts"];

/** For each step from 1 to 7, its excerpts: file, number of the first line, lines. */
function stepLines() {
  const [ddpg, train] = sources.map((file) => ({ file, text: fs.readFileSync(source(file), "utf8") }));
  return [1, 2, 3, 4, 5, 6, 7].map((step) => {
    // `train` calls the environment.
    if (step === 2) return [excerpt(train, "calls.step(", 2)];
    const lines = [excerpt(ddpg, `// ${step}. `)];
    return step === 3 ? [...lines, excerpt(ddpg, "this.replayBuffer.sample(", 1)] : lines;
  });
}

/** For each step, the line of each symbol in its formula: what a line of that file contains. */
const symbolTexts = [
  {
    a: "a[i] = Math.min(1, Math.max(-1, mu[i] + size * x[i]))",
    mu: 'this.policy.forward(observation, "Ddpg.explore observation").data',
    s: "const at = { observation: this.policy.observation.data, action }",
    noise: "const x = noise.sample(at);",
  },
  {
    s: "this.units.scaleObservation(this.#scaledObservation, observation",
    a: "this.units.fromEnvironment(this.#unitAction, action",
    r: "const scaledReward = this.#scaleReward(reward",
    next: "this.units.scaleObservation(this.#scaledNextObservation, nextObservation",
  },
  {
    s: "observation: this.#scaledObservation,",
    a: "action: this.#unitAction,",
    r: "reward: scaledReward,",
    next: "nextObservation: this.#scaledNextObservation,",
    buffer: "this.replayBuffer.sample(this.minibatch",
  },
  {
    y: "y[i] = reward[i] + discount[i] * nextValue[i]",
    r: "const { observation, action, reward, nextObservation, discount, weight } = minibatch;",
    gamma: "y[i] = reward[i] + discount[i] * nextValue[i]",
    q: "const nextValue = this.targets.lowest(minibatch, nextAction)",
    mu: "const nextAction = this.targetActor.forward(nextObservation)",
    next: "const nextAction = this.targetActor.forward(nextObservation)",
  },
  {
    loss: "this.diagnostics.readCritics(this.critics)",
    n: "const N = y.length",
    i: "critic.compare(observation, action, this.targets, weight)",
    y: "y[i] = reward[i] + discount[i] * nextValue[i]",
    q: "critic.compare(observation, action, this.targets, weight)",
    s: "critic.compare(observation, action, this.targets, weight)",
    a: "critic.compare(observation, action, this.targets, weight)",
  },
  {
    gradient: "this.diagnostics.actorGradientNorm = this.actor.gradientNorm",
    n: "const N = y.length",
    i: "this.actor.ascend(this.critic.actionGradient())",
    slope: "this.actor.ascend(this.critic.actionGradient())",
    q: "const policyValue = this.critic.values(observation, policyAction)",
    s: "const policyAction = this.actor.forward(observation)",
    a: "const policyAction = this.actor.forward(observation)",
    mu: "const policyAction = this.actor.forward(observation)",
    direction: "this.actor.ascend(this.critic.actionGradient())",
  },
  {
    target: "this.#follow(this.targetActor, this.actor)",
    tau: "this.#softUpdate = { rate: settings.softUpdateRate }",
    theta: "target.parameters.follow(parameters, this.#softUpdate)",
  },
];

/** For each step from 1 to 7, the line number in ddpg.ts of each of its symbols. */
function symbolLines() {
  const all = fs.readFileSync(source(sources[0]), "utf8").split("\n");
  return symbolTexts.map((texts) =>
    Object.fromEntries(
      Object.entries(texts).map(([symbol, text]) => {
        const at = all.findIndex((line) => line.includes(text));
        if (at < 0) throw new Error(`${sources[0]}: no line contains ${JSON.stringify(text)}.`);
        return [symbol, at + 1];
      }),
    ),
  );
}

/** Lines from the one that contains `begin`: `count` lines, or up to the next empty one. */
function excerpt({ file, text }, begin, count) {
  const all = text.split("\n");
  const from = all.findIndex((line) => line.includes(begin));
  if (from < 0) throw new Error(`${file}: no line contains ${JSON.stringify(begin)}.`);
  const indent = /^ */.exec(all[from])[0];
  let end = from + 1;
  while (count === undefined ? all[end].startsWith(indent) && all[end].trim() !== "" : end < from + count) end++;
  return { file, first: from + 1, lines: all.slice(from, end).map((line) => line.slice(indent.length)) };
}

/** The module "virtual:step-lines" of the page. */
export function stepLinesPlugin() {
  const id = "virtual:step-lines";
  return {
    name: "step-lines",
    resolveId: (name) => (name === id ? `\0${id}` : null),
    load(name) {
      if (name !== `\0${id}`) return null;
      for (const file of sources) this.addWatchFile(fileURLToPath(source(file)));
      return `export default ${JSON.stringify(stepLines())};
export const symbols = ${JSON.stringify(symbolLines())};`;
    },
  };
}
