import assert from "node:assert/strict";
import { test } from "node:test";
import { textCell } from "./report-data.ts";

test("a text of a table is never a formula, a control character or a second cell, and can be had back", () => {
  const cells = {
    "runs/a-b": "runs/a-b",
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "'=1": "''=1",
    "\uff1d1": "'\uff1d1",
    " =1": "' =1",
    "a,b": '"a,b"',
    '=HYPERLINK("x,y")': '"\'=HYPERLINK(""x,y"")"',
    "a\r\n=1\t\u001b[2J\u2028\u202e": "a\ufffd\ufffd=1\ufffd\ufffd[2J\ufffd\ufffd",
    "\t=1": "\ufffd=1",
    "\ud800é😀": "\ufffdé😀",
  };
  for (const [text, cell] of Object.entries(cells)) assert.equal(textCell(text), cell);
});
