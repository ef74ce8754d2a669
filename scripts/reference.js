// The pages of the reference that are generated when the site is built, so that they are never out of date: the commands from
// their own help, the settings from the table of settings, the list of decisions from their headings.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The Markdown of each generated page. They need a build. */
export const generated = { commands, settings, decisions };

/** Every command with its help, those inside of another command too. */
function commands() {
  const section = (words, level) => {
    const text = help(words);
    const inner = commandsIn(text).map((name) => section([...words, name], level + 1));
    const heading = `${"#".repeat(level)} ddpg ${words.join(" ")}`.trimEnd();
    return [heading, `\`\`\`text\n${text}\n\`\`\``, ...inner].join("\n\n");
  };
  const all = commandsIn(help([])).map((name) => section([name], 2));
  return `# Commands

This page is the help of the command line: \`npx ddpg <command> --help\` prints the same.

\`\`\`text
${help([])}
\`\`\`

${all.join("\n\n")}
`;
}

function help(words) {
  return execFileSync(process.execPath, [path.join(root, "bin/ddpg.js"), ...words, "--help"], {
    encoding: "utf8",
    env: { ...process.env, COLUMNS: "100" },
  }).trimEnd();
}

/** The names of the commands that a help text lists. */
function commandsIn(text) {
  const [, list = ""] = /^Commands:\n((?: .*\n?)+)/m.exec(text) ?? [];
  return Array.from(list.matchAll(/^ {2}([a-z]+)/gm), ([, name]) => name);
}

/** Every setting with its docstring and its flag, and the value that each preset gives it. */
async function settings() {
  const { presetHelp, presets, settingChoices, settingFlag, settingNames, showSetting } = await import(
    "../dist/ddpg/config.js"
  );
  const source = fs.readFileSync(path.join(root, "src/ddpg/config.ts"), "utf8");
  const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
  const rows = settingNames.map((name) => {
    const choices = settingChoices(name);
    const words =
      docstring(source, name) + (choices ? ` One of ${choices.map((each) => `\`${each}\``).join(", ")}.` : "");
    return `| \`${name}\`<br>\`${settingFlag(name)}\` | ${cell(words)} |`;
  });
  const names = Object.keys(presets);
  const values = settingNames.map(
    (name) => `| \`${name}\` | ${names.map((preset) => cell(showSetting(presets[preset][name]))).join(" | ")} |`,
  );
  return `# Settings and presets

Each setting is an option of \`Ddpg.create\` and a flag of \`ddpg train\`. A preset is a complete set of settings; name it and
change what differs. "Paper" is Lillicrap et al., [arXiv 1509.02971](https://arxiv.org/abs/1509.02971).

| setting, flag | meaning |
| --- | --- |
${rows.join("\n")}

## Presets

${names.map((name) => `- \`${name}\`: ${presetHelp[name]}`).join("\n")}

| setting | ${names.join(" | ")} |
| --- |${" --- |".repeat(names.length)}
${values.join("\n")}
`;
}

/** The docstring of a row of the table of settings, as one line. */
function docstring(source, name) {
  const [, comment] = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*\\n  ${name}: `).exec(source) ?? [];
  if (!comment) throw new Error(`docs: expected a docstring of the setting ${name} in src/ddpg/config.ts, got none`);
  return comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, "").trim())
    .join(" ")
    .trim();
}

/** The decisions, newest last. */
function decisions() {
  const folder = path.join(root, "docs/decisions");
  const names = fs.readdirSync(folder).sort();
  const lines = names.map((name) => {
    const [, number, title] = /^# (\d+)\. (.+)$/m.exec(fs.readFileSync(path.join(folder, name), "utf8"));
    return `${number}. [${title}](${name})`;
  });
  return `# Decisions

What was decided, why, what was not chosen, and what follows from it. One page each, written when it was decided.

${lines.join("\n")}
`;
}
