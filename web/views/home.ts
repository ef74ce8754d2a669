// Saving and loading files, and the fingerprint.
import { messageOf } from "../../src/base/expect.ts";
import { colors } from "../colors.ts";
import { toCommand } from "../experiment.ts";
import { configOf, metricsOf, save } from "../files.ts";
import type { Session, State } from "../session.ts";
import { colorOf } from "./curve.ts";
import { find, setText, whole } from "./text.ts";

/** The largest policy file that is read, in bytes. */
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
      session.tellPerson(`${file.name} could not be opened: expected a policy file, got ${whole(file.size / 1e6)} MB.`);
      return;
    }
    try {
      await session.visit(file.name, new Uint8Array(await file.arrayBuffer()));
    } catch (error) {
      // It is a folder, or the file no longer exists.
      session.tellPerson(`${file.name} could not be opened: expected a policy file. ${messageOf(error)}`);
    }
  };
  const picker = find<HTMLInputElement>("#load-policy");
  const openPicked = async (): Promise<void> => {
    await open(picker.files?.[0]);
    picker.value = "";
  };
  picker.addEventListener("change", openPicked);
  // A file may be chosen before this part of the page is loaded.
  openPicked();
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
    const { visitor, fingerprint, isTouched, policy, experiment, phase, step } = state;
    find("#visitor").hidden = visitor === null;
    setText(find("#visitor-name"), visitor?.name ?? "");
    const maps = find("#maps").hidden ? "" : " The maps show this run's networks.";
    setText(find("#visitor-run"), besidesVisitor[phase] + maps);
    find<HTMLButtonElement>("#save-policy").disabled = policy === null;
    setText(find("#fingerprint"), fingerprint ?? "…");
    const hash = `A hash of all four networks after ${whole(step)} steps.`;
    setText(
      find("#fingerprint-note"),
      fingerprint === null
        ? "A hash of all four networks. Pause to compute it."
        : isTouched
          ? `${hash} You threw the body during training, so no other run can reproduce it.`
          : `${hash} The same experiment gives the same fingerprint on any machine.`,
    );
    find("#fingerprint-command").hidden = fingerprint === null || isTouched || step === 0;
    setText(find("#fingerprint-command"), toCommand({ ...experiment, steps: step }));
  });
}

/** What the run does while another policy is shown. */
const besidesVisitor: Readonly<Record<State["phase"], string>> = {
  preparing: "Training continues in the background.",
  playing: "Training continues in the background.",
  paused: "Training is paused.",
  ended: "Training has finished.",
  failed: "Training has stopped with an error.",
};

/** Draws the curve with a title and the runs' names on an opaque background. */
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
  context.fillText(`${run.experiment.task}: return over training steps`, 12 * unit, 16 * unit);
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
