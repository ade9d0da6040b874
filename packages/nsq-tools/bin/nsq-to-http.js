#!/usr/bin/env node
// The `nsq_to_http` command. Kept outside dist/ so that npm can link it before the first build.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (!existsSync(main)) {
  process.stderr.write("nsq_to_http: not built yet; run `npm run build` in the repository first\n");
  process.exit(2);
}
const { runTool } = await import(main.href);
await runTool("nsq_to_http");
