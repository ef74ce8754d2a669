// The site's configuration. `npm run docs` (scripts/site.js) says what depends on the documents: the base, the output and the
// sidebar.
import { slug } from "../../scripts/links.js";

const { base, output, sidebar } = JSON.parse(process.env.DDPG_SITE ?? "{}");

/** Gives each line of a source's page an id: #L12. */
const anchors = {
  name: "anchors",
  line(node, number) {
    if (this.options.meta?.__raw?.includes("anchors")) node.properties.id = `L${number}`;
  },
};

export default {
  title: "ddpg",
  description: "Deep Deterministic Policy Gradient in TypeScript: train continuous control in Node and in the browser.",
  lang: "en-US",
  base,
  srcDir: "pages",
  outDir: output,
  head: [["link", { rel: "icon", href: `${base}icon.svg` }]],
  // These are copied after the build. Then every link of the whole site is checked.
  ignoreDeadLinks: [/^\/(page|api)\//],
  markdown: {
    math: true,
    attrs: { disable: true }, // {…} in a document is text
    anchor: { slugify: slug }, // as on code hosts, so that a link to a section works in both places
    codeTransformers: [anchors],
    theme: { light: "github-light", dark: "github-dark" },
  },
  themeConfig: {
    logo: "/icon.svg",
    nav: [
      { text: "Documentation", link: sidebar?.[0].items[0].link ?? "/", activeMatch: "^/(?!index|$)" },
      { text: "API", link: "/api/index.html", target: "_self" },
      { text: "Watch it learn", link: "/page/index.html", target: "_self" },
    ],
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: "local" },
    docFooter: { prev: "Previous", next: "Next" },
    externalLinkIcon: true,
    footer: { message: "MIT License" },
  },
};
