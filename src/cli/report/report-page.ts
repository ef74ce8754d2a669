// The contents of a report: for one run its curves and settings, for several the groups of equal settings.
import { type Settings, settingHelp, settingNames } from "../../ddpg/config.ts";
import type { DiagnosticsName } from "../../ddpg/diagnostics.ts";
import { mean, minSeedsForInterval, type Point, seedCurve, statisticName } from "../../training/aggregate.ts";
import type { RunResult } from "../../training/run.ts";
import { count, plusMinus, short } from "../terminal/numbers.ts";
import {
  compose,
  drawCurves,
  drawDistribution,
  drawLines,
  drawRun,
  format,
  type LinesOptions,
  markMeanings,
  page as pageTheme,
  paper,
  type Theme,
  trueMinus,
} from "./figures.ts";
import {
  differing,
  finalStatistic,
  finalsOf,
  groupsOf,
  presetOf,
  type RunGroup,
  settingsOf,
  show,
  stateOf,
} from "./groups.ts";
import { document, Html, html, htmlTable } from "./html.ts";
import type { ReportedRun } from "./reported-run.ts";

const [wide, narrow] = [960, 360];
const maxPoints = 800; // per line; more are averaged, so that the page does not grow with the run

/** The report as one HTML document. */
export function page(runs: readonly ReportedRun[]): string {
  return runs.length === 1 ? pageOfRun(runs[0]) : pageOfRuns(runs);
}

/** The report's main figure, as a standalone SVG. */
export function figure(runs: readonly ReportedRun[]): string {
  const draw = runs.length === 1 ? mainFigure(runs[0]) : comparison(groupsOf(runs));
  return `${draw(paper, 780)}\n`;
}

export type Draw = (theme: Theme, width: number) => string;

function pageOfRun(run: ReportedRun): string {
  const { environment, seed, preset, settings, ...details } = run.config;
  const title = `${environment}, seed ${seed}`;
  return document(
    title,
    html`<h1>${title}</h1>
<p class="muted">DDPG, preset ${preset} · <code>${run.directory}</code></p>
<dl>${factsOf(run)}</dl>
${drawing(mainFigure(run), "Evaluations are without exploration noise and apart from training; training episodes are with it.")}
${diagnosticsOf(run)}
<h2>Settings</h2>
${settingsTable(run)}
<h2>Configuration</h2>
${htmlTable(["name", "value"], flatten(details))}
${evaluationsOf(run)}`,
  );
}

function factsOf({ evaluations, result }: ReportedRun): Html[] {
  const facts = [];
  const final = result?.evaluation;
  const last = evaluations.at(-1);
  const state = stateOf(result);
  if (state) facts.push(fact("state", state, result?.failed));
  if (final) {
    const value = returnText(final.meanReturn, final.standardError);
    facts.push(fact("final mean return", value, `${format(final.episodes)} episodes without noise`));
    const best = bestFact(result);
    if (best) facts.push(best);
  } else if (last) {
    const value = returnText(last.meanReturn, last.standardError);
    facts.push(
      fact(`mean return at step ${format(last.step)}`, value, `${format(last.episodes)} episodes without noise`),
    );
  }
  if (result) {
    const speed = `${format(Math.round(result.stepsPerSecond))} steps/s`;
    facts.push(fact("steps", format(result.steps)));
    facts.push(fact("training", `${seconds(result.trainingSeconds)} s`, speed));
    facts.push(fact("fingerprint", html`<code>${result.fingerprint}</code>`));
  }
  return facts;
}

/** The best policy over the final starts, unless it is the last one or the file is from before 0.2. */
function bestFact({ best, bestEvaluation, steps }: RunResult): Html | undefined {
  if (!best || !bestEvaluation || best.step === steps) return undefined;
  const value = returnText(bestEvaluation.meanReturn, bestEvaluation.standardError);
  return fact("of the best policy", value, `after ${format(best.step)} steps, over the same starts`);
}

function mainFigure(run: ReportedRun): Draw {
  const { environment, preset, seed } = run.config;
  const each = run.episodesEach * Math.ceil(run.episodes.length / maxPoints);
  const content = {
    evaluations: run.evaluations.map((e) => ({ step: e.step, value: e.meanReturn, error: e.standardError || 0 })),
    episodes: thin(run.episodes.map((episode) => [episode.step, episode.return])),
    each,
  };
  return (theme, width) => {
    const title = `${environment}, preset ${preset}, seed ${seed}`;
    const curve = drawRun(content, {
      theme,
      width,
      height: Math.min(400, Math.max(280, width / 2)),
      xLabel: "environment steps",
      yLabel: "return of an episode",
    });
    return finish([[curve]], theme, title, [[title]]);
  };
}

