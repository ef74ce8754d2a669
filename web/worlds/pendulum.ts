import { flat, type World } from "./world.ts";

/** Draws the rod. An arrow around the axle shows the motor's torque. */
export const pendulum: World = {
  open: flat((context, width, height, { state: [angle], action, colors, isHeld, crowd, point }) => {
    const [x, y] = [width / 2, height / 2];
    const length = 0.4 * Math.min(width, height);
    const unit = length / 100;
    const [tipX, tipY] = [x - length * Math.sin(angle), y - length * Math.cos(angle)];
    context.lineCap = "round";

    // A mark shows where the tip should be.
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.setLineDash([2, 5]);
    context.beginPath();
    context.arc(x, y, length, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x, y - length - 7 * unit);
    context.lineTo(x, y - length - 13 * unit);
    context.lineWidth = 2;
    context.strokeStyle = colors.muted;
    context.stroke();

    const rod = (at: number): void => {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x - length * Math.sin(at), y - length * Math.cos(at));
      context.stroke();
    };
    // Thin, so that they are not taken for the body where they meet.
    context.lineWidth = 4 * unit;
    context.strokeStyle = colors.muted;
    context.globalAlpha = 0.3;
    for (const [at] of crowd) rod(at);
    context.lineWidth = 15 * unit;
    if (point) {
      context.strokeStyle = colors.positive;
      context.globalAlpha = 0.5;
      rod(point[0]);
    }
    context.globalAlpha = 1;
    context.strokeStyle = colors.ink;
    rod(angle);
    if (isHeld) {
      context.strokeStyle = colors.muted;
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(tipX, tipY, 14 * unit, 0, 2 * Math.PI);
      context.stroke();
    }

    drawTorque(context, x, y, 34 * unit, action, action < 0 ? colors.negative : colors.positive);
    context.fillStyle = colors.ground;
    context.beginPath();
    context.arc(x, y, 3.2 * unit, 0, 2 * Math.PI);
    context.fill();
  }),

  hold: {
    placeAt: (x, y, width, height) => Math.atan2(width / 2 - x, height / 2 - y),
    greatestSpeed: 8,
    timesPerSecond: 1,
    // The angle increases counterclockwise: to the left above the axle, to the right below it.
    push: ([angle]) => (Math.cos(angle) > 0 ? -2 : 2),
  },

  describe: ([angle, speed]) => {
    const degrees = Math.round((Math.abs(Math.atan2(Math.sin(angle), Math.cos(angle))) * 180) / Math.PI);
    return `${degrees}° from upright, ${Math.abs(speed).toFixed(1)} rad/s`;
  },
};

/** Draws an arc that starts above the axle, counterclockwise for a positive torque. Its length is the strength. */
function drawTorque(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  part: number,
  color: string,
): void {
  if (Math.abs(part) < 0.06) return;
  const from = -Math.PI / 2;
  const to = from - part * 0.75 * Math.PI;
  const turns = Math.sign(part);
  context.strokeStyle = context.fillStyle = color;
  context.lineWidth = radius / 7;
  context.beginPath();
  context.arc(x, y, radius, from, to, turns > 0);
  context.stroke();
  // The arrowhead.
  const [tipX, tipY] = [x + radius * Math.cos(to), y + radius * Math.sin(to)];
  const [alongX, alongY] = [turns * Math.sin(to), -turns * Math.cos(to)];
  const size = radius * (0.1 + 0.18 * Math.abs(part));
  context.beginPath();
  context.moveTo(tipX + 1.4 * size * alongX, tipY + 1.4 * size * alongY);
  context.lineTo(tipX - size * alongY, tipY + size * alongX);
  context.lineTo(tipX + size * alongY, tipY - size * alongX);
  context.fill();
}
