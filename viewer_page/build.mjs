// Bundle the page's code with three and spark, compress it, and record what it was made from.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const home = dirname(fileURLToPath(import.meta.url));
const bundle = join(home, "..", "mouse_facelift", "viewing", "bundle");
mkdirSync(bundle, { recursive: true });

const made = await build({
  entryPoints: [join(home, "src", "main.js")],
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "iife",
  target: "es2022",
  legalComments: "none", // the licenses stand in THIRD_PARTY.txt, which goes into every page
  write: false,
  logLevel: "warning",
});
const code = made.outputFiles[0].contents;
const packed = gzipSync(code, { level: 9 });
writeFileSync(join(bundle, "viewer.js.gz"), packed);
const parts = ["page.html", "style.css", "loader.js"];
for (const file of parts) writeFileSync(join(bundle, file), readFileSync(join(home, file)));

const licenses = ["@sparkjsdev/spark", "three", "fflate"].map((name) => {
  const folder = join(home, "node_modules", name);
  const { version, license, homepage } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const text = readFileSync(join(folder, "LICENSE"), "utf8").trim();
  return `${name} ${version} (${license}), ${homepage}\n\n${text}\n`;
});
const head = "The viewer's page holds code of these packages, bundled and minified.\n";
writeFileSync(join(bundle, "THIRD_PARTY.txt"), [head, ...licenses].join(`\n${"-".repeat(80)}\n\n`));

const sources = ["package.json", "package-lock.json", "build.mjs", ...parts];
sources.push(...readdirSync(join(home, "src")).sort().map((name) => `src/${name}`));
const digests = Object.fromEntries(
  sources.map((name) => [name, createHash("sha256").update(readFileSync(join(home, name))).digest("hex")]),
);
const bundled = createHash("sha256").update(packed).digest("hex");
writeFileSync(join(bundle, "sources.json"), `${JSON.stringify({ bundle: bundled, sources: digests }, null, 1)}\n`);
console.log(`${(code.length / 1e6).toFixed(2)} MB of code, ${(packed.length / 1e6).toFixed(2)} MB compressed`);
