// @ts-check
/**
 * Reads TypeScript and JavaScript without a parser: comments and the insides of strings are blanked, and what is left is
 * searched. Enough for code that the formatter has been over, and it needs nothing installed.
 */

/** After these words a slash begins a regular expression, after other words it divides. */
const wordsBeforeRegex = new Set(
  "return typeof case in of delete void throw new else do instanceof yield await".split(" "),
);

/**
 * The same text, same length and lines, with comments and the contents of strings, templates and regular expressions
 * replaced by blanks. Quotes stay; `${` and `}` of a template become round brackets, so that curly ones are all code.
 * @param {string} text
 * @returns {string}
 */
export function maskText(text) {
  const out = text.split("");
  /** Curly depth at which each open template expression ends. @type {number[]} */
  const templates = [];
  let depth = 0;
  let at = 0;
  const blank = (/** @type {number} */ from, /** @type {number} */ to) => {
    for (let i = from; i < to && i < out.length; i++) if (out[i] !== "\n") out[i] = " ";
  };
  while (at < text.length) {
    const char = text[at];
    const two = text.slice(at, at + 2);
    let end = at + 1;
    if (two === "//" || (two === "#!" && at === 0)) {
      end = endOf(text, "\n", at);
      blank(at, end);
    } else if (two === "/*") {
      end = endOf(text, "*/", at + 2) + 2;
      blank(at, end);
    } else if (char === '"' || char === "'") {
      end = endOfQuoted(text, at, char);
      blank(at + 1, end - 1);
    } else if (char === "/" && startsRegex(out, at)) {
      end = endOfRegex(text, at);
      blank(at + 1, end - 1);
    } else if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") {
        templates.pop();
        out[at] = ")";
      }
      end = endOfTemplatePart(text, at + 1);
      const opens = text[end - 1] === "{";
      blank(at + 1, end - 1);
      if (opens) {
        out[end - 1] = "(";
        templates.push(depth);
      }
    } else if (char === "{") depth++;
    else if (char === "}") depth--;
    at = end;
  }
  return out.join("");
}

/** @param {string} text @param {string} what @param {number} from */
function endOf(text, what, from) {
  const found = text.indexOf(what, from);
  return found === -1 ? text.length : found;
}

/** @param {string} text @param {number} start @param {string} quote */
function endOfQuoted(text, start, quote) {
  let at = start + 1;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Behind the closing backtick, or behind the `{` of the next expression. @param {string} text @param {number} at */
function endOfTemplatePart(text, at) {
  while (at < text.length) {
    if (text[at] === "`") return at + 1;
    if (text[at] === "$" && text[at + 1] === "{") return at + 2;
    at += text[at] === "\\" ? 2 : 1;
  }
  return at;
}

/** @param {string} text @param {number} start */
function endOfRegex(text, start) {
  let inClass = false;
  let at = start + 1;
  for (; at < text.length && text[at] !== "\n"; at++) {
    const char = text[at];
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return at + 1;
  }
  return at;
}

/** @param {string[]} out what is masked so far @param {number} slashAt */
function startsRegex(out, slashAt) {
  let at = slashAt - 1;
  while (at >= 0 && /\s/.test(out[at] ?? "")) at--;
  if (at < 0) return true;
  if (/[)\]}"'`]/.test(out[at] ?? "")) return false;
  if (!/[\w$]/.test(out[at] ?? "")) return true;
  const end = at + 1;
  while (at >= 0 && /[\w$]/.test(out[at] ?? "")) at--;
  return wordsBeforeRegex.has(out.slice(at + 1, end).join(""));
}

