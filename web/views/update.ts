// "Inside one update": each of the seven steps with its formula, its inputs and outputs, and its source code.
import { largest, smallest } from "../../src/base/numbers.ts";
import type { Settings } from "../../src/ddpg/config.ts";
import { settingsOf } from "../experiment.ts";
import type { UpdateDetail } from "../observed-update.ts";
import { scenes } from "../scenes.ts";
import type { Session } from "../session.ts";
import { SolidBody } from "../solid-body.ts";
import { lineOf, linesOf } from "../source-lines.ts";
import { steps } from "./formulas.ts";
import { explain } from "./symbols.ts";
import { find, part, setText, short, vector, whole } from "./text.ts";

type Update = NonNullable<UpdateDetail["update"]>;

/** The number of minibatch rows that are shown. */
const shownRows = 6;
/** The most numbers of a vector in a row. With more, the table would be wider than the page. */
const shownInRow = 3;

export function updateView(session: Session): void {
  const tabs = find("#inside-tabs");
  const panel = find("#inside-panel");
  const numbers = find("#inside-numbers");
  const formula = find("#inside-formula");
  const explanation = find("#inside-symbol");
  /** The explained symbol; "" for none. */
  let symbol = "";
  const symbols = (): MathMLElement[] => [...formula.querySelectorAll<MathMLElement>("[data-symbol]")];
  let chosen = 0;
  let isVisible = false;
  /** The row of the minibatch that was shown last. */
  let shownRow = -1;
  new IntersectionObserver(([entry]) => {
    isVisible = entry.isIntersecting;
  }).observe(panel);
  session.looks.update = () => isVisible;

  const buttons = steps.map(({ name, title }, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `inside-tab-${index + 1}`;
    button.role = "tab";
    const word = document.createElement("span");
    word.className = "tab-name";
    word.textContent = name;
    button.append(String(index + 1), word);
    button.title = title;
    button.setAttribute("aria-controls", "inside-panel");
    button.setAttribute("aria-label", `${index + 1}. ${name}: ${title}`);
    button.addEventListener("click", () => choose(index));
    tabs.append(button);
    return button;
  });
  const choose = (index: number): void => {
    chosen = index;
    buttons.forEach((button, each) => {
      button.ariaSelected = String(each === index);
      button.tabIndex = each === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[index].id);
    setText(find("#inside-step"), `${index + 1}. ${steps[index].title}`);
    formula.innerHTML = steps[index].formula;
    symbol = "";
    // One stop of the Tab key for all symbols of a formula; the arrow keys move between them.
    for (const [at, each] of symbols().entries()) each.tabIndex = at === 0 ? 0 : -1;
    showSource(find("#inside-source"), index + 1);
    find<HTMLButtonElement>("#inside-back").disabled = index === 0;
    setText(find("#inside-next"), index === steps.length - 1 ? "Next update" : "Next step");
    show();
  };
  /** Moves to the next step; after the seventh, to the first step of the next update. */
  const forward = (): void => {
    if (chosen < steps.length - 1) choose(chosen + 1);
    else {
      session.tell({ type: "update" });
      choose(0);
    }
  };
  const back = (): void => choose(Math.max(0, chosen - 1));
  const show = (): void => {
    const { update, experiment, taken, point } = session.store.state;
    numbers.innerHTML = update ? numbersOf(chosen + 1, update, session) : "";
    if (point !== null) numbers.querySelector(`[data-row="${shownRow}"]`)?.setAttribute("aria-pressed", "true");
    explanation.ariaLive = "off"; // the numbers change many times a second
    tellSymbol();
    const { warmupSteps } = settingsOf(experiment);
    setText(
      find("#inside-title-of"),
      update
        ? update.update
          ? `Update ${whole(update.update.number)}, made in step ${whole(update.step)}.${wayTo(update, taken, warmupSteps)}`
          : `Step ${whole(update.step)}: no update yet. Updates begin after ${whole(warmupSteps)} steps of warm-up.`
        : "Pause, or make one update. Its numbers then appear here.",
    );
  };
  /** Shows a state of the minibatch in the maps and beside the body; the same row again hides it. */
  numbers.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
    const { update, experiment } = session.store.state;
    const { plane } = scenes[experiment.task];
    if (!button || !update?.update) return;
    const row = Number(button.dataset.row);
    const isShown = button.ariaPressed === "true";
    shownRow = row;
    const observation = inEnvironment(update.update, row, settingsOf(experiment));
    const point = plane ? plane.point(observation) : Array.from(observation);
    session.store.set({ point: isShown ? null : point });
    for (const each of numbers.querySelectorAll<HTMLElement>("[data-row]"))
      each.ariaPressed = String(each === button && !isShown);
  });
  /** Says what the chosen symbol is, with its number now and its line, and marks the line where the page shows it. */
  const tellSymbol = (): void => {
    for (const each of symbols()) each.classList.toggle("shown", each.dataset.symbol === symbol);
    const { update, experiment } = session.store.state;
    const line = symbol === "" ? 0 : lineOf(chosen + 1, symbol);
    const { name, number } = symbol === "" ? { name: "", number: "" } : explain(chosen + 1, symbol, update, experiment);
    setText(explanation, symbol === "" ? "" : `${name}. ${number} src/ddpg/ddpg.ts, line ${line}`);
    for (const each of find("#inside-source").querySelectorAll<HTMLElement>("[data-line]"))
      each.classList.toggle("marked", each.dataset.line === `src/ddpg/ddpg.ts:${line}`);
  };
  const explainAt = ({ target }: Event): void => {
    const element = target instanceof Element ? target.closest<MathMLElement>("[data-symbol]") : null;
    if (!element) return;
    symbol = element.dataset.symbol ?? "";
    explanation.ariaLive = "polite";
    tellSymbol();
  };
  for (const type of ["pointerover", "focusin", "click"]) formula.addEventListener(type, explainAt);
  formula.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = symbols();
    const at = all.indexOf(event.target as MathMLElement);
    if (!way || at < 0) return;
    event.preventDefault();
    all[at].tabIndex = -1;
    const to = all[(at + way + all.length) % all.length];
    to.tabIndex = 0;
    to.focus();
  });
  find("#inside-next").addEventListener("click", forward);
  find("#inside-back").addEventListener("click", back);
  find("#inside-look").addEventListener("click", () => {
    session.tell({ type: session.store.state.phase === "playing" ? "look" : "update" });
  });
  tabs.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    choose((chosen + way + steps.length) % steps.length);
    buttons[chosen].focus();
  });
  choose(0);
  let body: Session["body"] | undefined;
  session.store.subscribe((state, before) => {
    if (session.body !== body) {
      const next = session.body;
      body = next;
      // Only then is it known which rows it can show.
      if (next instanceof SolidBody) void next.ready.then(() => session.body === next && show());
    }
    if (state.update !== before.update || state.run.id !== before.run.id) show();
    setText(find("#inside-look"), state.phase === "playing" ? "Show the next update" : "Make one update");
    find<HTMLButtonElement>("#inside-look").disabled = state.phase === "failed" || state.phase === "preparing";
  });
}

