export { formatGoDuration, parseGoDuration } from "./go-duration.ts";
export { type GoFlagRow, type GoFlagTable, type GoFlagValues, zeroTexts } from "./go-flag-table.ts";
export { GoFlagError, type ParsedGoFlags, parseGoBool, parseGoFlags } from "./parse-go-flags.ts";
export { renderGoMarkdown, renderGoUsage } from "./render-go-usage.ts";
