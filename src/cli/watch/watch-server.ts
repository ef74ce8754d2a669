// A small server for one run, or for several, and the page that shows them. It listens only on this machine, but any web page open in a
// local browser can send requests to it, and a foreign host name may resolve to it (DNS rebinding). Browsers state the
// origin of a request in Host, Origin and Sec-Fetch-Site, and pages cannot forge these headers. The server checks them,
// so it needs no secret in the URL, which would end up in histories.
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { InputError, messageOf } from "../../base/expect.ts";
import { mujocoPackage } from "../../envs/mujoco/engine.ts";
import { readNetworks } from "../../node/checkpoint-parts.ts";
import { attempt } from "../../node/files.ts";
import { files, openRunFile, statusOf } from "../../node/run-files.ts";
import type { LiveBody } from "./live-body.ts";
import { Overview, type RunsSource } from "./overview.ts";
import { networksFile, RunFollower, shownFiles } from "./run-follower.ts";

const address = "127.0.0.1";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".jsonl": "application/jsonl",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/** Sent with every response. The page has its own, narrower policy, but a policy in a page cannot forbid frames. */
const headers = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; object-src 'none'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

const mujocoWorkerPolicy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'";

/** A rejected request: status and message. */
interface Refused {
  status: number;
  text: string;
}

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A server that is listening. */
export interface WatchServer {
  /** The URL of the page. */
  readonly url: string;
  /** Ends all connections, including those that receive events. */
  close(): Promise<void>;
}

/** Connections at a time; a page needs at most six. */
const maxConnections = 250;

/** Requests on a connection. A client may send many at once without reading an answer. */
const maxRequests = 1000;

/** A connection is closed when nothing was sent or received on it for this long: the client does not read. */
const stallMs = 60_000;

/**
 * Serves a run's directory and the page. Port 0 means a free one. Throws an InputError if the port is not available.
 * `times` replaces `stallMs` in tests; `body` is what the server steps for the page.
 */
export async function serveRun(
  run: string,
  page: string,
  port: number,
  times: { stallMs: number } = { stallMs },
  body?: LiveBody,
): Promise<WatchServer> {
  const answers = new Map<string, Answer>([
    ...mujocoAnswers(),
    ...withRoot(pageAnswers(page), watchPage),
    ...runAnswers(run, times.stallMs, body),
  ]);
  return serve((place) => answers.get(place), port, times);
}

/** Serves several runs: their overview as the page, and below `/runs/` each of them as `serveRun` does. */
export async function serveRuns(
  source: RunsSource,
  page: string,
  port: number,
  times: { stallMs: number } = { stallMs },
): Promise<WatchServer> {
  const overview = new Overview(source);
  const events = eventsAnswer((send) => overview.follow(send), times.stallMs);
  const shared = [...mujocoAnswers(), ...pageAnswers(page)];
  const answers = new Map<string, Answer>([...withRoot(shared, overviewPage), ["/runs/events", events]]);
  const ofRun = new Map(withRoot(shared, watchPage));
  const opened = new Map<string, { readonly directory: string; readonly answers: ReadonlyMap<string, Answer> }>();
  const find = (place: string): Answer | undefined => {
    const [, id, below] = /^\/runs\/([0-9a-f]{16})(\/.*)$/s.exec(place) ?? [];
    if (id === undefined) return answers.get(place);
    const directory = source.directoryOf(id);
    if (directory === undefined) return undefined;
    const known = opened.get(id) ?? { directory, answers: new Map(runAnswers(directory, times.stallMs)) };
    opened.set(id, known);
    return known.answers.get(below) ?? ofRun.get(below);
  };
  return serve(find, port, times);
}

