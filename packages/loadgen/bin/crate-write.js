#!/usr/bin/env node
// The `crate-write` command. Kept outside dist/ so that npm can link it before the first build.
import { existsSync } from "node:fs";

const main = new URL("../dist/crate/main.js", import.meta.url);
if (!existsSync(main)) {
  process.stderr.write("crate-write: not built yet; run `npm run build` in the repository first\n");
  process.exit(2);
}
await import(main.href);
