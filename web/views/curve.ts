// The learning curve of this run and of earlier ones: episodes with noise, evaluations without.
import { largest } from "../../src/base/numbers.ts";
import "../language.ts";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colors, onColors } from "../colors.ts";
import { sceneOfTask } from "../scenes.ts";
import type { PageRun, Session, State } from "../session.ts";
import { find, setText, short, whole } from "./text.ts";

/** Leaves room in the first view for the maps. */
const height = () =>
  Math.round(innerWidth < 640 ? 0.18 * innerHeight : Math.min(320, Math.max(180, 0.25 * innerHeight)));

/** The shortest time between two redraws, in ms. At full speed an episode ends in almost every frame. */
const redrawMs = 100;

export function curveView(session: Session): void {
  const root = find("#curve");
  const readout = find("#curve-readout");
  let plot: uPlot | undefined;
  /** The runs in the plot and its width. A change needs a new plot. */
  let shape = "";
  /** The quantity of the curve: a name of the environment's info, or "" for the return. */
  let quantity = "";
  /** The steps that the curve shows; null for all. Dragging across the curve chooses them. */
  let zoom: [first: number, last: number] | null = null;
  const back = document.createElement("button");
  back.type = "button";
  back.className = "quiet";
  back.id = "curve-all";
  back.textContent = "Show all steps";
  back.hidden = true;
  const zoomTo = (steps: typeof zoom): void => {
    zoom = steps;
    back.hidden = zoom === null;
    plot?.setData(plot.data);
  };
  back.addEventListener("click", () => zoomTo(null));
  root.after(back);
  root.addEventListener("dblclick", () => zoomTo(null));
  const choice = document.createElement("select");
  choice.ariaLabel = "Quantity of the curve";
  const chooser = document.createElement("p");
  chooser.id = "curve-quantity";
  chooser.hidden = true;
  chooser.append(choice);
  root.before(chooser);
  choice.addEventListener("change", () => {
    quantity = choice.value;
    draw(true);
  });
  /** Offers what the runs have besides the return, the environment's info. */
  const offer = (runs: readonly PageRun[]): void => {
    const names = infoNamesOf(runs);
    if (
      names.join("\n") ===
      [...choice.options]
        .slice(1)
        .map(({ value }) => value)
        .join("\n")
    )
      return;
    choice.replaceChildren(new Option("return", ""), ...names.map((name) => new Option(`info: ${name}`, name)));
    if (!names.includes(quantity)) quantity = "";
    choice.value = quantity;
    chooser.hidden = names.length === 0;
  };

  const draw = (isNew = false): void => {
    const { run, kept } = session.store.state;
    const runs = [...kept, run];
    offer(runs);
    const wanted = runs.map(({ id, name }) => `${id} ${name}`).join() + quantity;
    if (isNew || wanted !== shape || !plot) {
      plot?.destroy();
      shape = wanted;
      const wide = options(runs, quantity, session, root.clientWidth, readout);
      const zoomed: uPlot.Range.Function = (_, __, max) =>
        zoom ?? [0, lastStep(max ?? 0, session.store.state.experiment.steps)];
      const setSelect = (drawn: uPlot): void => {
        const { left, width } = drawn.select;
        if (width <= 0) return;
        drawn.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        zoomTo([drawn.posToVal(left, "x"), drawn.posToVal(left + width, "x")]);
      };
      plot = new uPlot(
        {
          ...wide,
          scales: { ...wide.scales, x: { time: false, range: zoomed } },
          hooks: { ...wide.hooks, setSelect: [setSelect] },
        },
        dataOf(runs, quantity),
        root,
      );
    } else {
      plot.setData(dataOf(runs, quantity));
    }
  };
  let drawnAt = 0;
  let isStale = true;
  session.onDraw.push(() => {
    if (!isStale || performance.now() - drawnAt < redrawMs) return;
    isStale = false;
    drawnAt = performance.now();
    draw();
  });
  session.store.subscribe(({ run, kept, past }, before) => {
    if (run !== before.run || kept !== before.kept || past !== before.past) isStale = true;
    const isOther = run.id !== before.run.id || run.name !== before.run.name;
    if (run.id !== before.run.id) zoomTo(null);
    if (kept !== before.kept || isOther || find("#runs").childElementCount === 0) list(session);
  });
  onColors(() => {
    draw(true);
    list(session);
  });
  root.role = "application";
  root.tabIndex = 0;
  root.addEventListener("pointermove", () => {
    readout.ariaLive = "off";
  });
  root.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const steps = plot?.data[0];
    if (!way || !plot || !steps || steps.length === 0) return;
    event.preventDefault();
    readout.ariaLive = "polite";
    // The first key press selects the newest point.
    const at = Math.max(0, Math.min(steps.length - 1, (plot.cursor.idx ?? steps.length - (way + 1) / 2) + way));
    plot.setCursor({ left: plot.valToPos(steps[at], "x"), top: 0 });
  });
  root.addEventListener("blur", () => plot?.setCursor({ left: -10, top: -10 }));
  let size = { width: root.clientWidth, height: height() };
  const resize = (): void => {
    const { width, height: before } = size;
    size = { width: root.clientWidth, height: height() };
    if (size.width !== width || size.height !== before) plot?.setSize(size);
  };
  new ResizeObserver(resize).observe(root);
  addEventListener("resize", resize);
}

