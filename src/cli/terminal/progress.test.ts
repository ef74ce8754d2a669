import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Terminal } from "./output.ts";
import { ProgressLines } from "./progress.ts";

/** The contents of a terminal after everything that was written. It interprets the few control sequences in use. */
class Screen {
  readonly isTTY = true;
  columns = 60;
  rows = 24;
  readonly lines = [""];
  #row = 0;
  #column = 0;

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is about them
    for (const [part] of text.matchAll(/\x1b\[\d*[AJK]|[\s\S]/gu)) this.#take(part);
    return true;
  }

  #take(part: string): void {
    const line = this.lines[this.#row];
    if (part === "\r") this.#column = 0;
    else if (part === "\n") {
      this.#column = 0;
      this.#row++;
      if (this.#row === this.lines.length) this.lines.push("");
    } else if (part.endsWith("A") && part.startsWith("\x1b")) {
      this.#row -= Number(part.slice(2, -1));
      assert.ok(this.#row >= 0);
    } else if (part === "\x1b[K" || part === "\x1b[J") {
      this.lines[this.#row] = line.slice(0, this.#column);
      if (part === "\x1b[J") this.lines.length = this.#row + 1;
    } else {
      this.lines[this.#row] = line.slice(0, this.#column).padEnd(this.#column) + part + line.slice(this.#column + 1);
      this.#column++;
      assert.ok(this.#column < this.columns, "a line that wraps could not be drawn again");
    }
  }
}

describe("ProgressLines", () => {
  it("draws lines in place, keeps what is written above them, and leaves nothing behind", () => {
    const screen = new Screen();
    const lines = new ProgressLines(screen, true);
    const show = (): void => lines.interrupt(() => {});
    lines.set("seed 1", { done: 1, total: 4, parts: ["a part", "another part", "one that has no room any more"] });
    lines.set("seed 2", { done: 0, total: 4, parts: [] });
    lines.footer = "3 waiting";
    show();
    show();
    const first = "seed 1  ██░░░░░░  25 %  a part  another part";
    assert.deepEqual(screen.lines, [first, "seed 2  ░░░░░░░░   0 %", "3 waiting", ""]);
    lines.delete("seed 1");
    lines.footer = "";
    lines.interrupt(() => screen.write("seed 1 finished\n"));
    assert.deepEqual(screen.lines, ["seed 1 finished", "seed 2  ░░░░░░░░   0 %", ""]);
    lines.stop();
    assert.deepEqual(screen.lines, ["seed 1 finished", ""]);
  });

  it("draws no more lines than the terminal has, and none without a terminal", () => {
    const screen = new Screen();
    screen.rows = 5;
    const fill = (output: object): void => {
      const lines = new ProgressLines(output as Terminal, true);
      for (let i = 0; i < 9; i++) lines.set(`${i}`, { done: i, total: 9, parts: [] });
      lines.footer = "more";
      lines.interrupt(() => {});
    };
    fill(screen);
    assert.deepEqual(
      screen.lines.map((line) => line.slice(0, 4)),
      ["0  ░", "1  █", "2  █", "more", ""],
    );
    fill({ write: () => assert.fail("there is no terminal") });
  });
});
