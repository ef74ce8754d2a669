// A helper thread in a browser: the program of the workers that `webThreads` starts.
import { help, type HelperPort } from "./helper.ts";

help(globalThis as unknown as HelperPort);