/** On a page the heading names the figure. A standalone file needs a title of its own. */
function finish(
  rows: readonly (readonly string[])[],
  theme: Theme,
  title: string,
  captions: readonly (readonly [string, string?])[],
): string {
  if (theme === paper) return compose(rows, { theme, title, captions, padding: 12, gap: 10 });
  return compose(rows, { theme, title, gap: 10, captions: captions.length > 1 ? captions : [] });
}

interface Panel {
  name: string;
  yLabel: string;
  /** How to read it, in a sentence or two. */
  meaning: string;
  lines: { name: string; points: Point[] }[];
  options?: Partial<LinesOptions>;
}

const meanings = {
  criticLoss:
    "How far the critic's predictions are from y. It may grow while the policy improves, because the values grow too.",
  meanValue:
    "The discounted return that the critic predicts. It should level off; if it climbs without end, the critic overestimates.",
  gradientNorms:
    "How large the steps would be without Adam. An actor's norm of 0 means that the policy does not learn.",
  saturation: "How often the action is at its bound. Near 1 the policy has stopped learning.",
  valueBias: "0 is right. Above 0 the critic expects more than the policy then gets; below 0, less.",
  info: "The environment's info: the last value in each episode.",
};
const saturationLabel = "share of the minibatch with |μ(s)| > 0.99";
/** The most action dimensions with a line of their own: a record may have a hundred thousand. */
const maxDimensions = 32;
const biasLabel = "Q(s₀, μ(s₀)) − discounted return, at evaluations";

function diagnosticsOf(run: ReportedRun): Html {
  const dimensions = run.diagnostics.reduce((most, d) => Math.max(most, d.saturation.length), 0);
  const line = (name: string, of: Quantity) => ({ name, points: thin(of(run)) });
  const { rewardScale, rewardNormalization } = run.config.settings;
  return panels(
    [
      {
        name: "Critic loss",
        yLabel: lossLabel([run]),
        meaning: meanings.criticLoss,
        lines: [line("", diagnostic("criticLoss"))],
      },
      {
        name: "Mean value",
        yLabel: "mean of Q over the minibatch",
        meaning: meanings.meanValue,
        lines: [line("", diagnostic("meanValue"))],
      },
      {
        name: "Gradient norms",
        yLabel: "Euclidean norm",
        meaning: meanings.gradientNorms,
        lines: [line("critic", diagnostic("criticGradientNorm")), line("actor", diagnostic("actorGradientNorm"))],
        options: { logarithmic: true },
      },
      {
        name:
          dimensions > maxDimensions ? `Saturated actions, dimensions 0 to ${maxDimensions - 1}` : "Saturated actions",
        yLabel: saturationLabel,
        meaning: meanings.saturation,
        lines: Array.from({ length: Math.min(dimensions, maxDimensions) }, (_, i) =>
          line(`dimension ${i}`, ({ diagnostics }) => diagnostics.map((d) => [d.step, d.saturation[i] ?? Number.NaN])),
        ),
        options: { yDomain: [0, 1] },
      },
      {
        name: "Value bias",
        yLabel: biasLabel,
        meaning: meanings.valueBias,
        lines: [line("", valueBias)],
        options: { rule: 0 },
      },
      ...infoPanels([run], (evaluated, trained) =>
        trained(run).length > 0 ? [line("evaluations", evaluated), line("training", trained)] : [line("", evaluated)],
      ),
    ],
    rewardNormalization
      ? "Losses, values and their bias are of rewards divided by their running size at the time."
      : rewardScale === 1
        ? ""
        : `Losses, values and their bias are of rewards times ${rewardScale}.`,
  );
}

/** What the critic's loss is; runs with different losses share no unit. */
function lossLabel(runs: readonly ReportedRun[]): string {
  const losses = new Set(runs.map(({ config }) => config.settings.criticLoss));
  if (losses.size > 1) return "losses of different kinds";
  const [loss] = losses;
  return loss === "huber" ? "mean Huber loss" : loss === "categorical" ? "mean cross-entropy" : "mean of (y − Q)²";
}

