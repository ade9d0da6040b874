/** The reference page of the tools, from their tables of flags and the client's table of options. */

import { renderGoMarkdown } from "@polylog/base/go-flags";
import { renderClientOptions } from "./client/index.ts";
import { loadTool, toolNames } from "./tools/index.ts";

/** Path in the repository → content. */
export async function renderReference(): Promise<Readonly<Record<string, string>>> {
  const tools = await Promise.all(toolNames.map(loadTool));
  const parts = tools.map(({ name, summary, flags }) => `## ${name}\n\n${summary}\n\n${renderGoMarkdown(flags)}\n`);
  const options = `## Options of the client\n\n${optionsIntro}\n\n${renderClientOptions()}\n`;
  return { "docs/reference/nsq-tools.md": [intro, ...parts, options].join("\n") };
}

const intro = `<!-- Generated from the flag tables of packages/nsq-tools; change the tables, not this page. -->

# Flags of the NSQ tools

\`-x\` and \`--x\` are the same, and so are \`-x=value\` and \`-x value\`; a boolean is \`-x\` or \`-x=false\`. VALUE flags can be
given several times, but for \`-count\`. Durations are written as in Go: \`250ms\`, \`1m30s\`. What each tool does stands in
[nsq-tools.md](../nsq-tools.md).
`;

const optionsIntro =
  "For `--consumer-opt` and `--producer-opt`, as `name,value`; a name alone means `true`. Programs set the same on `ClientOptions`.";
