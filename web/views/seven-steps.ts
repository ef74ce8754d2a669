// The seven steps with their formulas and source code, without numbers.
import { steps } from "./formulas.ts";
import { find } from "./text.ts";
import { showSource } from "./update.ts";

export function sevenStepsView(): void {
  find("#seven-steps").replaceChildren(
    ...steps.map(({ title, formula }, i) => {
      const step = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = `${i + 1}. ${title}`;
      const mathematics = document.createElement("div");
      mathematics.innerHTML = formula;
      const source = document.createElement("div");
      showSource(source, i + 1);
      step.append(summary, mathematics, source);
      return step;
    }),
  );
}
