// What the site shows, and in which order: its sidebar. A page is a file of the repository, a word for one that `npm run docs`
// generates, or an address in the site. A title is needed where the heading is too long for a sidebar.

/** Sections of the sidebar: a title and its pages. */
export const contents = [
  {
    title: "Start",
    pages: [
      { file: "docs/start/environment.md", title: "Your own environment" },
      { file: "docs/start/train.md" },
      { file: "docs/start/node.md" },
      { file: "docs/start/page.md", title: "In a page" },
      { file: "docs/start/typescript.md" },
    ],
  },
  {
    title: "Tips",
    pages: [{ file: "docs/tips.md", title: "When it does not learn" }],
  },
  {
    title: "The algorithm",
    pages: [
      { file: "docs/algorithm.md" },
      { file: "docs/worked-update.md" },
      { file: "docs/gradients.md", title: "Gradients, derived" },
      { file: "docs/paper.md", title: "The paper, line by line" },
      { file: "docs/options.md", title: "Options beyond it" },
      { file: "docs/page.md", title: "The page: watch it learn" },
    ],
  },
  {
    title: "Guides",
    pages: [
      { file: "docs/guides/own-loop.md", title: "Your own loop, bodies" },
      { file: "docs/guides/outside.md", title: "Other languages, robots" },
      { file: "docs/worlds.md", title: "TORCS and Godot" },
      { file: "docs/scale.md", title: "Many runs, many machines" },
      { file: "docs/guides/export.md" },
      { file: "docs/guides/reproduce.md", title: "Reproduce a number" },
      { file: "docs/guides/change.md", title: "Change the algorithm" },
    ],
  },
  {
    title: "Results",
    pages: [
      { file: "docs/results.md" },
      { file: "docs/results/mujoco/benchmark.md", title: "MuJoCo: notes" },
      { file: "docs/results/robust/benchmark.md", title: "The preset robust: first rows" },
      { file: "docs/dm-control.md", title: "dm_control's suite" },
      { file: "docs/paper-tasks.md", title: "The paper's tasks" },
      { file: "docs/results/dm_control/benchmark.md", title: "The paper's tasks: all seeds" },
      { file: "docs/results/dm_control-paper/benchmark.md", title: "The paper's tasks with its settings" },
    ],
  },
  {
    title: "Performance",
    pages: [{ file: "docs/performance.md", title: "Measurements" }],
  },
  {
    title: "Reference",
    pages: [
      { generated: "commands", title: "Commands" },
      { generated: "settings", title: "Settings and presets" },
      { file: "docs/files.md" },
      { file: "docs/protocol.md", title: "The protocol" },
      { address: "/api/index.html", title: "API" },
    ],
  },
  {
    title: "The project",
    pages: [
      { file: "docs/architecture.md" },
      { generated: "decisions", title: "Decisions" },
      { file: "docs/log.md", title: "Log: what was tried" },
      { file: "CHANGELOG.md" },
      { file: "CONTRIBUTING.md" },
      { file: "fixtures/README.md", title: "Fixtures" },
    ],
  },
];

/** Documents that the site has, but not its sidebar: pages of the sidebar link to them. */
export const besides = [/^docs\/decisions\//, /^docs\/results\/mujoco-actor-at-[^/]+\/benchmark\.md$/];
