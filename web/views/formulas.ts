// The seven steps in the paper's terms and symbols, as MathML.

/** MathML elements: `i` is an identifier such as θ. */
const i = (name: string): string => `<mi>${name}</mi>`;
const o = (sign: string): string => `<mo>${sign}</mo>`;
const n = (number: string): string => `<mn>${number}</mn>`;
const sub = (base: string, below: string): string => `<msub>${base}<mrow>${below}</mrow></msub>`;
const prime = (base: string): string => `<msup>${base}<mo>′</mo></msup>`;
const of = (name: string, ...inside: string[]): string => `${name}${o("(")}${inside.join(o(","))}${o(")")}`;
const now = (name: string): string => sub(i(name), i("t"));
const next = (name: string, index: string): string => sub(i(name), `${i(index)}${o("+")}${n("1")}`);
const row = (name: string): string => sub(i(name), i("i"));
const math = (inside: string): string => `<math display="block"><mrow>${inside}</mrow></math>`;

/** Marks a symbol, which the page explains by this name: `symbols.ts` has the words, `step-lines.js` the lines. */
const y = (symbol: string, inside: string): string => `<mrow data-symbol="${symbol}">${inside}</mrow>`;
const [mu, q] = [y("mu", i("μ")), y("q", i("Q"))];
const mean = `<mfrac>${n("1")}${y("n", i("N"))}</mfrac>${y("i", `<munder>${o("∑")}${i("i")}</munder>`)}`;

/** What each step does, in a word and in a sentence, with its formula. */
export const steps: readonly { readonly name: string; readonly title: string; readonly formula: string }[] = [
  {
    name: "act",
    title: "Select an action: the policy's output plus noise",
    formula: math(`${y("a", now("a"))}${o("=")}${of(mu, y("s", now("s")))}${o("+")}${y("noise", now("𝒩"))}`),
  },
  {
    name: "step",
    title: "Execute the action; observe the reward and the next state",
    formula: math(
      `${o("(")}${y("s", now("s"))}${o(",")}${y("a", now("a"))}${o(")")}${o("→")}${y("r", now("r"))}${o(",")}${y("next", next("s", "t"))}`,
    ),
  },
  {
    name: "store",
    title: "Store the transition and sample a minibatch",
    formula: math(
      `${o("(")}${y("s", now("s"))}${o(",")}${y("a", now("a"))}${o(",")}${y("r", now("r"))}${o(",")}${y("next", next("s", "t"))}${o(")")}${o("→")}${y("buffer", i("R"))}`,
    ),
  },
  {
    name: "target",
    title: "Compute y, what the critic should predict, with the target networks",
    formula: math(
      `${y("y", row("y"))}${o("=")}${y("r", row("r"))}${o("+")}${y("gamma", i("γ"))}${of(
        y("q", prime(i("Q"))),
        y("next", next("s", "i")),
        of(y("mu", prime(i("μ"))), y("next", next("s", "i"))),
      )}`,
    ),
  },
  {
    name: "critic",
    title: "Update the critic by minimizing its loss",
    formula: math(
      `${y("loss", i("L"))}${o("=")}${mean}<msup><mrow>${o("(")}${y("y", row("y"))}${o("−")}${of(q, y("s", row("s")), y("a", row("a")))}${o(")")}</mrow>${n("2")}</msup>`,
    ),
  },
  {
    name: "actor",
    title: "Update the actor along the sampled policy gradient",
    formula: math(
      `${y("gradient", `${sub(o("∇"), i("θ"))}${i("J")}`)}${o("≈")}${mean}${y("slope", sub(o("∇"), i("a")))}${of(q, y("s", row("s")), y("a", i("a")))}${sub(
        o("|"),
        `${y("a", i("a"))}${o("=")}${of(mu, y("s", row("s")))}`,
      )}${y("direction", sub(o("∇"), i("θ")))}${of(mu, y("s", row("s")))}`,
    ),
  },
  {
    name: "follow",
    title: "Update the target networks: they follow slowly",
    formula: math(
      `${y("target", prime(i("θ")))}${o("←")}${y("tau", i("τ"))}${y("theta", i("θ"))}${o("+")}${o("(")}${n("1")}${o("−")}${y("tau", i("τ"))}${o(")")}${y("target", prime(i("θ")))}`,
    ),
  },
];