/** The color of a run. */
export function colorOf(run: PageRun): string {
  const { series } = colors();
  return series[run.color % series.length];
}

/** A return as the plot draws it; a gap beyond 1e100, where the axis would need more steps than there are numbers. */
function drawn(value: number): number | null {
  return Math.abs(value) < 1e100 ? value : null;
}

/** The names of the environment's info in the records of the runs. */
function infoNamesOf(runs: readonly PageRun[]): string[] {
  const names = new Set<string>();
  for (const { records } of runs)
    for (const record of records) if ("info" in record) for (const name in record.info) names.add(name);
  return [...names];
}

/** A quantity of the runs: the return, or what the environment's info has under a name. */
function dataOf(runs: readonly PageRun[], quantity: string): uPlot.AlignedData {
  const value = (of: number, info: Readonly<Record<string, number>> | undefined): number | null | undefined => {
    if (quantity === "") return drawn(of);
    return info && Object.hasOwn(info, quantity) ? drawn(info[quantity]) : undefined;
  };
  const tables = runs.flatMap(({ records }) => {
    const episodes = records.filter((record) => record.type === "episode");
    const evaluations = records.filter((record) => record.type === "evaluation");
    return [
      [episodes.map(({ step }) => step), episodes.map((episode) => value(episode.return, episode.info))],
      [evaluations.map(({ step }) => step), evaluations.map(({ meanReturn, info }) => value(meanReturn, info))],
    ] as uPlot.AlignedData[];
  });
  return uPlot.join(tables);
}

