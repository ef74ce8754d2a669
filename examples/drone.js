// What flies in own-loop.js: a drone that goes up and down. A game's own code; it knows nothing of learning.
// @ts-check
import { Random } from "ddpg";

const random = new Random(1); // or Math.random, where a run need not repeat

export class Drone {
  height = random.uniform(-5, 5); // m, from where it should hover
  climb = 0; // m/s
  frames = 0;
  score = 0;

  /**
   * One frame, a sixtieth of a second, with a thrust in m/s² against a gravity of 9.8. Returns the points for it.
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
