// A task with a goal: a point glides to a random place in the plane, and no reward says how near it is.
// npx ddpg train examples/reach.js --preset small --steps 4000 --discount 0.95 --reward-scale 1 --hindsight future
// @ts-check
/** @import { Environment, Goals, Random } from "ddpg" */
import { TimeLimit } from "ddpg";
/** @implements {Environment} */
class Reach {
  state = new Float64Array(4); // the point's place and the goal's
  observationSize = 4;
  actionLow = [-1, -1]; // velocity
  actionHigh = [1, 1];
  /** @type {Goals} Whatever place the point gets to could have been the goal: --hindsight learns from that. */
  hindsight = {
    achieved: ([x, y]) => [x, y],
    withGoal: ([x, y], goal) => [x, y, ...goal],
    outcome: ([x, y, a, b]) => ({ reward: (x - a) ** 2 + (y - b) ** 2 < 0.05 ** 2 ? 0 : -1, terminated: false }),
  };
  /** @param {Random} random */
  reset(random) {
    for (let i = 0; i < 4; i++) this.state[i] = random.uniform(-1, 1);
    return this.state;
  }
  /** @param {Float32Array} action */
  step(action) {
    for (const i of [0, 1]) this.state[i] = Math.min(1, Math.max(-1, this.state[i] + 0.1 * action[i]));
    return { observation: this.state, ...this.hindsight.outcome(this.state, action) };
  }
}
export default () => new TimeLimit(new Reach(), 50);
