// The program of a helper thread in Node. `nodeThreads` starts workers with it.
import { parentPort } from "node:worker_threads";
import { type HelperPort, help } from "../kernels/wasm/helper.ts";
import { replacementOf } from "./native.ts";

if (parentPort) help(parentPort as unknown as HelperPort, replacementOf);
