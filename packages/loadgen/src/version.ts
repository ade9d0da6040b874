/** The version in package.json: what results and `mqtt-bench version` say. */

import { readFileSync } from "node:fs";

const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");

export const toolVersion: string = (JSON.parse(manifest) as { version: string }).version;
