// What the site shows, and in which order: its sidebar, and the list of documents in llms.txt. A page is a file of the
// repository, or a word for one that `npm run docs` generates. A title is needed where the heading is too long for a sidebar.

/** Sections of the sidebar: a title and its pages. */
export const contents = [
  {
    title: "Tips",
    pages: [{ file: "docs/tips.md", title: "When it does not learn" }],
  },
  {
    title: "The algorithm",
    pages: [
      { file: "docs/gradients.md", title: "Gradients, derived" },
      { file: "docs/paper.md", title: "The paper, line by line" },
      { file: "docs/options.md", title: "Options beyond the paper" },
    ],
  },
  {
    title: "Guides",
    pages: [
      { file: "docs/worlds.md", title: "TORCS, and games with Godot" },
      { file: "docs/scale.md", title: "Many runs: sweeps" },
    ],
  },
  {
    title: "Results",
    pages: [
      { file: "docs/results/mujoco/benchmark.md", title: "MuJoCo tasks, with notes" },
      { file: "docs/dm-control.md", title: "dm_control's suite" },
      { file: "docs/paper-tasks.md", title: "The paper's tasks" },
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
      { file: "docs/protocol.md", title: "The protocol" },
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
export const besides = [
  /^docs\/decisions\//,
  /^docs\/results\/mujoco-actor-at-[^/]+\/benchmark\.md$/,
];
