// A custom simulation: a boat that stays near its buoy. Its engine is stronger forward than in reverse.
// npx ddpg train examples/boat.js --preset small --steps 5000 --observation-scale 0.05,0.5
// @ts-check
/** @import { Environment, Random } from "ddpg" */
import { TimeLimit } from "ddpg";

/** @implements {Environment} */
class Boat {
  position = 0; // m, in front of the buoy
  speed = 0; // m/s
  observationSize = 2;
  actionLow = [-500]; // thrust in N
  actionHigh = [1000];
  /** @param {Random} random */
  reset(random) {
    this.position = random.uniform(-20, 20);
    this.speed = random.uniform(-1, 1);
    return [this.position, this.speed];
  }
  /** @param {Float32Array} action */
  step([thrust]) {
    this.speed += ((thrust - 150 * this.speed) / 500) * 0.2; // 500 kg, drag 150 N per m/s, steps of 0.2 s
    this.position += this.speed * 0.2;
    const off = Math.abs(this.position) / 30;
    return { observation: [this.position, this.speed], reward: 1 - off, terminated: off > 1 };
  }
}

export default () => new TimeLimit(new Boat(), 150);
