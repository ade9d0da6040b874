/**
 * Stack traces that name the sources instead of the bundle. Node's own support reads the map at every start; this one when
 * the first stack trace is printed, which for most processes is never.
 */

import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { dirname, resolve } from "node:path";

/** From here on, for all errors of the process. Frames of other files stay as they are. */
export function mapStackTraces(bundle: string, mapFile: string): void {
  let map: SourceMap | undefined;
  Error.prepareStackTrace = (error, frames) => {
    const lines = frames.map((frame) => {
      if (frame.getFileName() !== bundle) return String(frame);
      map ??= readMap(mapFile);
      return mapFrame(frame, map, bundle);
    });
    return [Error.prototype.toString.call(error), ...lines].join("\n    at ");
  };
}

function mapFrame(frame: NodeJS.CallSite, map: SourceMap | undefined, bundle: string): string {
  const line = frame.getLineNumber();
  const column = frame.getColumnNumber();
  if (map === undefined || line === null || column === null) return String(frame);
  const entry = map.findEntry(line - 1, column - 1);
  if (!("originalSource" in entry)) return String(frame);
  const place = `${resolve(dirname(bundle), entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  return String(frame).replace(`${bundle}:${line}:${column}`, () => place);
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(file, "utf8")) as SourceMapPayload);
  } catch {
    return undefined;
  }
}
