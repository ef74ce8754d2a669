// The only way to the standard output and the standard error. Text that may come from outside is printed in lines, whose
// control characters are shown and not obeyed. Nothing here throws: a run continues when its progress cannot be shown.
import { InputError } from "../../base/expect.ts";
import { withoutSecrets } from "../../base/nats-address.ts";
import { printable } from "../../base/printable.ts";
import { refusal } from "../../node/files.ts";

/** A line or several, without their line breaks. */
type Lines = string | readonly string[];

/** What progress is drawn on. */
export interface Terminal {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Writes text as it is, control sequences included. */
  write(text: string): unknown;
}

/** Codes of a stream whose reader has closed it, as `head` does. */
const closedCodes: readonly unknown[] = ["EPIPE", "ECONNRESET", "EOF"];

export class Output implements Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly #name: string;
  readonly #onFailure: (error: InputError) => void;
  #isEnded = false;
  #hasFailed = false;

  /** `onFailure` is called once, if the stream cannot be written for any other reason than that its reader closed it. */
  constructor(stream: NodeJS.WriteStream, name: string, onFailure: (error: InputError) => void) {
    this.#stream = stream;
    this.#name = name;
    this.#onFailure = onFailure;
    // Also after a write that was not made here: an environment may print.
    stream.on("error", (error) => this.#end(error));
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  get columns(): number {
    return this.#stream.columns ?? 0;
  }

  get rows(): number {
    return this.#stream.rows ?? 0;
  }

  /** Whether something could not be written. That a reader closed the stream is no failure. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /**
   * Writes lines. Their line breaks and other control characters are shown as escapes. An error may quote the command line,
   * so the secrets in addresses of servers are cut here as well.
   */
  print(lines: Lines): void {
    const all = typeof lines === "string" ? [lines] : lines;
    this.write(
      all
        .map(
          (line) => `${printable(withoutSecrets(line))}
`,
        )
        .join(""),
    );
  }

  write(text: string): void {
    if (this.#isEnded) return;
    try {
      this.#stream.write(text, (error) => {
        if (error) this.#end(error);
      });
    } catch (error) {
      this.#end(error);
    }
  }

  /** Writes parts as they are, each when the one before was taken. Stops if the reader does. */
  async send(parts: Iterable<Uint8Array>): Promise<void> {
    for (const part of parts) {
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#stream.write(part, (error) => {
          if (error) this.#end(error);
          resolve();
        });
      });
    }
  }

  /** Resolves when everything was written, or cannot be. A pipe takes 64 kB at once, and the rest when it is read. */
  async written(): Promise<void> {
    if (this.#isEnded) return;
    await new Promise<void>((resolve) => this.#stream.write("", () => resolve()));
  }

  #end(error: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const code = (error as NodeJS.ErrnoException)?.code;
    if (closedCodes.includes(code)) return;
    this.#hasFailed = true;
    const got = refusal(error) ?? "an error";
    this.#onFailure(new InputError({ where: this.#name, expected: "one that can be written", got }));
  }
}

/** Where errors are printed. If one cannot be, the exit code is not 0. */
export const stderr = new Output(process.stderr, "standard error", () => {});

/** Where results are printed. A failure is reported at once; the command continues, and ends with exit code 2. */
export const stdout = new Output(process.stdout, "standard output", ({ message }) => stderr.print(`ddpg: ${message}`));

/** Prints lines on the standard output. */
export function print(lines: Lines): void {
  stdout.print(lines);
}

/** Prints lines on the standard error. */
export function printError(lines: Lines): void {
  stderr.print(lines);
}

/** Prints a warning. */
export function printWarning(warning: string): void {
  stderr.print(`ddpg: warning: ${warning}`);
}