/** The diagnostics of groups, in the same panels. */
function diagnosticsOfGroups(groups: readonly RunGroup[], nameOf: (group: RunGroup) => string): Html {
  const lines = (of: Quantity) => groups.map((group) => ({ name: nameOf(group), points: thin(curveOf(group, of)) }));
  const saturation: Quantity = ({ diagnostics }) => diagnostics.map((d) => [d.step, mean(d.saturation)]);
  return panels(
    [
      {
        name: "Critic loss",
        yLabel: lossLabel(groups.flatMap(({ runs }) => runs)),
        meaning: meanings.criticLoss,
        lines: lines(diagnostic("criticLoss")),
      },
      {
        name: "Mean value",
        yLabel: "mean of Q over the minibatch",
        meaning: meanings.meanValue,
        lines: lines(diagnostic("meanValue")),
      },
      {
        name: "Saturated actions",
        yLabel: saturationLabel,
        meaning: meanings.saturation,
        lines: lines(saturation),
        options: { yDomain: [0, 1] },
      },
      {
        name: "Value bias",
        yLabel: biasLabel,
        meaning: meanings.valueBias,
        lines: lines(valueBias),
        options: { rule: 0 },
      },
      ...infoPanels(
        groups.flatMap(({ runs }) => runs),
        lines,
      ),
    ],
    `The ${statisticName} over the seeds of a group, where all of them have a value. Losses, values and their bias are of scaled rewards.`,
  );
}

/** A quantity of a run over its steps. */
type Quantity = (run: ReportedRun) => Point[];

function diagnostic(name: DiagnosticsName): Quantity {
  return ({ diagnostics }) => diagnostics.map((d) => [d.step, d[name]]);
}

function valueBias({ evaluations }: ReportedRun): Point[] {
  return evaluations.map((e) => [e.step, e.valueBias]);
}

/** A panel for each name of the environment's `info`, in evaluations and in training episodes. */
function infoPanels(
  runs: readonly ReportedRun[],
  lines: (evaluated: Quantity, trained: Quantity) => Panel["lines"],
): Panel[] {
  const names = new Set<string>();
  for (const { evaluations, episodes } of runs) {
    for (const { info = {} } of evaluations) for (const name in info) names.add(name);
    for (const { info } of episodes) for (const name of info?.keys() ?? []) names.add(name);
  }
  return [...names].map((name) => ({
    name,
    yLabel: "mean over the episodes of an evaluation",
    meaning: meanings.info,
    lines: lines(
      ({ evaluations }) =>
        evaluations.flatMap(({ step, info = {} }) => (Object.hasOwn(info, name) ? [[step, info[name]] as const] : [])),
      ({ episodes }) =>
        episodes.flatMap(({ step, info }) => {
          const [sum, count] = info?.get(name) ?? [0, 0];
          return count > 0 ? [[step, sum / count] as const] : [];
        }),
    ),
  }));
}

/** The statistic over a group's runs, at the steps where all of them have a value. */
function curveOf({ runs }: RunGroup, of: Quantity): Point[] {
  return seedCurve(runs.map(of));
}

/** The panels that have something to show. */
function panels(all: readonly Panel[], note: string): Html {
  const drawn = all.flatMap(({ name, yLabel, meaning, lines, options }) => {
    if (!lines.some(({ points }) => points.some(([, value]) => Number.isFinite(value)))) return [];
    const svg = drawLines(lines, { theme: pageTheme, width: 400, xLabel: "environment steps", yLabel, ...options });
    const titled = compose([[svg]], { theme: pageTheme, title: `${name}: ${yLabel}` });
    return html`<figure><h3>${name}</h3><div class="drawing">${new Html(titled)}</div><figcaption>${meaning}</figcaption></figure>\n`;
  });
  if (drawn.length === 0) return html``;
  return html`<h2>Diagnostics</h2>\n<div class="panels">${drawn}</div>${note && html`<p class="note">${note}</p>`}`;
}

