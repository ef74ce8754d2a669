import { inFileName } from "../run-files.ts";

/** The name of a channel by default: that of the environment. */
export function channelOf(environment: string): string {
  return inFileName(environment).replaceAll(/[^A-Za-z0-9_-]+/g, "-");
}
