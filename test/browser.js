// A real browser and a small web server for tests.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const execute = promisify(execFile);

const args = [
  "--no-sandbox", // Chromium refuses to start as root otherwise, and a container often has no user namespaces
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts a headless Chrome or Chromium: the one that CHROME_PATH names, otherwise an installed one, otherwise the one
 * from npm. Returns a Playwright browser, which the caller closes. `flags` are additional command-line flags.
 */
export async function openBrowser({ flags = [] } = {}) {
  const named = process.env.CHROME_PATH;
  const options = { args: [...args, ...flags] };
  const failures = [];
  for (const executablePath of named ? [named] : installed()) {
    try {
      return await chromium.launch({ executablePath, ...options });
    } catch (error) {
      failures.push(`${executablePath}: ${reason(error)}`);
    }
  }
  if (!named) {
    try {
      return await chromium.launch({ ...(await fromNpm()), ...options });
    } catch (error) {
      failures.push(`@sparticuz/chromium from npm: ${reason(error)}`);
    }
  }
  const hint = named
    ? "Set CHROME_PATH to the executable of Chrome or Chromium, or unset it to search for one."
    : "Install Chrome or Chromium, or set CHROME_PATH to the executable.";
  throw new Error(`openBrowser: expected a browser that starts, got none. ${hint}\n${failures.join("\n")}`);
}

/** Shortens a launch error, which contains the whole log, to its first line and the browser's own messages. */
function reason(error) {
  const [first, ...rest] = error.message.split("\n");
  const said = rest.flatMap((line) => /^\s*\[pid=\d+\]\[err\] (.*)/.exec(line)?.[1] ?? []);
  return [first, ...said.slice(0, 5)].join("\n  ");
}

/** The browsers on this machine, most likely first. */
function installed() {
  const names = ["google-chrome-stable", "google-chrome", "chromium", "chromium-browser", "chrome"];
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter(path.isAbsolute);
  const places = {
    linux: [
      ...names.flatMap((name) => folders.map((folder) => path.join(folder, name))),
      "/opt/google/chrome/chrome",
      "/usr/lib/chromium/chromium",
      "/usr/lib64/chromium-browser/chromium-browser",
      "/snap/bin/chromium",
      "/var/lib/flatpak/exports/bin/com.google.Chrome",
      "/var/lib/flatpak/exports/bin/org.chromium.Chromium",
    ],
    darwin: ["Google Chrome", "Chromium", "Microsoft Edge"].flatMap((name) =>
      ["/", process.env.HOME ?? "/"].map((home) => path.join(home, "Applications", `${name}.app/Contents/MacOS`, name)),
    ),
    win32: ["Google\\Chrome\\Application\\chrome.exe", "Chromium\\Application\\chrome.exe"]
      .concat("Microsoft\\Edge\\Application\\msedge.exe")
      .flatMap((name) =>
        ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"]
          .filter((variable) => process.env[variable])
          .map((variable) => path.join(process.env[variable], name)),
      ),
  };
  return [...new Set(places[process.platform] ?? [])].filter((file) => fs.existsSync(file));
}

/** Unpacks the Chromium of an npm package. Returns its path and the environment variables that it needs. */
async function fromNpm() {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Error(`it runs only on Linux on x64, and this is ${process.platform} on ${process.arch}`);
  const folder = await unpack();
  const executablePath = path.join(folder, "chromium");
  const env = { ...process.env };
  if (!fs.existsSync("/etc/fonts/fonts.conf")) env.FONTCONFIG_FILE = path.join(folder, "fonts/ddpg.conf");
  // Try the system's libraries first: the packaged ones need a newer C library than Chromium does.
  const starts = await execute(executablePath, ["--version"], { env }).catch(() => false);
  if (!starts) {
    env.LD_LIBRARY_PATH = [path.join(folder, "al2023/lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
    await execute(executablePath, ["--version"], { env });
  }
  return { executablePath, env };
}

/** Unpacks the package once per checkout. The folder appears in one step, because test files run in parallel. */
async function unpack() {
  const manifest = path.join(root, "node_modules/@sparticuz/chromium/package.json");
  const { version } = JSON.parse(fs.readFileSync(manifest, "utf8"));
  const cache = path.join(root, "node_modules/.cache");
  const folder = path.join(cache, `chromium-${version}`);
  if (fs.existsSync(folder)) return folder;
  const temporary = path.join(cache, `unfinished-${randomUUID()}`);
  fs.mkdirSync(temporary, { recursive: true });
  try {
    // The package unpacks into the temporary directory, and it unpacks its NSS libraries only if it detects AWS. A
    // separate process can set both environment variables without affecting this one.
    const script = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
    const env = { ...process.env, TMPDIR: temporary, AWS_LAMBDA_JS_RUNTIME: "nodejs22.x" };
    await execute(process.execPath, ["--input-type=module", "--eval", script], { cwd: root, env });
    const fonts = '<dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir>';
    fs.writeFileSync(path.join(temporary, "fonts/ddpg.conf"), `<fontconfig>${fonts}</fontconfig>\n`);
    fs.renameSync(temporary, folder);
  } catch (error) {
    if (!fs.existsSync(folder)) throw error; // otherwise another process was faster
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** For every page that a test makes: a browser asks the server for /favicon.ico otherwise, which is not there. */
export const icon = '<link rel="icon" href="data:,">';

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/**
 * Serves the files below a folder, and nothing else, to this machine only. Returns `url`, without a trailing slash, and
 * `close`. With `isolated`, pages may share memory between threads. `policy` is a Content-Security-Policy.
 *
 * `close` fails if a request failed, unless its path is in `missing`, and if a page has no inline icon: not every browser
 * asks for /favicon.ico then, so a test would fail on some machines only.
 */
export async function serve(directory, { isolated = false, policy = "", missing = [] } = {}) {
  const base = fs.realpathSync(directory);
  const problems = new Set();
  const server = http.createServer((request, response) => {
    const file = find(base, request.url);
    if (!file || !["GET", "HEAD"].includes(request.method)) {
      const status = file ? 405 : 404;
      if (!missing.includes(request.url)) problems.add(`${request.method} ${request.url}: status ${status}`);
      response.writeHead(status).end();
      return;
    }
    if (file.endsWith(".html") && !/<link rel="icon" href="data:/.test(fs.readFileSync(file, "utf8"))) {
      problems.add(`${request.url} has no inline icon`);
    }
    const type = types[path.extname(file)] ?? "application/octet-stream";
    response.writeHead(200, {
      "Content-Type": type,
      "Content-Length": fs.statSync(file).size,
      "Cache-Control": "no-store",
      ...(policy && { "Content-Security-Policy": policy }),
      ...(isolated && { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }),
    });
    if (request.method === "HEAD") response.end();
    else
      fs.createReadStream(file)
        .on("error", () => response.destroy())
        .pipe(response);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      assert.deepEqual([...problems], [], "requests of the served pages");
    },
  };
}

/** The file below `base` for a URL; undefined if there is none. Links are resolved before the check. */
function find(base, url) {
  try {
    const name = decodeURIComponent(url.replace(/[?#].*$/s, ""));
    let file = fs.realpathSync(path.join(base, name));
    if (fs.statSync(file).isDirectory()) file = fs.realpathSync(path.join(file, "index.html"));
    return file.startsWith(base + path.sep) && fs.statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}
