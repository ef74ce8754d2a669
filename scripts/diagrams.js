// Draws the two networks, docs/figures/actor.svg and critic.svg, and the update that docs/worked-update.md computes. They show
// no records, so no plotting library is needed.
import * as fs from "node:fs";
import * as path from "node:path";

const ink = "#1f2328";
const muted = "#6a737d";
const colors = { observation: "#0072b2", action: "#d55e00", value: "#009e73", hidden: ink };
const [width, height, middle] = [640, 250, 128];

/** A layer as a column of circles, one for each unit. `many` puts dots in the middle, for units that are not drawn. */
function layer(x, count, color, { y = middle, many = false, gap = 24 } = {}) {
  const slots = count + (many ? 1 : 0);
  const ys = Array.from({ length: slots }, (_, i) => y + (i - (slots - 1) / 2) * gap);
  const hole = many ? Math.floor(slots / 2) : -1;
  return { x, units: ys.filter((_, i) => i !== hole), hole: many ? ys[hole] : undefined, color };
}

function draw({ x, units, hole, color }) {
  const circles = units.map(
    (y) => `<circle cx="${x}" cy="${y}" r="7" fill="#ffffff" stroke="${color}" stroke-width="1.8"/>`,
  );
  const dots =
    hole === undefined ? [] : [-5, 0, 5].map((dy) => `<circle cx="${x}" cy="${hole + dy}" r="1.5" fill="${color}"/>`);
  return [...circles, ...dots].join("");
}

/** Lines from every unit to every unit of the next layer. */
function connect(from, to, color = muted) {
  const lines = from.units.flatMap((y1) => to.units.map((y2) => `M${from.x + 7},${y1}L${to.x - 7},${y2}`));
  return `<path d="${lines.join("")}" stroke="${color}" stroke-width="0.8" stroke-opacity="0.45" fill="none"/>`;
}

function label(x, y, text, { color = ink, weight = 400, size = 14, style = "normal", anchor = "middle" } = {}) {
  return `<text x="${x}" y="${y}" fill="${color}" font-weight="${weight}" font-size="${size}" font-style="${style}" text-anchor="${anchor}">${text}</text>`;
}

function symbol(x, y, text, color, anchor) {
  return label(x, y, text, { color, size: 20, style: "italic", anchor, weight: 600 });
}

function picture(title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif"><title>${title}</title><rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>${parts.join("")}</svg>\n`;
}

/** μ(s): s → 400 ReLU → 300 ReLU → tanh → a. */
function actor() {
  const s = layer(78, 3, colors.observation);
  const first = layer(223, 6, colors.hidden, { many: true });
  const second = layer(368, 5, colors.hidden, { many: true });
  const a = layer(513, 1, colors.action);
  return picture("The actor: observation s, 400 units with ReLU, 300 units with ReLU, tanh, action a", [
    connect(s, first),
    connect(first, second),
    connect(second, a),
    ...[s, first, second, a].map(draw),
    symbol(54, middle + 6, "s", colors.observation, "end"),
    symbol(537, middle + 6, "a = μ(s)", colors.action, "start"),
    label(s.x, 240, "observation", { color: muted }),
    label(first.x, 240, "400, ReLU", { color: muted }),
    label(second.x, 240, "300, ReLU", { color: muted }),
    label(a.x, 240, "tanh", { color: muted }),
  ]);
}

/** Q(s, a): s → 400 ReLU → (joined by a) 300 ReLU → Q. */
function critic() {
  const s = layer(78, 3, colors.observation, { y: 96 });
  const first = layer(223, 5, colors.hidden, { y: 96, many: true });
  const a = layer(223, 1, colors.action, { y: 204 });
  const second = layer(368, 5, colors.hidden, { many: true });
  const q = layer(513, 1, colors.value);
  return picture(
    "The critic: observation s, 400 units with ReLU, joined by the action a, 300 units with ReLU, value Q",
    [
      connect(s, first),
      connect(first, second),
      connect(a, second, colors.action),
      connect(second, q),
      ...[s, first, a, second, q].map(draw),
      symbol(54, 102, "s", colors.observation, "end"),
      symbol(199, 210, "a", colors.action, "end"),
      symbol(537, middle + 6, "Q(s, a)", colors.value, "start"),
      label(s.x, 240, "observation", { color: muted }),
      label(first.x, 240, "400, ReLU; action", { color: muted }),
      label(second.x, 240, "300, ReLU", { color: muted }),
      label(q.x, 240, "linear", { color: muted }),
    ],
  );
}

/** Step 6 of docs/worked-update.md: values forward above the arrows, gradients backward below them. */
function workedUpdate() {
  // After step 5 of that page, whose program computes the same.
  const [s, w] = [1, 0.5];
  const [u, v] = criticOfWorkedUpdate();
  const a = Math.tanh(w * s);
  const slope = 1 - a * a;
  const fixed = (number) => number.toFixed(4);
  const nodes = [
    { x: 70, name: "w", forward: String(w), backward: fixed(v * slope * s), color: colors.action },
    { x: 230, name: "w s", forward: String(w * s), backward: fixed(v * slope), color: ink },
    { x: 400, name: "a = tanh(w s)", forward: fixed(a), backward: fixed(v), color: colors.action },
    { x: 565, name: "Q = u s + v a", forward: fixed(u * s + v * a), backward: "1", color: colors.value },
  ];
  const arrows = nodes.slice(1).map(({ x }, i) => {
    const [from, to] = [nodes[i].x + 38, x - 38];
    const arrow = (y, tail, head, color) =>
      `<path d="M${tail},${y}H${head}m${Math.sign(tail - head) * 7},-4l${Math.sign(head - tail) * 7},4l${Math.sign(tail - head) * 7},4" stroke="${color}" stroke-width="1.4" fill="none"/>`;
    return arrow(middle - 34, from, to, muted) + arrow(middle + 38, to, from, colors.observation);
  });
  const factors = ["× s", "× (1 − a²)", "× v"].map((text, i) =>
    label((nodes[i].x + nodes[i + 1].x) / 2, middle + 62, text, { color: colors.observation, size: 13 }),
  );
  return picture("Step 6 of one update in numbers: values forward, gradients of Q backward", [
    ...arrows,
    ...factors,
    ...nodes.flatMap(({ x, name, forward, backward, color }) => [
      label(x, middle + 6, name, { color, weight: 600, size: 16 }),
      label(x, middle - 28, forward),
      label(x, middle + 44, backward, { color: colors.observation }),
    ]),
    label(20, 36, "forward: values, with s = 1", { color: muted, anchor: "start" }),
    label(20, 236, "backward: the gradient of Q with respect to each", { color: colors.observation, anchor: "start" }),
  ]);
}

/** u and v after step 5 of docs/worked-update.md. */
function criticOfWorkedUpdate() {
  const [s, a, r, next, w, u, v] = [1, 0.2, 1, 0.5, 0.5, 0.3, 0.8];
  const y = r + 0.99 * (u * next + v * Math.tanh(w * next));
  const gradient = 2 * (u * s + v * a - y);
  return [u - 0.1 * gradient * s, v - 0.1 * gradient * a];
}

/** Writes all into a folder; returns the files. */
export function writeDiagrams(folder) {
  fs.mkdirSync(folder, { recursive: true });
  return Object.entries({ actor, critic, "worked-update": workedUpdate }).map(([name, make]) => {
    const file = path.join(folder, `${name}.svg`);
    fs.writeFileSync(file, make());
    return file;
  });
}
