/** The process's own streams as commands take them. */

import type { Keyboard } from "../dashboard/screen.ts";
import type { Output } from "./command.ts";

export function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => stream.write(text),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    terminal: stream.isTTY ? stream : undefined,
  };
}

/** Undefined when that is no terminal. */
export function keyboardOf(stream: NodeJS.ReadStream): Keyboard | undefined {
  return stream.isTTY ? stream : undefined;
}