/** @param {string} text @param {number} offset @returns {number} from 1 */
export function lineAt(text, offset) {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** @param {string} text */
export const countLines = (text) => text.split("\n").length - (text.endsWith("\n") ? 1 : 0);

// --- imports -------------------------------------------------------------------------------------------------------

/** @typedef {{ specifier: string, line: number, byUrl: boolean }} Import */

/**
 * Everything the file imports: `from "x"`, `import "x"`, `import("x")` (also in types), and files it names by
 * `new URL("./x.ts", import.meta.url)`, which is how workers are loaded.
 * @param {string} text
 * @param {string} [masked]
 * @returns {Import[]}
 */
export function findImports(text, masked = maskText(text)) {
  const pattern =
    /(?:\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*(?=(["'])[^"']*\1,\s*import\.meta\.url))(["'])([^"']*)\2/g;
  /** @type {Import[]} */
  const found = [];
  for (const match of masked.matchAll(pattern)) {
    const end = match.index + match[0].length - 1;
    const specifier = text.slice(end - (match[3] ?? "").length, end);
    found.push({ specifier, line: lineAt(text, end), byUrl: match[0].startsWith("new URL") });
  }
  return found;
}

// --- exports -------------------------------------------------------------------------------------------------------

/** How many names the file exports. @param {string} masked */
export function countExports(masked) {
  let count = (masked.match(/^export (?!type \{|\{|default|\*)/gm) ?? []).length;
  for (const [, names = ""] of masked.matchAll(/^export (?:type )?\{([^}]*)\}/gm)) {
    count += names.split(",").filter((name) => name.trim() !== "").length;
  }
  return count;
}

// --- functions -----------------------------------------------------------------------------------------------------

/**
 * @typedef {object} FunctionSpan
 * @property {string} name as near as it can be told: `decodeConnect`, or the line it starts on for a nameless one
 * @property {number} line of its parameters, from 1
 * @property {number} lines from there to the closing bracket
 * @property {boolean} holdsTests a test is declared directly inside: it is a suite, not a function
 */

/** Words before `(…) {` that are no function's name. */
const controlWords = new Set("if for while switch catch with await return".split(" "));

/**
 * Every function with a body in curly brackets: declarations, methods, accessors, arrows.
 * @param {string} text
 * @param {string} [masked]
 * @returns {FunctionSpan[]}
 */
export function findFunctions(text, masked = maskText(text)) {
  const closing = matchBrackets(masked);
  const opening = new Map([...closing].map(([open, close]) => [close, open]));
  /** @type {FunctionSpan[]} */
  const found = [];
  for (const [open, close] of closing) {
    if (masked[open] !== "{") continue;
    const paramsAt = findParameters(masked, open, opening);
    if (paramsAt === undefined) continue;
    const line = lineAt(masked, paramsAt);
    const body = masked.slice(open, close);
    found.push({
      name: nameBefore(masked, paramsAt) ?? `line ${line}`,
      line,
      lines: lineAt(masked, close) - line + 1,
      holdsTests: /\b(?:test|it|describe|suite|before|beforeEach)\s*(?:\.\w+)?\(/.test(body),
    });
  }
  return found.sort((a, b) => a.line - b.line);
}

/** Opening → closing offset of every pair of brackets. @param {string} masked @returns {Map<number, number>} */
function matchBrackets(masked) {
  /** @type {Map<number, number>} */
  const pairs = new Map();
  /** @type {number[]} */
  const open = [];
  for (let at = 0; at < masked.length; at++) {
    const char = masked[at] ?? "";
    if ("([{".includes(char)) open.push(at);
    else if (")]}".includes(char)) {
      const start = open.pop();
      if (start !== undefined) pairs.set(start, at);
    }
  }
  return pairs;
}

/**
 * Where the parameters of the function start whose body opens at `open`; undefined when it is no function's body.
 * @param {string} masked
 * @param {number} open
 * @param {Map<number, number>} opening
 */
function findParameters(masked, open, opening) {
  let at = skipBlanksBack(masked, open - 1);
  if (masked[at] === ">" && masked[at - 1] === "=") return arrowStart(masked, at - 2, opening);
  // A type literal, an object or a plain block.
  if (at < 0 || ":|&<,([=?;{".includes(masked[at] ?? "") || wordBefore(masked, open).word === "readonly")
    return undefined;
  const close = masked[at] === ")" ? at : beforeReturnType(masked, at, opening);
  if (close === undefined) return undefined;
  at = opening.get(close) ?? 0;
  const before = wordBefore(masked, at);
  if (controlWords.has(before.word)) return undefined;
  // `class A extends mixin(B) {`
  return wordBefore(masked, before.start).word === "extends" ? undefined : at;
}

/** `(a, b) => {`, `(a): T => {` or `a => {`. @param {string} masked @param {number} end @param {Map<number, number>} opening */
function arrowStart(masked, end, opening) {
  const at = skipBlanksBack(masked, end);
  const close = masked[at] === ")" ? at : beforeReturnType(masked, at, opening);
  return close === undefined ? wordBefore(masked, at + 1).start : opening.get(close);
}

/**
 * Walks back over a return type: `): Promise<Map<string, number>> {`. The offset of the `)` that ends the parameters,
 * or undefined when what is there is no return type.
 * @param {string} masked
 * @param {number} at
 * @param {Map<number, number>} opening
 */
function beforeReturnType(masked, at, opening) {
  let angles = 0;
  for (; at >= 0; at--) {
    const char = masked[at] ?? "";
    // A statement ended here: in a type no word follows a closing bracket.
    if (char === "}" && /^\s*[\w$@#"'`]/.test(masked.slice(at + 1, at + 200))) return undefined;
    if (")]}".includes(char)) at = opening.get(at) ?? -1;
    else if (char === ">" && masked[at - 1] === "=") at--;
    else if (char === ">") angles++;
    else if (char === "<") angles--;
    else if (char === ":" && angles === 0) {
      const close = skipBlanksBack(masked, at - 1);
      return masked[close] === ")" ? close : undefined;
    } else if (angles < 0 || ";{([".includes(char) || ("=,".includes(char) && angles === 0)) return undefined;
  }
  return undefined;
}

/** @param {string} masked @param {number} at */
function skipBlanksBack(masked, at) {
  while (at >= 0 && /\s/.test(masked[at] ?? "")) at--;
  return at;
}

/** The word that ends before `at`, type parameters skipped. @param {string} masked @param {number} at */
function wordBefore(masked, at) {
  let end = skipBlanksBack(masked, at - 1);
  if (masked[end] === ">" && masked[end - 1] !== "=") {
    for (let angles = 0; end >= 0; end--) {
      if (masked[end] === ">" && masked[end - 1] !== "=") angles++;
      if (masked[end] === "<" && --angles === 0) break;
    }
    end = skipBlanksBack(masked, end - 1);
  }
  let start = end;
  while (start >= 0 && /[\w$#]/.test(masked[start] ?? "")) start--;
  return { word: masked.slice(start + 1, end + 1), start: start + 1 };
}

/** @param {string} masked @param {number} paramsAt */
function nameBefore(masked, paramsAt) {
  const { word, start } = wordBefore(masked, paramsAt);
  if (word !== "" && word !== "async" && word !== "function") return word;
  const declared = /([\w$#]+)\s*(?:(?::[^=;{]*)?=|:)\s*(?:async\s*)?$/.exec(
    masked.slice(Math.max(0, start - 200), start),
  );
  return declared?.[1];
}
