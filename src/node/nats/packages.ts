// The clients of NATS. The build puts the packages into this file, so that the library has no dependencies. Only
// connect.ts imports it, and only when a command asks for a server.
export {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
} from "@nats-io/jetstream";
export { Kvm } from "@nats-io/kv";
export { Objm, setSha256Backend } from "@nats-io/obj";
export { connect, credsAuthenticator, headers, nanos, wsconnect } from "@nats-io/transport-node";
