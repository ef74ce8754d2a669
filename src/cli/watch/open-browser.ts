import { spawn } from "node:child_process";

/** What opens an address in the browser that is set, without a shell. */
const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Opens an address in the usual browser; says whether that could be begun. Nobody waits for the browser to end. */
export function openBrowser(url: string): Promise<boolean> {
  const [command, ...args] = openers[process.platform] ?? ["xdg-open"];
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
    child.on("error", () => resolve(false));
    child.on("exit", (code) => resolve(code === 0));
    // One that is still at it after a while has found a browser.
    setTimeout(resolve, 2000, true).unref();
    child.unref();
  });
}