function settingsTable(run: ReportedRun): Html {
  const { preset } = run.config;
  const base = presetOf(preset);
  const known: readonly string[] = settingNames;
  const rows = Object.entries(settingsOf(run)).map(([name, setting]) => {
    const value = show(setting);
    const original = name in base ? show(base[name]) : value;
    const meaning = known.includes(name) ? settingHelp(name as keyof Settings) : "";
    return original === value
      ? [name, value, "", meaning]
      : [name, html`<mark>${value}</mark>`, html`${original}`, meaning];
  });
  return htmlTable(["setting", "value", `in ${preset}, where it differs`, "meaning"], rows);
}

function evaluationsOf({ evaluations, evaluationsEach: each }: ReportedRun): Html {
  if (evaluations.length === 0) return html``;
  const rows = evaluations.map((e) => [
    format(e.step),
    format(e.episodes),
    returnText(e.meanReturn, e.standardError),
    number(e.meanLength),
    number(e.valueBias),
  ]);
  return html`<details><summary>${each === 1 ? "All evaluations" : `One of every ${each} evaluations`} as numbers</summary>
${htmlTable(["step", "episodes", "mean return", "mean length", "value bias"], rows)}</details>`;
}

function pageOfRuns(runs: readonly ReportedRun[]): string {
  const groups = groupsOf(runs);
  const environments = [...new Set(groups.map(({ environment }) => environment))];
  const title = `${environments.join(", ")}: ${count(runs.length, "run")}, ${count(groups.length, "group")}`;
  const firsts = groups.map(({ runs: [first] }) => first);
  const several = environments.length > 1;
  const nameOf = (group: RunGroup) => (several ? `${group.environment}, ${group.name}` : group.name);
  const names = differing(firsts);
  const notes = notesOf(groups, nameOf);
  return document(
    title,
    html`<h1>${title}</h1>
<p class="muted">Groups are runs that differ by their seed alone.</p>
${drawing(
  comparison(groups),
  `The ${statisticName} over seeds: from ${minSeedsForInterval} seeds on with its 95 % percentile-bootstrap interval, below that with every seed. Evaluations are without exploration noise.`,
)}
${notes.map((note) => html`<p class="note">${note}</p>`)}
<h2>Groups</h2>
${htmlTable(
  ["group", "seeds", "final mean return", "statistic", "95 % interval"],
  groups.map((group) => [nameOf(group), format(group.runs.length), ...finalOf(group)]),
)}
${
  names.length === 0
    ? ""
    : html`<h2>Settings that differ</h2>
${htmlTable(
  ["setting", ...groups.map(nameOf)],
  names.map((name) => [name, ...firsts.map((run) => show(settingsOf(run)[name]))]),
)}`
}
${diagnosticsOfGroups(groups, nameOf)}
<h2>Runs</h2>
${htmlTable(
  ["run", "group", "seed", "steps", "final mean return", "seconds", "fingerprint"],
  groups.flatMap((group) => group.runs.map((run) => rowOf(run, nameOf(group)))),
)}`,
  );
}

function rowOf({ directory, config, result, evaluations, episodes }: ReportedRun, group: string): (string | Html)[] {
  const seed = String(config.seed);
  if (!result) {
    const step = Math.max(evaluations.at(-1)?.step ?? 0, episodes.at(-1)?.step ?? 0);
    return [directory, group, seed, format(step), "unfinished", "", ""];
  }
  const { steps, evaluation, trainingSeconds, fingerprint } = result;
  const final = evaluation ? returnText(evaluation.meanReturn, evaluation.standardError) : stateOf(result);
  return [directory, group, seed, format(steps), final, seconds(trainingSeconds), html`<code>${fingerprint}</code>`];
}

function finalOf(group: RunGroup): [value: string, name: string, interval: string] {
  const statistic = finalStatistic(group);
  if (!statistic) return ["none finished", "", ""];
  const { value, name, interval = [] } = statistic;
  const text = (x: number): string => trueMinus(short(x));
  return [text(value), name, interval.map(text).join(" to ")];
}

