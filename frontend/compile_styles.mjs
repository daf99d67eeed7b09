// Compiles app.css: `compile_styles.mjs STYLES TAILWIND`, the names of possible classes on the standard input.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { text } from "node:stream/consumers";

const [styles, tailwind] = process.argv.slice(2);
const { compile } = await import(pathToFileURL(join(tailwind, "dist/lib.mjs")));
async function loadStylesheet(id, base) {
  const path = id.startsWith(".") ? join(base, id) : join(tailwind, "index.css");
  return { path, base: dirname(path), content: await readFile(path, "utf8") };
}

const entry = join(styles, "app.css");
const compiler = await compile(await readFile(entry, "utf8"), { base: styles, from: entry, loadStylesheet });
process.stdout.write(compiler.build((await text(process.stdin)).split("\n")));
