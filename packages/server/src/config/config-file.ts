/**
 * The TOML config file. Its keys are flat and are the flags with `_` for `-`: `--mqtt-listen` is `mqtt_listen`, as NSQ
 * writes its own config. Which keys exist and what they may hold, the option table says; here is only reading.
 */

import { readFileSync } from "node:fs";
import { isCodedError } from "@polylog/base/errors";
import type { OptionFile } from "@polylog/base/options";
import { parse, TomlError } from "smol-toml";
import { configErrors } from "./errors.ts";

/** Throws `config.FILE_UNREADABLE`, `config.FILE_NOT_UTF8` or, with line, column and code frame, `config.FILE_SYNTAX`. */
export function readConfigFile(file: string): OptionFile {
  try {
    return parseConfigFile(file, new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)));
  } catch (error) {
    if (isCodedError(error)) throw error;
    if (error instanceof TypeError) throw configErrors.FILE_NOT_UTF8({ file }, error);
    throw configErrors.FILE_UNREADABLE({ file, reason: error instanceof Error ? error.message : String(error) }, error);
  }
}

/** `file` names the text in errors. */
export function parseConfigFile(file: string, text: string): OptionFile {
  try {
    return { name: file, values: parse(text), lineOf: (key) => findLine(text, key) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.replace("Invalid TOML document: ", "").split("\n")[0]!;
    const { line, column, codeblock } = error;
    throw configErrors.FILE_SYNTAX({ file, line, column, reason, frame: codeblock.trimEnd() }, error);
  }
}

/** The first line that starts with the key or opens the table of that name; the parser does not tell. */
function findLine(text: string, key: string): number | undefined {
  const starts = [key, `"${key}"`, `'${key}'`];
  const index = text.split("\n").findIndex((line) => {
    const content = line.replace(/^[\s[]*/, "");
    return starts.some((start) => content.startsWith(start) && /^\s*[=.\]]/.test(content.slice(start.length)));
  });
  return index === -1 ? undefined : index + 1;
}
