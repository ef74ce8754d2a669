// The flags of a NATS server, which several commands share.
import type { Command } from "commander";
import { expect } from "../../base/expect.ts";
import { flagOf } from "../../ddpg/config.ts";
import { type ServerOptions, serverVariables } from "../../node/nats/connect.ts";

export interface ServerFlags extends Omit<ServerOptions, "server"> {
  readonly server?: string;
}

/** The options with credentials. `group` is the heading in the help. */
export function addServerOptions(command: Command, group = "The NATS server:"): void {
  command
    .optionsGroup(group)
    .option("--credentials <file>", `a .creds file of NATS [${serverVariables.credentials}]`)
    .option("--tls-ca <file>", `certificate of the authority that signed the server's [${serverVariables.tlsCa}]`)
    .option("--tls-cert <file>", `certificate of this client, if the server asks for one [${serverVariables.tlsCert}]`)
    .option("--tls-key <file>", `its key [${serverVariables.tlsKey}]`);
}

export const serverHelp = `An address is nats://, tls://, ws:// or wss://. It may have a user and a password, or a token, which are never printed or
stored. ${serverVariables.user} and ${serverVariables.password}, or ${serverVariables.token}, in the environment are safer: other users of
this machine see command lines.`;

/** The flags with credentials, which mean nothing without a server. */
export const credentialFlags = ["credentials", "tlsCa", "tlsCert", "tlsKey"] as const;

/** Throws an InputError for a flag that needs --server, if that is not given. `others` are flags of one command. */
export function expectNoServer<Flags extends ServerFlags>(
  flags: Flags,
  others: readonly (keyof Flags & string)[] = [],
): void {
  for (const name of [...others, ...credentialFlags])
    expect(flags[name] === undefined, flagOf(name), "to be used with --server", flags[name]);
}

/** The server among a command's flags, whose address is given. */
export function chosenServer(server: string, flags: ServerFlags): ServerOptions {
  const given = credentialFlags.filter((name) => flags[name] !== undefined);
  return { server, ...Object.fromEntries(given.map((name) => [name, flags[name]])) };
}
