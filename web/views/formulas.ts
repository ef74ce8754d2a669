// The seven steps in the paper's terms and symbols, as MathML.

/** MathML elements: `i` is an identifier such as θ. */
const i = (name: string): string => `<mi>${name}</mi>`;
const o = (sign: string): string => `<mo>${sign}</mo>`;
const n = (number: string): string => `<mn>${number}</mn>`;
const sub = (base: string, below: string): string => `<msub>${base}<mrow>${below}</mrow></msub>`;
const prime = (base: string): string => `<msup>${base}<mo>′</mo></msup>`;
const of = (name: string, ...inside: string[]): string => `${name}${o("(")}${inside.join(o(","))}${o(")")}`;
const mean = `<mfrac>${n("1")}${i("N")}</mfrac><munder>${o("∑")}${i("i")}</munder>`;
const now = (name: string): string => sub(i(name), i("t"));
const next = (name: string, index: string): string => sub(i(name), `${i(index)}${o("+")}${n("1")}`);
const row = (name: string): string => sub(i(name), i("i"));
const [mu, q] = [i("μ"), i("Q")];
const math = (inside: string): string => `<math display="block"><mrow>${inside}</mrow></math>`;

/** What each step does, with its formula. */
export const steps: readonly { readonly title: string; readonly formula: string }[] = [
  {
    title: "Select an action: the policy's output plus noise",
    formula: math(`${now("a")}${o("=")}${of(mu, now("s"))}${o("+")}${now("𝒩")}`),
  },
  {
    title: "Execute the action; observe the reward and the next state",
    formula: math(`${o("(")}${now("s")}${o(",")}${now("a")}${o(")")}${o("→")}${now("r")}${o(",")}${next("s", "t")}`),
  },
  {
    title: "Store the transition and sample a minibatch",
    formula: math(
      `${o("(")}${now("s")}${o(",")}${now("a")}${o(",")}${now("r")}${o(",")}${next("s", "t")}${o(")")}${o("→")}${i("R")}`,
    ),
  },
  {
    title: "Compute y, what the critic should predict, with the target networks",
    formula: math(
      `${row("y")}${o("=")}${row("r")}${o("+")}${i("γ")}${of(prime(q), next("s", "i"), of(prime(mu), next("s", "i")))}`,
    ),
  },
  {
    title: "Update the critic by minimizing its loss",
    formula: math(
      `${i("L")}${o("=")}${mean}<msup><mrow>${o("(")}${row("y")}${o("−")}${of(q, row("s"), row("a"))}${o(")")}</mrow>${n("2")}</msup>`,
    ),
  },
  {
    title: "Update the actor along the sampled policy gradient",
    formula: math(
      `${sub(o("∇"), i("θ"))}${i("J")}${o("≈")}${mean}${sub(o("∇"), i("a"))}${of(q, row("s"), i("a"))}${sub(
        o("|"),
        `${i("a")}${o("=")}${of(mu, row("s"))}`,
      )}${sub(o("∇"), i("θ"))}${of(mu, row("s"))}`,
    ),
  },
  {
    title: "Update the target networks: they follow slowly",
    formula: math(
      `${prime(i("θ"))}${o("←")}${i("τ")}${i("θ")}${o("+")}${o("(")}${n("1")}${o("−")}${i("τ")}${o(")")}${prime(i("θ"))}`,
    ),
  },
];
