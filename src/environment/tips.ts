/** The end of a warning: the section of the package's docs/tips.md that says more. tips.test.js compares the titles. */
export function seeTips(section: string): string {
  return `See "${section}" in docs/tips.md.`;
}
