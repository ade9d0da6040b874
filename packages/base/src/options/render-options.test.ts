import assert from "node:assert/strict";
import { test } from "node:test";
import { defineOptions } from "./define-options.ts";
import { renderHelp } from "./render-help.ts";
import { renderMarkdown } from "./render-markdown.ts";
import { renderExampleToml } from "./render-toml.ts";

const table = defineOptions({
  listen: { flag: "listen", type: "listen", default: ":1883", group: "Listeners", help: "Where clients connect." },
  clientsMax: {
    flag: "max-clients",
    type: "integer",
    unit: "clients",
    min: 1,
    max: 9,
    default: 5,
    group: "Listeners",
    help: "Clients at a time, of which there can be quite a number when they all come at once to the same listener.",
  },
  format: { flag: "format", type: "choice", values: ["text", "json"], default: "text", group: "Output", help: "How." },
  color: { flag: "color", type: "boolean", default: true, group: "Output", help: "Colours." },
  tag: {
    flag: "tag",
    type: "string",
    repeatable: true,
    placeholder: "KEY=VALUE",
    example: "a=b",
    group: "Output",
    help: "Tags.",
  },
  title: { flag: "title", type: "string", default: "", group: "Output", help: "Title." },
  help: {
    flag: "help",
    short: "h",
    type: "boolean",
    default: false,
    from: ["flag"],
    group: "Other",
    help: "Show this.",
  },
});

test("help is grouped, aligned and shows defaults", () => {
  const texts = {
    usage: "run [options]",
    summary: "Runs.",
    examples: ["run --listen off"],
    envPrefix: "P_",
    configFile: true,
  };
  assert.equal(
    renderHelp(table, texts),
    `Usage: run [options]

Runs.

Listeners:
  --listen ADDRESS      Where clients connect. (default :1883)
  --max-clients NUMBER  Clients at a time, of which there can be quite a number when they all come
                        at once to the same listener. (default 5)

Output:
  --format text|json    How. (default text)
  --color               Colours. (default on; --no-color switches it off)
  --tag KEY=VALUE       Tags. (repeatable)
  --title TEXT          Title. (default "")

Other:
  -h, --help            Show this.

Values:
  ADDRESS               host:port, [::1]:port, :port (every IPv4 address), /path of a Unix socket,
                        or off; port 0 takes a free one

Examples:
  run --listen off

--listen is P_LISTEN in the environment and listen in the config file, and so on. Precedence: flag,
environment, file, default.
`,
  );
});

test("help leaves out what the program does not read", () => {
  const text = renderHelp(table, { usage: "run", summary: "Runs." });
  assert.doesNotMatch(text, /environment|config file|Precedence|Examples/);
});

test("help puts a long flag on its own line", () => {
  const flag = "a-flag-that-is-longer-than-the-column-for-flags";
  const long = defineOptions({ long: { flag, type: "path", group: "Group", help: "Help." } });
  assert.match(renderHelp(long, { usage: "run", summary: "Runs." }), new RegExp(`  --${flag} PATH\n {42}Help\\.\n`));
});

test("example config comments everything out", () => {
  assert.equal(
    renderExampleToml(table),
    `# ADDRESS: host:port, [::1]:port, :port (every IPv4 address), /path of a Unix socket, or off; port 0 takes a free one.

# ---- Listeners ----

# Where clients connect. (ADDRESS)
#listen = ":1883"

# Clients at a time, of which there can be quite a number when they all come at once to the same
# listener. (NUMBER, 1 to 9 clients)
#max_clients = 5

# ---- Output ----

# How. (text|json)
#format = "text"

# Colours.
#color = true

# Tags. (KEY=VALUE)
#tag = ["a=b"]

# Title. (TEXT)
#title = ""
`,
  );
});

test("reference has one Markdown row per option", () => {
  const page = renderMarkdown(table, { envPrefix: "P_", configFile: true });
  assert.match(
    page,
    /^## Listeners\n\n\| Flag \| What it does \| Default \| Allowed \| Environment \| Config file \|\n/,
  );
  const rows = [
    "| `--format text\\|json` | How. | `text` |  | `P_FORMAT` | `format` |",
    "| `--tag KEY=VALUE` | Tags. |  | repeatable | `P_TAG` | `tag` |",
    '| `--title TEXT` | Title. | `""` |  | `P_TITLE` | `title` |',
    "| `--help` | Show this. | `false` |  |  |  |",
  ];
  for (const row of rows) assert.ok(page.split("\n").includes(row), row);
  assert.match(page, /\| 1 to 9 clients \|/);
});

test("reference without environment and file has four columns", () => {
  assert.match(renderMarkdown(table), /^## Listeners\n\n\| Flag \| What it does \| Default \| Allowed \|\n/);
});
