/** The signals that stop the program, each with the exit code that shells use for it. */
export const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type Signal = keyof typeof exitCodes;