/** Why an update came more than one step after the button was pressed. */
function wayTo({ step }: UpdateDetail, taken: number, warmupSteps: number): string {
  if (taken <= 1) return "";
  const why = step - taken < warmupSteps - 1 ? `: updates begin after ${whole(warmupSteps)} steps of warm-up` : "";
  return ` It took ${whole(taken)} steps to get there${why}.`;
}

/** Shows the source code of a step, from 1. */
export function showSource(root: Element, step: number): void {
  root.replaceChildren(
    ...linesOf(step).flatMap(({ file, first, lines }) => {
      const name = document.createElement("p");
      name.className = "muted";
      name.textContent = `${file}, line ${first}`;
      const code = document.createElement("pre");
      code.tabIndex = 0;
      code.setAttribute("aria-label", `Lines of ${file}`);
      code.append(
        ...lines.map((text, at) => {
          const line = document.createElement("span");
          line.dataset.line = `${file}:${first + at}`;
          if (/^\s*(\/\/|\/\*|\*)/.test(text)) line.className = "comment";
          line.textContent = text;
          return line;
        }),
      );
      return [name, code];
    }),
  );
}

/** A step's numbers as HTML. It contains only numbers and fixed words, so nothing needs escaping. */
function numbersOf(step: number, detail: UpdateDetail, session: Session): string {
  const { experiment } = session.store.state;
  const { action } = scenes[experiment.task];
  const settings = settingsOf(experiment);
  const { softUpdateRate, observationNormalization, warmupSteps, batchSize } = settings;
  const { update } = detail;
  const inUnits = (values: ArrayLike<number>): string => `${vector(values)} ${action.unit}`.trim();
  if (step === 1) {
    return facts([
      ["s", vector(detail.observation)],
      ["μ(s)", inUnits(detail.policyAction)],
      detail.isWarmup ? ["instead", "drawn at random during warm-up"] : ["𝒩", inUnits(detail.noise)],
      [detail.isWarmup ? "a" : "a, within its bounds", inUnits(detail.action)],
    ]);
  }
  if (step === 2) {
    return facts([
      ["a", inUnits(detail.action)],
      ["r", short(detail.reward)],
      ["s′", vector(detail.nextObservation)],
    ]);
  }
  if (step === 3) {
    const stored = facts([["R holds", `${whole(detail.stored)} transitions`]]);
    if (!update)
      return `${stored}<p class="muted">Sampling begins at ${whole(Math.max(warmupSteps, batchSize))} transitions.</p>`;
    const reasonNotToShow = whyNotShown(session);
    const normalized = observationNormalization ? ", observations normalized" : "";
    const scaled = `${normalized}${update.rewardFactor === 1 ? "" : `, rewards × ${short(update.rewardFactor)}`}`;
    return `${stored}${table(
      ["i", "s", "a", "r", "s′"],
      rowsOf(update, (i) => [
        vector(part(update.observation, i, update.observationSize), shownInRow),
        vector(part(update.action, i, update.actionSize), shownInRow),
        short(update.reward[i]),
        vector(part(update.nextObservation, i, update.observationSize), shownInRow),
      ]),
    ).replaceAll(/<tr><td>(\d+)<\/td>/g, (all, number: string) =>
      reasonNotToShow === "" ? rowButton(number) : all,
    )}<p class="muted">The first ${Math.min(shownRows, update.rows)} of ${update.rows} rows, as the networks see them: actions in [−1, 1]${scaled}.${shortened(update)}${reasonNotToShow}</p>`;
  }
  if (!update) return `<p class="muted">This step needs a minibatch, and there is none yet.</p>`;
  const units = unitsOf(update, hasMaps(session));
  if (step === 4) {
    return `${table(
      ["i", "r", "μ′(s′)", "Q′(s′, μ′(s′))", "y"],
      rowsOf(update, (i) => [
        short(update.reward[i]),
        vector(part(update.nextAction, i, update.actionSize), shownInRow),
        short(update.nextValue[i]),
        short(update.y[i]),
      ]),
    )}<p class="muted">${sumOf(update, settings)} If the task ended, no future reward is added.${units}</p>`;
  }
  if (step === 5) {
    return `${facts([
      ["L", short(update.loss)],
      ["‖∇L‖", short(update.criticGradientNorm)],
      ["θ<sup>Q</sup> moved by", short(update.criticMoved)],
      ...(update.critic2Moved === null ? [] : [["θ<sup>Q₂</sup> moved by", short(update.critic2Moved)] as const]),
    ])}${noteOf5(update, settings, units)}${scatter(update)}`;
  }
  if (!update.movedActor) {
    return `<p class="muted">This update moves only the critic: with actorDelay = ${settings.actorDelay}, the actor and the targets move once in ${settings.actorDelay} updates.</p>`;
  }
  if (step === 6) {
    return `${facts([
      ["mean Q(s, μ(s))", short(meanOf(update.policyValue))],
      ["‖∇J‖", short(update.actorGradientNorm)],
      ["θ<sup>μ</sup> moved by", short(update.actorMoved)],
    ])}${units && `<p class="muted">${units.trim()}</p>`}${tangents(update)}`;
  }
  const following = (name: string, moved: number, left: number): [string, string] => [
    `${name} moved by`,
    `${short(moved)}; distance left ${short(left)}`,
  ];
  return `${facts([
    ["τ", String(softUpdateRate)],
    following("θ<sup>Q′</sup>", update.targetCriticMoved, update.targetCriticDistance),
    following("θ<sup>μ′</sup>", update.targetActorMoved, update.targetActorDistance),
  ])}<p class="muted">Euclidean distances over all of a network's parameters.</p>`;
}

