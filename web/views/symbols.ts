// What each symbol in the formulas of the seven steps means, and its number in the update that the page shows.
import { type Experiment, settingsOf } from "../experiment.ts";
import type { UpdateDetail } from "../observed-update.ts";
import { scenes } from "../scenes.ts";
import { part, short, vector, whole } from "./text.ts";

type Update = NonNullable<UpdateDetail["update"]>;

/** The name of a symbol, and its number as a sentence. */
export interface Explanation {
  readonly name: string;
  readonly number: string;
}

/** The most numbers of a vector that are shown. */
const most = 4;

/** Explains a symbol of a step from 1 to 7. Without a detail, there is no number yet. */
export function explain(
  step: number,
  symbol: string,
  detail: UpdateDetail | null,
  experiment: Experiment,
): Explanation {
  const [name, number] = stepSymbols[step - 1][symbol];
  const settings = settingsOf(experiment);
  const { unit } = scenes[experiment.task].action;
  const setting = { gamma: settings.discount, tau: settings.softUpdateRate, n: settings.batchSize }[symbol];
  if (setting !== undefined) return { name, number: `Now ${setting}.` };
  if (!detail) return { name, number: "Its number appears once an update is shown." };
  const needsUpdate = step > 2 && symbol !== "buffer";
  if (needsUpdate && !detail.update) return { name, number: "Its number appears with the first update." };
  return { name, number: `Now ${number(detail, detail.update, unit)}.` };
}

type Number = (detail: UpdateDetail, update: Update | null, unit: string) => string;
/** A number of the update, which step 4 and later have. */
const of =
  (number: (update: Update) => string): Number =>
  (_, update) =>
    update ? number(update) : "–";
const first = (values: (update: Update) => Float64Array, size: (update: Update) => number): Number =>
  of((update) => `${vector(part(values(update), 0, size(update)), most)} in the first row`);
const one = (values: (update: Update) => Float64Array): Number =>
  of((update) => `${short(values(update)[0])} in the first row`);
/** `explain` takes it from the settings. */
const fromSettings: Number = () => "";
const units = (values: ArrayLike<number>, unit: string): string => `${vector(values, most)} ${unit}`.trim();

const rows: [string, Number] = [
  "The sum over the N rows of the minibatch, i = 1 … N",
  of((update) => `i from 1 to ${update.rows}`),
];
const batch: [string, Number] = ["N, the number of transitions in a minibatch", fromSettings];
const state: [string, Number] = [
  "sᵢ, the state in row i of the minibatch",
  first(
    ({ observation }) => observation,
    ({ observationSize }) => observationSize,
  ),
];
const later: [string, Number] = [
  "sᵢ₊₁, the state that followed in row i",
  first(
    ({ nextObservation }) => nextObservation,
    ({ observationSize }) => observationSize,
  ),
];
const chosen: Number = first(
  ({ policyAction }) => policyAction,
  ({ actionSize }) => actionSize,
);

/** For each step, its symbols: name and number. */
const stepSymbols: readonly Readonly<Record<string, readonly [name: string, number: Number]>>[] = [
  {
    a: ["aₜ, the action at time t, within its bounds", ({ action }, _, unit) => units(action, unit)],
    mu: ["μ, the actor: the network that chooses the action", ({ policyAction }, _, unit) => units(policyAction, unit)],
    s: ["sₜ, the state at time t, as it is observed", ({ observation }) => vector(observation, most)],
    noise: [
      "𝒩ₜ, noise: what the action explores with",
      ({ noise, isWarmup }, _, unit) => (isWarmup ? "none: actions are random in the warm-up" : units(noise, unit)),
    ],
  },
  {
    s: ["sₜ, the state before the action", ({ observation }) => vector(observation, most)],
    a: ["aₜ, the action that is executed", ({ action }, _, unit) => units(action, unit)],
    r: ["rₜ, the reward of this step", ({ reward }) => short(reward)],
    next: ["sₜ₊₁, the state after the action", ({ nextObservation }) => vector(nextObservation, most)],
  },
  {
    s: ["sₜ, the state before the action, stored as the networks see it; here of a sampled row", state[1]],
    a: [
      "aₜ, the action, stored in [−1, 1]; here of a sampled row",
      first(
        ({ action }) => action,
        ({ actionSize }) => actionSize,
      ),
    ],
    r: ["rₜ, the reward, stored scaled; here of a sampled row", one(({ reward }) => reward)],
    next: ["sₜ₊₁, the state after the action; here of a sampled row", later[1]],
    buffer: ["R, the replay buffer: the memory of all transitions", ({ stored }) => `${whole(stored)} transitions`],
  },
  {
    y: ["yᵢ, what the critic should predict for row i", one(({ y }) => y)],
    r: ["rᵢ, the reward in row i", one(({ reward }) => reward)],
    gamma: ["γ, the discount: what the next step's value counts", fromSettings],
    q: ["Q′, the target critic: a copy that follows the critic slowly", one(({ nextValue }) => nextValue)],
    mu: [
      "μ′, the target actor: a copy that follows the actor slowly",
      first(
        ({ nextAction }) => nextAction,
        ({ actionSize }) => actionSize,
      ),
    ],
    next: later,
  },
  {
    loss: ["L, the loss: how far the critic's predictions are from y", of(({ loss }) => short(loss))],
    n: batch,
    i: rows,
    y: ["yᵢ, what the critic should predict for row i", one(({ y }) => y)],
    q: ["Q, the critic: the network that predicts the return", one(({ value }) => value)],
    s: state,
    a: [
      "aᵢ, the action in row i of the minibatch",
      first(
        ({ action }) => action,
        ({ actionSize }) => actionSize,
      ),
    ],
  },
  {
    gradient: [
      "∇J, the policy gradient: the way in which the actor's parameters θ improve its actions",
      of(({ actorGradientNorm }) => `of length ${short(actorGradientNorm)}`),
    ],
    n: batch,
    i: rows,
    slope: [
      "∇ₐ, the slope of Q in the action: which action would be better",
      first(
        ({ actionGradient }) => actionGradient,
        ({ actionSize }) => actionSize,
      ),
    ],
    q: ["Q, the critic: what it predicts for the actor's own action", one(({ policyValue }) => policyValue)],
    s: state,
    a: ["a, the action: the actor's own, μ(sᵢ)", chosen],
    mu: ["μ, the actor: what it chooses for sᵢ", chosen],
    direction: [
      "∇θ, the slope of the action in the actor's parameters θ",
      of(({ actorMoved }) => `θ moved by ${short(actorMoved)}`),
    ],
  },
  {
    target: [
      "θ′, the parameters of a target network, here of the actor's",
      of(({ targetActorMoved }) => `moved by ${short(targetActorMoved)}`),
    ],
    tau: ["τ, how far a target network follows in one update", fromSettings],
    theta: [
      "θ, the parameters of the network that is followed, here the actor",
      of(({ targetActorDistance }) => `still ${short(targetActorDistance)} away from θ′`),
    ],
  },
];
