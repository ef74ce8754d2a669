// A simulation of one's own: a boat that keeps to its buoy. Its engine is stronger ahead than astern.
// It is a module for the command line, too: npx ddpg train examples/boat.js --preset small --steps 10000
// @ts-check
/** @import { Environment, Random } from "ddpg" */
import { TimeLimit } from "ddpg";

/** @implements {Environment} */
class Boat {
  observationSize = 2; // position in m ahead of the buoy, speed in m/s
  actionLow = [-500]; // thrust in N
  actionHigh = [1000];
  position = 0;
  speed = 0;

  /** @param {Random} random */
  reset(random) {
    this.position = random.uniform(-20, 20);
    this.speed = random.uniform(-1, 1);
    return [this.position, this.speed];
  }

  /** @param {Float32Array} action */
  step([thrust]) {
    this.speed += ((thrust - 150 * this.speed) / 500) * 0.2; // 500 kg, 150 N per m/s by the water, 0.2 s
    this.position += this.speed * 0.2;
    const off = Math.abs(this.position);
    return { observation: [this.position, this.speed], reward: 1 - off / 30, terminated: off > 30 };
  }
}

export default () => new TimeLimit(new Boat(), 150);
