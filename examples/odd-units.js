// The pendulum in odd units: micrometers, kilometers, degrees a second, and a reward in thousandths. `robust` finds their scales.
// npx ddpg train examples/odd-units.js --steps 5000 --actor-hidden-sizes 128,128 --critic-hidden-sizes 128,128 --batch-size 64
// @ts-check
/** @import { Environment, Random } from "ddpg" */
import { Pendulum } from "ddpg";

/** @implements {Environment} */
class OddUnits {
  pendulum = new Pendulum();
  observationSize = 3;
  actionLow = [-2000]; // mN m
  actionHigh = [2000];
  /** @param {Random} random */
  async reset(random) {
    return inOddUnits(await this.pendulum.reset(random));
  }
  /** @param {Float32Array} action */
  async step([torque]) {
    const { observation, reward, ...rest } = await this.pendulum.step(Float32Array.of(torque / 1000));
    return { observation: inOddUnits(observation), reward: 1000 * reward, ...rest };
  }
}
/** @param {ArrayLike<number>} observation the height and the width of the tip in m, and the speed in rad/s */
const inOddUnits = ({ 0: height, 1: width, 2: speed }) => [5e6 + 1e6 * height, width / 1000, (speed * 180) / Math.PI];

export default () => new OddUnits();
