// The names on a server that a learner and its actors share. A channel has two streams: transitions, which stay until a
// checkpoint has them, and the learner's last words, one message for each subject.
import { expect } from "../../base/expect.ts";
import { isNatsName } from "../../base/nats-name.ts";

/** Throws an InputError unless a name can be a part of a subject and of a stream's name. */
export function expectChannel(name: string, where: string): string {
  expect(isNatsName(name), where, "at most 64 letters, digits, - and _", name);
  return name;
}

/** The name of a channel by default: that of the environment, with - for what cannot be in a name. */
export function channelOf(environment: string): string {
  return environment.replaceAll(/[^A-Za-z0-9_-]+/g, "-");
}

export const streams = {
  transitions: (channel: string) => `ddpg-transitions-${channel}`,
  learner: (channel: string) => `ddpg-learner-${channel}`,
};

/** What actors publish: transitions, to the run that they act for. */
export function transitionsSubject(channel: string, run: string, actor: string): string {
  return `ddpg.actors.${channel}.transitions.${run}.${actor}`;
}

/** What actors read. */
export const learnerSubjects = {
  all: (channel: string) => `ddpg.actors.${channel}.learner.>`,
  task: (channel: string) => `ddpg.actors.${channel}.learner.task`,
  progress: (channel: string) => `ddpg.actors.${channel}.learner.progress`,
  weights: (channel: string, part: number | string) => `ddpg.actors.${channel}.learner.weights.${part}`,
};

/** The last message that was set aside. It is not among the learner's words, or each would be copied to all actors. */
export function rejectedSubject(channel: string): string {
  return `ddpg.actors.${channel}.rejected`;
}

/** Where the server's answers go. An actor whose account only has its own prefix cannot read what the learner receives. */
export const inboxes = { learner: "_INBOX_learner", actor: "_INBOX_actor" };
