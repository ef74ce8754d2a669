// The trained policies that lie beside the page. Their files are fetched one at a time, when one is asked for.
import type { PresetName, Settings } from "../src/ddpg/config.ts";
import type { Arithmetic } from "../src/kernels/kernels.ts";
import index from "./trained/index.json";

/** A trained policy, and the run whose best policy it is. */
export interface Trained {
  readonly task: string;
  readonly file: string;
  /** As in an experiment: null means the task's default preset with the task's own settings. */
  readonly preset: PresetName | null;
  readonly seed: number;
  readonly steps: number;
  readonly arithmetic: Arithmetic;
  readonly changes: Partial<Settings>;
  /** Steps after which the run had this policy. */
  readonly step: number;
  /** Of the policy without noise, over fixed starts. */
  readonly evaluation: {
    readonly meanReturn: number;
    readonly standardError: number | null;
    readonly episodes: number;
  };
}

export const trained = index as unknown as readonly Trained[];

/** The address of a trained policy's file. */
export function addressOf({ file }: Trained): string {
  return new URL(`./trained/${file}`, document.baseURI).href;
}

/** The bytes of a policy's file. */
export async function fetchTrained(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: the server answers with status ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}
