// What can be taken home, and what can be brought: files; and the fingerprint.
import { messageOf } from "../../src/base/expect.ts";
import { colors } from "../colors.ts";
import { toCommand } from "../experiment.ts";
import { configOf, metricsOf, save } from "../files.ts";
import type { Session } from "../session.ts";
import { colorOf } from "./curve.ts";
import { find, setText, whole } from "./text.ts";

/** No policy is larger, in bytes. */
const maxFileBytes = 256e6;

export function homeView(session: Session): void {
  const { store } = session;
  find("#save-policy").addEventListener("click", () => {
    const { policy } = store.state;
    if (policy) save("policy.safetensors", policy as BlobPart, "application/octet-stream");
  });
  find("#save-config").addEventListener("click", () => save("config.json", configOf(store.state), "application/json"));
  find("#save-metrics").addEventListener("click", () =>
    save("metrics.jsonl", metricsOf(store.state.run), "application/jsonl"),
  );
  find("#save-figure").addEventListener("click", () => {
    figureOf(session).toBlob((blob) => blob && save("curve.png", blob, "image/png"));
  });

  const open = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    if (file.size > maxFileBytes) {
      session.tellPerson(`${file.name} was not opened: expected a policy's file, got ${whole(file.size / 1e6)} MB.`);
      return;
    }
    try {
      await session.visit(file.name, new Uint8Array(await file.arrayBuffer()));
    } catch (error) {
      // A folder, or a file that is there no more.
      session.tellPerson(`${file.name} was not opened: expected a policy's file. ${messageOf(error)}`);
    }
  };
  const picker = find<HTMLInputElement>("#load-policy");
  picker.addEventListener("change", async () => {
    await open(picker.files?.[0]);
    picker.value = "";
  });
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.documentElement.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.documentElement.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    document.documentElement.classList.remove("dropping");
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
  find("#visitor-leave").addEventListener("click", () => session.leaveVisitor());

  store.subscribe((state) => {
    const { visitor, fingerprint, isTouched, policy, experiment, step } = state;
    find("#visitor").hidden = visitor === null;
    setText(find("#visitor-name"), visitor?.name ?? "");
    find<HTMLButtonElement>("#save-policy").disabled = policy === null;
    setText(find("#fingerprint"), fingerprint ?? "…");
    setText(
      find("#fingerprint-note"),
      fingerprint === null
        ? "Pause to see it: a hash of the four networks."
        : isTouched
          ? `Of the four networks after ${whole(step)} steps. You threw the body that is trained on, so no other run has it.`
          : `Of the four networks after ${whole(step)} steps. The same experiment gives the same on any machine:`,
    );
    find("#fingerprint-command").hidden = fingerprint === null || isTouched || step === 0;
    setText(find("#fingerprint-command"), toCommand({ ...experiment, steps: step }));
  });
}

/** The curve with its title and its runs' names, on a ground of its own. */
function figureOf(session: Session): HTMLCanvasElement {
  const { run, kept } = session.store.state;
  const plot = find<HTMLCanvasElement>("#curve canvas");
  const { ground, ink, muted } = colors();
  const unit = plot.width / plot.clientWidth;
  const runs = [run, ...kept.toReversed()];
  const lineHeight = 20 * unit;
  const head = 44 * unit;
  const canvas = document.createElement("canvas");
  canvas.width = plot.width;
  canvas.height = head + plot.height + lineHeight * (runs.length + 0.8);
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.fillStyle = ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.font = `600 ${15 * unit}px system-ui, sans-serif`;
  context.fillText(`${run.experiment.task}: return against steps`, 12 * unit, 16 * unit);
  context.fillStyle = muted;
  context.font = `${12 * unit}px system-ui, sans-serif`;
  context.fillText("Line: evaluations without noise. Circles: training episodes.", 12 * unit, 35 * unit);
  context.drawImage(plot, 0, head);
  runs.forEach((each, i) => {
    const y = head + plot.height + lineHeight * (i + 0.5);
    context.fillStyle = colorOf(each);
    context.fillRect(12 * unit, y - 1.5 * unit, 16 * unit, 3 * unit);
    context.fillStyle = ink;
    context.fillText(each.name, 36 * unit, y);
  });
  return canvas;
}
