import { minus } from "../views/text.ts";
import { flat, type World } from "./world.ts";

const [left, right, goal] = [-1.2, 0.6, 0.45];

/** Draws the valley, the car, and the flag that it has to reach. An arrow above the car shows the force. */
export const mountainCar: World = {
  open: flat((context, width, height, { state: [position], action, colors, isHeld, crowd, point }) => {
    const scale = width / (right - left + 0.2);
    const x = (place: number): number => (place - left + 0.1) * scale;
    const y = (place: number): number => height / 2 + 0.52 * scale - hill(place) * scale;
    context.lineCap = context.lineJoin = "round";

    context.beginPath();
    for (let i = 0; i <= 100; i++) {
      const place = left + ((right - left) * i) / 100;
      context.lineTo(x(place), y(place));
    }
    context.strokeStyle = colors.muted;
    context.lineWidth = 2;
    context.stroke();

    context.strokeStyle = colors.ink;
    context.fillStyle = colors.positive;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x(goal), y(goal));
    context.lineTo(x(goal), y(goal) - 0.22 * scale);
    context.stroke();
    context.beginPath();
    context.moveTo(x(goal), y(goal) - 0.22 * scale);
    context.lineTo(x(goal) + 0.1 * scale, y(goal) - 0.18 * scale);
    context.lineTo(x(goal), y(goal) - 0.14 * scale);
    context.fill();

    const size = 0.055 * scale;
    const mark = (at: number): void => {
      context.beginPath();
      context.arc(x(at), y(at) - size, size, 0, 2 * Math.PI);
      context.fill();
    };
    context.fillStyle = colors.ink;
    context.globalAlpha = 0.08;
    for (const [at] of crowd) mark(at);
    if (point) {
      context.fillStyle = colors.positive;
      context.globalAlpha = 0.5;
      mark(point[0]);
    }
    context.globalAlpha = 1;
    context.save();
    context.translate(x(position), y(position));
    context.rotate(-Math.atan(slope(position)));
    context.fillStyle = colors.ink;
    context.beginPath();
    context.roundRect(-1.3 * size, -1.5 * size, 2.6 * size, size, 0.3 * size);
    context.fill();
    for (const wheel of [-0.75, 0.75]) {
      context.beginPath();
      context.arc(wheel * size, -0.42 * size, 0.42 * size, 0, 2 * Math.PI);
      context.fillStyle = colors.ink;
      context.fill();
      context.strokeStyle = colors.ground;
      context.lineWidth = 1.5;
      context.stroke();
    }
    if (isHeld) {
      context.strokeStyle = colors.muted;
      context.strokeRect(-1.6 * size, -1.8 * size, 3.2 * size, 1.9 * size);
    }
    if (Math.abs(action) > 0.03) {
      const end = 3 * size * action;
      context.strokeStyle = context.fillStyle = action < 0 ? colors.negative : colors.positive;
      context.lineWidth = 0.35 * size;
      context.translate(0, -2.4 * size);
      context.beginPath();
      context.moveTo(0, 0);
      context.lineTo(end, 0);
      context.stroke();
      const head = Math.sign(action) * size * (0.3 + 0.5 * Math.abs(action));
      context.beginPath();
      context.moveTo(end + 1.2 * head, 0);
      context.lineTo(end, 0.8 * head);
      context.lineTo(end, -0.8 * head);
      context.fill();
    }
    context.restore();
  }),

  hold: {
    placeAt: (x, _, width) => x / (width / (right - left + 0.2)) + left - 0.1,
    places: [left, right],
    greatestSpeed: 0.07,
    timesPerSecond: 30,
    push: () => 0.012,
  },

  describe: ([position]) => `position ${minus(position.toFixed(2))}, the goal is at ${goal}`,
};

/** The height of the ground at a position, as Gymnasium draws it. */
function hill(position: number): number {
  return 0.45 * Math.sin(3 * position) + 0.55;
}

function slope(position: number): number {
  return 1.35 * Math.cos(3 * position);
}