function options(
  runs: readonly PageRun[],
  quantity: string,
  session: Session,
  width: number,
  readout: Element,
): uPlot.Options {
  const { muted, line, ground } = colors();
  const newest = runs[runs.length - 1];
  // The best possible return is no limit of the info.
  const optimum = quantity === "" ? sceneOfTask(newest.experiment.task).optimum : undefined;
  const text = quantity === "" ? whole : short;
  const axis: uPlot.Axis = {
    stroke: muted,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    values: (_, values) => values.map(whole),
  };
  return {
    width,
    height: height(),
    legend: { show: false },
    // Room for the right half of the last number on the axis.
    padding: [null, 30, null, null],
    // A touch scrolls the page, so only a mouse drags.
    cursor: { drag: { x: true, y: false, setScale: false, dist: 8 }, points: { show: false }, y: false },
    scales: {
      y: { range: (_, min, max) => rangeOf(min, max, optimum) },
    },
    axes: [
      { ...axis, size: 32, space: 75 },
      { ...axis, size: 56, values: (_, values) => values.map(text) },
    ],
    series: [
      {},
      ...runs.flatMap((run): uPlot.Series[] => {
        const stroke = colorOf(run);
        const isNewest = run === newest;
        return [
          {
            paths: () => null,
            stroke,
            points: { show: isNewest, size: 5, width: 1, stroke: `${stroke}88`, fill: "transparent" },
          },
          {
            stroke,
            width: isNewest ? 2.5 : 1.5,
            spanGaps: true,
            points: { show: true, size: isNewest ? 5 : 4, fill: stroke },
          },
        ];
      }),
    ],
    hooks: {
      drawAxes: [
        (plot) => {
          if (optimum === undefined) return;
          const { ctx, bbox } = plot;
          const y = plot.valToPos(optimum, "y", true);
          const ratio = devicePixelRatio;
          ctx.save();
          ctx.strokeStyle = ctx.fillStyle = muted;
          ctx.lineWidth = ratio;
          ctx.setLineDash([4 * ratio, 4 * ratio]);
          ctx.beginPath();
          ctx.moveTo(bbox.left, y);
          ctx.lineTo(bbox.left + bbox.width, y);
          ctx.stroke();
          ctx.font = `${12 * ratio}px system-ui, sans-serif`;
          ctx.textAlign = "left";
          const words = `best possible, about ${short(optimum)}`;
          const [left, bottom] = [bbox.left + 6 * ratio, y - 6 * ratio];
          // A grid line may cross the text, so outline it.
          ctx.strokeStyle = ground;
          ctx.lineWidth = 4 * ratio;
          ctx.setLineDash([]);
          ctx.strokeText(words, left, bottom);
          ctx.fillText(words, left, bottom);
          ctx.restore();
        },
      ],
      draw: [
        (plot) => {
          // What came after the moment that is looked back at is pale.
          const { past } = session.store.state;
          if (!past) return;
          const { ctx, bbox } = plot;
          // A part that was zoomed to may leave it out.
          const right = bbox.left + bbox.width;
          const x = Math.min(right, Math.max(bbox.left, plot.valToPos(past.step, "x", true)));
          ctx.save();
          ctx.globalAlpha = 0.75;
          ctx.fillStyle = ground;
          ctx.fillRect(x, bbox.top, right - x, bbox.height);
          ctx.globalAlpha = 1;
          ctx.fillStyle = muted;
          ctx.fillRect(x, bbox.top, devicePixelRatio, bbox.height);
          ctx.restore();
        },
      ],
      setCursor: [(plot) => setText(readout, readOut(plot, runs, text))],
    },
  };
}

/** The step at the end of the axis. */
export function curveEnd({ run, kept, experiment }: State): number {
  const max = largest([run, ...kept].map(({ records }) => records.at(-1)?.step ?? 0));
  return lastStep(max, experiment.steps);
}

/** The end of the axis: the run's end, or for a long run slightly after the newest point. */
function lastStep(max: number, steps: number): number {
  if (max >= steps || steps <= 50_000) return Math.max(max, steps);
  const power = 10 ** Math.floor(Math.log10(Math.max(max, 10_000)));
  return Math.min(steps, power * ([1, 2, 5].find((each) => each * power >= max) ?? 10));
}

function rangeOf(min: number | null, max: number | null, optimum: number | undefined): [number, number] {
  const low = Math.min(min ?? 0, optimum ?? 0);
  const high = Math.max(max ?? 0, optimum ?? 0);
  const margin = 0.08 * (high - low || 1);
  return [low - margin, high + (high === 0 && optimum === undefined ? margin : 1.6 * margin)];
}

/** The values at the pointer, as text. */
function readOut(plot: uPlot, runs: readonly PageRun[], text: (value: number) => string): string {
  const { idx } = plot.cursor;
  if (idx === null || idx === undefined) return "";
  const parts = runs.flatMap((run, i) => {
    const episode = plot.data[1 + 2 * i][idx];
    const evaluation = plot.data[2 + 2 * i][idx];
    const name = runs.length > 1 ? `${run.name}: ` : "";
    return [
      ...(typeof evaluation === "number" ? [`${name}evaluation ${text(evaluation)}`] : []),
      ...(typeof episode === "number" ? [`${name}episode ${text(episode)}`] : []),
    ];
  });
  return parts.length === 0 ? "" : `Step ${whole(plot.data[0][idx])} · ${parts.join(" · ")}`;
}

/** Lists the runs by name; earlier ones get a button to remove them. */
function list(session: Session): void {
  const { run, kept } = session.store.state;
  find("#runs").replaceChildren(
    ...[...kept, run].reverse().map((each) => {
      const item = document.createElement("li");
      const mark = document.createElement("span");
      mark.className = "mark";
      mark.style.background = colorOf(each);
      item.append(mark, each.name);
      if (each === run) return item;
      const remove = document.createElement("button");
      remove.className = "quiet";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `Remove ${each.name}`);
      remove.addEventListener("click", () => session.remove(each.id));
      item.append(" ", remove);
      return item;
    }),
  );
}
