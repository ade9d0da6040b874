#!/usr/bin/env node
// The `nsqd` command, as `polylog nsqd`. Kept outside dist/ so that npm can link it before the first build.
import { existsSync } from "node:fs";

const launcher = new URL("../dist/launch/launch.js", import.meta.url);
if (!existsSync(launcher)) {
  process.stderr.write("nsqd: not built yet; run `npm run build` in the repository first\n");
  process.exit(2);
}
const { launch } = await import(launcher.href);
await launch("nsqd");
