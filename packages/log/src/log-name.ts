/**
 * Names of logs, and of the directories they have.
 *
 * A name is 1 to 64 of `.a-zA-Z0-9_-`, the optional suffix `#ephemeral` included, with something before it. The directory
 * has the same name, except that a leading `.` is written `%2E`: `.` and `..` are not directories of their own, and others
 * would be hidden. `%` is in no name, so no two logs share a directory. Where the file system takes `Orders` and `orders`
 * for the same, the second one cannot be created: a segment is never made over another, and its header says whose it is.
 */

import { logNameLengthMax } from "./limits.ts";

const pattern = /^[.a-zA-Z0-9_-]+(#ephemeral)?$/;

export function isLogName(name: string): boolean {
  return name.length <= logNameLengthMax && pattern.test(name);
}

/** True for a log that lives in memory and ends with the process. */
export function isEphemeral(name: string): boolean {
  return name.endsWith("#ephemeral");
}

export function logDirectoryName(name: string): string {
  return name.startsWith(".") ? `%2E${name.slice(1)}` : name;
}

/** The log whose directory this is, or undefined when it is none. */
export function parseLogDirectoryName(directory: string): string | undefined {
  const name = directory.startsWith("%2E") ? `.${directory.slice(3)}` : directory;
  return isLogName(name) && !isEphemeral(name) && logDirectoryName(name) === directory ? name : undefined;
}
