// The program of a thread that draws. `Drawers` starts workers with it.
import { parentPort, workerData } from "node:worker_threads";
import { type Canvas, drawOn } from "./drawers.ts";

if (parentPort) {
  const draw = drawOn(workerData as Canvas);
  parentPort.on("message", (poses: Float32Array) => {
    const picture = draw(poses);
    parentPort?.postMessage(picture, [picture.buffer]);
  });
}
