/** The signals that stop the program, each with its exit code: the one by which a shell names that signal. */
export const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type Signal = keyof typeof exitCodes;
