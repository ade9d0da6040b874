/**
 * The file that `--users-file` names, as TOML:
 *
 *     [[users]]
 *     name = "sensor-7"
 *     password = "scrypt$15$8$1$…"       what `polylog users hash` prints
 *     certificate = true                 a client certificate with this common name is enough; default false
 *     publish = ["sensors/%c/#"]         topic filters; %c stands for the client identifier, %u for the name
 *     subscribe = ["commands/%c"]
 *     produce = ["telemetry"]            names of logs; * stands for any characters
 *     consume = ["*"]
 *     manage = ["telemetry*"]
 *
 *     [[users]]
 *     anonymous = true                   instead of a name: whoever shows no credentials
 *     consume = ["public-*"]
 *
 * Nothing that is not listed is allowed.
 */

import { readFile } from "node:fs/promises";
import { isPasswordHash, type PermissionAction, permissionActions, type User } from "@polylog/broker/access";
import { parse } from "smol-toml";
import { configErrors } from "./errors.ts";

/** Throws `config.USERS_FILE_UNREADABLE`, or `config.USERS_FILE_INVALID` with every problem. */
export async function readUsersFile(file: string): Promise<readonly User[]> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw configErrors.USERS_FILE_UNREADABLE({ file, reason: (error as Error).message }, error);
  }
  return parseUsersFile(file, text);
}

/** `file` names the text in errors. */
export function parseUsersFile(file: string, text: string): readonly User[] {
  const problems: string[] = [];
  let users: readonly User[] = [];
  try {
    users = readTables(parse(text), problems);
  } catch (error) {
    problems.push((error as Error).message.trimEnd());
  }
  if (problems.length > 0) throw configErrors.USERS_FILE_INVALID({ file, problems: `\n  ${problems.join("\n  ")}` });
  return users;
}

function readTables(document: Readonly<Record<string, unknown>>, problems: string[]): User[] {
  for (const key of Object.keys(document)) if (key !== "users") problems.push(`${key}: no such key; write [[users]]`);
  const tables = document["users"] ?? [];
  if (!Array.isArray(tables)) {
    problems.push("users: write [[users]], once per user");
    return [];
  }
  const names = new Set<string | undefined>();
  return tables.map((table: unknown, index) => {
    const row = typeof table === "object" && table !== null ? (table as Record<string, unknown>) : {};
    const title = typeof row["name"] === "string" ? JSON.stringify(row["name"]) : `user ${index + 1}`;
    const user = readUser(row, (problem) => problems.push(`${title}: ${problem}`));
    if (names.has(user.name)) problems.push(`${title}: there is another row for the same user`);
    names.add(user.name);
    return user;
  });
}

const knownKeys: readonly string[] = ["name", "anonymous", "password", "certificate", ...permissionActions];

function readUser(row: Readonly<Record<string, unknown>>, tell: (problem: string) => void): User {
  for (const key of Object.keys(row)) if (!knownKeys.includes(key)) tell(`${key}: no such key`);
  const { name, anonymous = false, password, certificate = false } = row;
  if (typeof anonymous !== "boolean") tell("anonymous is true or false");
  if (typeof certificate !== "boolean") tell("certificate is true or false");
  const isNamed = typeof name === "string" && name !== "";
  if (anonymous === true && (name !== undefined || password !== undefined || certificate === true))
    tell("anonymous takes no name, password or certificate");
  if (anonymous !== true && !isNamed) tell("name is a text, or anonymous is true");
  if (password !== undefined && (typeof password !== "string" || !isPasswordHash(password)))
    tell("password is what `polylog users hash` prints, not the password itself");
  const permissions: Partial<Record<PermissionAction, readonly string[]>> = {};
  for (const action of permissionActions) permissions[action] = readPatterns(action, row[action] ?? [], tell);
  return {
    name: isNamed ? name : undefined,
    passwordHash: typeof password === "string" ? password : undefined,
    certificate: certificate === true,
    permissions,
  };
}

function readPatterns(action: PermissionAction, value: unknown, tell: (problem: string) => void): readonly string[] {
  if (!Array.isArray(value) || value.some((each) => typeof each !== "string" || each === "")) {
    tell(`${action} is a list of texts`);
    return [];
  }
  const patterns = value as string[];
  if (action === "publish" || action === "subscribe")
    for (const pattern of patterns)
      if (/#./.test(pattern) || /[^/][+#]|\+[^/]/.test(pattern)) tell(`${action}: "${pattern}" is no topic filter`);
  return patterns;
}
