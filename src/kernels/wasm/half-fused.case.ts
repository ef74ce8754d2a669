import { decodeBase64 } from "../../base/base64.ts";
import { fuse } from "./fuse.ts";
import module128 from "./generated/module-128.ts";
import { KernelModules } from "./modules.ts";

/**
 * Kernels whose first step of a product is not fused, as in an engine that calculates in two steps: its addition is a
 * subtraction, which `fuse` leaves alone.
 */
export function halfFused(): KernelModules {
  const bytes = decodeBase64(module128);
  const fusedBytes = bytes.slice();
  fuse(fusedBytes);
  const first = fusedBytes.findIndex((byte, i) => byte !== bytes[i]);
  const addition = bytes.findIndex((byte, i) => i > first && byte === 0xe4 && bytes[i - 1] === 0xfd);
  bytes[addition]++;
  return new KernelModules(Buffer.from(bytes).toString("base64"));
}
