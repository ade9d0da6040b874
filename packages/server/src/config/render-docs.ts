/** The files that are derived from the option table. Whoever writes or compares them owns the paths on disk. */

import { renderExampleToml, renderMarkdown } from "@polylog/base/options";
import { renderNsqFlags } from "../nsq-flags/render-nsq-flags.ts";
import { environmentPrefix } from "./load-serve-options.ts";
import { serveOptions } from "./serve-options.ts";

/** Path in the repository → content. */
export function renderReference(): Readonly<Record<string, string>> {
  return {
    "docs/reference/nsq-flags.md": renderNsqFlags(),
    "docs/reference/options.md": `${referenceIntro}\n${renderMarkdown(serveOptions, { envPrefix: environmentPrefix, configFile: true })}`,
    "config.example.toml": `${exampleIntro}\n${renderExampleToml(serveOptions)}`,
  };
}

const referenceIntro = `<!-- Generated from the option table of \`polylog serve\`; change the table, not this page. -->

# Options of polylog serve

An option can be given as a flag, as an environment variable, or as a key of the TOML file that \`--config\` names; see
[config.example.toml](../../config.example.toml). A flag wins over the environment, the environment over the file, the
file over the default. The winner is taken whole: repeating a flag replaces the file's list and adds nothing to it.

- Flags: \`--name value\` or \`--name=value\`. A boolean is \`--name\`, \`--no-name\` or \`--name=false\`. A flag given
  twice counts the last time, unless it is repeatable. \`--\` ends the flags.
- Environment: a variable set to nothing counts as not set. Values of a repeatable option are separated by commas, so
  a value with a comma in it needs a flag or the file. Booleans are \`true\`, \`false\`, \`1\` or \`0\`.
- File: keys are flat, in snake case. A repeatable option is a list. Unknown keys are errors.
`;

const exampleIntro = `# Config file for polylog serve: --config FILE, or POLYLOG_CONFIG=FILE.
# Generated from the option table; every setting is shown with its default, or with an example if it has none.
# "# " starts an explanation; to use a setting, remove the "#" directly before its key.
# Flags and POLYLOG_* variables win over this file.
`;
