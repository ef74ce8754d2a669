// A simulation of one's own: a boat that comes to rest at its berth. Its engine is stronger ahead than astern.
// It is a module for the command line, too: npx ddpg train examples/boat.js --preset small --steps 10000
// @ts-check
/** @import { Environment, Random } from "ddpg" */
import { TimeLimit } from "ddpg";

const timeStep = 0.2; // s

/** @implements {Environment} */
class Boat {
  observationSize = 2; // m to the berth, m/s
  actionLow = [-400]; // N
  actionHigh = [1000];
  distance = 0;
  speed = 0;

  /** @param {Random} random */
  reset(random) {
    this.distance = random.uniform(10, 40);
    this.speed = random.uniform(0, 3);
    return [this.distance, this.speed];
  }

  /** @param {Float32Array} action */
  step([thrust]) {
    this.speed += ((thrust - 150 * this.speed) / 500) * timeStep; // 500 kg; the water brakes with 150 N per m/s
    this.distance -= this.speed * timeStep;
    const struck = this.distance < -5; // the quay
    return { observation: [this.distance, this.speed], reward: 1 - Math.abs(this.distance) / 50, terminated: struck };
  }
}

export default () => new TimeLimit(new Boat(), 150);
