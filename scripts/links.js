// Dead links: in the Markdown of the repository, which needs no build, and in built HTML.
import * as fs from "node:fs";
import * as path from "node:path";

/** The documents outside of docs/, each with its page of the site; undefined if it has none. */
export const outsideDocs = {
  "README.md": "index.md",
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
  "llms.txt": undefined,
  "fixtures/README.md": "fixtures.md",
};

/** The paths of all documents, relative to `root`, with "/". */
export function documents(root) {
  const inDocs = fs.readdirSync(path.join(root, "docs"), { recursive: true });
  return [...Object.keys(outsideDocs), ...inDocs.map((name) => `docs/${name.replaceAll(path.sep, "/")}`).sort()].filter(
    (name) => /\.(md|txt)$/.test(name),
  );
}

/** The links of a Markdown text, outside of its code: the targets as written, without titles. */
export function linksOf(markdown) {
  const prose = withoutCode(markdown);
  return Array.from(prose.matchAll(/\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g), ([, target]) => target);
}

/** The anchor of a heading, as GitHub and GitLab make it. The site makes the same. */
export function slug(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The anchors of a Markdown text: one for each heading, with -1, -2, … where a heading is repeated. */
export function anchorsOf(markdown) {
  const counts = new Map();
  const headings = withoutFences(markdown).matchAll(/^#{1,6} +(.+?) *#*$/gm);
  return Array.from(headings, ([, heading]) => {
    const name = slug(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"));
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}-${count}`;
  });
}

/**
 * The links of all documents that lead nowhere, each as a line: a file that does not exist, a section that its document does
 * not have, or a line that its source does not have. Also returns how many links were looked at.
 */
export function deadLinks(root) {
  const dead = [];
  let checked = 0;
  for (const name of documents(root)) {
    const text = fs.readFileSync(path.join(root, name), "utf8");
    for (const link of linksOf(text)) {
      if (/^(https?|mailto):/.test(link)) continue;
      checked++;
      const [target, fragment] = link.split("#");
      const file = target === "" ? path.join(root, name) : path.join(root, path.dirname(name), target);
      if (!fs.existsSync(file)) dead.push(`${name} links to ${link}: there is no such file`);
      else if (fragment && !hasFragment(file, fragment)) dead.push(`${name} links to ${link}: there is no such place`);
    }
  }
  return { dead, checked };
}

function hasFragment(file, fragment) {
  const text = fs.readFileSync(file, "utf8");
  const [, from, to] = /^L(\d+)(?:-L(\d+))?$/.exec(fragment) ?? [];
  if (!from) return anchorsOf(text).includes(decodeURIComponent(fragment));
  return Number(to ?? from) <= text.split("\n").length;
}

/**
 * The links of a built site that lead nowhere, each as a line, and how many were looked at: every `href` and `src` of its
 * pages. `base` is the path of the site on its host.
 */
export function deadLinksOfSite(folder, base) {
  const pages = fs
    .readdirSync(folder, { recursive: true })
    .map((name) => name.replaceAll(path.sep, "/"))
    .filter((name) => name.endsWith(".html"));
  const ids = new Map();
  const idsOf = (page) => {
    if (!ids.has(page)) {
      const html = fs.readFileSync(path.join(folder, page), "utf8");
      ids.set(page, new Set(Array.from(html.matchAll(/\s(?:id|name)="([^"]+)"/g), ([, id]) => unescaped(id))));
    }
    return ids.get(page);
  };
  const dead = [];
  let checked = 0;
  for (const page of pages) {
    const html = fs.readFileSync(path.join(folder, page), "utf8").replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, "");
    const links = new Set(Array.from(html.matchAll(/\s(?:href|src)="([^"]*)"/g), ([, link]) => unescaped(link)));
    for (const link of links) {
      if (/^(?:[a-z]+:|\/\/)/i.test(link) || link === "") continue;
      checked++;
      const url = new URL(link, new URL(page, `http://site${base}`));
      if (!url.pathname.startsWith(base)) {
        dead.push(`${page} links to ${link}: it is outside of ${base}`);
        continue;
      }
      let target = decodeURIComponent(url.pathname.slice(base.length));
      if (target === "" || target.endsWith("/")) target += "index.html";
      const fragment = decodeURIComponent(url.hash.slice(1));
      if (!fs.existsSync(path.join(folder, target))) dead.push(`${page} links to ${link}: there is no such page`);
      // The page's own addresses are experiments, not places.
      else if (fragment && target.endsWith(".html") && !target.startsWith("page/") && !idsOf(target).has(fragment))
        dead.push(`${page} links to ${link}: there is no such place`);
    }
  }
  return { dead, checked };
}

function unescaped(text) {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

function withoutFences(markdown) {
  return markdown.replace(/^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2`*$/gm, "");
}

function withoutCode(markdown) {
  return withoutFences(markdown).replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, (code) => code.replace(/[^\n]/g, "x"));
}
