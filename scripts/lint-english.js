// Finds wording that the project's plain English avoids, in what people read: comments, docstrings, string literals and
// Markdown. Identifiers are not read. `node scripts/lint-english.js [--count] [path …]`: with --count, only the number of
// findings in each folder.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** What is read when no path is given. */
const everything = ["src", "web", "scripts", "bench", "test", "examples", "docs", "site"].concat(
  ...["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "llms.txt"],
);

/** Not read: what is generated, recorded, or told as it was at the time. */
const skipped = [
  /\/generated\//,
  /^site\/pages\//,
  /\/node_modules\//,
  /^docs\/(results|figures)\//,
  /^docs\/log\.md$/,
  /^bench\/.*\.json$/,
];

/** Phrases, each with what to write instead. */
const phrases = [
  // "So many X that …" is plain English.
  [/\bso many\b(?!(?: [\w-]+){1,5},? that\b)/i, "N, the number of …"],
  [
    /\b(?:goes|went|gone|going) on\b|\b(?:to|not|and|will|can|could|may|would|it|they|runs?) go on\b/i,
    "continues, resumes",
  ],
  [/\banew\b/i, "again, restarts"],
  [/\b(?:is|are|was|were|be|being|been) told\b/i, "is reported, is given"],
  [/\bwhoever\b/i, "the caller, anyone who"],
  [/\b(?:nobody|somebody)\b/i, "no one, the caller; or name who"],
  [/\bone['’]s own\b/i, "custom, your own"],
  [/\b(?:an|the) own\b/i, "a custom …"],
  [/\bbut for\b/i, "except"],
  [/\blets? go of\b/i, "releases"],
  [/(?<!on the )\bway out\b/i, "hint"],
  [/\bin truth\b/i, "really, actually"],
  [/\btrue time\b/i, "real time"],
  [/\bshall\b/i, "should, must, will"],
  [/\bmakes? room\b|\bmade room\b/i, "is evicted"],
  [/\bwhat is no\b/i, "an invalid …"],
  [/\bstop(?:s|ped)? to (?:learn|move|change|work)\b/i, "stopped learning"],
  [/\b(?:is|are|stands?) there twice\b/i, "appears twice"],
  [/\bcommonest\b/i, "most common"],
  [/, for (?:it|they|there|he|she|nothing|what|each of)\b/i, "because …"],
  [/[«»]/, 'straight quotes: "…"'],
];

/** British spellings, as the beginnings of words, each with the American one. "Optimistic" and "finalist" are both. */
const spellings = [
  ...(
    "normalis optimis initialis minimis maximis summaris recognis serialis materialis organis generalis customis stabilis " +
    "visualis regularis parametris penalis synchronis randomis quantis discretis utilis standardis finalis specialis " +
    "prioritis characteris vectoris tokenis"
  )
    .split(" ")
    .map((stem) => [`${stem}(?=[ea]|ing)`, stem.replace(/s$/, "z")]),
  ...["colour", "behaviour", "favour", "neighbour", "honour", "labour", "flavour", "armour", "vapour", "harbour"].map(
    (stem) => [stem, stem.replace("our", "or")],
  ),
  ["realise", "realize"],
  ["realising", "realizing"],
  ["emphasise", "emphasize"],
  ["licence", "license"],
  ["centre", "center"],
  ["metres", "meters"],
  ["fibre", "fiber"],
  ["grey", "gray"],
  ["analyse", "analyze"],
  ["analysing", "analyzing"],
  ["defence", "defense"],
  ["labell", "label"],
  ["modell", "model"],
  ["travell", "travel"],
  ["signall", "signal"],
  ["learnt", "learned"],
  ["artefact", "artifact"],
  ["whilst", "while"],
  ["programme", "program"],
];

const rules = [
  ...phrases,
  ...spellings.map(([british, american]) => [
    // Also inside a compound such as "unnormalised", but "programmed" and "programmer" are words of their own.
    british === "programme" ? /\bprogrammes?\b/i : new RegExp(`\\b(?:un|de|re|non)?${british}`, "i"),
    `American: ${american}…`,
  ]),
];

/** Findings that stay, each with its reason. `file` is a part of the path, `text` a part of the text around it. */
const exceptions = [
  { file: "scripts/lint-english.js", text: /./, reason: "lists the wording itself" },
  { file: "web/", text: /aria-labelledby/, reason: "the attribute's name" },
  { file: "test/lint-english.test.js", text: /./, reason: "tries the rules on it" },
  { file: "src/ddpg/other-names.ts", text: /initialisation/, reason: "a name that a user may type" },
  { file: "bench/pendulum.js", text: /batch normalisation/, reason: "names in recorded results" },
];

/** What people read in a source text: its comments and string literals, as [offset, text]. */
export function readableParts(source) {
  const parts = [];
  let at = 0;
  /** The last character of code before `at` that is no white space, and the last word: they tell a regex from a division. */
  let last = "";
  let word = "";
  const isRegex = () =>
    last === "" ||
    /[([{,;=:!&|?+\-*%<>~^]/.test(last) ||
    /^(?:return|typeof|case|in|of|await|yield|default)$/.test(word);

  function string(quote) {
    const start = ++at;
    while (at < source.length && source[at] !== quote && source[at] !== "\n") at += source[at] === "\\" ? 2 : 1;
    // The name of a module is no text.
    if (
      !/(?:\bfrom|\bimport|\bimport\(|\brequire\(|new URL\()\s*$/.test(source.slice(Math.max(0, start - 20), start - 1))
    ) {
      parts.push([start, source.slice(start, at)]);
    }
    at++;
  }

  function template() {
    let start = ++at;
    while (at < source.length && source[at] !== "`") {
      if (source[at] === "\\") at += 2;
      else if (source.startsWith("${", at)) {
        parts.push([start, source.slice(start, at)]);
        at += 2;
        code("}");
        start = at;
      } else at++;
    }
    parts.push([start, source.slice(start, at)]);
    at++;
  }

  function regex() {
    for (let inClass = false; ++at < source.length; ) {
      const c = source[at];
      if (c === "\\") at++;
      else if (c === "[") inClass = true;
      else if (c === "]") inClass = false;
      else if (c === "\n" || (c === "/" && !inClass)) break;
    }
    at++;
  }

  /** Reads code up to its end, or past the brace that closes a template's hole. */
  function code(end) {
    let depth = 0;
    while (at < source.length) {
      const c = source[at];
      if (source.startsWith("//", at) || (at === 0 && source.startsWith("#!"))) {
        const stop = source.indexOf("\n", at);
        const close = stop < 0 ? source.length : stop;
        parts.push([at + 2, source.slice(at + 2, close)]);
        at = close;
        continue;
      }
      if (source.startsWith("/*", at)) {
        const stop = source.indexOf("*/", at + 2);
        const close = stop < 0 ? source.length : stop;
        parts.push([at + 2, source.slice(at + 2, close)]);
        at = close + 2;
        continue;
      }
      if (c === '"' || c === "'") string(c);
      else if (c === "`") template();
      else if (c === "/" && isRegex()) regex();
      else if (/\s/.test(c)) {
        at++;
        continue;
      } else if (/[\w$]/.test(c)) {
        const start = at;
        while (at < source.length && /[\w$]/.test(source[at])) at++;
        word = source.slice(start, at);
        last = "a";
        continue;
      } else {
        if (c === "{") depth++;
        if (c === "}" && depth-- === 0 && end) {
          at++;
          return;
        }
        at++;
      }
      last = c;
      word = "";
    }
  }

  code();
  return joinLines(source, parts);
}

/** Comments on lines of their own that follow each other are one text: a phrase may be broken between them. */
function joinLines(source, parts) {
  const joined = [];
  for (const [offset, text] of parts) {
    const before = joined.at(-1);
    const between = before && source.slice(before[0] + before[1].length, offset);
    if (before && /^\n[ \t]*\/\/$/.test(between)) before[1] += between.replace("//", "  ") + text;
    else joined.push([offset, text]);
  }
  // The star before each line of a docstring stands for a space.
  return joined.map(([offset, text]) => [offset, text.replaceAll(/^[ \t]*\*/gm, (star) => " ".repeat(star.length))]);
}

/** The text of a Markdown file without code, links' targets and, in the changelog, what is already published. */
function markdownParts(file, text) {
  const blank = (found) => found.replaceAll(/[^\n]/g, " ");
  let prose = text
    .replaceAll(/^( *)```[\s\S]*?^\1```/gm, blank)
    .replaceAll(/`[^`\n]+`/g, blank)
    .replaceAll(/\]\([^)]*\)/g, blank)
    .replaceAll(/<!--[\s\S]*?-->/g, blank);
  if (file.endsWith("CHANGELOG.md")) {
    const published = prose.search(/^## \[?\d/m);
    if (published >= 0) prose = prose.slice(0, published);
  }
  return [[0, prose]];
}

/** The findings in a text: each with the offset, the wording that was found and what to write instead. */
export function findings(file, text) {
  let parts;
  if (/\.(ts|js|mjs)$/.test(file)) parts = readableParts(text);
  else if (file.endsWith(".md")) parts = markdownParts(file, text);
  else if (file.endsWith(".css")) parts = [...text.matchAll(/\/\*[\s\S]*?\*\//g)].map((m) => [m.index, m[0]]);
  else if (file.endsWith(".html")) parts = [[0, text]];
  else if (file.endsWith(".py")) parts = [...text.matchAll(/#.*|"""[\s\S]*?"""/g)].map((m) => [m.index, m[0]]);
  else return [];
  return parts
    .flatMap(([start, part]) => {
      const flat = part.replaceAll(/\s/g, " ").replaceAll(/ {2,}/g, (spaces) => ` ${"\0".repeat(spaces.length - 1)}`);
      // Runs of white space are one space for the rules; `places` leads back to the text.
      const places = [];
      let prose = "";
      for (let i = 0; i < flat.length; i++) {
        if (flat[i] === "\0") continue;
        places.push(start + i);
        prose += flat[i];
      }
      return rules.flatMap(([rule, instead]) =>
        [...prose.matchAll(new RegExp(rule.source, `${rule.flags}g`))].map((match) => ({
          offset: places[match.index],
          found: match[0],
          around: prose.slice(Math.max(0, match.index - 40), match.index + match[0].length + 40),
          instead,
        })),
      );
    })
    .filter(({ around }) => !exceptions.some((e) => file.includes(e.file) && e.text.test(around)))
    .sort((a, b) => a.offset - b.offset);
}

/** The files to read under a path, relative to the root. */
function filesUnder(place) {
  const full = path.join(root, place);
  if (!fs.existsSync(full)) return [];
  if (!fs.statSync(full).isDirectory()) return [place];
  return fs
    .readdirSync(full)
    .sort()
    .filter((name) => name !== "node_modules")
    .flatMap((name) => filesUnder(`${place.replace(/\/$/, "")}/${name}`));
}

function main() {
  const counting = process.argv.includes("--count");
  const given = process.argv.slice(2).filter((argument) => argument !== "--count");
  const places = given.map((name) => path.relative(root, path.resolve(name)).replaceAll(path.sep, "/"));
  const files = (places.length > 0 ? places : everything)
    .flatMap(filesUnder)
    .filter((file) => !skipped.some((pattern) => pattern.test(file)));
  const counts = new Map();
  let total = 0;
  for (const file of files) {
    const text = fs.readFileSync(path.join(root, file), "utf8");
    for (const { offset, found, around, instead } of findings(file, text)) {
      total++;
      counts.set(path.dirname(file), (counts.get(path.dirname(file)) ?? 0) + 1);
      if (!counting) {
        const line = text.slice(0, offset).split("\n").length;
        console.log(`${file}:${line}: "${found.trim()}" → ${instead}   … ${around.trim()} …`);
      }
    }
  }
  if (counting) for (const [folder, count] of counts) console.log(`${String(count).padStart(5)}  ${folder}`);
  console.log(`${total} findings in ${files.length} files`);
  return total === 0 ? 0 : 1;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.exit(main());