/** Listens, and answers the requests that are the page's own. `find` gets the path as it arrived. */
async function serve(
  find: (place: string) => Answer | undefined,
  port: number,
  times: { stallMs: number },
): Promise<WatchServer> {
  let hosts: readonly string[] = [];
  const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const refused = refuse(request, hosts);
    // The path is looked up in a map, never joined or decoded, so no spelling of a path can escape.
    const found = find((request.url ?? "").replace(/\?.*$/s, ""));
    try {
      if (refused) say(response, refused);
      else if (found) found(request, response);
      else say(response, { status: 404, text: "There is nothing here. The page is at /." });
    } catch (error) {
      // Whatever a file holds or the system refuses, other requests are still answered.
      if (response.headersSent) response.destroy();
      else say(response, { status: 500, text: messageOf(error) });
    }
  };
  const server = http.createServer((request, response) => {
    // Of several requests on a connection, the later ones wait for their turn. If the connection is closed before, an
    // answer never learns of it, and what it has opened would stay open.
    if (response.socket) answer(request, response);
    else response.once("socket", () => answer(request, response));
  });
  server.timeout = times.stallMs;
  server.maxConnections = maxConnections;
  server.maxRequestsPerSocket = maxRequests;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const reason = portReasons[(error as NodeJS.ErrnoException).code ?? ""];
      const hint = "Leave out --port to use a free one.";
      const got = `${port}, ${reason}`;
      reject(reason ? new InputError({ where: "--port", expected: "a port to listen on", got, hint }) : error);
    });
    server.listen(port, address, resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  hosts = [address, "localhost"].flatMap((name) => [`${name}:${own}`, ...(own === 80 ? [name] : [])]);
  return {
    url: `http://${address}:${own}/`,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

const portReasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "which another program uses",
  EACCES: "which needs more privileges",
};

/** Why a request is rejected. Undefined if it is accepted. */
function refuse(
  { method, headers, headersDistinct }: http.IncomingMessage,
  hosts: readonly string[],
): Refused | undefined {
  const hint = `Open http://${hosts[0]}/.`;
  const host = (headersDistinct.host ?? []).join(", ").toLowerCase();
  if (!hosts.includes(host)) {
    return {
      status: 403,
      text: `Expected the host ${hosts[0]}, got "${host}": a foreign name may resolve to this machine. ${hint}`,
    };
  }
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) {
    return { status: 403, text: `Expected a request from this server's own page, got one from ${origin}. ${hint}` };
  }
  const site = headers["sec-fetch-site"];
  const isOwn = site === undefined || site === "same-origin" || site === "none";
  // A link to the page may be anywhere: the user who follows it sees the page, and the linking site does not.
  const isNavigation = headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
  if (!isOwn && !isNavigation) {
    return { status: 403, text: `Expected a request from this server's own page, got a ${site} one. ${hint}` };
  }
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, text: `Expected GET or HEAD, got ${method}. Nothing can be changed here.` };
  }
  return undefined;
}

function say(response: http.ServerResponse, { status, text }: Refused): void {
  response.writeHead(status, {
    ...headers,
    "Content-Type": types[".txt"],
    ...(status === 405 && { Allow: "GET, HEAD" }),
    // The rest of a rejected request is not awaited.
    ...(status !== 404 && { Connection: "close" }),
  });
  response.end(`${text}\n`);
}

/** The page's files, read now, because a build may replace them while the page is watched. */
function* pageAnswers(page: string): Iterable<[string, Answer]> {
  const hint = "Reinstall the package, or build it: npm run build.";
  const names = attempt(`page ${page}`, "the built page", () => fs.readdirSync(page, { recursive: true }), hint);
  for (const name of names.map(String)) {
    const file = path.join(page, name);
    if (!fs.statSync(file).isFile()) continue;
    const place = `/${name.replaceAll(path.sep, "/")}`;
    yield [place, bytesAnswer(place, fs.readFileSync(file))];
  }
}

/** The pages for one run and for several. */
const watchPage = "/watch.html";
const overviewPage = "/overview.html";

/** One of the pages at /, and none at its own name: it would ask for what is not there. */
function* withRoot(answers: Iterable<[string, Answer]>, root: string): Iterable<[string, Answer]> {
  for (const [place, answer] of answers) {
    if (place === root) yield ["/", answer];
    else if (place !== watchPage && place !== overviewPage) yield [place, answer];
  }
}

/** MuJoCo's files from its own package, because this package does not include them. Nothing if it is not installed. */
function* mujocoAnswers(): Iterable<[string, Answer]> {
  let loader: string;
  try {
    loader = fileURLToPath(import.meta.resolve("@mujoco/mujoco"));
  } catch {
    return;
  }
  // The loader requests this file by its own name, in the same folder.
  const wasm = path.join(path.dirname(loader), "mujoco.wasm");
  const [, version] = mujocoPackage.split("@mujoco/mujoco@");
  yield [
    `/assets/mujoco-${version}.js`,
    (request, response) => bytesAnswer(loader, fs.readFileSync(loader))(request, response),
  ];
  yield ["/assets/mujoco.wasm", (request, response) => bytesAnswer(wasm, fs.readFileSync(wasm))(request, response)];
}

