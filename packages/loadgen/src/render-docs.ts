/** The reference pages of `mqtt-bench run` and `crate-write`, from their tables of options; `npm run docs` writes them. */

import { renderMarkdown } from "@polylog/base/options";
import { runOptions } from "./commands/run-options.ts";
import { loadOptions } from "./crate/options/load-options.ts";
import { loadProfile } from "./crate/report/load-profile.ts";
import { benchProfile } from "./mqtt/bench-profile.ts";

/** Path in the repository → content. */
export function renderReference(): Readonly<Record<string, string>> {
  return {
    "docs/reference/mqtt-bench.md": `${intro}\n${renderMarkdown(runOptions, { envPrefix: benchProfile.envPrefix })}`,
    "docs/reference/crate-write.md": `${crateIntro}\n${renderMarkdown(loadOptions, { envPrefix: loadProfile.envPrefix })}`,
  };
}

const intro = `<!-- Generated from the option table of \`mqtt-bench run\`; change the table, not this page. -->

# Options of mqtt-bench run

\`mqtt-bench run fan-in|fan-out|straight-run|round-robin [options]\`. A flag wins over the environment, the environment over
the default; [../mqtt-bench.md](../mqtt-bench.md) says what is measured.
`;

const crateIntro = `<!-- Generated from the option table of \`crate-write\`; change the table, not this page. -->

# Options of crate-write

\`crate-write [balance] [options]\`. A flag wins over the environment, the environment over \`.env\`, that over the file of
\`--config\`, that over the default; [../crate-write.md](../crate-write.md) says what is measured.
`;
