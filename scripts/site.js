// Builds the documentation site with VitePress. The site shows the repository's own documents: they are copied into
// site/pages, and links to sources become links to pages that show those sources, because the project has no public address
// yet that they could lead to.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { besides, contents } from "../site/contents.js";
import { programsOf } from "./documents.js";
import { documents, outsideDocs } from "./links.js";
import { generated } from "./reference.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const pages = path.join(root, "site/pages");

/** The pages of documents that are generated with the site. */
const pagesOfGenerated = {
  commands: "reference/commands.md",
  settings: "reference/settings.md",
  decisions: "decisions/index.md",
};

/** The page that shows a document, relative to the site; undefined for other files. */
export function pageOf(file) {
  if (outsideDocs[file]) return outsideDocs[file];
  return file.startsWith("docs/") && file.endsWith(".md") ? file.slice("docs/".length) : undefined;
}

/** What the contents lack or have too much of, each as a line. */
export function wrongContents() {
  const listed = contents.flatMap((section) => section.pages);
  const files = listed.flatMap(({ file }) => file ?? []);
  const known = documents(root).filter((name) => name.endsWith(".md"));
  const isShown = (name) => name === "README.md" || files.includes(name) || besides.some((each) => each.test(name));
  const fromGenerated = listed.flatMap(({ generated: name }) => name ?? []);
  return [
    ...known.filter((name) => !isShown(name)).map((name) => `site/contents.js has no place for ${name}`),
    ...files
      .filter((name) => !known.includes(name))
      .map((name) => `site/contents.js lists ${name}, which does not exist`),
    ...Object.keys(generated)
      .filter((name) => !fromGenerated.includes(name))
      .map((name) => `site/contents.js has no place for the generated page ${name}`),
  ];
}

/** Builds the site into `output`. `base` is its path on its host; `vitepress` is the folder that has VitePress. */
export async function buildSite(output, base, vitepress) {
  await writePages(base);
  const { build } = await import(pathToFileURL(vitepress));
  // The configuration is loaded as a module of its own.
  process.env.DDPG_SITE = JSON.stringify({ base, output, sidebar: sidebar() });
  await build(path.join(root, "site"));
}

/** The sidebar, as VitePress takes it. */
function sidebar() {
  return contents.map(({ title, pages: items }) => ({
    text: title,
    collapsed: false,
    items: items.map(({ file, generated: name, address, title: short }) => {
      if (address) return { text: short, link: address, target: "_self" };
      const page = name ? pagesOfGenerated[name] : pageOf(file);
      const [, heading] = /^# (.+)$/m.exec(fs.readFileSync(path.join(pages, page), "utf8")) ?? [];
      return { text: short ?? heading, link: `/${page}` };
    }),
  }));
}

/** Writes site/pages: every document, the generated pages, and a page for each source that one of them links to. */
async function writePages(base) {
  fs.rmSync(pages, { recursive: true, force: true });
  const sources = new Set();
  const write = (page, text) => {
    const file = path.join(pages, page);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  };
  for (const file of documents(root)) {
    const page = pageOf(file);
    if (page && file !== "README.md") write(page, headed(forSite(read(file), file, sources), file));
  }
  for (const [name, page] of Object.entries(pagesOfGenerated)) {
    const file = `docs/${page}`;
    write(page, forSite(await generated[name](), file, sources));
  }
  write("index.md", forSite(withProgram(read("site/index.md")), "docs/index.md", sources));
  fs.cpSync(path.join(root, "docs/figures"), path.join(pages, "figures"), { recursive: true });
  for (const name of fs.readdirSync(path.join(root, "docs/results"), { recursive: true }))
    if (name.endsWith(".svg")) {
      const copy = path.join(pages, "results", name);
      fs.mkdirSync(path.dirname(copy), { recursive: true });
      fs.copyFileSync(path.join(root, "docs/results", name), copy);
    }
  const publicFolder = path.join(pages, "public");
  fs.mkdirSync(publicFolder);
  fs.copyFileSync(path.join(root, "site/icon.svg"), path.join(publicFolder, "icon.svg"));
  fs.writeFileSync(path.join(publicFolder, "llms.txt"), llms(read("llms.txt"), base));
  // A folder's page links to its files, which then need pages too.
  for (const source of sources) write(...sourcePage(source, sources));
}

function read(file) {
  return fs.readFileSync(path.join(root, file), "utf8");
}

/** A table that a program writes, such as a benchmark's, has no heading. */
function headed(text, file) {
  return /^# /m.test(text) ? text : `# ${path.posix.basename(path.posix.dirname(file))}\n\n${text}`;
}