/** Warnings that a reader needs before trusting the curves. */
function notesOf(groups: readonly RunGroup[], nameOf: (group: RunGroup) => string): string[] {
  return groups.flatMap((group) => {
    const notes = [];
    const { runs } = group;
    const unfinished = runs.filter(({ result }) => !result?.evaluation).length;
    if (unfinished > 0)
      notes.push(
        `${nameOf(group)}: ${count(unfinished, "run")} of ${runs.length} not finished, and without a final evaluation.`,
      );
    const silent = runs.filter(({ evaluations }) => evaluations.length === 0).length;
    if (silent > 0)
      notes.push(`${nameOf(group)}: ${count(silent, "run")} of ${runs.length} without evaluations, not in the curves.`);
    const seeds = runs.map(({ config }) => config.seed);
    const twice = seeds.filter((seed, i) => seeds.indexOf(seed) !== i);
    if (twice.length > 0)
      notes.push(
        `${nameOf(group)}: seed ${[...new Set(twice)].join(", ")} more than once; equal runs make the interval too narrow.`,
      );
    const lengths = new Set(runs.flatMap(({ evaluations }) => evaluations.at(-1)?.step ?? []));
    if (lengths.size > 1)
      notes.push(`${nameOf(group)}: runs of different lengths; the mean and its interval end with the shortest.`);
    return notes;
  });
}

function comparison(groups: readonly RunGroup[]): Draw {
  const environments = [...new Set(groups.map(({ environment }) => environment))];
  return (theme, width) => {
    const rows: string[][] = [];
    const captions: [string, string?][] = [];
    for (const environment of environments) {
      const here = groups.filter((group) => group.environment === environment);
      const curves = here.map(({ name, runs }) => ({
        name,
        runs: runs
          .map(({ evaluations }) => evaluations.map((e): Point => [e.step, e.meanReturn]))
          .filter((curve) => curve.length > 0),
      }));
      const height = Math.min(400, Math.max(280, width / 2));
      captions.push([environment, here.length === 1 ? `${here[0].name}, ${count(here[0].runs.length, "seed")}` : ""]);
      rows.push([
        curves.some(({ runs }) => runs.length > 0)
          ? drawCurves(curves, {
              theme,
              width,
              height,
              xLabel: "environment steps",
              yLabel: "mean return of an evaluation",
              showRuns: here.length === 1,
            })
          : "",
      ]);
      const finals = here.map((group) => ({ name: group.name, values: finalsOf(group) }));
      if (finals.some(({ values }) => values.length > 0)) {
        const mark = markMeanings(finals.map(({ values }) => values.length));
        captions.push(["Final evaluations", width < 600 ? "one dot a seed" : `one dot a seed; ${mark}`]);
        rows.push([drawDistribution(finals, { theme, width, xLabel: "final mean return" })]);
      }
    }
    return finish(
      rows.map((row) => row.filter(Boolean)),
      theme,
      `${environments.join(", ")}: evaluations of ${count(groups.length, "group")}`,
      captions,
    );
  };
}

/** The same figure for a wide and for a narrow window. The page shows the one that fits. */
export function drawing(draw: Draw, caption: string): Html {
  return html`<figure>
<div class="drawing wide">${new Html(draw(pageTheme, wide))}</div>
<div class="drawing narrow">${new Html(draw(pageTheme, narrow))}</div>
<figcaption>${caption}</figcaption>
</figure>`;
}

function fact(name: string, value: string | Html, more = ""): Html {
  return html`<div><dt>${name}</dt><dd>${value}${more && html` <small>${more}</small>`}</dd></div>`;
}

/** Averages neighboring points, so that at most `maxPoints` remain. */
function thin(points: readonly Point[]): Point[] {
  const each = Math.ceil(points.length / maxPoints);
  if (each <= 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / each) }, (_, i) => {
    const some = points.slice(i * each, (i + 1) * each);
    return [some[some.length - 1][0], mean(some.map(([, value]) => value))];
  });
}

function flatten(fields: Readonly<Record<string, unknown>>, prefix = ""): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? flatten(value as Record<string, unknown>, `${prefix}${name}.`)
      : [[`${prefix}${name}`, show(value)] as [string, string]],
  );
}

/** A mean return with its standard error, if it has one. */
function returnText(mean: number, error: number | null): string {
  if (!Number.isFinite(mean)) return "not finite";
  return trueMinus(plusMinus(mean, Number.isFinite(error) ? error : null));
}

function number(value: number, digits = digitsOf(value)): string {
  if (!Number.isFinite(value)) return "not finite";
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return trueMinus(value.toLocaleString("en-US", options));
}

function seconds(value: number): string {
  return number(value, value >= 100 ? 0 : 2);
}

/** The number of decimals: enough for four digits of a return, or three of a small one. */
function digitsOf(value: number): number {
  const size = Math.abs(value);
  return size >= 1000 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4;
}
