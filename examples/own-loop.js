// A program that owns its loop, 60 frames a second: five drones learn to hover at 10 m, one agent steers them all.
// node examples/own-loop.js [--fast]     a minute, or a few seconds
// @ts-check
import { Ddpg, Random } from "ddpg";

// Seen: height above the mark in m, climb in m/s. Action: thrust in m/s², against a gravity of 9.8.
const sizes = { observationSize: 2, actionLow: [0], actionHigh: [15] };
const agent = await Ddpg.create(sizes, { preset: "small", observationScale: [0.2, 0.5], seed: 1 });
const random = new Random(1);
const start = () => ({ height: random.uniform(-5, 5), climb: 0, age: 0, return: 0 });
const drones = Array.from({ length: 5 }, start);
/** @type {number[]} */
let returns = [];
let frames = 0;

function frame() {
  for (const [body, drone] of drones.entries()) {
    const before = [drone.height, drone.climb];
    const action = agent.explore(before, body); // each body has a noise of its own
    drone.climb += (action[0] - 9.8) / 60;
    drone.height += drone.climb / 60;
    const reward = -Math.abs(drone.height) / 5;
    drone.return += reward;
    agent.observe(before, action, reward, [drone.height, drone.climb], false);
    if (++drone.age < 300) continue;
    ...
  }
}