/** The Markdown of a document as the site shows it: links lead to pages, and formulas are in VitePress's form. */
function forSite(text, file, sources) {
  const parts = text.split(/^(```[\s\S]*?^```)$/m);
  return parts
    .map((part) => {
      if (/^```math\n/.test(part)) return part.replace(/^```math\n([\s\S]*)```$/, "$$$$\n$1$$$$");
      if (part.startsWith("```")) return part;
      return part.replace(
        /(!?)(\[[^\]]*\])\(([^)#\s]*)(#[^)\s]*)?\)/g,
        (whole, image, words, target, fragment = "") => {
          const name = path.posix.normalize(path.posix.join(path.posix.dirname(file), target)).replace(/\/$/, "");
          if (image || target === "" || !fs.existsSync(path.join(root, name))) return whole;
          return `${words}(${addressOf(name, sources)}${lineOf(fragment)})`;
        },
      );
    })
    .join("");
}

/** The address of what a document links to. A source is noted, so that it gets a page. */
function addressOf(name, sources) {
  const page = pageOf(name);
  if (page) return `/${page}`;
  if (name === "docs/decisions") return `/${pagesOfGenerated.decisions}`;
  sources.add(name);
  return `/${pageOfSource(name)}`;
}

function pageOfSource(name) {
  const isFolder = fs.statSync(path.join(root, name)).isDirectory();
  // VitePress leaves out what begins with a dot, and takes the end .html for its own.
  const visible = name.replace(/(^|\/)\./g, "$1").replace(/\.(html|md)$/, "-$1");
  return isFolder ? `source/${visible}/index.md` : `source/${visible}.md`;
}

/** #L10-L20 of a code host is #L10 here. */
function lineOf(fragment) {
  return fragment.replace(/^(#L\d+)-L\d+$/, "$1");
}

const languages = { ".js": "js", ".mjs": "js", ".ts": "ts", ".c": "c", ".h": "c", ".html": "html", ".json": "json" };
Object.assign(languages, { ".py": "python", ".xml": "xml", ".css": "css", ".gd": "gdscript" });

/** The page of a source: its text with numbered lines, or the list of what a folder holds. Returns its path and Markdown. */
function sourcePage(name, sources) {
  const file = path.join(root, name);
  const head = "---\nsearch: false\noutline: false\naside: false\nprev: false\nnext: false\npageClass: source\n---\n\n";
  if (fs.statSync(file).isDirectory()) {
    const entries = fs
      .readdirSync(file, { withFileTypes: true })
      .filter((entry) => !/^(\.|node_modules)/.test(entry.name));
    const lines = entries.map((entry) => {
      const inner = `${name}/${entry.name}`;
      const isText = entry.isDirectory() || /\.(md|[cm]?[jt]s|c|h|html|json|py|xml|css|txt|gd|sh)$/.test(entry.name);
      const page = pageOf(inner);
      if (!page && !isText) return `- ${entry.name}`;
      if (!page) sources.add(inner);
      return `- [${entry.name}](/${page ?? pageOfSource(inner)})`;
    });
    return [pageOfSource(name), `${head}# ${name}/\n\n${lines.join("\n")}\n`];
  }
  const text = fs.readFileSync(file, "utf8");
  // Records of a megabyte are not read by people: the first lines show what they are.
  const shown = text.length > 200_000 ? `${text.slice(0, 20_000)}\n…\n` : text;
  const language = languages[path.extname(name)] ?? "text";
  const fence = "`".repeat(Math.max(3, ...Array.from(text.matchAll(/`+/g), ([ticks]) => ticks.length + 1)));
  return [
    pageOfSource(name),
    `${head}# ${name}\n\n${fence}${language}:line-numbers anchors\n${shown.trimEnd()}\n${fence}\n`,
  ];
}

/** Puts a program of README where the first page names it. */
function withProgram(home) {
  const programs = programsOf(read("README.md"), "README.md");
  return home.replace(/^<!-- program ([\w.-]+) -->$/gm, (_, name) => `\`\`\`js\n${programs.get(name)}\`\`\``);
}

/** llms.txt with the site's addresses. */
function llms(text, base) {
  return text.replace(/\]\(([^)#\s:]+)(#[^)]*)?\)/g, (whole, file, fragment = "") => {
    const page = pageOf(file);
    return page ? `](${base}${page.replace(/\.md$/, ".html")}${fragment})` : whole;
  });
}
