/** `list`: the newest runs of a result file. */

import { defineOptions, renderHelp, resolveOptions } from "@polylog/base/options";
import { exitCodes } from "../exit-codes.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { ResultStore } from "../store/result-store.ts";
import { toolProfileOf, toolProfiles } from "../tools.ts";
import type { Environment } from "./command.ts";
import { renderTable } from "./render-table.ts";
import { storeOptions } from "./store-options.ts";

const listOptions = (tool: ToolProfile) =>
  defineOptions({
    ...storeOptions(tool),
    limit: {
      flag: "limit",
      type: "integer",
      default: 10,
      min: 1,
      max: 100_000,
      group: "Results",
      help: "how many runs",
    },
    json: { flag: "json", type: "boolean", default: false, group: "Results", help: "print JSON" },
  });

export async function list(argv: readonly string[], { tool, env, stdout }: Environment): Promise<number> {
  const { tool: name, envPrefix } = tool;
  const options = listOptions(tool);
  if (argv.includes("--help")) {
    stdout.write(
      renderHelp(options, { usage: `${name} list [options]`, summary: "Lists the newest runs.", envPrefix }),
    );
    return exitCodes.fine;
  }
  const { values } = resolveOptions(options, { argv, env, envPrefix });
  const store = await ResultStore.open(values.db, { isReadOnly: true });
  try {
    const rows = await store.list(values.limit);
    if (values.json) stdout.write(`${JSON.stringify(rows)}\n`);
    else {
      // Each tool has columns of its own; this command's tool comes first.
      const profiles = [tool, ...toolProfiles.filter((profile) => profile !== tool)];
      const blocks = profiles.flatMap((profile) => {
        const own = rows.filter((row) => toolProfileOf(row) === profile);
        if (own.length === 0 && (profile !== tool || rows.length > 0)) return [];
        const cells = own.map((row) => ({ run: row.runId, ...profile.listed(row) }));
        return [`${profile === tool ? "" : `Runs of ${profile.tool}:\n`}${renderTable(cells)}`];
      });
      stdout.write(blocks.join("\n"));
    }
  } finally {
    await store.close();
  }
  return exitCodes.fine;
}
