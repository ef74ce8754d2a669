import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, it } from "node:test";
import { programInFolder } from "../terminal/program.case.ts";
import { joined, readSweep, runsOf, type SweepRecord, writeSweep } from "./record.ts";

const { inFolder } = programInFolder("sweep-record");

const record: SweepRecord = {
  ...{ environment: "Pendulum-v1", steps: 100, arithmetic: "fused" },
  cells: [
    { id: "0123456789ab", settings: { batchSize: 64, actorHiddenSizes: [16, 8] }, seeds: [1, 2] },
    { id: "ba9876543210", settings: { batchSize: 128 }, seeds: [1] },
  ],
};

describe("the record of a sweep", () => {
  it("reads back as it was written, and is not written again if nothing is new", () => {
    writeSweep(inFolder("same"), record);
    assert.deepEqual(readSweep(inFolder("same")), record);
    const before = fs.statSync(inFolder("same/sweep.json"));
    writeSweep(inFolder("same"), record);
    assert.equal(fs.statSync(inFolder("same/sweep.json")).ino, before.ino);
    assert.equal(readSweep(inFolder("none")), undefined);
  });

  it("gives every cell its first seed before any gets its second", () => {
    assert.deepEqual(
      runsOf("s", record).map(({ id }) => id),
      ["0123456789ab-seed1", "ba9876543210-seed1", "0123456789ab-seed2"],
    );
  });

  it("only grows, by what can be compared", () => {
    const more = { ...record, cells: [{ ...record.cells[1], seeds: [3] }] };
    assert.deepEqual(
      joined("s", record, more).cells.map(({ seeds }) => seeds),
      [
        [1, 2],
        [1, 3],
      ],
    );
    assert.throws(
      () => joined("s", record, { ...more, steps: 99 }),
      /sweep\.json steps: expected 99, got 100\. Choose/,
    );
    assert.throws(() => joined("nats://h:1 s", record, { ...more, steps: 99 }), /: nats:\/\/h:1 s sweep\.json steps:/);
    assert.throws(() => joined("s", record, { ...more, arithmetic: "portable" }), /arithmetic: expected portable/);
  });

  it("that is damaged is refused with its file, its field and a hint", () => {
    const file = inFolder("bad/sweep.json");
    for (const [from, to, message] of [
      ['"cells":', '"cell":', /expected fields among .* got "cell"/],
      ['"steps":100', '"steps":0', / steps: expected a whole number above 0, got 0/],
      ["ddpg-sweep-1", "ddpg-sweep-9", / format: expected "ddpg-sweep-1"/],
      ['"fused"', '"fuse"', / arithmetic: expected fused or portable/],
      ["0123456789ab", "../../../abcd", / cells\[0\] id: expected 12 hexadecimal digits/],
      ['"seeds":[1,2]', '"seeds":[1,1]', / cells\[0\] seeds: expected a list of different seeds/],
      ['"batchSize":64', '"batchSize":0', / cells\[0\] settings batchSize: expected a whole number from 1/],
      ['"batchSize":64', '"size":64', / cells\[0\] settings: expected fields among/],
      ["]}\n", "", /expected JSON/],
    ] as const) {
      writeSweep(inFolder("bad"), record);
      const text = fs.readFileSync(file, "utf8");
      assert.ok(text.includes(from), from);
      fs.writeFileSync(file, text.replace(from, to));
      assert.throws(
        () => readSweep(inFolder("bad")),
        (error: Error) => {
          assert.ok(error.message.startsWith(file), error.message);
          assert.match(error.message, message);
          return true;
        },
      );
    }
  });
});
