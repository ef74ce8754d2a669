// Shared by the contenders in JavaScript: the protocol of bench/runner.js, and the check against recorded updates.
import * as fs from "node:fs";
import * as readline from "node:readline";

export const networkNames = ["actor", "critic", "targetActor", "targetCritic"];

/** The number of transitions in the replay buffer before anything is measured: the warm-up of every task. */
export const fill = 10_000;

/**
 * The last argument is a task as JSON: `start(task)` returns `run(n)`, which makes n updates or steps. Or the last two
 * arguments are --check and a file of fixtures/update: `replay(fixture)` makes updates on its minibatches and yields the
 * networks after each.
 */
export async function main({ version, start, replay }) {
  const [flag, last] = process.argv.slice(-2);
  if (flag === "--check") {
    const fixture = JSON.parse(fs.readFileSync(last, "utf8"));
    console.log(JSON.stringify(await differences(fixture, replay(fixture))));
    return;
  }
  const run = await start(JSON.parse(last));
  await run(20);
  console.log(`ready ${version}`);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const begin = performance.now();
    await run(Number(line));
    console.log((performance.now() - begin) / 1000);
  }
}

/** The largest differences from the recorded networks after one and after ten updates. */
async function differences(fixture, updates) {
  const found = {};
  let update = 0;
  for await (const networks of updates) {
    update++;
    const recorded = fixture.after[update];
    if (recorded) {
      found[update] = Math.max(...networkNames.map((name) => difference(networks[name], recorded[name])));
    }
    if (update === 10) return found;
  }
}

/** The largest difference of a parameter. A network is a list of layers with flat lists `weights` and `biases`. */
function difference(layers, recorded) {
  let largest = 0;
  recorded.forEach((expected, i) => {
    for (const part of ["weights", "biases"]) {
      const values = expected[part].flat();
      const { length } = layers[i][part];
      if (length !== values.length) throw new Error(`layer ${i + 1}: ${length} ${part}, not ${values.length}`);
      values.forEach((value, j) => {
        largest = Math.max(largest, Math.abs(layers[i][part][j] - value)); // NaN stays NaN
      });
    }
  });
  return largest;
}

/** The minibatch of update number `update`, from 0. */
export function batchOf(fixture, update) {
  return fixture.batches[update % fixture.batches.length];
}

/** Random numbers, uniform in [−1, 1]. */
export function uniform(length) {
  return Array.from({ length }, () => 2 * Math.random() - 1);
}
