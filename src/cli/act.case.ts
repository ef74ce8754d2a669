// What tests see of a channel on a real server: who learns on it, and what the actors sent.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type Server } from "../node/nats/connect.ts";
import { learnerSubjects, streams } from "../training/actors/channel.ts";

/** Connects as a test does. */
export function connected({ url }: { readonly url: string }): Promise<Server> {
  return connect({ server: url }, { name: "test", where: "test", onLine: () => {}, variables: {} });
}

/** The run of a channel's learner, as soon as there is one. */
export async function runOf({ manager }: Server, channel: string): Promise<string> {
  for (;;) {
    try {
      const query = { last_by_subj: learnerSubjects.task(channel) };
      const message = await manager.direct.getMessage(streams.learner(channel), query);
      if (message) return (JSON.parse(new TextDecoder().decode(message.data)) as { run: string }).run;
    } catch {
      // The learner has not made its streams yet.
    }
    await delay(50);
  }
}

/** All messages of a channel's actors, in their order: who sent them, and what. */
export async function messagesOf(
  { manager }: Server,
  channel: string,
): Promise<{ readonly actor: string; readonly data: Uint8Array }[]> {
  const stream = streams.transitions(channel);
  const { state } = await manager.streams.info(stream);
  const messages: { actor: string; data: Uint8Array }[] = [];
  for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(stream, { seq });
    assert.ok(message, `message ${seq} of ${state.last_seq}`);
    messages.push({ actor: message.subject.split(".").at(-1) ?? "", data: message.data });
  }
  return messages;
}