/** The unit of r, Q and y in steps 4 to 6, if it is not that of the task's rewards and of the map. */
function unitsOf({ rewardFactor }: Update, withMaps: boolean): string {
  if (rewardFactor === 1) return "";
  const map = withMaps ? " The map of Q divides by it, to show the task's own rewards." : "";
  return ` Here r, y and Q are in rewards × ${short(rewardFactor)}, as the critic sees them.${map}`;
}

/** The number of a row as a button that shows its state; numbers begin at 1. */
function rowButton(number: string): string {
  return `<tr><td><button type="button" class="quiet" data-row="${Number(number) - 1}" aria-pressed="false" title="Show this state s beside the body, and in the maps if there are any">${number}</button></td>`;
}

/** Why a row's state cannot be shown in maps or body; "" if it can. */
function whyNotShown(session: Session): string {
  const { body } = session;
  if (!(body instanceof SolidBody)) return "";
  if (!body.parts) return " The body is not loaded yet, so no row can be shown in it.";
  const { hidden } = body.parts.signals;
  if (hidden.length === 0) return "";
  const names =
    hidden.length > 3 ? `${hidden.slice(0, 3).join(", ")} and ${hidden.length - 3} more` : hidden.join(", ");
  return ` A row cannot be shown in the body: the observation does not give the position of ${names}.`;
}

