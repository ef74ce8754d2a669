// Networks as tensors of a safetensors file, with its metadata. Everything is checked before anything is built from it.
import { expect, expectNumbers, InputError } from "../base/expect.ts";
import { parseJson } from "../base/json.ts";
import { type DType, numbersOf, type Safetensors, type Tensor, tensorOf } from "../base/safetensors.ts";
import { expectArithmetic } from "../kernels/choose-backend.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { type Matrix, readMatrix, writeMatrix } from "../kernels/matrix.ts";
import type { NetworkShape } from "../nn/layer.ts";
import { networkTensors } from "../nn/network.ts";
import type { Parameters, TensorShape } from "../nn/parameters.ts";
import { type Settings, storedSettings } from "./config.ts";
import { type Spaces, Units } from "./units.ts";

type Tensors = Safetensors["tensors"];

/** Returns a network's tensors under their names in a file, which start with `prefix`: Float32, without padding. */
export function parametersTensors(parameters: Parameters, prefix: string): [name: string, tensor: Tensor][] {
  return parameters.all.map((shape) => [prefix + shape.name, matrixTensor(parameters.value(shape.name), shape)]);
}

/** Returns a matrix with the shape of a network's tensor as a tensor of a file: Float32, without padding. */
export function matrixTensor(matrix: Matrix, shape: TensorShape): Tensor {
  return tensorOf("F32", fileShape(shape), readMatrix(matrix));
}

/** Throws an InputError that begins with `where` unless a file has all tensors of a network of this shape. */
export function expectParameters(tensors: Tensors, prefix: string, shape: NetworkShape, where: string): void {
  const { tensors: learned, statistics } = networkTensors(shape);
  expectMatrices(tensors, prefix, [...learned, ...statistics], where);
}

/** Throws an InputError for a number in a network's tensors that no network has. The shapes must have been checked. */
export function expectParameterNumbers(tensors: Tensors, prefix: string, shape: NetworkShape, where: string): void {
  const { tensors: learned, statistics } = networkTensors(shape);
  for (const { kind, name } of [...learned, ...statistics]) finiteNumbers(tensors, prefix + name, where, lowest(kind));
}

/** Sets a network from tensors whose shapes were checked. Throws an InputError for a number that no network has. */
export function restoreParameters(parameters: Parameters, tensors: Tensors, prefix: string, where: string): void {
  for (const { kind, name } of parameters.all)
    restoreMatrix(parameters.value(name), tensors, prefix + name, where, lowest(kind));
}

/** The square root of a negative variance would make every action NaN. */
function lowest(kind: TensorShape["kind"]): number {
  return kind === "variance" ? 0 : -Infinity;
}

/**
 * Sets a matrix from a tensor whose shape was checked. Throws an InputError if a number is not finite, or below `min`.
 */
export function restoreMatrix(matrix: Matrix, tensors: Tensors, name: string, where: string, min = -Infinity): void {
  writeMatrix(matrix, finiteNumbers(tensors, name, where, min));
}

/**
 * Returns a tensor's numbers; a fresh array. The tensor must exist. Throws an InputError that begins with `where` if a
 * number is not finite, or below `min`.
 */
export function finiteNumbers(
  tensors: Tensors,
  name: string,
  where: string,
  min = -Infinity,
): ReturnType<typeof numbersOf> {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`no tensor ${name}`);
  const values = numbersOf(tensor);
  expectNumbers(values, values.length, `${where} ${name}`);
  const low = values.findIndex((value) => value < min);
  expect(low < 0, `${where} ${name}[${low}]`, `a number of at least ${min}`, values[low]);
  return values;
}

/**
 * Reads a whole number from a metadata string. Only the form that `String` writes is accepted: `Number` also reads "",
 * " 1" and "0x10".
 */
export function parseWhole(metadata: Safetensors["metadata"], name: string, where: string): number {
  const text = metadata.get(name);
  const value = Number(text);
  const isWhole = Number.isSafeInteger(value) && value >= 0 && String(value) === text;
  expect(isWhole, `${where} ${name}`, "a whole number of at least 0 in decimal digits", text);
  return value;
}

/** Throws an InputError that begins with `where` unless a file has a tensor of this name, number format and shape. */
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

/** Does the same for several Float32 tensors of a network, whose names in the file start with `prefix`. */
export function expectMatrices(tensors: Tensors, prefix: string, shapes: readonly TensorShape[], where: string): void {
  for (const shape of shapes) expectTensor(tensors, prefix + shape.name, "F32", fileShape(shape), where);
}

/** Returns a tensor's shape in a file, where only weights have two dimensions. */
function fileShape({ kind, rows, columns }: TensorShape): number[] {
  return kind === "weights" ? [rows, columns] : [columns];
}

/** Parses a metadata string as a JSON object; a fresh one. Throws an InputError if it is anything else. */
export function parseObject(metadata: Safetensors["metadata"], name: string, where: string): Record<string, unknown> {
  const field = `${where} ${name}`;
  const hint = "Was this file written by ddpg?";
  const value = parseJson(metadata.get(name) ?? "", field, hint);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  expect(isObject, field, "a JSON object", value, hint);
  return { ...value };
}

/** Reads the settings in a file's metadata with `storedSettings`. */
export function parseSettings(
  metadata: Safetensors["metadata"],
  where: string,
  names?: readonly (keyof Settings)[],
): Settings {
  return storedSettings(parseObject(metadata, "settings", where), `${where} settings`, names);
}

/** Returns the arithmetic that a file's metadata names. Files from before 0.2 name none: they are portable. */
export function parseArithmetic(metadata: Safetensors["metadata"], where: string): Arithmetic {
  const arithmetic = metadata.get("arithmetic") ?? "portable";
  expectArithmetic(arithmetic, `${where} arithmetic`);
  return arithmetic;
}

/** Returns an environment's sizes and bounds as text for a file's metadata; `parseUnits` reads it. */
export function spacesText({ observationSize, actionLow, actionHigh }: Spaces): string {
  const spaces = { observationSize, actionLow: Array.from(actionLow), actionHigh: Array.from(actionHigh) };
  return JSON.stringify(spaces satisfies Record<keyof Spaces, unknown>);
}

/** Reads sizes and bounds from a file's metadata and returns the conversion of units. Throws an InputError. */
export function parseUnits(contents: Safetensors, settings: Settings, where: string): Units {
  const spaces = parseSpaces(contents, where);
  return InputError.within(`${where} spaces`, () => new Units(spaces, settings));
}

/**
 * Reads the environment's sizes and bounds. The observation size is limited by the size of the file, because each
 * observed number has weights in it; otherwise a damaged file could ask for gigabytes.
 */
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
