// The settings of a recorded run, which cannot change.
import {
  type PresetName,
  presets,
  type Settings,
  settingHelp,
  settingNames,
  showSetting,
} from "../../src/ddpg/config.ts";
import { presetOf, settingsOf } from "../experiment.ts";
import type { Session } from "../session.ts";
import { find, setText } from "./text.ts";

export function runSettingsView(session: Session): void {
  const { experiment } = session.store.state;
  const preset = presetOf(experiment);
  const settings = settingsOf(experiment);
  const changed = settingNames.filter((name) => showSetting(settings[name]) !== showSetting(presets[preset][name]));
  const beside = changed.length === 0 ? "All settings are those of the preset" : "Settings that differ from the preset";
  setText(find("#settings-what"), `${beside} ${preset}. The arithmetic is ${experiment.arithmetic}.`);
  find("#settings-changed").replaceChildren(table(changed, settings, preset));
  find("#settings-all").replaceChildren(table(settingNames, settings, preset));
}

function table(names: readonly (keyof Settings)[], settings: Settings, preset: PresetName): HTMLTableElement {
  const table = document.createElement("table");
  for (const name of names) {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    const value = row.insertCell();
    const usual = showSetting(presets[preset][name]);
    value.textContent = showSetting(settings[name]);
    if (value.textContent !== usual) value.textContent += ` instead of ${usual}`;
    row.prepend(head);
    const help = row.insertCell();
    help.className = "help";
    help.textContent = settingHelp(name);
  }
  return table;
}
