/** The reference page of `mqtt-bench run`, from its table of options; `npm run docs` writes it. */

import { renderMarkdown } from "@polylog/base/options";
import { envPrefix } from "./commands/command.ts";
import { runOptions } from "./commands/run-options.ts";

/** Path in the repository → content. */
export function renderReference(): Readonly<Record<string, string>> {
  return { "docs/reference/mqtt-bench.md": `${intro}\n${renderMarkdown(runOptions, { envPrefix })}` };
}

const intro = `<!-- Generated from the option table of \`mqtt-bench run\`; change the table, not this page. -->

# Options of mqtt-bench run

\`mqtt-bench run fan-in|fan-out|straight-run|round-robin [options]\`. A flag wins over the environment, the environment over
the default; [../mqtt-bench.md](../mqtt-bench.md) says what is measured.
`;
