import { spawn } from "node:child_process";

/** The command that opens a URL in the default browser, without a shell. */
const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Opens a URL in the default browser, without waiting for the browser to end. Returns whether it could be started. */
export function openBrowser(url: string): Promise<boolean> {
  const [command, ...args] = openers[process.platform] ?? ["xdg-open"];
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
    child.on("error", () => resolve(false));
    child.on("exit", (code) => resolve(code === 0));
    // If the command still runs after a while, it has found a browser.
    setTimeout(resolve, 2000, true).unref();
    child.unref();
  });
}
