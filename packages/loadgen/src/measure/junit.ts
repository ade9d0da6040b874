/** Thresholds as JUnit XML, which continuous integration shows as tests. */

import type { RunResult } from "./result.ts";

export function renderJunit(results: readonly RunResult[]): string {
  const suites = results.map((result) => {
    const { scenario, thresholds, measuredNs, runId } = result;
    const broken = thresholds.filter(({ isKept }) => !isKept).length;
    const cases = thresholds.map(({ text, actual, isKept }) => {
      const name = `<testcase classname="${escapeXml(scenario)}" name="${escapeXml(text)}"`;
      if (isKept) return `    ${name}/>`;
      const value = actual === null ? "nothing was measured" : `it is ${actual}`;
      return `    ${name}><failure message="${escapeXml(`${text} is broken: ${value}`)}"/></testcase>`;
    });
    const seconds = (measuredNs / 1e9).toFixed(3);
    return [
      `  <testsuite name="${escapeXml(scenario)}" id="${escapeXml(runId)}" tests="${thresholds.length}" failures="${broken}" time="${seconds}">`,
      ...cases,
      "  </testsuite>",
    ].join("\n");
  });
  return ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", ...suites, "</testsuites>", ""].join("\n");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Characters that XML 1.0 cannot hold are left out. */
function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character]!).replace(/[^\t\n\r\u0020-\ufffd]/g, "");
}