/** The observation of a row, in the environment's units. What normalization clipped stays at its bound. */
function inEnvironment(
  { observation, observationSize, normalization }: Update,
  row: number,
  { observationScale, observationOffset }: Settings,
): Float64Array {
  const at = (value: number | readonly number[], i: number): number => (typeof value === "number" ? value : value[i]);
  return part(observation, row, observationSize).map((value, i) => {
    const scaled = normalization ? value / normalization.factors[i] + normalization.means[i] : value;
    return scaled / at(observationScale, i) + at(observationOffset, i);
  });
}

function hasMaps(session: Session): boolean {
  return scenes[session.store.state.experiment.task].plane !== undefined;
}

/** What the table leaves out. */
function shortened({ observationSize, actionSize }: Update): string {
  const cut = (name: string, size: number): string[] => (size > shownInRow ? [`${name} has ${size} numbers`] : []);
  const sizes = [...cut("s", observationSize), ...cut("a", actionSize)].join(" and ");
  return sizes && ` ${sizes}; the table shows the first ${shownInRow}.`;
}

/** How y of the first row comes about. */
function sumOf(update: Update, { discount, criticLoss, critics, targetNoiseScale }: Settings): string {
  const ended = update.discount[0] === 0;
  // With returnSteps above 1, a row has its own power of the discount.
  const factor = ended || update.discount[0] === discount ? discount : short(update.discount[0]);
  const sum = `${short(update.reward[0])} + ${factor} · ${ended ? "0, because the task ended" : short(update.nextValue[0])}`;
  const notes = [
    critics > 1 ? " Q′ is the lower value of the two critics' targets." : "",
    targetNoiseScale > 0 ? " μ′(s′) includes its noise." : "",
  ].join("");
  if (criticLoss === "categorical")
    return `y₁ = ${short(update.y[0])} is the mean of a distribution around ${sum}.${notes}`;
  return `y₁ = ${sum} = ${short(update.y[0])}.${notes}`;
}

/** What the loss and its norm mean where they are not those of the formula. */
function noteOf5({ critic2Moved }: Update, { criticLoss }: Settings, units: string): string {
  const notes = [
    criticLoss === "squared"
      ? ""
      : `L is the ${criticLoss === "huber" ? "Huber loss" : "cross-entropy of two distributions"}: criticLoss = ${criticLoss}.`,
    critic2Moved === null ? "" : "L and ‖∇L‖ are means over both critics; the drawing shows the first.",
    units.trim(),
  ].filter(Boolean);
  return notes.length > 0 ? `<p class="muted">${notes.join(" ")}</p>` : "";
}

