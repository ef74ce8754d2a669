declare module "virtual:step-lines" {
  const steps: readonly (readonly import("./source-lines.ts").SourceLines[])[];
  export default steps;
  export const symbols: readonly Readonly<Record<string, number>>[];
}
