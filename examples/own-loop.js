// A program with its own loop, 60 frames a second: five drones share one agent and learn to hover. Takes a minute.
// node examples/own-loop.js [--fast]     (--fast does not wait for the clock and takes a few seconds)
// @ts-check
import { Ddpg } from "ddpg";
import { Drone } from "./drone.js";

const sizes = { observationSize: 2, actionLow: [0], actionHigh: [40] }; // height and climb; thrust
const agent = await Ddpg.create(sizes, { preset: "small", observationScale: 0.2, discount: 0.98, seed: 1 });
const drones = Array.from({ length: 5 }, () => new Drone());
const returns = drones.map(() => 0); // the return of each drone's last flight
let frames = 0;
const clock = setInterval(frame, process.argv.includes("--fast") ? 0 : 1000 / 60);

function frame() {
  for (const [body, drone] of drones.entries()) {
    const observation = [drone.height, drone.climb];
    const action = agent.explore(observation, body);
    const reward = drone.fly(action[0]);
    const lost = Math.abs(drone.height) > 10; // ends the task; the cut after three seconds does not
    agent.observe(observation, action, reward, [drone.height, drone.climb], lost);
    if (!lost && drone.frames < 180) continue;
    agent.endEpisode(body);
    returns[body] = drone.score;
    drones[body] = new Drone();
  }
  agent.learn();
  if (++frames % 300 === 0) console.log(`${frames / 60} s: returns ${returns.map(Math.round).join(" ")}`);
  if (frames === 3600) clearInterval(clock);
}
