// Networks as tensors of a safetensors file, and the texts beside them, checked before anything is made from them.
import { expect, InputError } from "../base/expect.ts";
import { type DType, numbersOf, type Safetensors, type Tensor, tensorOf } from "../base/safetensors.ts";
import { type Matrix, readMatrix, writeMatrix } from "../kernels/matrix.ts";
import type { TensorShape } from "../nn/parameters.ts";
import { type Settings, settingsFrom } from "./config.ts";
import { type Spaces, Units } from "./units.ts";

type Tensors = Safetensors["tensors"];

/** A network's matrix as a tensor: Float32, without padding. */
export function matrixTensor(matrix: Matrix, name: string): Tensor {
  return tensorOf("F32", fileShape({ name, rows: matrix.rows, columns: matrix.columns }), readMatrix(matrix));
}

/** Sets a network's matrix from a tensor that was checked. Throws an InputError where a number is not finite. */
export function restoreMatrix(matrix: Matrix, tensors: Tensors, name: string, where: string): void {
  const values = tensorNumbers(tensors, name);
  for (const value of values) expect(Number.isFinite(value), `${where} ${name}`, "finite numbers", value);
  writeMatrix(matrix, values);
}

/** A tensor's numbers; it must be there. A fresh array. */
export function tensorNumbers(tensors: Tensors, name: string): ReturnType<typeof numbersOf> {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`no tensor ${name}`);
  return numbersOf(tensor);
}

/** Throws an InputError unless a tensor of this kind and shape is there. */
export function expectTensor(
  tensors: Tensors,
  name: string,
  dtype: DType,
  shape: readonly number[],
  where: string,
): void {
  const tensor = tensors.get(name);
  const show = (type: string, sizes: readonly number[]): string => `${type} [${sizes.join(", ")}]`;
  const wanted = show(dtype, shape);
  const got = tensor && show(tensor.dtype, tensor.shape);
  expect(got === wanted, `${where} ${name}`, wanted, got);
}

/** The same for tensors of a network, whose names get a prefix. */
export function expectMatrices(tensors: Tensors, prefix: string, shapes: readonly TensorShape[], where: string): void {
  for (const shape of shapes) expectTensor(tensors, prefix + shape.name, "F32", fileShape(shape), where);
}

/** Only weights have two dimensions. */
function fileShape({ name, rows, columns }: Pick<TensorShape, "name" | "rows" | "columns">): number[] {
  return name.endsWith(".weights") ? [rows, columns] : [columns];
}

/** One of a file's texts, which is a JSON object; a fresh one. Throws an InputError for anything else. */
export function parseObject(metadata: Safetensors["metadata"], name: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(metadata.get(name) ?? "");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Not JSON: said below.
  }
  throw new InputError(`${where} ${name}: expected a JSON object, got something else. Is it a file of ddpg's?`);
}

/** The settings that a file has; those that it leaves out are the paper's. */
export function parseSettings(metadata: Safetensors["metadata"], where: string): Settings {
  const settings = parseObject(metadata, "settings", where);
  return InputError.within(`${where} settings`, () => settingsFrom("paper", settings));
}

/** The way between units and numbers that a file has. */
export function parseUnits(contents: Safetensors, settings: Settings, where: string): Units {
  const spaces = parseSpaces(contents, where);
  return InputError.within(`${where} spaces`, () => new Units(spaces, settings));
}

/** The environment's sizes and bounds. No larger than the file: every number that is observed has weights in it. */
function parseSpaces({ tensors, metadata }: Safetensors, where: string): Spaces {
  const spaces = parseObject(metadata, "spaces", where);
  const { observationSize, actionLow, actionHigh } = spaces;
  let numbers = 0;
  for (const { parts } of tensors.values()) for (const { length } of parts) numbers += length / 4;
  expect(
    Number.isSafeInteger(observationSize) && Array.isArray(actionLow) && Array.isArray(actionHigh),
    `${where} spaces`,
    "observationSize, actionLow and actionHigh",
    spaces,
  );
  const size = Number(observationSize);
  expect(size <= numbers, `${where} spaces observationSize`, `at most the file's ${numbers} numbers`, size);
  return { observationSize: size, actionLow, actionHigh };
}
