// The game code of own-loop.js: a drone that moves up and down. It knows nothing about learning.
// @ts-check
import { Random } from "ddpg";

const random = new Random(1); // or Math.random, if runs need not be repeatable

export class Drone {
  height = random.uniform(-5, 5); // m, relative to where it should hover
  climb = 0; // m/s
  frames = 0;
  score = 0;

  /**
   * Advances one frame, 1/60 s, with a thrust in m/s² against a gravity of 9.8 m/s². Returns the points for the frame.
   * @param {number} thrust
   */
  fly(thrust) {
    this.climb += (thrust - 9.8) / 60;
    this.height += this.climb / 60;
    this.frames++;
    const points = 1 - Math.abs(this.height) / 10;
    this.score += points;
    return points;
  }
}
