// @ts-check
/**
 * The commands that a Markdown file asks to have executed: fenced blocks whose info string is a shell's name and `run`.
 *
 *     ```sh run                          the whole block is one script; it must end with exit code 0
 *     ```console run                     each "$ " line is a command, the lines after it are what it prints on
 *                                        standard output; "..." stands for anything, also for whole lines
 *     ```sh run background port=4180     started and left running until the file's end; goes on when the port answers
 *     ```sh run needs=mosquitto_pub      skipped where that program is not installed (several: a,b)
 */

/**
 * @typedef {object} MarkdownCommand
 * @property {number} line where it stands, from 1
 * @property {string} script
 * @property {string | undefined} output what it must print; undefined when the document does not say
 * @property {boolean} background
 * @property {number[]} ports
 * @property {string[]} needs
 */

/** @param {string} markdown @returns {MarkdownCommand[]} */
export function findCommands(markdown) {
  const lines = markdown.split("\n");
  /** @type {MarkdownCommand[]} */
  const commands = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^\s*(`{3,})(\S*)\s*(.*)$/.exec(lines[at] ?? "");
    if (fence === null) continue;
    const [, ticks = "", language = "", info = ""] = fence;
    const endAt = lines.findIndex((line, index) => index > at && line.trim() === ticks);
    const body = lines.slice(at + 1, endAt === -1 ? undefined : endAt);
    if (/^run\b/.test(info)) commands.push(...commandsOf(body, at + 2, language, attributes(info)));
    at = endAt === -1 ? lines.length : endAt;
  }
  return commands;
}

/** @typedef {Pick<MarkdownCommand, "background" | "ports" | "needs">} Attributes */

/** @param {string} info @returns {Attributes} */
function attributes(info) {
  const value = (/** @type {string} */ name) => new RegExp(`\\b${name}=(\\S+)`).exec(info)?.[1]?.split(",") ?? [];
  return { background: /\bbackground\b/.test(info), ports: value("port").map(Number), needs: value("needs") };
}

/**
 * @param {string[]} body
 * @param {number} line of the body's first line
 * @param {string} language
 * @param {Attributes} rest
 * @returns {MarkdownCommand[]}
 */
function commandsOf(body, line, language, rest) {
  if (language !== "console") return [{ line, script: body.join("\n"), output: undefined, ...rest }];
  /** @type {MarkdownCommand[]} */
  const commands = [];
  for (const [index, text] of body.entries()) {
    const last = commands.at(-1);
    if (text.startsWith("$ ")) commands.push({ line: line + index, script: text.slice(2), output: undefined, ...rest });
    else if (last?.output === undefined && last?.script.endsWith("\\")) last.script += `\n${text}`;
    else if (last !== undefined) last.output = last.output === undefined ? text : `${last.output}\n${text}`;
  }
  return commands;
}

/**
 * Whether `printed` is what the document says, without regard to blanks at line ends.
 * @param {string} expected
 * @param {string} printed
 */
export function matchesOutput(expected, printed) {
  const lines = expected.trimEnd().split("\n");
  const pattern = lines
    .map((line) =>
      line.trim() === "..." ? "(?:.*\n)*?" : `${line.trimEnd().split("...").map(escapeRegex).join(".*")}[ \t]*\n`,
    )
    .join("");
  return new RegExp(`^${pattern}$`).test(`${printed.trimEnd()}\n`);
}

/** @param {string} text */
const escapeRegex = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
