import assert from "node:assert/strict";

/** A message's fields by number: integers or bytes. */
type Fields = Map<number, (number | Uint8Array)[]>;

function decode(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[position++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (position < bytes.length) {
    const key = varint();
    assert.ok((key & 7) === 0 || (key & 7) === 2, `wire type ${key & 7}`);
    const number = varint();
    if ((key & 7) === 2) position += number;
    const value = (key & 7) === 2 ? bytes.subarray(position - number, position) : number;
    fields.set(key >>> 3, [...(fields.get(key >>> 3) ?? []), value]);
  }
  assert.equal(position, bytes.length);
  return fields;
}

const all = (fields: Fields, number: number) => (fields.get(number) ?? []) as Uint8Array[];
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

export interface Model {
  operators: string[];
  /** Names and dimensions; N is the number of rows. */
  inputs: [name: string, ...shape: (number | string)[]][];
  outputs: [name: string, ...shape: (number | string)[]][];
  /** The action for one observation. */
  run(observation: ArrayLike<number>): number[];
}

/** Reads a model by the rules of its format, without a runtime. */
export function readOnnx(bytes: Uint8Array): Model {
  const model = decode(bytes);
  assert.deepEqual([model.get(1), decode(all(model, 8)[0]).get(2)], [[8], [13]]);
  const graph = decode(all(model, 7)[0]);
  const tensors = new Map(
    all(graph, 5).map((each) => {
      const tensor = decode(each);
      assert.deepEqual(tensor.get(2), [1]);
      const data = all(tensor, 9)[0].slice().buffer;
      const shape = tensor.get(1) as number[];
      assert.equal(
        data.byteLength,
        shape.reduce((size, n) => size * n, 4),
      );
      return [text(all(tensor, 8)[0]), Array.from(new Float32Array(data))];
    }),
  );
  const nodes = all(graph, 1).map((each) => {
    const node = decode(each);
    return { operator: text(all(node, 4)[0]), inputs: all(node, 1).map(text), output: text(all(node, 2)[0]) };
  });
  const ends = (field: number) =>
    all(graph, field).map((each): [string, ...(number | string)[]] => {
      const value = decode(each);
      const tensor = decode(all(decode(all(value, 2)[0]), 1)[0]);
      assert.deepEqual(tensor.get(1), [1]);
      const dimensions = all(decode(all(tensor, 2)[0]), 1).map((dimension) => {
        const fields = decode(dimension);
        return fields.has(2) ? text(all(fields, 2)[0]) : Number(fields.get(1)?.[0]);
      });
      return [text(all(value, 1)[0]), ...dimensions];
    });
  const [inputs, outputs] = [ends(11), ends(12)];
  const compute = (operator: string, [x, ...rest]: number[][]): number[] => {
    const [second] = rest;
    switch (operator) {
      case "Sub":
        return x.map((value, i) => value - second[i % second.length]);
      case "Mul":
        return x.map((value, i) => value * second[i]);
      case "Add":
        return x.map((value, i) => value + second[i % second.length]);
      case "Max":
        return x.map((value, i) => Math.max(value, second[i % second.length]));
      case "Min":
        return x.map((value, i) => Math.min(value, second[i % second.length]));
      case "Div":
        return x.map((value, i) => value / second[i % second.length]);
      case "Sqrt":
        return x.map(Math.sqrt);
      case "MatMul":
        return [x.reduce((sum, value, i) => sum + value * second[i], 0)];
      case "Relu":
        return x.map((value) => Math.max(0, value));
      case "Identity":
        return x;
      case "Tanh":
        return x.map(Math.tanh);
      case "Gemm":
        return rest[1].map((bias, j) =>
          x.reduce((sum, value, i) => sum + value * second[i * rest[1].length + j], bias),
        );
      default:
        throw new Error(`operator ${operator}`);
    }
  };
  return {
    ...{ operators: nodes.map(({ operator }) => operator), inputs, outputs },
    run: (observation) => {
      const values = new Map([...tensors, [inputs[0][0], Array.from(observation)]]);
      for (const [name] of inputs.slice(1)) values.set(name, [0.5]);
      const get = (name: string) => values.get(name) ?? assert.fail(`no ${name}`);
      for (const { operator, inputs, output } of nodes) values.set(output, compute(operator, inputs.map(get)));
      for (const [name] of outputs.slice(1)) assert.deepEqual(get(name), [0.5], "it passes through");
      return get(outputs[0][0]);
    },
  };
}