function bytesAnswer(name: string, bytes: Uint8Array): Answer {
  return ({ method }, response) => {
    response.writeHead(200, {
      ...headers,
      "Content-Type": typeOf(name),
      "Content-Length": bytes.length,
      // MuJoCo's bindings generate code from strings, in the worker only.
      ...(name.startsWith("/assets/worker-") && { "Content-Security-Policy": mujocoWorkerPolicy }),
    });
    response.end(method === "HEAD" ? undefined : bytes);
  };
}

function typeOf(name: string): string {
  return types[path.extname(name)] ?? "application/octet-stream";
}

function runAnswers(run: string, stallMs: number, body?: LiveBody): [string, Answer][] {
  const follower = new RunFollower(run);
  const follow: Follow = (send) => {
    const followed = [follower.follow(send), ...(body ? [body.follow(send)] : [])];
    return {
      resume: () => {
        for (const each of followed) each.resume();
      },
      stop: () => {
        for (const each of followed) each.stop();
      },
    };
  };
  return [
    ...shownFiles.map((name): [string, Answer] => [`/run/${name}`, fileAnswer(run, name)]),
    [`/run/${networksFile}`, networksAnswer(run)],
    ["/run/events", eventsAnswer(follow, stallMs)],
  ];
}

function fileAnswer(run: string, name: string): Answer {
  return ({ method }, response) => {
    const descriptor = openRunFile(run, name);
    if (descriptor === undefined) return say(response, { status: 404, text: `The run has no ${name}, or not yet.` });
    let size = 0;
    try {
      ({ size } = fs.fstatSync(descriptor));
      // Range is ignored, as HTTP permits: the answer is always the whole file, once.
      response.writeHead(200, { ...headers, "Content-Type": typeOf(name), "Content-Length": size });
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
    if (method === "HEAD" || size === 0) {
      fs.closeSync(descriptor);
      response.end();
      return;
    }
    // Up to the size found above, because the file may be growing.
    const stream = fs.createReadStream("", { fd: descriptor, start: 0, end: size - 1 });
    stream.on("error", () => response.destroy());
    response.on("close", () => stream.destroy());
    stream.pipe(response);
  };
}

function networksAnswer(run: string): Answer {
  // Answers that wait for slow readers share one copy.
  let last: { version: string; bytes: WeakRef<Uint8Array> } | undefined;
  return (request, response) => {
    const status = statusOf(run, files.checkpoint);
    const version = status ? `${status.ino}-${status.mtimeMs}-${status.size}` : "";
    let bytes = last?.version === version ? last.bytes.deref() : undefined;
    try {
      bytes ??= readNetworks(run);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return say(response, { status: 404, text: error.message });
    }
    if (!bytes) return say(response, { status: 404, text: "The run has no checkpoint that can be read." });
    last = { version, bytes: new WeakRef(bytes) };
    bytesAnswer(networksFile, bytes)(request, response);
  };
}

/** What a server sends: a name, and data that becomes JSON. */
interface ServerEvent {
  readonly name: string;
  readonly data: unknown;
}

/** Sends everything, then additions. After `send` returns false, the rest waits for `resume`. */
type Follow = (send: (event: ServerEvent) => boolean) => { resume(): void; stop(): void };

/** Server-sent events, for as long as the client reads them. */
function eventsAnswer(follow: Follow, stallMs: number): Answer {
  return ({ method }, response) => {
    response.writeHead(200, { ...headers, "Content-Type": "text/event-stream" });
    if (method === "HEAD") {
      response.end();
      return;
    }
    // Reconnection time for a page that lost the connection, in ms.
    response.write("retry: 1000\n\n");
    const { resume, stop } = follow((event) => response.write(formatEvent(event)));
    // A comment now and then keeps the connection, unless the client has stopped reading.
    const timer = setInterval(() => response.writableNeedDrain || response.write(":\n\n"), stallMs / 4);
    response.on("drain", resume);
    response.on("close", () => {
      clearInterval(timer);
      stop();
    });
  };
}

/**
 * The data is JSON, always on one line: a line end in a file must not begin another field or event. Control characters
 * and marks that change the direction of text are escaped, too: a terminal may show the stream.
 */
function formatEvent({ name, data }: ServerEvent): string {
  const text = JSON.stringify(data).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `event: ${name}\ndata: ${text}\n\n`;
}
