import { Worker } from "node:worker_threads";
import type { Scene } from "../../environment/scene.ts";
import { RayCaster } from "./ray-caster.ts";

/** What a thread needs to draw. */
export interface Canvas {
  readonly scene: Pick<Scene, "shapes" | "camera">;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

type Draw = (poses: Float32Array) => Uint8Array | Promise<Uint8Array>;

/** More threads would wait for the one that writes the file. */
const maxThreads = 8;

/** Draws pictures of one scene, several at the same time, each in a thread of its own. */
export class Drawers {
  /** How many pictures are drawn at the same time. */
  readonly count: number;
  readonly #workers: readonly Worker[] = [];
  readonly #draws: readonly Draw[];
  #next = 0;

  /** Starts at most `count` threads, which keep the process alive until `close`. A single one is the calling thread. */
  constructor({ scene: { shapes, camera }, width, height }: Canvas, count: number) {
    const canvas: Canvas = { scene: { shapes, camera }, width, height };
    this.count = Math.max(1, Math.min(count, maxThreads));
    if (this.count > 1) {
      // Do not pass on the process's flags: a worker rejects some of them, such as --input-type.
      const options = { execArgv: [], workerData: canvas };
      const program = new URL("./draw-helper.js", import.meta.url);
      this.#workers = Array.from({ length: this.count }, () => new Worker(program, options));
      this.#draws = this.#workers.map(drawIn);
    } else this.#draws = [drawOn(canvas)];
  }

  /** A picture in these poses: red, green, blue and 255 for each pixel, row by row from the top. */
  async draw(poses: Float32Array): Promise<Uint8Array> {
    return this.#draws[this.#next++ % this.#draws.length](poses);
  }

  /** Ends the threads. Pictures that are not ready never will be. */
  close(): void {
    for (const worker of this.#workers) void worker.terminate();
  }
}

/** Draws on the calling thread. */
export function drawOn({ scene, width, height }: Canvas): (poses: Float32Array) => Uint8Array<ArrayBuffer> {
  const caster = new RayCaster(scene, width, height);
  return (poses) => {
    const picture = new Uint8Array(4 * width * height);
    caster.draw(poses, picture);
    return picture;
  };
}

/** Draws in a worker that runs draw-helper.ts. */
function drawIn(worker: Worker): Draw {
  // A worker answers in the order in which it is asked.
  let waiting: { resolve: (picture: Uint8Array) => void; reject: (error: unknown) => void }[] = [];
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    for (const { reject } of waiting) reject(failure);
    waiting = [];
  };
  worker.on("message", (picture: Uint8Array) => waiting.shift()?.resolve(picture));
  worker.on("error", fail).on("exit", () => fail(new Error("A thread that draws has ended.")));
  return (poses) =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      waiting.push({ resolve, reject });
      worker.postMessage(poses);
    });
}
