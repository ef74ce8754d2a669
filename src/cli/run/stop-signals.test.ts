import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import type { Signal } from "../terminal/exit-codes.ts";
import { StopSignals } from "./stop-signals.ts";

/** Signals without a process. The log lists what happened, in order. */
function listen(): {
  source: EventEmitter;
  signals: StopSignals;
  log: string[];
  state: { stepping: boolean; timer?: () => void };
} {
  const source = new EventEmitter();
  const log: string[] = [];
  const state: { stepping: boolean; timer?: () => void } = { stepping: false };
  const signals = new StopSignals({
    source,
    isStepping: () => state.stepping,
    leave: (signal) => log.push(`leave ${signal}`),
    exit: (code) => log.push(`exit ${code}`),
    setTimer: (callback, ms) => {
      log.push(`timer ${ms}`);
      state.timer = callback;
      return () => {
        delete state.timer;
      };
    },
  });
  return { source, signals, log, state };
}

const send = (source: EventEmitter, signal: Signal): boolean => source.emit(signal, signal);

describe("a stop signal", () => {
  it("between two steps leaves at once", () => {
    const { source, signals, log } = listen();
    send(source, "SIGTERM");
    assert.deepEqual(log, ["leave SIGTERM"]);
    assert.equal(signals.received, "SIGTERM");
  });

  it("during a step leaves once, when the step has ended", () => {
    const { source, signals, log, state } = listen();
    signals.stepEnded();
    state.stepping = true;
    send(source, "SIGHUP");
    assert.deepEqual(log, ["timer 250"]);
    signals.stepEnded();
    signals.stepEnded();
    assert.deepEqual(log, ["timer 250", "leave SIGHUP"]);
    assert.equal(state.timer, undefined);
  });

  it("during a step that does not end leaves when the grace period is over", () => {
    const { source, log, state } = listen();
    state.stepping = true;
    send(source, "SIGINT");
    state.timer?.();
    assert.deepEqual(log, ["timer 250", "leave SIGINT"]);
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    it(`that comes again ends the process with its code: ${signal}`, () => {
      const { source, log, state } = listen();
      state.stepping = true;
      send(source, signal);
      send(source, signal);
      assert.deepEqual(log, ["timer 250", `exit ${code}`]);
    });
  }

  it("after a different one changes nothing", () => {
    const { source, signals, log, state } = listen();
    state.stepping = true;
    send(source, "SIGINT");
    send(source, "SIGTERM");
    assert.deepEqual([log, signals.received], [["timer 250"], "SIGINT"]);
  });

  it("changes nothing in a run that is ending or has closed", () => {
    const { source, signals, log } = listen();
    signals.ignore();
    send(source, "SIGINT");
    assert.equal(signals.received, undefined);
    signals.close();
    assert.equal(send(source, "SIGINT"), false);
    assert.deepEqual(log, []);
  });

  it("does not leave a run that closes during the grace period", () => {
    const { source, signals, log, state } = listen();
    state.stepping = true;
    send(source, "SIGINT");
    signals.close();
    state.timer?.();
    assert.deepEqual(log, ["timer 250"]);
  });
});
