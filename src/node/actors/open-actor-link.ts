// Connects an actor in Node with a channel.
import { randomBytes } from "node:crypto";
import { ActorLink, type ActorLinkOptions } from "../../training/actors/actor-link.ts";
import { actorServer } from "../../training/actors/actor-server.ts";
import { inboxes } from "../../training/actors/channel.ts";
import { connect, type ServerOptions } from "../nats/connect.ts";

type OpenOptions = Omit<ActorLinkOptions, "server" | "actor"> & { readonly server: ServerOptions };

export async function openActorLink(options: OpenOptions): Promise<ActorLink> {
  const { where, channel, onLine } = options;
  // An actor's account may publish transitions and read the learner's words, and need not manage streams.
  const context = {
    where,
    name: `ddpg actor ${channel}`,
    onLine,
    asksForJetStream: false,
    inboxPrefix: inboxes.actor,
  };
  const { address, connection, packages, close } = await connect(options.server, context);
  const server = actorServer(address, connection, packages.headers, close);
  return new ActorLink({ ...options, server, actor: randomBytes(16).toString("hex") });
}
