// A helper thread in Node: the program of the workers that `nodeThreads` starts.
import { parentPort } from "node:worker_threads";
import { type HelperPort, help } from "../kernels/wasm/helper.ts";

if (parentPort) help(parentPort as unknown as HelperPort);