function facts(pairs: readonly (readonly [string, string])[]): string {
  return `<dl class="facts">${pairs.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")}</dl>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]): string => row.map((cell) => `<td>${cell}</td>`).join("");
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead><tbody>${rows
    .map((row) => `<tr>${cells(row)}</tr>`)
    .join("")}</tbody></table></div>`;
}

function rowsOf(update: Update, cells: (row: number) => string[]): string[][] {
  return Array.from({ length: Math.min(shownRows, update.rows) }, (_, i) => [String(i + 1), ...cells(i)]);
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const [drawnWidth, drawnHeight, drawnMargin] = [320, 200, 26];

/** Plots y against Q(s, a): what the critic should predict, and what it predicted. */
function scatter({ value, y }: Update): string {
  const [low, high] = widened([...value, ...y]);
  const at = scaleOf(low, high, low, high);
  const dots = Array.from(y, (_, i) => {
    const [x0, y0] = at(value[i], y[i]);
    return `<circle cx="${x0}" cy="${y0}" r="3" class="dot"/>`;
  });
  const [[x1, y1], [x2, y2]] = [at(low, low), at(high, high)];
  return drawing(
    "Each row's y against Q(s, a). On the line, the critic's prediction is exact",
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="rule"/>${dots.join("")}`,
    "Q(s, a)",
    "y",
    [low, high],
    [low, high],
  );
}

/** Plots Q(s, μ(s)) against the first number of μ(s), with its slope there. */
function tangents({ policyAction, policyValue, actionGradient, actionSize, rows }: Update): string {
  const [low, high] = widened([...policyValue]);
  const at = scaleOf(-1.1, 1.1, low, high);
  const reach = 0.07;
  const marks = Array.from({ length: rows }, (_, i) => {
    const [a, slope] = [policyAction[i * actionSize], actionGradient[i * actionSize]];
    const [x0, y0] = at(a, policyValue[i]);
    // All marks have the same drawn length, whatever the slope.
    const [dx, dy] = [at(a + reach, 0)[0] - at(a, 0)[0], at(0, low + slope * reach)[1] - at(0, low)[1]];
    const size = 13 / Math.hypot(dx, dy);
    const [x1, y1] = [x0 + dx * size, y0 + dy * size];
    const [x2, y2] = [x0 - dx * size, y0 - dy * size];
    return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="slope"/><circle cx="${x0}" cy="${y0}" r="2.5" class="dot"/>`;
  });
  return drawing(
    "Each row at the actor's action, with the slope ∂Q/∂a. The actor moves uphill",
    marks.join(""),
    "a = μ(s)",
    "Q(s, μ(s))",
    [-1, 1],
    [low, high],
  );
}

function widened(values: readonly number[]): [number, number] {
  const [low, high] = [smallest(values), largest(values)];
  const margin = 0.06 * (high - low || 1);
  return [low - margin, high + margin];
}

function scaleOf(xLow: number, xHigh: number, yLow: number, yHigh: number): (x: number, y: number) => [number, number] {
  return (x, y) => [
    drawnMargin + ((x - xLow) / (xHigh - xLow)) * (drawnWidth - drawnMargin - 4),
    4 + (1 - (y - yLow) / (yHigh - yLow)) * (drawnHeight - drawnMargin - 4),
  ];
}

function drawing(
  caption: string,
  inside: string,
  xName: string,
  yName: string,
  [xLow, xHigh]: [number, number],
  [yLow, yHigh]: [number, number],
): string {
  const [left, right, top, bottom] = [drawnMargin, drawnWidth - 4, 4, drawnHeight - drawnMargin];
  const text = (x: number, y: number, anchor: string, words: string): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  return `<figure><svg viewBox="0 0 ${drawnWidth} ${drawnHeight}" role="img" aria-label="${caption}">
<path d="M${left} ${top}V${bottom}H${right}" class="axis"/>${inside}
${text(left, drawnHeight - 10, "start", short(xLow))}${text((left + right) / 2, drawnHeight - 10, "middle", xName)}${text(right, drawnHeight - 10, "end", short(xHigh))}
<g transform="rotate(-90)">${text(-bottom, left - 8, "start", short(yLow))}${text(-(top + bottom) / 2, left - 8, "middle", yName)}${text(-top, left - 8, "end", short(yHigh))}</g>
</svg><figcaption>${caption}.</figcaption></figure>`;
}
